"""Letting go of cases: pictures, answers and verdicts go, the log keeps that they were.

Takes   a case's id and who asks; or for how many days cases are kept
Gives   a database and a disk without them
Never   removes a picture that another case has, or an entry of the log

A case whose time has come is marked first, by an entry of the log, and goes when it has been marked
for a day: a clock that jumped ahead by years deletes nothing before somebody had a day to see it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event as Flag
from threading import Thread
from typing import Protocol

from sqlalchemy import select

from papscope.errors import NotFound, PapscopeError
from papscope.serve.arrivals import is_kept_by
from papscope.serve.audit import Event, record
from papscope.serve.clock import Clock
from papscope.serve.images import ImageStore
from papscope.serve.people import SERVICE
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.tables import AuditEntry, Case, CaseImage
from papscope.serve.sweeping import sweep
from papscope.serve.verdicts import no_case

NOTICE = timedelta(days=1)
"""Between that a case is marked and that it goes."""

_LOG = logging.getLogger("papscope.serve")
_HOUR_SECONDS = 3600.0


class Keeper(Protocol):
    """What it takes to let go of cases; the services of a running service are one."""

    @property
    def settings(self) -> ServeSettings:
        """Which say for how many days cases are kept."""

    @property
    def database(self) -> Database:
        """Opened with the log's key."""

    @property
    def images(self) -> ImageStore:
        """Of the same home."""

    @property
    def clock(self) -> Clock:
        """Gives the time."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """A keeper without a service."""

    settings: ServeSettings
    database: Database
    images: ImageStore
    clock: Clock


@dataclass(frozen=True, slots=True)
class Due:
    """A case that has been kept for as long as it was to be."""

    case_id: str
    created_at: datetime
    goes_at: datetime | None
    """When it goes; None where it has not been marked yet."""


@dataclass(frozen=True, slots=True)
class Expired:
    """What came of letting go."""

    deleted: tuple[str, ...]
    marked: tuple[str, ...]
    """Ids of cases that go in a day."""
    pictures: int
    """Of files that belonged to no case any more."""


def delete_case(services: Keeper, case_id: str, who: str) -> None:
    """Delete a case, with all that belongs to it.

    The rows go first: a picture that a crash leaves behind belongs to nobody, and is swept within
    the hour or at the next start.

    Args:
        services: of the running service.
        case_id: names the case.
        who: the name of the account, or `service`.

    Raises:
        NotFound: there is no such case.
        DiskError: a picture's file cannot be removed; the case is gone all the same.
    """
    digests = _rows_deleted(services.database, case_id, who, services.clock())
    is_kept = is_kept_by(services.database)
    for digest in sorted(digests):
        services.images.let_go(digest, is_kept)
    forget_deleted(services.database)


def _rows_deleted(database: Database, case_id: str, who: str, at: datetime) -> set[str]:
    with database.transaction() as session:
        case = session.get(Case, case_id, with_for_update=True)
        if case is None:
            raise no_case()
        digests = set(session.scalars(select(CaseImage.digest).where(CaseImage.case_id == case_id)))
        session.delete(case)
        session.flush()
        event = Event(
            what="case-deleted", who=who, case_id=case_id, details={"pictures": len(digests)}
        )
        record(session, at, event)
    return digests


def forget_deleted(database: Database) -> None:
    """Let SQLite's journal go, in which deleted rows stand until it is begun anew.

    In the file itself what is deleted is overwritten (`secure_delete`). While others read, this
    does what it can, and the next call the rest. Of PostgreSQL see how-to/backup.
    """
    if not database.is_sqlite:
        return
    with database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None  # it was just checked out
        (waits,) = raw.execute("PRAGMA busy_timeout").fetchone()
        raw.execute("PRAGMA busy_timeout=1000")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute(f"PRAGMA busy_timeout={int(waits)}")


def due(services: Keeper) -> tuple[Due, ...]:
    """Give the cases whose time has come, the oldest first; none where all are kept."""
    days = services.settings.retention_days
    if days is None:
        return ()
    now = services.clock()
    with services.database.reading() as session:
        old = select(Case.id, Case.created_at).where(Case.created_at < now - timedelta(days=days))
        found = session.execute(old.order_by(Case.created_at, Case.id)).all()
        marks: Mapping[str | None, str] = {}
        if found:
            asked = select(AuditEntry.case_id, AuditEntry.at).where(AuditEntry.what == "case-due")
            marks = {
                row.case_id: row.at for row in session.execute(asked.order_by(AuditEntry.number))
            }
    return tuple(Due(row.id, row.created_at, _goes_at(marks.get(row.id), now)) for row in found)


def _goes_at(mark: str | None, now: datetime) -> datetime | None:
    if mark is None:
        return None
    marked = datetime.fromisoformat(mark)
    return marked + NOTICE if marked <= now else None  # later than now: the clock was wrong then


def expire(services: Keeper, *, notice: bool = True, files: bool = True) -> Expired:
    """Delete the cases whose time has come and that were marked a day ago; mark the others.

    Args:
        services: of the running service.
        notice: whether a case must have been marked for a day; without, all that are due go.
        files: whether files may go too: never while another process serves from the same home.

    Raises:
        StoreError: the database cannot be asked; what went before is gone, the rest stays.
        DiskError: a file cannot be removed.
    """
    now = services.clock()
    deleted, marked = [], []
    for one in due(services):
        if not notice or (one.goes_at is not None and one.goes_at <= now):
            deleted += _expired(services, one.case_id, now)
        elif one.goes_at is None:
            _mark(services.database, one.case_id, now)
            marked.append(one.case_id)
    pictures = sweep(services.images, services.database) if files else 0
    forget_deleted(services.database)
    return Expired(tuple(deleted), tuple(marked), pictures)


def _expired(services: Keeper, case_id: str, now: datetime) -> list[str]:
    try:
        _rows_deleted(services.database, case_id, SERVICE, now)
    except NotFound:  # somebody was faster
        return []
    return [case_id]


def _mark(database: Database, case_id: str, now: datetime) -> None:
    with database.transaction() as session:
        record(session, now, Event(what="case-due", who=SERVICE, case_id=case_id))


class Expiring:
    """Lets go of what is due once an hour, for as long as it is entered, in a thread of its own."""

    def __init__(self, services: Keeper, *, every_seconds: float = _HOUR_SECONDS) -> None:
        """Begin when entered."""
        self._services = services
        self._every = every_seconds
        self._stop = Flag()
        self._thread = Thread(target=self._run, name="expiring", daemon=True)

    def __enter__(self) -> Expiring:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        """Stop, once a case that is being deleted is."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                found = expire(self._services)
            except PapscopeError as problem:  # the next hour brings another chance
                _LOG.warning("old cases could not be let go of: %s; try: %s", problem, problem.hint)
            except Exception:
                _LOG.exception("old cases could not be let go of")
            else:
                if found.deleted or found.marked:
                    _LOG.warning(
                        "cases whose time had come: %d deleted, %d go in a day",
                        len(found.deleted), len(found.marked),
                    )  # fmt: skip
            self._stop.wait(self._every)

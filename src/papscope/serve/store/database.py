"""The database: opened, brought up to date, and used in whole transactions.

Takes   SQLAlchemy's URL of an SQLite file or a PostgreSQL database
Gives   sessions that end in a commit or leave no trace
Never   leaves half of a change, or lets a driver's error reach a user
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from papscope.errors import DiskError, SettingError, StoreError
from papscope.files import told_of_disk
from papscope.serve.sealing import Head, Seal

_log = logging.getLogger("papscope.serve")

SEAL, APPENDED = "papscope_seal", "papscope_appended"
"""Keys of `Session.info`: the log's `Seal`, and the last `Head` that a transaction appended."""

_WRITES = "papscope_writes"
_WAIT_SECONDS = 30
"""That a writer waits for another one."""


class Database:
    """A database that the service keeps its things in; safe to use from several threads."""

    def __init__(self, url: str, *, seal: Seal | None = None) -> None:
        """Open it, without asking it anything yet.

        Args:
            url: SQLAlchemy's.
            seal: of the audit log; without one nothing can be appended to the log: see `opening`.

        Raises:
            SettingError: the URL is none, or names a kind of database that is not supported.
        """
        self.url = _checked(url)
        self.seal = seal
        self._engine = _engine(self.url)
        self._writer = self._engine.execution_options(**{_WRITES: True})

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's, for migrations and backups."""
        return self._engine

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session that is committed at the end, or rolled back if anything is raised.

        On SQLite writers follow each other from the first statement on, so that what one reads
        before it writes is still true when it does.

        Raises:
            StoreError: the database cannot be reached or written; nothing of it was kept.
        """
        made = Session(self._writer, expire_on_commit=False, info={SEAL: self.seal})
        with self._told(), made as session, session.begin():
            yield session
        self._note(made.info.get(APPENDED))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one state of the database and changes nothing.

        Raises:
            StoreError: the database cannot be reached.
        """
        with self._told(), Session(self._engine, expire_on_commit=False) as session:
            yield session

    def ping(self) -> None:
        """Ask it something.

        Raises:
            StoreError: it does not answer.
        """
        with self.reading() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def _note(self, appended: Head | None) -> None:
        if appended is None or self.seal is None:
            return
        try:
            self.seal.note(appended)
        except DiskError as problem:  # what is committed stays so; the file may lag behind
            _log.warning("the audit log's end could not be noted: %s", problem)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as problem:
            raise _translated(problem, self.url) from problem
        except SQLAlchemyError as problem:
            if "QueuePool limit" in str(problem):
                raise StoreError(
                    "too many ask the database at once", hint="ask again in a moment"
                ) from problem
            raise


def _checked(text_url: str) -> URL:
    try:
        url = make_url(text_url)
        kind = url.get_backend_name()
    except (ArgumentError, ValueError):
        kind = "?"
    if kind not in ("sqlite", "postgresql"):
        raise SettingError(
            "the database's URL names neither SQLite nor PostgreSQL",
            hint="give sqlite:////folder/file.sqlite or postgresql://user:password@host/name",
        )
    return url


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
        _make_folder(url)
        found = create_engine(url, connect_args={"timeout": _WAIT_SECONDS}, pool_size=20)
    except (ModuleNotFoundError, NoSuchModuleError) as missing:
        raise SettingError(
            f"there is no driver for {url.drivername} ({missing})",
            hint="leave the driver out of the URL: papscope brings one",
        ) from None
    event.listen(found, "connect", _set_up_sqlite)
    event.listen(found, "begin", _begin_sqlite)
    return found


def _make_folder(url: URL) -> None:
    if url.database and url.database != ":memory:":
        place = Path(url.database).parent
        with told_of_disk(place):
            place.mkdir(parents=True, exist_ok=True)


def _set_up_sqlite(connection: Any, record: object) -> None:
    """Make SQLite keep its word at power failures, delete for good, and let readers not wait."""
    del record
    connection.isolation_level = None  # the driver's own way to begin comes too late
    cursor = connection.cursor()
    for line in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {line}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _translated(problem: DBAPIError, url: URL) -> StoreError:
    words = str(problem.orig).lower()
    shown = url.render_as_string(hide_password=True)
    if "full" in words or "no space" in words or "disk i/o" in words:
        return StoreError(
            f"the disk of the database {shown} is full or failing",
            hint="make room; what was accepted before is kept",
        )
    if "locked" in words or "deadlock" in words:
        return StoreError(
            f"the database {shown} is held by another for too long", hint="ask again in a moment"
        )
    if "no such table" in words or "does not exist" in words or "no such column" in words:
        return StoreError(
            f"the database {shown} is not laid out as this release wants",
            hint="start the service, or any other command on it: they bring it up to date",
        )
    what = str(problem.orig).strip().partition("\n")[0][:200]
    return StoreError(
        f"the database {shown} does not do its work ({what})",
        hint="see that it runs and can be reached; what was accepted before is kept",
    )

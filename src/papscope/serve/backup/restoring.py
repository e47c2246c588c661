"""A backup put back.

Takes   a backup, and a home and database that are empty or that may be set aside
Gives   a service as it was, on either kind of database, with an entry in its log that says so
Never   touches what is there before the whole backup has been checked and put up beside it
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select

from papscope.errors import AuditError, BackupError, Conflict, DiskError, StoreError
from papscope.files import free_bytes, told_of_disk, write_bytes
from papscope.progress import Tell, silent
from papscope.serve.audit import Event, record
from papscope.serve.auditing import verify
from papscope.serve.backup.archive import About, Archive, Checked, opened_archive
from papscope.serve.backup.places import Place, place_of
from papscope.serve.backup.tables import go_on_counting, load, rows
from papscope.serve.clock import Clock, utc_now
from papscope.serve.holding import holding
from papscope.serve.opening import RESTORING
from papscope.serve.people import LOCAL
from papscope.serve.sealing import Head, Seal, found_seal, key_file, made_seal
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.tables import AuditHead
from papscope.serve.store.upgrade import known_layout, upgrade

_KEPT_IN_HOME = ("images", "audit.key", "audit.head")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions:
    """What somebody who restores may allow."""

    replace: bool = False
    """Whether what is there may be set aside; otherwise it must be empty."""
    foreign: bool = False
    """Whether a backup may come from another service, whose key did not seal it."""
    broken_log: bool = False
    """Whether its audit log may be broken, as it was when the backup was taken."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back."""

    about: About
    aside: str | None
    """Where what was there before is now; None where nothing was."""
    end: Head
    """The log's last entry now, which tells of this."""
    same_key: bool
    """Whether the log goes on with the key that was there."""


def restore(
    settings: ServeSettings,
    backup: Path,
    options: RestoreOptions,
    *,
    clock: Clock = utc_now,
    tell: Tell = silent,
) -> Restored:
    """Put a backup back; a service that runs is refused, and stays as it is.

    Args:
        settings: of the service that there is to be.
        backup: the file.
        options: what is allowed.
        clock: gives the time.
        tell: listens to how far it is.

    Raises:
        BackupError: the backup is damaged, or of another service; nothing was touched.
        AuditError: its audit log is broken; nothing was touched.
        Conflict: something is there already, or a service runs; nothing was touched.
        StoreError: the database cannot be used, or the backup is of a newer release.
        DiskError: there is no room; what was there is where it was.
    """
    with holding(settings.home), opened_archive(backup) as archive:
        seal, place, at = found_seal(settings.home), place_of(settings), clock()
        known_layout(archive.about.layout)
        empty = place.is_empty() and not any(settings.images.glob("??/*.png"))
        if not empty and not options.replace:
            raise Conflict(
                f"{settings.home} or its database is not empty",
                hint="give another --home; or --replace, which sets aside what is there",
            )
        checked = archive.check(seal, tell)
        _allowed(backup, checked, options)
        _room_for(archive, backup, settings.home)
        told = _Told(at, checked, place.end(), options)
        with _staged(settings.home, place) as stage:
            database, key = _put_up(archive, place, stage, seal, told)
            end = _end(database)
            aside = _exchange(settings.home, stage, place, f"{at:%Y%m%dT%H%M%SZ}", empty=empty)
    return Restored(checked.about, aside, end, key)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the log is to tell of a restore."""

    at: datetime
    checked: Checked
    replaced: Head | None
    options: RestoreOptions

    def event(self) -> Event:
        broken = self.checked.log.broken
        details = {
            "backup": self.checked.digest,
            "number": self.checked.about.audit_number,
            "replaced": str(self.replaced) if self.replaced else None,
            "broken_at": broken.number if broken else None,
        }
        return Event(what="restored", who=LOCAL, details=details)


def _allowed(backup: Path, checked: Checked, options: RestoreOptions) -> None:
    if checked.sealed is False and not options.foreign:
        raise BackupError(
            "it was not sealed with the key in this home: it is another service's, or from before "
            "the key, or somebody changed it",
            hint="if you know where it comes from, restore it with --from-another-service",
        )
    if checked.log.broken is not None and not options.broken_log:
        raise AuditError(
            f"{backup}: entry {checked.log.broken.number} of its audit log is the first wrong one: "
            f"{checked.log.broken.why}",
            hint="take an older backup; or, if that is known, restore with --accept-broken-log",
        )


def _room_for(archive: Archive, backup: Path, home: Path) -> None:
    wanted, free = archive.unpacked_bytes(), free_bytes(home)
    if wanted > free:
        raise DiskError(
            f"{backup} unpacks to {wanted:,} bytes, and {home} has room for {free:,}",
            hint="free some space, or give a --home on another disk",
        )


@contextmanager
def _staged(home: Path, place: Place) -> Iterator[Path]:
    """Give a folder beside what is there, which goes if anything fails.

    What a restore that was killed has left there goes too: it has patients' pictures in it, and
    nobody else can be using it, since the home is held.
    """
    for left in home.glob(".restoring-*"):
        _unstage(left, place)
    stage = home / f".restoring-{uuid4().hex[:12]}"
    with told_of_disk(stage):
        stage.mkdir(mode=0o700)
    try:
        yield stage
    finally:
        _unstage(stage, place)


def _unstage(stage: Path, place: Place) -> None:
    with suppress(StoreError, OSError):  # what made it fail is told, not that tidying failed too
        place.unstage(stage)
        shutil.rmtree(stage)  # last: by the folder the next restore knows that there is something


def _put_up(
    archive: Archive, place: Place, stage: Path, seal: Seal | None, told: _Told
) -> tuple[Database, bool]:
    """Put everything up beside what is there, and look through it; tell whether the key stays."""
    about = archive.about
    wanted = {str(row["digest"]) for row in rows("images", archive.table("images"))}
    (stage / "images").mkdir()
    for digest, png in archive.pictures():
        if digest in wanted:
            write_bytes(stage / "images" / digest[:2] / f"{digest}.png", png)
    stays = (
        seal is not None and bool(told.checked.sealed) and seal.after.number <= about.audit_number
    )
    if stays:
        shutil.copy2(key_file(place.settings.home), key_file(stage))
    database = place.staged(stage)
    database.seal = found_seal(stage) if stays else made_seal(stage, about.audit)
    try:
        _fill(archive, database, told)
    finally:
        database.close()
    return database, stays


def _fill(archive: Archive, database: Database, told: _Told) -> None:
    about = archive.about
    upgrade(database, to=about.layout)
    with database.transaction() as session:
        found = load(session, {name: archive.table(name) for name in about.tables})
        go_on_counting(session, about.counters)
    if found != dict(about.tables):
        raise BackupError("its tables have other numbers of rows than its list says",
                          hint="take another backup")  # fmt: skip
    upgrade(database)
    with database.transaction() as session:
        record(session, told.at, told.event())
    after = verify(database)
    if told.checked.log.broken is None:
        after.or_raise()


def _end(database: Database) -> Head:
    with database.reading() as session:
        row = session.execute(select(AuditHead.number, AuditHead.hash)).one()
    database.close()
    return Head(row.number, row.hash)


def _exchange(home: Path, stage: Path, place: Place, stamp: str, *, empty: bool) -> str | None:
    """Set aside what is there, and put what was staged in its place.

    A crash in here leaves a mark, for which nothing opens the home until a restore has gone
    through; what was set aside by then stays where it is.
    """
    mark, aside = home / RESTORING, home / f"before-restore-{stamp}"
    with told_of_disk(home):
        write_bytes(mark, f"{aside.name}\n".encode())
        aside.mkdir(mode=0o700)
        there = [home / name for name in _KEPT_IN_HOME if (home / name).exists()]
        for one in there:
            one.rename(aside / one.name)
        where = place.exchange(stage, aside, drop=empty)
        for name in _KEPT_IN_HOME:
            if (stage / name).exists():
                (stage / name).rename(home / name)
        mark.unlink()
        if empty:
            shutil.rmtree(aside)
            return None
    return f"{aside}{where}"

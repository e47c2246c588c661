"""A database of the service, opened by whoever may append to its audit log.

Takes   the settings
Gives   a database of this release's layout, with the key of its log
Never   goes on with a log that ends earlier than it did before, or with another home's

`auditing` looks at every entry; this looks at the last ones only, each time that something opens
the database, so that a database that was put back unseen, or emptied, is told at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url, select

from papscope.errors import AuditError, StoreError
from papscope.files import told_of_disk
from papscope.serve.sealing import FIRST, Head, Seal, found_seal, made_seal
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.tables import AuditEntry, AuditHead
from papscope.serve.store.upgrade import upgrade

RESTORING = "restoring"
"""The file that lies in a home while it is exchanged for a backup's."""

_ACCEPT = "see how-to/audit: `papscope audit verify` tells more, `papscope audit accept` goes on"


@contextmanager
def opened_database(settings: ServeSettings) -> Iterator[Database]:
    """Open the database, bring it up to date, and close it at the end.

    Raises:
        StoreError: it cannot be used, or a restore was interrupted.
        AuditError: the audit log is not the one whose key and end the home knows.
        DiskError: the home cannot be written.
    """
    with told_of_disk(settings.home):
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (settings.home / RESTORING).exists():
            raise StoreError(
                f"a restore into {settings.home} was interrupted",
                hint="run `papscope restore` with --replace again",
            )
    seal = found_seal(settings.home)
    database = Database(settings.url_of_database, seal=seal)
    try:
        noted = seal.noted() if seal else None  # before the log is asked: it may grow meanwhile
        upgrade(database)
        database.seal = seal or _first_seal(settings, database)
        _check_end(database, database.seal, noted)
        yield database
    finally:
        database.close()


def must_be_there(settings: ServeSettings) -> None:
    """Let settings pass whose database is there, for commands that are not to make one.

    Raises:
        StoreError: the SQLite file is not there. A PostgreSQL server tells for itself.
    """
    url = make_url(settings.url_of_database)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
        raise StoreError(
            f"there is no database {url.database}",
            hint="give the service's --home, or its --database-url",
        )


def end_of(database: Database) -> Head:
    """Give the last entry's number and hash, as the log's own row tells them.

    Raises:
        StoreError: the database cannot be reached.
        AuditError: the row is gone.
    """
    with database.reading() as session:
        row = session.execute(select(AuditHead.number, AuditHead.hash)).one_or_none()
    if row is None:
        raise AuditError("the audit log's row in `audit_head` is gone", hint=_ACCEPT)
    return Head(row.number, row.hash)


def _first_seal(settings: ServeSettings, database: Database) -> Seal:
    """Make the key of a log that has no entry yet."""
    end = end_of(database)
    if end.number:
        raise AuditError(
            f"the database's audit log has {end.number} entries, but {settings.home} has no key "
            "of it: it is another service's home, or lost its key",
            hint="give the right --home, or put audit.key back from a copy; " + _ACCEPT,
        )
    return made_seal(settings.home, Head(0, FIRST))


def _check_end(database: Database, seal: Seal, noted: Head | None) -> None:
    end = end_of(database)
    if noted is not None and noted.number > end.number:
        raise AuditError(
            f"the audit log ends with entry {end.number}, but had come to {noted.number}: "
            "entries were removed, or the database was put back or lost",
            hint="restore it by `papscope restore`; " + _ACCEPT,
        )
    for known in (seal.after, noted):
        if known is not None and known.number and _hash_at(database, known.number) != known.hash:
            raise AuditError(f"entry {known.number} of the audit log was changed", hint=_ACCEPT)
    if end.number > seal.after.number and not _is_sealed(database, seal, end):
        raise AuditError(
            f"entry {end.number}, the audit log's last, is gone or was not sealed with the key of "
            f"{seal.place.parent}: it is another service's, or forged",
            hint="give the right --home; " + _ACCEPT,
        )


def _hash_at(database: Database, number: int) -> str | None:
    with database.reading() as session:
        return session.scalar(select(AuditEntry.hash).where(AuditEntry.number == number))


def _is_sealed(database: Database, seal: Seal, end: Head) -> bool:
    with database.reading() as session:
        row = session.execute(
            select(AuditEntry.hash, AuditEntry.seal).where(AuditEntry.number == end.number)
        ).one_or_none()
    return row is not None and row.hash == end.hash and row.seal == seal.of_entry(row.hash)

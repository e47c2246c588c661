"""Where a database is put up beside another one, and the two are exchanged.

Takes   the settings
Gives   an empty database beside the one that is there, and both exchanged in one step
Never   drops what had anything in it
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from papscope.errors import SettingError, StoreError
from papscope.serve.sealing import Head
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.tables import AuditHead, Case
from papscope.serve.store.upgrade import layout_of

_FUNCTIONS = ("audit_refuses",)
_VERSION = "alembic_version"
_LOCK_SECONDS = 10


class Place(Protocol):
    """Where the service's database is, or is to be."""

    settings: ServeSettings

    def is_empty(self) -> bool:
        """Tell whether nothing would be lost with it."""

    def end(self) -> Head | None:
        """Give the end of its audit log; None where there is none that can be read."""

    def staged(self, stage: Path) -> Database:
        """Open an empty database beside it."""

    def unstage(self, stage: Path) -> None:
        """Let go of what was staged and is still there."""

    def exchange(self, stage: Path, aside: Path, *, drop: bool) -> str:
        """Put the staged one in its place, and say where the old one is beside the folder."""


def place_of(settings: ServeSettings) -> Place:
    """Give the place of the settings' database."""
    with _opened(settings) as database:
        return OfSqlite(settings) if database.is_sqlite else OfPostgresql(settings)


def _is_empty(database: Database) -> bool:
    if layout_of(database) is None:
        return True
    try:
        with database.reading() as session:
            logged = session.scalar(select(AuditHead.number))
            return not logged and session.scalar(select(Case.id).limit(1)) is None
    except StoreError:  # of another layout, or damaged: something is there
        return False


def _end(database: Database) -> Head | None:
    try:
        with database.reading() as session:
            row = session.execute(select(AuditHead.number, AuditHead.hash)).one_or_none()
    except StoreError:
        return None
    return Head(row.number, row.hash) if row is not None and row.number else None


class OfSqlite:
    """A file."""

    def __init__(self, settings: ServeSettings) -> None:
        """Find it.

        Raises:
            SettingError: it is in memory alone.
        """
        self.settings = settings
        with _opened(settings) as database:
            name = database.url.database
        if name in (None, "", ":memory:"):
            raise SettingError("a database in memory cannot be restored", hint="name a file")
        self._file = Path(str(name))

    def is_empty(self) -> bool:
        """Tell whether nothing would be lost with it; a file that is damaged is not empty."""
        if not self._file.exists():
            return True
        try:
            with _opened(self.settings) as database:
                return _is_empty(database)
        except StoreError:
            return False

    def end(self) -> Head | None:
        """Give the end of its audit log; None where there is none that can be read."""
        if not self._file.exists():
            return None
        with _opened(self.settings) as database:
            return _end(database)

    def staged(self, stage: Path) -> Database:
        """Open an empty file beside it, on the same disk."""
        return Database(f"sqlite:///{self._beside(stage)}")

    def unstage(self, stage: Path) -> None:
        """Let go of what was staged and is still there."""
        for one in _with_journal(self._beside(stage)):
            one.unlink(missing_ok=True)

    def _beside(self, stage: Path) -> Path:
        return self._file.resolve().with_name(f"{self._file.name}{stage.name}")

    def exchange(self, stage: Path, aside: Path, *, drop: bool) -> str:
        """Put the staged file in its place."""
        old = self._file.resolve().parent / aside.name
        old.mkdir(mode=0o700, exist_ok=True)
        for one in _with_journal(self._file):
            if one.exists():
                one.rename(old / one.name)
        self._beside(stage).rename(self._file)
        if drop and old != aside.resolve():
            for one in old.iterdir():
                one.unlink()
            old.rmdir()
        return "" if old.resolve() == aside.resolve() else f", its database in {old}"


def _with_journal(file: Path) -> list[Path]:
    return [file.with_name(file.name + end) for end in ("", "-wal", "-shm")]


class OfPostgresql:
    """The tables of a schema."""

    def __init__(self, settings: ServeSettings) -> None:
        """Take the settings."""
        self.settings = settings

    def is_empty(self) -> bool:
        """Tell whether nothing would be lost with it."""
        with _opened(self.settings) as database:
            return _is_empty(database)

    def end(self) -> Head | None:
        """Give the end of its audit log; None where there is none that can be read."""
        with _opened(self.settings) as database:
            return _end(database)

    def staged(self, stage: Path) -> Database:
        """Open an empty schema beside it."""
        schema = _schema(stage.name)
        with _opened(self.settings) as database, database.transaction() as session:
            session.execute(text(f'CREATE SCHEMA "{schema}"'))
        found = Database(self.settings.url_of_database)

        def look_there(connection: Any, record: object) -> None:
            del record
            cursor = connection.cursor()
            cursor.execute(f'SET search_path TO "{schema}"')
            cursor.close()
            connection.commit()

        event.listen(found.engine, "connect", look_there)
        return found

    def unstage(self, stage: Path) -> None:
        """Let go of what was staged and is still there."""
        with _opened(self.settings) as database, database.transaction() as session:
            session.execute(text(f'DROP SCHEMA IF EXISTS "{_schema(stage.name)}" CASCADE'))

    def exchange(self, stage: Path, aside: Path, *, drop: bool) -> str:
        """Put the staged tables in their place, in one transaction."""
        new, old = _schema(stage.name), _schema(aside.name)
        with _opened(self.settings) as database, database.transaction() as session:
            session.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
            here = str(session.scalar(text("SELECT current_schema()")))
            session.execute(text(f'CREATE SCHEMA "{old}"'))
            if _VERSION in _tables(session, here):
                _move(session, here, old, _tables(session, new))
            _move(session, new, here, _tables(session, new))
            session.execute(text(f'DROP SCHEMA "{new}"'))
            if drop:
                session.execute(text(f'DROP SCHEMA "{old}" CASCADE'))
        return f", its database's tables in the schema {old}"


def _opened(settings: ServeSettings) -> closing[Database]:
    return closing(Database(settings.url_of_database))


def _schema(name: str) -> str:
    return name.strip(".").replace("-", "_").lower()


def _tables(session: Session, schema: str) -> set[str]:
    asked = text("SELECT tablename FROM pg_tables WHERE schemaname = :schema")
    return set(session.scalars(asked, {"schema": schema}))


def _move(session: Session, source: str, target: str, names: set[str]) -> None:
    for name in sorted(names & _tables(session, source)):
        session.execute(text(f'ALTER TABLE "{source}"."{name}" SET SCHEMA "{target}"'))
    for name in _FUNCTIONS:
        session.execute(text(f'ALTER FUNCTION "{source}"."{name}"() SET SCHEMA "{target}"'))

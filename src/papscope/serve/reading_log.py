"""Entries of the audit log for people and programs to read.

Takes   a database, and which entries are asked for
Gives   them in the order of their numbers, as lines or JSON
Never   says whether they are genuine: `auditing` does
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from papscope.serve.audit import Entry
from papscope.serve.store.database import Database
from papscope.serve.store.tables import AuditEntry

_PIECE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are asked for; None asks for any."""

    case: str | None = None
    image: str | None = None
    """A digest."""
    who: str | None = None
    what: str | None = None
    since: datetime | None = None
    """Without a time zone it is UTC."""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry to be read."""

    entry: Entry

    def line(self) -> str:
        """Give it as a line of text.

        >>> what, none = ("2026-03-05T12:00:00+00:00", "ada", "signed-in"), (None, None, None)
        >>> Shown(Entry(3, *what, *none, "{}", "", "", "")).line()
        '3  2026-03-05T12:00:00+00:00  ada  signed-in'
        """
        one = self.entry
        parts = [str(one.number), one.at, one.who, one.what]
        parts += [f"case {one.case_id}"] if one.case_id else []
        parts += [f"image {one.image_digest[:12]}"] if one.image_digest else []
        parts += [f"model {one.model_digest[:12]}"] if one.model_digest else []
        parts += [one.details] if one.details != "{}" else []
        return "  ".join(parts)

    def json_line(self) -> str:
        """Give it as JSON on one line, with the details' very text, which the hash is made of."""
        return json.dumps(asdict(self.entry), ensure_ascii=False)


def chosen(session: Session, wanted: Wanted) -> Iterator[Shown]:
    """Give the entries that are asked for, a few in memory at a time."""
    asked = _asked(session, wanted).order_by(AuditEntry.number)
    for row in session.execute(asked.execution_options(yield_per=_PIECE)):
        yield Shown(Entry(*row))


def last_entries(database: Database, wanted: Wanted, count: int) -> list[Shown]:
    """Give the last ones of the entries that are asked for, the oldest of them first.

    Raises:
        StoreError: the database cannot be reached.
    """
    with database.reading() as session:
        rows = session.execute(
            _asked(session, wanted).order_by(AuditEntry.number.desc()).limit(count)
        )
        return [Shown(Entry(*row)) for row in rows][::-1]


def _asked(session: Session, wanted: Wanted) -> Select[Any]:
    asked: Select[Any] = select(*(getattr(AuditEntry, one.name) for one in fields(Entry)))
    equal = (
        (AuditEntry.case_id, wanted.case),
        (AuditEntry.image_digest, wanted.image),
        (AuditEntry.who, wanted.who),
        (AuditEntry.what, wanted.what),
    )
    for column, value in equal:
        if value is not None:
            asked = asked.where(column == value)
    # Times are text of one form, ISO 8601 in UTC, and so in order byte by byte, whatever order of
    # letters PostgreSQL was set up with.
    binary = "BINARY" if session.get_bind().dialect.name == "sqlite" else "C"
    at = AuditEntry.at.collate(binary)
    if wanted.since is not None:
        asked = asked.where(at >= _text(wanted.since))
    if wanted.until is not None:
        asked = asked.where(at < _text(wanted.until))
    return asked


def _text(at: datetime) -> str:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat()

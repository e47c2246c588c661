"""Kinds of columns that no database has of itself.

Takes   values as the service has them
Gives   what the database keeps, and the same values back
Never   loses a time zone, or takes no codes at all for a column that nobody has filled
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import DateTime, String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A time in UTC: SQLite forgets the time zone, and this puts it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time that does not say which zone it is of."""
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the time with its zone."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


NO_CODES = "|"
"""How no code at all is written, to tell it from a column that nobody has filled."""


class Codes(TypeDecorator[tuple[str, ...]]):
    """A few short codes as one text, `|a|b|`, in which every kind of database can look for one."""

    impl = String(400)
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        """Write the codes."""
        del dialect
        return None if value is None else NO_CODES + "".join(f"{one}|" for one in value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        """Read them."""
        del dialect
        return None if value is None else tuple(one for one in value.split("|") if one)

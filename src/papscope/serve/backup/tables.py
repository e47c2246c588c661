"""The database's tables as text, a row a line, whatever kind of database they come from or go to.

Takes   a session of a database of any layout
Gives   JSON lines of each table, or rows put into empty tables
Never   takes sign-ins along: whoever was signed in, or had been signed out, signs in again
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, DateTime, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.orm import Session

from papscope.errors import BackupError
from papscope.files import told_of_disk

LEFT_OUT = ("alembic_version", "sign_ins")

_HEAD = "audit_head"
"""Has its one row from the first step on."""

_PIECE = 500


def reflected(session: Session) -> list[Table]:
    """Give the tables as the database itself describes them, those first that others refer to."""
    found = MetaData()
    found.reflect(session.connection())
    tables = [one for one in found.sorted_tables if one.name not in LEFT_OUT]
    for table in tables:
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type = JSON(none_as_null=True)
    return tables


def dump(session: Session, folder: Path) -> dict[str, int]:
    """Write each table to a file `NAME.jsonl`, and give the numbers of rows.

    Args:
        session: that sees one state of the database.
        folder: where the files go.

    Raises:
        DiskError: a file cannot be written.
    """
    return {table.name: _dump(session, table, folder) for table in reflected(session)}


def _dump(session: Session, table: Table, folder: Path) -> int:
    place, count = folder / f"{table.name}.jsonl", 0
    asked = select(table).order_by(*table.primary_key.columns)
    with told_of_disk(place), place.open("w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps([column.name for column in table.columns]) + "\n")
        for row in session.execute(asked.execution_options(yield_per=_PIECE)):
            file.write(json.dumps([_plain(value) for value in row]) + "\n")
            count += 1
    return count


def _plain(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def load(session: Session, lines_of: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """Put the rows of a backup into a database of the same layout, and give their numbers.

    Args:
        session: of a transaction on tables that are empty.
        lines_of: each table's lines, the first one its columns' names.

    Raises:
        BackupError: a line is damaged, or there are tables that this layout does not have.
    """
    tables = {table.name: table for table in reflected(session)}
    unknown = set(lines_of) - set(tables)
    if unknown:
        raise BackupError(
            f"the backup has tables that its layout has not: {', '.join(sorted(unknown))}",
            hint="take another backup",
        )
    return {
        name: _load(session, table, lines_of[name])
        for name, table in tables.items()
        if name in lines_of
    }


def _load(session: Session, table: Table, lines: Iterable[str]) -> int:
    count = 0
    for piece in _pieces(rows(table.name, lines)):
        made = [_typed(table, row) for row in piece]
        count += len(made)
        if table.name == _HEAD:
            session.execute(table.update().values(**made[0]))
        else:
            session.execute(insert(table), made)
    return count


def rows(name: str, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Read a table's lines as mappings from column to value.

    Raises:
        BackupError: a line is damaged.
    """
    left = iter(lines)
    number = 1
    try:
        columns = json.loads(next(left, ""))
        for number, line in enumerate(left, 2):  # noqa: B007  # told below
            yield dict(zip(columns, json.loads(line), strict=True))
    except (ValueError, TypeError):
        raise BackupError(
            f"line {number} of the table {name} is damaged", hint="take another backup"
        ) from None


def _pieces(found: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while piece := list(islice(found, _PIECE)):
        yield piece


def _typed(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    typed = dict(row)
    for name, value in row.items():
        if name not in table.columns:
            raise BackupError(
                f"the table {table.name} has no column {name}", hint="take another backup"
            )
        if value is not None and isinstance(table.columns[name].type, DateTime):
            typed[name] = datetime.fromisoformat(value)
    return typed


def counters(session: Session) -> dict[str, int]:
    """Give the last number that each table gave by itself, also to rows that are gone."""
    found = {}
    for table in reflected(session):
        column = _counted(table)
        if column is not None:
            most = session.scalar(select(func.max(table.columns[column]))) or 0
            found[table.name] = max(most, _last_given(session, table.name, column))
    return found


def _counted(table: Table) -> str | None:
    keys = list(table.primary_key.columns)
    return keys[0].name if len(keys) == 1 and isinstance(keys[0].type, Integer) else None


def _last_given(session: Session, table: str, column: str) -> int:
    if session.get_bind().dialect.name == "sqlite":
        if not _counts_for_good(session):
            return 0
        asked = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
        return int(session.scalar(asked, {"table": table}) or 0)
    sequence = _sequence(session, table, column)
    if sequence is None:
        return 0
    # The name is the database's own, quoted by itself.
    asked = text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")  # noqa: S608
    return int(session.scalar(asked) or 0)


def _counts_for_good(session: Session) -> bool:
    asked = text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
    return session.scalar(asked) is not None


def _sequence(session: Session, table: str, column: str) -> str | None:
    asked = text("SELECT pg_get_serial_sequence(:table, :column)")
    found = session.scalar(asked, {"table": f'"{table}"', "column": column})
    return None if found is None else str(found)


def go_on_counting(session: Session, last: Mapping[str, int]) -> None:
    """Let tables give no number again that they, or those of the backup, have given before.

    Args:
        session: of a transaction on the filled tables.
        last: what `counters` told when the backup was taken.
    """
    sqlite = session.get_bind().dialect.name == "sqlite"
    for table in reflected(session):
        column, number = _counted(table), last.get(table.name, 0)
        if column is None or number < 1:
            continue
        if sqlite:
            _count_on_sqlite(session, table.name, number)
        elif (sequence := _sequence(session, table.name, column)) is not None:
            asked = text("SELECT setval(CAST(:sequence AS regclass), :number)")
            session.execute(asked, {"sequence": sequence, "number": number})


def _count_on_sqlite(session: Session, table: str, number: int) -> None:
    asked = text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table")
    if "AUTOINCREMENT" not in str(session.scalar(asked, {"table": table})):
        return
    given = {"table": table, "number": number}
    session.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), given)
    session.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :number)"), given)

"""Rows of somebody's CSV file, with the line each stands on.

Takes   a CSV file as spreadsheets and scripts write them: `,`, `;` or tab, with or without a mark
Gives   its columns, and its rows as text
Never   guesses what a column means
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from papscope.errors import SourceError

_SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class CsvRows:
    """The rows of a CSV file."""

    path: Path
    columns: tuple[str, ...]
    lines: tuple[tuple[int, dict[str, str]], ...]
    """Line in the file, counted from 1, and text by column, stripped."""

    def where(self, line: int) -> str:
        """Name a line for an error."""
        return f"{self.path.name}, line {line}"


def read_csv(path: Path) -> CsvRows:
    """Read a CSV file whose first line names the columns.

    Raises:
        SourceError: it is missing, is not UTF-8 text, has no columns or none of one name, or a
            line has more or fewer cells than there are columns.
    """
    text = _text(path)
    first = text.partition("\n")[0]
    if first.startswith("# {"):
        raise SourceError(
            f"{path} is a table of papscope's already", hint="use it as it is; it needs no import"
        )
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = tuple(name.strip() for name in next(reader, []))
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as problem:
        raise SourceError(
            f"{path}, line {reader.line_num}: {problem}", hint="mend this line"
        ) from None
    if not any(columns) or len(set(columns)) < len(columns):
        raise SourceError(
            f"{path}, line 1: the columns' names are missing or not distinct: {columns}",
            hint="name each column once in the first line",
        )
    return CsvRows(path, columns, tuple(_record(path, columns, *row) for row in rows))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SourceError(f"there is no table {path}", hint="check the path") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8 text", hint="save it as CSV UTF-8") from None
    except OSError as problem:
        what = problem.strerror or str(problem)
        raise SourceError(f"{path} cannot be read: {what}", hint="give a CSV file") from None


def _record(
    path: Path, columns: tuple[str, ...], line: int, row: list[str]
) -> tuple[int, dict[str, str]]:
    if len(row) != len(columns):
        raise SourceError(
            f"{path}, line {line}: {len(row)} cells where {len(columns)} columns are",
            hint="mend this line; text with a separator in it needs quotes",
        )
    return line, {name: cell.strip() for name, cell in zip(columns, row, strict=True)}


def below(text: str, root: Path) -> str | None:
    r"""Give a path from a table as one below the data set's folder, or None where it is not.

    >>> below("./a\\b.png", Path("data")), below("../b.png", Path("data"))
    ('a/b.png', None)
    """
    place = Path(text)
    if place.is_absolute():
        start = root.resolve()
        return place.relative_to(start).as_posix() if place.is_relative_to(start) else None
    path = PurePosixPath(text.replace("\\", "/"))
    return None if ".." in path.parts or path.is_absolute() else str(path)

"""Files that are whole or absent, and whose bytes depend on their content alone.

Takes   bytes, text, JSON values, or a table with a head
Gives   files written in one step, and their SHA-256
Never   leaves half a file, or reads anything that can run code

A table is a CSV file (RFC 4180, UTF-8) under one line `# {json}` that says what kind of table it
is and what holds for all its rows; `pandas.read_csv(path, skiprows=1)` reads it.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from typing import Any

from papscope.errors import DiskError, TableError

TABLE_FORMAT = 1


def digest_of(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, reading it in pieces."""
    total = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            total.update(piece)
    return total.hexdigest()


@contextmanager
def told_of_disk(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write into words that a user can act on.

    Raises:
        DiskError: the disk is full, or the place cannot be written.
    """
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError(
                f"the disk is full: {path} could not be written",
                hint="free some space, or write to another disk",
            ) from problem
        raise DiskError(
            f"{path} could not be written: {problem.strerror or problem}",
            hint="check the folder's permissions, or write somewhere else",
        ) from problem


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> str:
    """Write a file in one step and give the SHA-256 of its bytes.

    A crash leaves the old file or the new one, never half of either.

    Args:
        path: where; its folder is made.
        data: the content.
        durable: whether to wait until the disk holds it, so that this holds for a power failure
            too. Of many files that can be made again, waiting for each takes most of the time.

    Raises:
        DiskError: the disk is full, or the place cannot be written.
    """
    with told_of_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.part")
        try:
            with draft.open("wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return sha256(data).hexdigest()


def write_text(path: Path, text: str) -> str:
    """Write UTF-8 text in one step, with the same line ends on every system."""
    return write_bytes(path, text.encode())


def canonical_json(content: object) -> str:
    """Give the one text that stands for a JSON value; NaN is refused, as JSON has none."""
    return json.dumps(content, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: Path, content: object) -> str:
    """Write canonical JSON in one step and give the SHA-256 of its bytes."""
    return write_text(path, canonical_json(content))


def free_bytes(folder: Path) -> int:
    """Say how much room the disk has on which a folder lies or will lie."""
    place = folder.resolve()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


@dataclass(frozen=True, slots=True)
class Table:
    """A table's head and rows, as text."""

    head: Mapping[str, Any]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def records(self) -> Iterator[dict[str, str]]:
        """Give each row as a mapping from column to text."""
        for row in self.rows:
            yield dict(zip(self.columns, row, strict=True))


def write_table(
    path: Path,
    kind: str,
    head: Mapping[str, Any],
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> str:
    """Write a table in one step and give the SHA-256 of its bytes.

    Args:
        path: where; `-` has no special meaning here.
        kind: `manifest`, `split` or `scores`; put into the head, with the format's number.
        head: what holds for all rows; JSON values only.
        columns: the columns' names.
        rows: values in the order of the columns; None becomes the empty text.
    """
    full = {**head, "papscope": kind, "format": TABLE_FORMAT}
    text = io.StringIO(newline="")
    line = json.dumps(full, sort_keys=True, allow_nan=False, ensure_ascii=False)
    text.write(f"# {line}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return write_text(path, text.getvalue())


def read_table(path: Path, kind: str) -> Table:
    """Read a table of one kind.

    Raises:
        TableError: there is no such file, it is another kind of file or of a newer format, or a
            row has too many or too few cells; says which line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise TableError(f"there is no file {path}", hint=f"give the path of a {kind}") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise TableError(
            f"{path} cannot be read as text: {problem}", hint=f"give a {kind}"
        ) from None
    first, _, rest = text.partition("\n")
    head = _head(path, kind, first)
    lines = csv.reader(io.StringIO(rest, newline=""), strict=True)
    try:
        columns = tuple(next(lines, ()))
        rows = tuple(_checked(path, columns, row, lines.line_num + 1) for row in lines if row)
    except csv.Error as problem:
        raise TableError(
            f"{path}, line {lines.line_num + 1}: {problem}", hint="make the file again"
        ) from None
    if not columns:
        raise TableError(f"{path} has a head but no columns", hint="make the file again")
    return Table(head, columns, rows)


def _head(path: Path, kind: str, line: str) -> Mapping[str, Any]:
    try:
        head = json.loads(line.removeprefix("#")) if line.startswith("#") else None
    except ValueError:
        head = None
    if not isinstance(head, dict) or "papscope" not in head:
        raise TableError(
            f"{path} is not a papscope {kind}: its first line is no head",
            hint=_MAKERS.get(kind, f"give a {kind}"),
        )
    if head["papscope"] != kind:
        raise TableError(
            f"{path} is a {head['papscope']}, not a {kind}",
            hint=_MAKERS.get(kind, f"give a {kind}"),
        )
    if head.get("format") != TABLE_FORMAT:
        raise TableError(
            f"{path} has format {head.get('format')}; this papscope reads format {TABLE_FORMAT}",
            hint="use the papscope release that wrote it, or make the file again",
        )
    return head


_MAKERS = {
    "manifest": "make a manifest with `papscope import`",
    "split": "make a split with `papscope split`",
    "scores": "make scores with `papscope evaluate`",
}


def _checked(path: Path, columns: tuple[str, ...], row: list[str], line: int) -> tuple[str, ...]:
    if len(row) != len(columns):
        raise TableError(
            f"{path}, line {line}: {len(row)} cells where {len(columns)} columns are",
            hint="the file was cut short or edited by hand: make it again",
        )
    return tuple(row)

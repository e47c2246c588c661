"""Verdicts that came back in a list of labels in doubt.

Takes   the list, as a spreadsheet program saved it
Gives   each row's verdict, as it was written
Never   says whether it means anything: that takes the manifest

A verdict is the name of the class that the reader sees, the given one or any other; `unsure`, as
in the page's reviews; or nothing, where nobody has looked.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from papscope.errors import TableError

UNSURE = "unsure"
"""The verdict of a reader who cannot tell."""

AGAIN = "mend the lines, or list the labels in doubt again"
_NEEDED = ("id", "given", "verdict")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader said of one label."""

    id: str
    given: str
    """The label that the reader was shown."""
    label: str
    """The class that the reader sees, as it was written; or `unsure`."""
    line: int
    """Of the file, for messages."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A list that came back."""

    each: tuple[Verdict, ...]
    """Of the rows that have a verdict."""
    unread: int
    """Rows without one."""
    sha256: str
    """Of the file's bytes."""


def read_verdicts(path: Path) -> Verdicts:
    """Read a list that came back, however the spreadsheet program parts its cells.

    Raises:
        TableError: the file is missing, damaged, or no such list.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        raise TableError(
            f"there is no file {path}", hint="give the doubts.csv that came back"
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise TableError(
            f"{path} cannot be read as text: {problem}", hint="save it as CSV in UTF-8"
        ) from None
    first = text.partition("\n")[0]
    between = max(",;\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    try:
        lacking = [name for name in _NEEDED if name not in (rows.fieldnames or ())]
        if lacking:
            raise TableError(
                f"{path} has no column {lacking[0]!r}", hint="give the doubts.csv that came back"
            )
        read = [(rows.line_num, row) for row in rows if any(row.values())]
    except csv.Error as problem:
        raise TableError(f"{path}, line {rows.line_num + 1}: {problem}", hint=AGAIN) from None
    every = [
        Verdict(row["id"] or "", row["given"] or "", (row["verdict"] or "").strip(), line)
        for line, row in read
    ]
    each = tuple(one for one in every if one.label)
    return Verdicts(each, len(every) - len(each), sha256(data).hexdigest())

"""Labels in doubt as a list for a cytologist.

Takes   labels in doubt, the worst first
Gives   a CSV file for any spreadsheet, with a column for verdicts
Never   writes over verdicts
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from papscope.errors import SettingError, TableError
from papscope.files import write_bytes
from papscope.image import Box
from papscope.relabelling.verdicts import read_verdicts

COLUMNS = (
    "number",
    "id",
    "path",
    "left",
    "top",
    "box_width",
    "box_height",
    "group",
    "given",
    "suggested",
    "probability",
    "quality",
    "verdict",
    "comment",
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label in doubt: a question to a cytologist, not an error."""

    id: str
    path: str
    """Of the image file, below the manifest's root."""
    box: Box | None
    group: str | None
    given: str
    """The label as it stands."""
    suggested: str
    """The class that the model finds likeliest."""
    probability: float
    """That the model gives to `suggested`."""
    quality: float
    """Of the label, 0..1: the less, the more doubtful."""


def write_suspects(path: Path, suspects: Sequence[Suspect]) -> str:
    """Write the list with empty verdicts, in one step, and give its SHA-256.

    It begins with a byte order mark, by which spreadsheet programs know UTF-8.

    Raises:
        SettingError: there is such a list already, and somebody has put verdicts into it.
        DiskError: the place cannot be written.
    """
    if path.exists() and _has_verdicts(path):
        raise SettingError(
            f"{path} holds verdicts, which would be lost",
            hint="apply them first and move the file, or write to another folder",
        )
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, one in enumerate(suspects, start=1):
        box = one.box
        corners = (box.left, box.top, box.width, box.height) if box else ("",) * 4
        chances = (f"{one.probability:.4f}", f"{one.quality:.4f}")
        said = (one.group, one.given, one.suggested, *chances, "", "")
        writer.writerow((number, one.id, one.path, *corners, *said))
    return write_bytes(path, text.getvalue().encode("utf-8-sig"))


def _has_verdicts(path: Path) -> bool:
    try:
        return bool(read_verdicts(path).each)
    except TableError:
        return True  # another program's file, or damaged: not ours to replace

"""Labels in doubt as a list for a cytologist, and a manifest with the labels that came back.

Takes   labels in doubt; later the same list with verdicts filled in, and the manifest
Gives   a CSV file for any spreadsheet; a manifest in which exactly the corrected labels differ
Never   changes a label that nobody gave a verdict on, or leaves out a cell that nobody could tell

A verdict is the name of the class that the reader sees, the given one or any other; `unsure`, as
in the page's reviews; or nothing, where nobody has looked. A cell that a reader is unsure of keeps
its label: without the hard cells, every later number would look better than it is.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from papscope.errors import SettingError, TableError
from papscope.files import write_bytes
from papscope.image import Box
from papscope.manifest import Manifest, Row

UNSURE = "unsure"
"""The verdict of a reader who cannot tell."""

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
_NEEDED = ("id", "given", "verdict")
_MOST_TOLD = 5
_AGAIN = "mend the lines, or list the labels in doubt again"


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


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A manifest with corrected labels, and what became of the verdicts."""

    manifest: Manifest
    changes: Mapping[str, tuple[str, str]]
    """By the id of each cell that was read: the label that it had, and the one it has now."""
    confirmed: int
    """Labels that the reader saw just so."""
    unsure: int


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
        raise TableError(f"{path}, line {rows.line_num + 1}: {problem}", hint=_AGAIN) from None
    every = [
        Verdict(row["id"] or "", row["given"] or "", (row["verdict"] or "").strip(), line)
        for line, row in read
    ]
    each = tuple(one for one in every if one.label)
    return Verdicts(each, len(every) - len(each), sha256(data).hexdigest())


def relabel(manifest: Manifest, verdicts: Verdicts, *, reader: str) -> Relabelled:
    """Give the manifest with the labels that a reader saw.

    Pictures that were made from a corrected one are corrected with it. What was done is told in
    the manifest's notes, and with every single change under `relabelled` in its settings.

    Args:
        manifest: that the labels in doubt were of, or a later one with the same labels for them.
        verdicts: as they came back.
        reader: who gave them; stands in the manifest.

    Raises:
        SettingError: no reader is named.
        TableError: there is no verdict, or some speak of a cell or class that is not there, of one
            cell twice, or of a label that is another by now; says which lines.
    """
    if not reader.strip():
        raise SettingError("no reader is named", hint="say who gave the verdicts")
    names = {name.casefold(): name for name in manifest.class_names}
    rows = {row.id: row for row in manifest.rows}
    wrong = list(_wrong(verdicts, rows, names))
    if wrong:
        more = f"; and {len(wrong) - _MOST_TOLD} more" if len(wrong) > _MOST_TOLD else ""
        raise TableError("; ".join(wrong[:_MOST_TOLD]) + more, hint=_AGAIN)
    seen = {
        one.id: (one.given, names[one.label.casefold()])
        for one in verdicts.each
        if one.label.casefold() != UNSURE
    }
    changes = {name: pair for name, pair in sorted(seen.items()) if pair[0] != pair[1]}
    unsure = len(verdicts.each) - len(seen)
    told = {
        "reader": reader.strip(),
        "verdicts_sha256": verdicts.sha256,
        "manifest_sha256": manifest.digest,
        "confirmed": len(seen) - len(changes),
        "unsure": unsure,
        "unread": verdicts.unread,
        "changes": [{"id": name, "from": old, "to": new} for name, (old, new) in changes.items()],
    }
    return Relabelled(_changed(manifest, changes, told), changes, len(seen) - len(changes), unsure)


def _wrong(verdicts: Verdicts, rows: Mapping[str, Row], names: Mapping[str, str]) -> Iterator[str]:
    """Say what is wrong with each verdict."""
    if not verdicts.each:
        yield "nobody has put a verdict into the list"
    times = Counter(one.id for one in verdicts.each)
    for one in verdicts.each:
        row = rows.get(one.id)
        where = f"line {one.line}"
        if row is None:
            yield f"{where}: the manifest has no {one.id!r} (has a spreadsheet rewritten it?)"
        elif row.label != one.given:
            yield f"{where}: {one.id} is {row.label} in the manifest, not {one.given}"
        elif times[one.id] > 1:
            yield f"{where}: {one.id} stands there {times[one.id]} times"
        elif one.label.casefold() not in {*names, UNSURE}:
            known = ", ".join((*names.values(), UNSURE))
            yield f"{where}: {one.label!r} is none of {known}"


def _changed(
    manifest: Manifest, changes: Mapping[str, tuple[str, str]], told: Mapping[str, Any]
) -> Manifest:
    def corrected(row: Row) -> Row:
        pair = changes.get(str(row.parent) if row.made else row.id)
        return row if pair is None else replace(row, label=pair[1])

    note = (
        f"{len(changes)} labels were changed by {told['reader']}, who looked through labels that "
        "a model doubted, with its answer in view: numbers measured on them flatter such models"
    )
    earlier = manifest.settings.get("relabelled", [])
    return replace(
        manifest,
        rows=tuple(corrected(row) for row in manifest.rows),
        notes=(*manifest.notes, note) if changes else manifest.notes,
        settings={**manifest.settings, "relabelled": [*earlier, told]},
        digest="",
        file=None,
    )

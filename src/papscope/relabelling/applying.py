"""A manifest with the labels that a reader saw.

Takes   a manifest, and the verdicts on labels in doubt
Gives   a manifest in which exactly the corrected labels differ, and which tells who changed what
Never   changes a label that nobody gave a verdict on, or leaves out a cell that nobody could tell

A cell that a reader is unsure of keeps its label: without the hard cells, every later number would
look better than it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from papscope.errors import SettingError, TableError
from papscope.manifest import Manifest, Row
from papscope.relabelling.verdicts import AGAIN, UNSURE, Verdicts

_MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A manifest with corrected labels, and what became of the verdicts."""

    manifest: Manifest
    changes: Mapping[str, tuple[str, str]]
    """By the id of each cell that was read: the label that it had, and the one it has now."""
    confirmed: int
    """Labels that the reader saw just so."""
    unsure: int


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
        raise TableError("; ".join(wrong[:_MOST_TOLD]) + more, hint=AGAIN)
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
        f"labels changed by {told['reader']}: {len(changes)}, of those that a model doubted and "
        "with its answer in view: numbers measured on them flatter such models"
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

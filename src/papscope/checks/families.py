"""Whether images that papscope made stay with the images they were made from.

Takes   a manifest, and the part of each row
Gives   findings about made images, and the rows that are compared with others
Never   opens an image
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from papscope.checks.findings import Finding, finding
from papscope.manifest import Manifest, Row
from papscope.split import JUDGING


def of_children(manifest: Manifest, part_of: Mapping[str, str]) -> list[Finding]:
    """Find made images that left their original's side, or do not agree with it.

    Args:
        manifest: all rows.
        part_of: by row id, of the rows that are in a part.
    """
    found = []
    for parent, children in families(manifest):
        strays = _strays(parent, children, part_of)
        if strays:
            parts = sorted({part_of[one] for one in strays})
            what = (
                f"{len(strays)} images made from {parent.id}, which is in "
                f"{part_of.get(parent.id, 'no part')}, are in {', '.join(parts)}"
            )
            found.append(finding("child-parts", (parent.id, *strays), what, parent.id))
        others = tuple(one.id for one in children if _told(one) != _told(parent))
        if others:
            what = f"{len(others)} images made from {parent.id} have another label or group"
            found.append(finding("child-differs", (parent.id, *others), what, parent.id))
    return found


def families(manifest: Manifest) -> Iterator[tuple[Row, list[Row]]]:
    """Give each row from which others were made, with these, in the manifest's order."""
    children: dict[str, list[Row]] = {}
    for row in manifest.rows:
        if row.made:
            children.setdefault(str(row.parent), []).append(row)
    for row in manifest.rows:
        if row.id in children:
            yield row, children[row.id]


def stood_for(manifest: Manifest) -> frozenset[str]:
    """Name the made images whose originals are there to be compared in their place."""
    return frozenset(child.id for _, children in families(manifest) for child in children)


def _strays(parent: Row, children: list[Row], part_of: Mapping[str, str]) -> tuple[str, ...]:
    home = part_of.get(parent.id)
    return tuple(
        child.id
        for child in children
        if child.id in part_of and (part_of[child.id] != home or home in JUDGING)
    )


def _told(row: Row) -> tuple[str | None, ...]:
    return (row.label, row.group, row.strict_group)

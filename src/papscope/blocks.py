"""What must stay together when images are divided, and what a division tears apart.

Takes   a manifest's rows
Gives   blocks of rows that no part may share, and words for the groups that lie on both sides
Never   lets byte-identical images, or an image and what was made from it, count as independent
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence

from papscope.manifest import Manifest, Row
from papscope.split import LEAKS, By


def blocks_of(rows: Sequence[Row], by: By, ids: Collection[str]) -> tuple[tuple[Row, ...], ...]:
    """Gather the rows that must stay together.

    Args:
        rows: what to gather; their order does not matter.
        by: rows of one group stay together, and of one strict group if so asked; whatever is
            asked, byte-identical images do, and images with what was made from them.
        ids: of all the manifest's rows: a parent that is none of them is only a name.

    Returns:
        Blocks sorted by the first id in each, rows sorted by id.
    """
    chief: dict[Hashable, Hashable] = {}

    def leader(one: Hashable) -> Hashable:
        while (above := chief.setdefault(one, one)) != one:
            chief[one] = one = chief[above]
        return one

    for row in rows:
        for tie in _ties(row, by, ids):
            chief[leader(tie)] = leader(("id", row.id))
    together: dict[Hashable, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.id):
        together[leader(("id", row.id))].append(row)
    return tuple(tuple(block) for block in together.values())


def _ties(row: Row, by: By, ids: Collection[str]) -> Iterator[Hashable]:
    """Name all that ties a row to others."""
    if by != "image" and row.group is not None:
        yield "group", row.group
    if by == "strict" and row.strict is not None:
        yield "strict", row.strict
    if row.parent is not None and row.parent in ids:
        yield "id", row.parent
    if row.sha256:
        yield "bytes", row.sha256, row.box


def leak_of(rows: Sequence[Row], manifest: Manifest) -> str | None:
    """Say how many groups lie on both sides, or that nobody knows."""
    blocks = blocks_of(rows, "group", {row.id for row in manifest.rows})
    divided = [block for block in blocks if len(Counter(row.part for row in block)) > 1]
    unknown = sum(row.group is None for row in rows)
    told = []
    if divided:
        images = sum(len(block) for block in divided)
        told.append(f"{LEAKS} ({len(divided)} of {len(blocks)} groups, {images} images)")
    if unknown:
        told.append(f"may leak: the slide of {unknown} of {len(rows)} images is not known")
    return "; ".join(told) or None

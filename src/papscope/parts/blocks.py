"""What must stay together when images are divided.

Takes   a manifest's rows
Gives   blocks of rows that no part may share
Never   lets byte-identical images, or an image and what was made from it, count as independent
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence

from papscope.manifest import Row
from papscope.split import By


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

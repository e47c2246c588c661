"""The parts that a source came divided into, with what they tear apart.

Takes   a manifest whose rows name their parts
Gives   a `Split` of just these parts, stamped where a group lies on both sides
Never   moves an image to another part than the source's
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from papscope.errors import SplitError
from papscope.manifest import Manifest, Row
from papscope.parts.blocks import blocks_of
from papscope.split import LEAKS, PARTS, Protocol, Split, originals


def given_split(manifest: Manifest) -> Split:
    """Take the parts that the source came with, and say what leaks.

    Raises:
        SplitError: an image has no part, or the parts are not train and at least one other.
    """
    rows = originals(manifest.labelled())
    missing = sum(row.part is None for row in rows)
    strange = sorted({row.part for row in rows if row.part is not None} - set(PARTS))
    found = {row.part for row in rows} & set(PARTS)
    if missing or strange or "train" not in found or len(found) < 2:
        wrong = (
            f"{missing} of {len(rows)} images have no part"
            if missing
            else f"the parts are {', '.join([*sorted(map(str, found)), *strange]) or 'none'}"
        )
        raise SplitError(
            f"{manifest.dataset} did not come divided into train, val and test: {wrong}",
            hint="divide by group",
        )
    protocol = Protocol(
        by="given",
        seed=0,
        shares={},
        leaks=_leak_of(rows, manifest),
        group_is=manifest.group_is,
        left_out=len(manifest.rows) - len(manifest.labelled()),
    )
    made = (row for row in manifest.labelled() if row.made and row.part == "train")
    held = {row.id: str(row.part) for row in (*rows, *made)}
    return Split(protocol, held, manifest.digest)


def _leak_of(rows: Sequence[Row], manifest: Manifest) -> str | None:
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

"""Rows to parts: which rows can be divided, and which part each gets.

Takes   a manifest, what may not be divided, the wanted shares and a seed
Gives   the part of each row, with every class in every part
Never   lets a class be missing from a part unsaid: what cannot be is refused
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd

import numpy as np

from papscope.errors import SplitError
from papscope.manifest import Manifest, Row
from papscope.parts.balance import balance
from papscope.parts.blocks import blocks_of
from papscope.split import JUDGING, By, originals

_MILLION = 1_000_000


def usable(manifest: Manifest, by: By) -> tuple[Row, ...]:
    """Give the rows that can be divided, or refuse."""
    rows = manifest.labelled()
    if not rows:
        raise SplitError("no image has a label", hint="import images with their classes")
    classes = sorted({str(row.label) for row in rows})
    if len(classes) < 2:
        raise SplitError(
            f"all images are of one class, {classes[0]}", hint="import two or more classes"
        )
    if by == "strict" and all(row.strict_group is None for row in rows):
        raise SplitError(
            f"{manifest.dataset} has no strict groups: {manifest.group_is} is the coarsest known",
            hint="divide by group",
        )
    without = [row for row in rows if (row.strict if by == "strict" else row.group) is None]
    if without and by != "image":
        raise SplitError(
            f"{len(without)} of {len(rows)} images have no group, such as {without[0].id}: "
            "images of one slide could land on both sides",
            hint="import them with their groups, or divide by image, which is stamped as leaking",
        )
    return rows


def dealt(
    manifest: Manifest, rows: Sequence[Row], by: By, shares: Mapping[str, float], seed: int
) -> dict[str, str]:
    """Deal rows to parts in blocks, by id, or refuse where a class cannot be in every part.

    Made images follow what they were made from and weigh nothing: the originals are dealt as if
    there were none. Those that would land in validation or test get no part.
    """
    blocks = blocks_of(rows, by, {row.id for row in manifest.rows})
    present = {row.label for row in rows}
    classes = [name for name in manifest.class_names if name in present]
    place = {name: column for column, name in enumerate(classes)}
    counts = np.zeros((len(blocks), len(classes)), dtype=np.int64)
    for line, block in enumerate(blocks):
        for row in originals(block):
            counts[line, place[str(row.label)]] += 1
    _refuse_few(dict(zip(classes, (counts > 0).sum(axis=0).tolist(), strict=True)), shares, by)
    parts = balance(counts, _weights(shares), [block[0].id for block in blocks], seed)
    names = list(shares)
    for column, name in enumerate(classes):
        held = {parts[line] for line in np.flatnonzero(counts[:, column])}
        if len(held) < len(shares):
            missing = next(part for index, part in enumerate(names) if index not in held)
            raise SplitError(
                f"no way was found to have {name} in every part: {missing} has none, because its "
                "groups are shared with other classes",
                hint="ask for fewer parts or folds, or leave the class out",
            )
    found = {}
    for block, part in zip(blocks, parts, strict=True):
        dealt_out = originals(block) if names[part] in JUDGING else block
        found.update(dict.fromkeys((row.id for row in dealt_out), names[part]))
    return found


def _weights(shares: Mapping[str, float]) -> list[int]:
    """Turn shares into small whole numbers, which every system adds up alike."""
    if len(set(shares.values())) == 1:
        return [1] * len(shares)
    whole = [max(1, round(share * _MILLION)) for share in shares.values()]
    return [weight // gcd(*whole) for weight in whole]


def _refuse_few(groups: Mapping[str, int], shares: Mapping[str, float], by: By) -> None:
    few = {name: count for name, count in groups.items() if count < len(shares)}
    if few:
        unit = "image" if by == "image" else "group"
        told = ", ".join(
            f"{name} has {count} {unit}{'' if count == 1 else 's'}" for name, count in few.items()
        )
        raise SplitError(
            f"{told}, and {len(shares)} parts each need one",
            hint="ask for fewer parts or folds, gather more slides, or leave the class out",
        )

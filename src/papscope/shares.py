"""How much of each class each part of a split got, and how far that is from what was wanted.

Takes   a split and the manifest that was divided
Gives   a count of images and groups for each class and part
Never   prints
"""

from __future__ import annotations

from dataclasses import dataclass

from papscope.manifest import Manifest
from papscope.split import Protocol, Split, check_belongs, originals


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a class lies in a part."""

    label: str | None
    """The class's name; None for all classes together."""
    part: str
    images: int
    groups: int
    """Groups with an image of this class in this part; images without a group count alone."""
    share: float
    """Of the class's images, 0..1."""
    wanted: float | None
    """The share that was asked for; None where the source came divided."""


def shares_table(split: Split, manifest: Manifest) -> tuple[Share, ...]:
    """Count images and groups by class and part: classes in order, then all together.

    Images that `papscope augment` made do not count.

    Raises:
        SplitError: the split was made for another manifest.
    """
    check_belongs(split, manifest)
    strict = split.protocol.by == "strict"
    rows = [row for row in originals(manifest.rows) if row.id in split.part_of]
    found = []
    for label in (*manifest.class_names, None):
        of_class = [row for row in rows if label is None or row.label == label]
        for part in split.parts:
            inside = [row for row in of_class if split.part_of[row.id] == part]
            groups = {(row.strict if strict else row.group) or f"image {row.id}" for row in inside}
            share = len(inside) / len(of_class) if of_class else 0.0
            wanted = _wanted(split.protocol, part)
            found.append(Share(label, part, len(inside), len(groups), share, wanted))
    return tuple(found)


def _wanted(protocol: Protocol, part: str) -> float | None:
    if protocol.folds and protocol.fold is None:
        return 1 / protocol.folds
    return protocol.shares.get(part)


def largest_deviation(table: tuple[Share, ...]) -> Share | None:
    """Give the share that is furthest from the one asked for, or None where none was asked for."""
    asked = [one for one in table if one.wanted is not None]
    return max(asked, key=lambda one: abs(one.share - (one.wanted or 0.0)), default=None)

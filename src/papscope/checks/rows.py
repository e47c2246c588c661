"""What a manifest's rows say without opening a picture: names, sizes, labels, groups, parts.

Takes   a manifest, and a split where there is one
Gives   findings about rows and classes
Never   opens an image
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from papscope.checks.findings import Finding, finding
from papscope.checks.masks import named_like_a_mask
from papscope.manifest import Manifest, Row
from papscope.split import Split

LONGEST = 4.0
"""Length over width; the longest of Herlev's original cells has 3.2."""

SIZE_APART = 25.0
"""Times in area from the middle one; SIPaKMeD's and Herlev's cells stay within 15."""

FEWEST_GROUPS = 3
"""One for each of training, validation and test."""

FOLDS = 5
"""Assumed where no split by folds is given."""

IMBALANCE = 10.0
"""Images of the largest class for one of the smallest."""


def of_names_and_sizes(rows: Sequence[Row]) -> list[Finding]:
    """Find masks among the images by name, and pictures of odd shapes or sizes.

    >>> of_names_and_sizes([])
    []
    """
    masks = {row.mask for row in rows if row.mask is not None}
    sizes = [_size(row) for row in rows]
    middle = median(width * height for width, height in sizes) if sizes else 1
    found = []
    for row, (width, height) in zip(rows, sizes, strict=True):
        size = f"{width} x {height} pixels"
        if row.path in masks:
            found.append(finding("mask", (row.id,), "it is the mask of another row"))
        elif named_like_a_mask(row.path):
            found.append(finding("mask-name", (row.id,), f"it is named {row.path.name}"))
        if max(width, height) > LONGEST * min(width, height):
            found.append(finding("odd-shape", (row.id,), size))
        times = width * height / middle
        if max(times, 1 / times) > SIZE_APART:
            found.append(finding("odd-size", (row.id,), f"{size}, {times:.3g} times the median"))
    return found


def _size(row: Row) -> tuple[int, int]:
    box = row.box
    return (row.width, row.height) if box is None else (box.width, box.height)


def of_labels_and_groups(manifest: Manifest, folds: int) -> list[Finding]:
    """Find what is missing of labels and groups, and classes that cannot be divided.

    Args:
        manifest: all rows.
        folds: of the split, or those that are meant.
    """
    everything = len(manifest.rows)
    found = []
    for code, lack, what in (
        ("no-label", [row.id for row in manifest.rows if row.label is None], "label"),
        ("no-group", [row.id for row in manifest.rows if row.group is None], "group"),
    ):
        if lack:
            told = f"{len(lack)} of {everything} rows have no {what}"
            found.append(finding(code, tuple(lack), told))
    counts = manifest.counts()
    grouped = any(row.group is not None for row in manifest.rows)
    for name, groups in groups_by_class(manifest).items():
        if counts[name] == 0:
            found.append(finding("empty-class", (), "it has no images", name))
        elif grouped:
            found += _few(manifest, name, groups, folds)
    return found + _imbalance(counts)


def groups_by_class(manifest: Manifest) -> dict[str, int]:
    """Count the groups of each class, in the classes' order; unknown groups do not count."""
    known: dict[str, set[str]] = {name: set() for name in manifest.class_names}
    for row in manifest.rows:
        if row.label is not None and row.group is not None:
            known[row.label].add(row.group)
    return {name: len(groups) for name, groups in known.items()}


def _few(manifest: Manifest, name: str, groups: int, folds: int) -> list[Finding]:
    if groups >= max(FEWEST_GROUPS, folds):
        return []
    ids = tuple(row.id for row in manifest.rows if row.label == name)
    if groups < FEWEST_GROUPS:
        what = f"{len(ids)} images in {groups} groups ({manifest.group_is})"
        return [finding("few-groups", ids, what, name)]
    return [finding("few-groups-folds", ids, f"{groups} groups for {folds} folds", name)]


def _imbalance(counts: dict[str, int]) -> list[Finding]:
    there = {name: count for name, count in counts.items() if count}
    if len(there) < 2 or max(there.values()) <= IMBALANCE * min(there.values()):
        return []
    most, least = max(there, key=lambda name: there[name]), min(there, key=lambda name: there[name])
    what = f"{most} has {there[most]} images, {least} has {there[least]}"
    return [finding("imbalance", (), what, f"{most}, {least}")]


def parts_of(manifest: Manifest, split: Split | None) -> dict[str, str]:
    """Give the part of each row that has one: from the split, or as the source came divided."""
    if split is None:
        return {row.id: row.part for row in manifest.rows if row.part is not None}
    known = {row.id for row in manifest.rows}
    return {name: part for name, part in split.part_of.items() if name in known}


def group_of(row: Row, split: Split | None) -> str | None:
    """Give the group that a split keeps together: the strict one where it was made by that."""
    return row.strict if split is not None and split.protocol.by == "strict" else row.group


def of_parts(manifest: Manifest, split: Split | None) -> list[Finding]:
    """Find groups that lie on both sides, and a split that was made for other rows."""
    part_of = parts_of(manifest, split)
    found = []
    if split is not None:
        foreign = len(split.part_of) - len(part_of)
        other = bool(manifest.digest) and manifest.digest != split.manifest_sha256
        if foreign or other:
            what = f"{foreign} of its {len(split.part_of)} rows are not in this manifest"
            found.append(finding("split-rows", (), what, "the split"))
    members: dict[str, list[str]] = {}
    for row in manifest.rows:
        group = group_of(row, split)
        if group is not None and row.id in part_of:
            members.setdefault(group, []).append(row.id)
    for group, ids in members.items():
        parts = sorted({part_of[one] for one in ids})
        if len(parts) > 1:
            what = f"{len(ids)} images in {', '.join(parts)}"
            found.append(finding("group-parts", tuple(ids), what, group))
    return found

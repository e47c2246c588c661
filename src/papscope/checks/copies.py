"""Which images show the same picture, and whether that spoils labels or a split.

Takes   rows, and what is kept of their pictures
Gives   findings of byte-identical twins and of near-duplicates, one for each cluster of images
Never   calls two cells of one group and one label copies because they look alike
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from papscope.checks.findings import Finding, finding
from papscope.checks.likeness import WAYS, same
from papscope.checks.neighbours import close_pairs
from papscope.checks.pictures import Look
from papscope.manifest import Row
from papscope.progress import Tell, silent


@dataclass(frozen=True, slots=True)
class Sides:
    """What of a row must not differ between copies."""

    row: Row
    group: str | None
    """The group that a split keeps together; None where unknown."""
    part: str | None
    """None where nothing is divided yet."""


def twins(looks: Iterable[Look], sides: Mapping[str, Sides]) -> list[Finding]:
    """Report images of the same content: all of them, for one of each is enough.

    Args:
        looks: of all rows that could be decoded.
        sides: by row id.
    """
    showing: dict[str, list[str]] = {}
    for look in looks:
        showing.setdefault(look.content, []).append(look.id)
    found = []
    for ids in showing.values():
        if len(ids) > 1:
            rows = [sides[one] for one in ids]
            codes = _spoilt("twin", rows) or [("twin", "labels and groups agree")]
            found += [finding(code, tuple(ids), _told(len(ids), why)) for code, why in codes]
    return found


def near(looks: Sequence[Look], sides: Mapping[str, Sides], tell: Tell = silent) -> list[Finding]:
    """Report images that show one picture without being the same bytes.

    Candidates come from perceptual hashes, in all eight ways of turning and mirroring, and are
    confirmed by their thumbnails. Boxes in one file overlap as cells do and
    are never candidates for each other.

    Args:
        looks: of all rows that could be decoded.
        sides: by row id.
        tell: is told how far the comparison is.
    """
    files = {look.id: sides[look.id].row.path for look in looks}
    found = []
    for ids in same_pictures(looks, files, tell):
        rows = [sides[one] for one in ids]
        codes = _spoilt("near", rows)
        if not codes and any(side.group is None for side in rows):
            codes = [("near", "a group is unknown")]
        found += [finding(code, ids, _told(len(ids), why)) for code, why in codes]
    return found


def same_pictures(
    looks: Sequence[Look], files: Mapping[str, PurePath], tell: Tell = silent
) -> list[tuple[str, ...]]:
    """Gather images that show one picture without being the same bytes.

    Args:
        looks: of images; of those with the same content the first stands for all.
        files: the file of each, by row id; two of one file are never candidates.
        tell: is told how far the comparison is.

    Returns:
        Clusters of two and more ids, each in the order of the looks.
    """
    once = {look.content: look for look in reversed(looks) if look.likeness is not None}
    kept = [look for look in looks if once.get(look.content) is look]
    alike = [look.likeness for look in kept if look.likeness is not None]
    if len(alike) < 2:
        return []
    words = np.array([one.hashes for one in alike], dtype=np.uint64).reshape(-1, WAYS)
    pairs = close_pairs(words, tell=tell).pairs
    paths = [files[look.id] for look in kept]
    apart = np.array([paths[one] != paths[other] for one, other, _ in pairs.tolist()], dtype=bool)
    pairs = pairs[apart] if len(pairs) else pairs
    sure = pairs[same(alike, pairs)]
    clusters = _clusters(len(kept), sure[:, :2].tolist())
    return [tuple(kept[one].id for one in members) for members in clusters]


def _told(count: int, why: str) -> str:
    return f"{count} images show one picture; {why}"


def _spoilt(kind: str, rows: Sequence[Sides]) -> list[tuple[str, str]]:
    """Say what is wrong with copies; nothing where labels, parts and groups agree.

    Being on both sides of a split implies different groups, so only the graver is told.
    """
    labels = sorted({side.row.label for side in rows if side.row.label is not None})
    parts = sorted({side.part for side in rows if side.part is not None})
    groups = {side.group for side in rows if side.group is not None}
    found = []
    if len(labels) > 1:
        found.append((f"{kind}-labels", f"labels {', '.join(labels)}"))
    if len(parts) > 1:
        found.append((f"{kind}-parts", f"parts {', '.join(parts)}"))
    elif len(groups) > 1:
        found.append((f"{kind}-groups", f"{len(groups)} groups"))
    return found


def _clusters(count: int, pairs: Iterable[Sequence[int]]) -> list[list[int]]:
    """Join pairs into clusters of two and more, in the order of their first members.

    >>> _clusters(6, [(0, 3), (3, 5), (1, 2)])
    [[0, 3, 5], [1, 2]]
    """
    head = list(range(count))

    def top(one: int) -> int:
        while head[one] != one:
            head[one] = head[head[one]]
            one = head[one]
        return one

    for first, second in pairs:
        low, high = sorted((top(first), top(second)))
        head[high] = low
    members: dict[int, list[int]] = {}
    for one in range(count):
        members.setdefault(top(one), []).append(one)
    return [some for some in members.values() if len(some) > 1]

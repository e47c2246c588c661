"""What makes two images relatives, so that one says what the other is.

Takes   a manifest, and what is kept of its pictures
Gives   ties by their kind: the images that each holds together
Never   looks at a split: who may be parted is decided elsewhere
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from papscope.checks.copies import same_pictures
from papscope.checks.families import families
from papscope.checks.pictures import Look
from papscope.checks.run import by_file
from papscope.image import Box
from papscope.manifest import Manifest, Row
from papscope.progress import Tell, silent


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which images can be related."""

    certain: bool
    """Whether it is a leak for certain where it lies on both sides; else it may be one."""
    title: str
    """For the head of a table's row."""
    means: str
    """What holds of an image, after `22 test images`; `{group}` stands for what a group is."""


KINDS: Mapping[str, Kind] = {
    "listed": Kind(True, "Listed twice", "are listed in both parts"),
    "copy": Kind(True, "The same picture", "are the same picture as one there, to the pixel"),
    "near": Kind(
        True,
        "The same picture, changed",
        "show the same picture as one there: resized, saved again, turned or mirrored",
    ),
    "made": Kind(True, "Made from it", "were made by augmentation from an image there, or it them"),
    "overlap": Kind(True, "Overlapping crops", "share pixels with a crop there"),
    "source": Kind(True, "Cut from one picture", "were cut from the same picture as one there"),
    "group": Kind(True, "The same group", "are of the same {group} as one there"),
    "strict": Kind(
        False, "The same strict group", "are of the same strict group (coarser) as one there"
    ),
    "name": Kind(
        False,
        "Names of one origin",
        "have a name that differs from one there only by what augmentation programs add",
    ),
}
"""By name, the gravest first."""


@dataclass(frozen=True, slots=True)
class Tie:
    """Images that are related."""

    ids: tuple[str, ...]
    """Two or more row ids, in the manifest's order."""
    what: str
    """What they share, as a phrase."""
    weight: float = 1.0
    """How much, 0..1: of overlapping crops the part of the smaller one."""


def ties_of(
    manifest: Manifest, looks: Sequence[Look], tell: Tell = silent
) -> dict[str, tuple[Tie, ...]]:
    """Gather all ties between the images of a manifest, by the kinds that need no split.

    Args:
        manifest: all images.
        looks: of those that could be decoded, as `papscope.checks.run.looked` gives them.
        tell: is told how far the comparison of pictures is.
    """
    rows = manifest.rows
    sources = [*_by((str(row.path), row) for row in rows)]
    sources += _by((str(row.parent), row) for row in rows if row.parent and not row.made)
    boxed = {row.id for row in rows if row.box is not None or (row.parent and not row.made)}
    called = manifest.group_is
    found: dict[str, Iterable[Tie]] = {
        "copy": (Tie(ids, "the same pixels") for ids in _contents(looks)),
        "near": (Tie(ids, "one picture") for ids in _pictures(manifest, looks, tell)),
        "made": (
            Tie((parent.id, *(one.id for one in made)), f"made from {parent.id}")
            for parent, made in families(manifest)
        ),
        "overlap": _overlaps(rows),
        "source": (
            Tie(ids, f"cut from {name}")
            for name, ids in {ids: (name, ids) for name, ids in sources}.values()
            if boxed.intersection(ids)
        ),
        "group": (
            Tie(ids, f"{called} {name}")
            for name, ids in _by((row.group, row) for row in rows if row.group)
        ),
        "strict": (
            Tie(ids, f"strict group {name}")
            for name, ids in _by((row.strict_group, row) for row in rows if row.strict_group)
        ),
        "name": (Tie(ids, f"named after {name}") for name, ids in _named(rows)),
    }
    return {kind: tuple(found[kind]) for kind in KINDS if kind in found}


def _by(named: Iterable[tuple[str | None, Row]]) -> list[tuple[str, tuple[str, ...]]]:
    """Gather the rows of each name that has two or more."""
    found: dict[str, list[str]] = {}
    for name, row in named:
        found.setdefault(str(name), []).append(row.id)
    return [(name, tuple(ids)) for name, ids in found.items() if len(ids) > 1]


def _contents(looks: Sequence[Look]) -> list[tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for look in looks:
        found.setdefault(look.content, []).append(look.id)
    return [tuple(ids) for ids in found.values() if len(ids) > 1]


def _pictures(manifest: Manifest, looks: Sequence[Look], tell: Tell) -> Iterator[tuple[str, ...]]:
    """Give the clusters of like pictures, each with all of the same content."""
    files = {row.id: row.path for row in manifest.rows}
    content = {look.id: look.content for look in looks}
    alike: dict[str, list[str]] = {}
    for look in looks:
        alike.setdefault(look.content, []).append(look.id)
    place = {look.id: number for number, look in enumerate(looks)}
    for cluster in same_pictures(looks, files, tell):
        whole = (name for one in cluster for name in alike[content[one]])
        yield tuple(sorted(whole, key=lambda name: place[name]))


def _overlaps(rows: Sequence[Row]) -> Iterator[Tie]:
    """Give the pairs of crops of one file that share pixels, sweeping from left to right."""
    for some in by_file(rows):
        if all(row.box is None for row in some):
            continue
        boxes = sorted((_within(row), place) for place, row in enumerate(some))
        for at, (box, place) in enumerate(boxes):
            for other, second in boxes[at + 1 :]:
                if other[0] >= box[2]:
                    break
                share = shared(box, other)
                if share > 0:
                    ids = tuple(some[one].id for one in sorted((place, second)))
                    yield Tie(ids, f"{share:.0%} of the smaller crop", share)


Corners = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels; the last two just outside."""


def _within(row: Row) -> Corners:
    box = row.box or Box(0, 0, row.width, row.height)
    right, bottom = box.left + box.width, box.top + box.height
    return max(0, box.left), max(0, box.top), min(row.width, right), min(row.height, bottom)


def shared(one: Corners, other: Corners) -> float:
    """Give how much of the smaller rectangle lies in the other, 0..1.

    >>> shared((0, 0, 10, 10), (5, 0, 25, 10))
    0.5
    """
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return across * down / min(areas) if across > 0 and down > 0 and min(areas) > 0 else 0.0


_ADDED = re.compile(
    r"(\.rf\.[0-9a-f]{16,}"  # Roboflow
    r"|\.(bmp|png|jpe?g|tiff?)\s*_?new\d*"  # what older scripts left beside the originals
    r"|[ _.-](aug|augment|augmented|copy|flip|flipped|flop|hflip|vflip|lr|ud|mirror|mirrored"
    r"|rot|rotate|rotated|rotation|bright|brightness|contrast|blur|blurred|noise|noisy|zoom"
    r"|shear|shift|gamma|hue|elastic)[ _.-]?\d*"
    r"|\s\(\d+\)|~aug\d+)$",
    re.IGNORECASE,
)


def origin_of(path: PurePath) -> str:
    """Give a file's name without what programs add to the names of changed copies.

    >>> origin_of(PurePath("a/017_03_flip_rot90.png"))
    '017_03'
    >>> origin_of(PurePath("017_03_bmp.rf.0f1e2d3c4b5a69788796a5b4c3d2e1f0.jpg"))
    '017_03_bmp'
    """
    name = path.stem
    while (short := _ADDED.sub("", name)) and short != name:
        name = short
    return name


def _named(rows: Sequence[Row]) -> list[tuple[str, tuple[str, ...]]]:
    """Gather whole pictures whose names have one origin, if something was added to any."""
    whole = [row for row in rows if row.box is None and not row.made]
    added = {row.id for row in whole if origin_of(row.path) != row.path.stem}
    found = _by((origin_of(row.path), row) for row in whole)
    return [(name, ids) for name, ids in found if added.intersection(ids)]

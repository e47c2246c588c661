"""From a data set's folder to a manifest: names, sizes, digests and outlines, and the right counts.

Takes   the kind of data set, its folder, and options
Gives   a `Manifest` and the outlines of its cells
Never   decodes a picture, changes a file, or takes a part of a data set for the whole unasked
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from papscope.errors import ImageError, SourceError
from papscope.manifest import Manifest, Polygons, Row
from papscope.progress import Tell, silent
from papscope.sources.base import Find, Finds, some
from papscope.sources.kinds import ImportOptions, find_images
from papscope.sources.measured import Measured, measure
from papscope.sources.outlines import reaches_out, read_outline

Sizes: TypeAlias = Mapping[PurePosixPath, Measured]


@dataclass(slots=True)
class _Told:
    """Notes gathered on the way."""

    notes: list[str] = field(default_factory=list)

    def add(self, *notes: str) -> None:
        self.notes.extend(notes)


def import_images(
    kind: str,
    root: Path,
    *,
    options: ImportOptions | None = None,
    allow_partial: bool = False,
    tell: Tell = silent,
) -> tuple[Manifest, dict[str, Polygons]]:
    """Import a data set.

    Args:
        kind: a key of `papscope.sources.kinds.KINDS`.
        root: the data set's folder.
        options: what the kind can be asked.
        allow_partial: whether counts that differ from the published ones, and images that a
            table names and that are not there, are noted instead of refused.
        tell: told of the files read.

    Returns:
        The manifest, and outlines by row id.

    Raises:
        SettingError: the kind is unknown or has no such option, or an option is out of range.
        SourceError: the folder is not what the kind wants, its counts differ, or a file cannot
            be read.
    """
    options = options or ImportOptions()
    finds = find_images(kind, root, options, tell)
    told = _Told(list(finds.notes))
    if finds.missing:
        what = f"{len(finds.missing)} images that the table names are not there"
        _refuse_or_tell(f"{what}: {some(finds.missing)}", allow_partial, told)
        finds = _without_missing(finds)
    _compare(finds, allow_partial, told)
    files = measure(root, (item.path for item in finds.items), tell)
    sizes, unreadable = _readable(files, options.skip_unreadable, told)
    items = tuple(item for item in finds.items if item.path not in unreadable)
    _check_places(items, sizes)
    told.add(*_size_notes(finds, sizes))
    polygons = _outlines(root, items, sizes, told)
    return _manifest(root, kind, replace(finds, items=items), sizes, told), polygons


def _manifest(root: Path, kind: str, finds: Finds, sizes: Sizes, told: _Told) -> Manifest:
    return Manifest(
        root=root.resolve(),
        rows=tuple(_row(item, finds.dataset, sizes[item.path]) for item in finds.items),
        dataset=finds.dataset,
        classes=finds.classes,
        licence=finds.licence,
        citation=finds.citation,
        notes=tuple(told.notes),
        group_is=finds.group_is,
        settings={"kind": kind, **finds.settings},
    )


def _row(item: Find, dataset: str, measured: Measured) -> Row:
    return Row(
        id=item.id,
        path=item.path,
        label=item.label,
        dataset=dataset,
        width=measured.width,
        height=measured.height,
        sha256=measured.sha256,
        box=item.box,
        group=item.group,
        strict_group=item.strict_group,
        parent=item.parent,
        mask=item.mask,
        part=item.part,
    )


def _refuse_or_tell(what: str, allow_partial: bool, told: _Told) -> None:
    if not allow_partial:
        raise SourceError(what, hint="if this part is what is wanted, add --allow-partial")
    told.add(what)


def _without_missing(finds: Finds) -> Finds:
    missing = set(finds.missing)
    items = tuple(item for item in finds.items if str(item.path) not in missing)
    if not items:
        raise SourceError("none of the images that the table names is there", hint="check ROOT")
    return replace(finds, items=items)


def _compare(finds: Finds, allow_partial: bool, told: _Told) -> None:
    """Hold the counts against the published ones."""
    if finds.expected is None:
        return
    found = Counter(item.label for item in finds.items)
    wrong = [
        f"{name} {found[name]} instead of {count}"
        for name, count in finds.expected.items()
        if found[name] != count
    ]
    groups = len({item.group for item in finds.items if item.group is not None})
    if finds.expected_groups is not None and groups != finds.expected_groups:
        wrong.append(f"{groups} groups ({finds.group_is}) instead of {finds.expected_groups}")
    if wrong:
        total = f"{len(finds.items)} of {sum(finds.expected.values())}"
        what = f"{finds.dataset} has other counts here than published, {total} in all: "
        _refuse_or_tell(what + ", ".join(wrong), allow_partial, told)


def _readable(
    found: Mapping[PurePosixPath, Measured | ImageError], skip: bool, told: _Told
) -> tuple[dict[PurePosixPath, Measured], set[PurePosixPath]]:
    bad = {path: reason for path, reason in found.items() if isinstance(reason, ImageError)}
    good = {path: one for path, one in found.items() if isinstance(one, Measured)}
    if bad and (not skip or not good):
        raise SourceError(
            f"{len(bad)} files are no readable images:\n  "
            + "\n  ".join(str(reason) for _, reason in sorted(bad.items())),
            hint="copy them again, or leave them out with --skip-unreadable",
        )
    if bad:
        reasons = [str(reason) for _, reason in sorted(bad.items())]
        told.add(f"left out {len(bad)} files that are no readable images: {some(reasons)}")
    return good, set(bad)


def _check_places(items: Sequence[Find], sizes: Sizes) -> None:
    """Make sure that every point and box lies in its image, at least in part."""
    outside = [item.told for item in items if _outside(item, sizes[item.path])]
    if outside:
        raise SourceError(
            f"{len(outside)} cells lie outside their image: {some(outside)}",
            hint="the table belongs to images of another size; use those that it was made for",
        )


def _outside(item: Find, size: Measured) -> bool:
    if item.centre is not None:
        x, y = item.centre
        return not (0 <= x <= size.width and 0 <= y <= size.height)
    box = item.box
    if box is None:
        return False
    across = box.left < size.width and box.left + box.width > 0
    return not (across and box.top < size.height and box.top + box.height > 0)


def _size_notes(finds: Finds, sizes: Sizes) -> list[str]:
    """Tell of copies whose images are not of the published size."""
    met = Counter((one.width, one.height) for one in sizes.values())
    if finds.published_size is not None:
        width, height = finds.published_size
        others = met.total() - met[finds.published_size]
        if others:
            return [
                f"{others} of {met.total()} images are not of the published {width} x {height} "
                "pixels: the table's coordinates must be those of these files, and a crop of as "
                "many pixels shows more or less of the slide"
            ]
    if finds.sizes_vary and len(met) == 1 and met.total() > 1:
        ((width, height),) = met
        return [
            f"all images are {width} x {height} pixels; the published ones are of many sizes: "
            "this copy was resized, so the cells' true sizes are lost"
        ]
    return []


def _outlines(root: Path, items: Sequence[Find], sizes: Sizes, told: _Told) -> dict[str, Polygons]:
    found: dict[str, Polygons] = {}
    damaged: list[str] = []
    leaving: list[str] = []
    for item in items:
        size = sizes[item.path]
        polygons: dict[str, list[list[float]]] = {}
        for name, path in sorted(item.outlines.items()):
            try:
                points = read_outline(root / path)
            except (ValueError, OSError):
                damaged.append(path)
                continue
            if reaches_out(points, size.width, size.height):
                leaving.append(path)
            polygons[name] = points.tolist()
        if polygons:
            found[item.id] = polygons
    if damaged:
        told.add(f"left out {len(damaged)} outlines that cannot be read: {some(damaged)}")
    if leaving:
        told.add(f"{len(leaving)} outlines reach beyond their image: {some(leaving)}")
    return found

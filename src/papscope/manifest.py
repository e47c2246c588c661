"""The list of a data set's images: what each is, where it lies, and which slide it comes from.

Takes   rows from an importer, or a manifest file
Gives   a frozen `Manifest`, or a file of it that is the same to the byte each time
Never   moves, copies or opens an image
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from papscope.errors import SettingError, TableError
from papscope.files import digest_of, read_table, write_table, write_text
from papscope.image import Box
from papscope.taxonomy import CellClass

COLUMNS = (
    "id",
    "path",
    "left",
    "top",
    "box_width",
    "box_height",
    "label",
    "dataset",
    "group",
    "strict_group",
    "width",
    "height",
    "sha256",
    "parent",
    "mask",
    "part",
)

Polygons = Mapping[str, Sequence[Sequence[float]]]
"""Outlines by name (`cytoplasm`, `nucleus`): x, y pairs in pixels of the image, origin top left."""


def made_id(parent: str, number: int) -> str:
    """Give the id of the picture with this number that was made from a row's picture."""
    return f"{parent}~aug{number:02d}"


def is_made_id(name: str, parent: str) -> bool:
    """Say whether `made_id` gave this name.

    >>> is_made_id(made_id("cell 1", 3), "cell 1"), is_made_id("cell 1/3", "cell 1")
    (True, False)
    """
    return name.startswith(parent) and _MADE.fullmatch(name[len(parent) :]) is not None


_MADE = re.compile(r"~aug\d\d+")


@dataclass(frozen=True, slots=True)
class Row:
    """One image, or one cell of an image."""

    id: str
    """Unique in its manifest, and the same whenever the same files are imported."""
    path: PurePosixPath
    """Below the manifest's root, never absolute."""
    label: str | None
    """None where nobody has labelled it."""
    dataset: str
    width: int
    """Of the whole image file, in pixels."""
    height: int
    sha256: str
    """Of the whole image file's bytes."""
    box: Box | None = None
    """The part of the image that is meant; None for all of it."""
    group: str | None = None
    """What must not be divided between training and test: a slide, field or cluster.

    None where the source does not say; it is never guessed.
    """
    strict_group: str | None = None
    """A coarser group, where the source allows one; None where it is the same as `group`."""
    parent: str | None = None
    """The id of the row, or the name of the field, that this one was made or cut from."""
    mask: PurePosixPath | None = None
    """A segmentation of the image, below the root."""
    part: str | None = None
    """train, val or test where the source came already divided."""

    def __post_init__(self) -> None:
        for path in (self.path, self.mask):
            if path is not None and (path.is_absolute() or ".." in path.parts):
                raise ValueError(f"path {path} leaves the data set's folder")
        if not self.id:
            raise ValueError("a row has no id")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"{self.id} is {self.width} x {self.height} pixels")

    @property
    def strict(self) -> str | None:
        """The coarsest group known."""
        return self.strict_group if self.strict_group is not None else self.group

    @property
    def made(self) -> bool:
        """Whether `papscope augment` made its picture from its parent's: its id says so.

        Such rows are for training alone. Splits and evaluation leave them out elsewhere.
        """
        return self.parent is not None and is_made_id(self.id, self.parent)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The rows of a data set and what holds for all of them."""

    root: Path
    """The folder that the rows' paths start from."""
    rows: tuple[Row, ...]
    dataset: str
    classes: tuple[CellClass, ...]
    """In the order that models and scores use."""
    licence: str
    citation: str
    notes: tuple[str, ...] = ()
    """What a reader of any later result must know: that images are made, counts are partial."""
    group_is: str = "group"
    """What a group is, for sentences: `cluster image`, `field`, `slide`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """How it was imported, enough to do it again."""
    digest: str = ""
    """SHA-256 of the manifest's file; empty before it is written."""
    file: Path | None = field(default=None, compare=False)
    """The file that it was read from; None where it was not read from one."""

    def __post_init__(self) -> None:
        for name, times in Counter(row.id for row in self.rows).most_common(1):
            if times > 1:
                raise ValueError(f"id {name} stands for {times} rows")
        known = {one.name for one in self.classes}
        strange = sorted({row.label for row in self.rows if row.label is not None} - known)
        if strange:
            raise ValueError(f"label {strange[0]} is none of the classes {sorted(known)}")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes' names, in order."""
        return tuple(one.name for one in self.classes)

    def counts(self) -> dict[str, int]:
        """Count the rows of each class, in the classes' order."""
        found = Counter(row.label for row in self.rows)
        return {name: found[name] for name in self.class_names}

    def file_of(self, row: Row) -> Path:
        """Give the image file that a row speaks of."""
        return self.root / row.path

    def labelled(self) -> tuple[Row, ...]:
        """Give the rows that have a label."""
        return tuple(row for row in self.rows if row.label is not None)


def polygons_path(manifest: Path) -> Path:
    """Say where the outlines that belong to a manifest lie, if it has any."""
    return manifest.with_name(f"{manifest.stem}.polygons.jsonl")


def write_manifest(
    path: Path, manifest: Manifest, polygons: Mapping[str, Polygons] | None = None
) -> str:
    """Write a manifest, and its outlines beside it, and give the manifest's SHA-256.

    The root is stored relative to the manifest's folder where one of them lies below the other,
    and absolute otherwise, so that a folder holding both can be moved.

    Args:
        path: where the manifest goes.
        manifest: what to write.
        polygons: outlines by row id.
    """
    head: dict[str, Any] = {
        "root": _stored_root(path, manifest.root),
        "dataset": manifest.dataset,
        "classes": [one.to_json() for one in manifest.classes],
        "licence": manifest.licence,
        "citation": manifest.citation,
        "notes": list(manifest.notes),
        "group_is": manifest.group_is,
        "settings": dict(manifest.settings),
        "counts": {**manifest.counts(), "rows": len(manifest.rows)},
    }
    if polygons:
        lines = (json.dumps({"id": name, **polygons[name]}) for name in sorted(polygons))
        head["polygons_sha256"] = write_text(polygons_path(path), "\n".join(lines) + "\n")
    return write_table(path, "manifest", head, COLUMNS, (_cells(row) for row in manifest.rows))


def _stored_root(path: Path, root: Path) -> str:
    here, there = path.resolve().parent, root.resolve()
    above = here.is_relative_to(there) and there != Path(there.anchor)
    if above or there.is_relative_to(here):
        return Path(os.path.relpath(there, here)).as_posix()
    return str(there)


def _cells(row: Row) -> tuple[object, ...]:
    box = row.box
    place = (box.left, box.top, box.width, box.height) if box else (None,) * 4
    fixed = (row.label, row.dataset, row.group, row.strict_group, row.width, row.height)
    return (row.id, row.path, *place, *fixed, row.sha256, row.parent, row.mask, row.part)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        TableError: the file is missing or damaged, or a row means nothing; says which line.
    """
    table = read_table(path, "manifest")
    if set(table.columns) != set(COLUMNS):
        odd = sorted(set(table.columns) ^ set(COLUMNS))
        raise TableError(f"{path}: columns differ: {odd}", hint="import the images again")
    rows = []
    for line, record in enumerate(table.records(), start=3):
        try:
            rows.append(_row(record))
        except ValueError as wrong:
            raise TableError(f"{path}, line {line}: {wrong}", hint="import again") from None
    try:
        return _assembled(path, table.head, tuple(rows))
    except (KeyError, TypeError, ValueError, SettingError) as wrong:
        raise TableError(f"{path}: its head is damaged: {wrong}", hint="import again") from None


def _assembled(path: Path, head: Mapping[str, Any], rows: tuple[Row, ...]) -> Manifest:
    root = Path(os.path.normpath(path.resolve().parent / head["root"]))
    return Manifest(
        root=root,
        rows=rows,
        dataset=head["dataset"],
        classes=tuple(CellClass.from_json(one) for one in head["classes"]),
        licence=head["licence"],
        citation=head["citation"],
        notes=tuple(head["notes"]),
        group_is=head["group_is"],
        settings=head["settings"],
        digest=digest_of(path),
        file=path,
    )


def _row(cells: Mapping[str, str]) -> Row:
    place = [cells[name] for name in ("left", "top", "box_width", "box_height")]
    if any(place) and not all(place):
        raise ValueError(f"box {place} is incomplete")
    return Row(
        id=cells["id"],
        path=PurePosixPath(cells["path"]),
        label=cells["label"] or None,
        dataset=cells["dataset"],
        width=int(cells["width"]),
        height=int(cells["height"]),
        sha256=cells["sha256"],
        box=Box(*(int(number) for number in place)) if all(place) else None,
        group=cells["group"] or None,
        strict_group=cells["strict_group"] or None,
        parent=cells["parent"] or None,
        mask=PurePosixPath(cells["mask"]) if cells["mask"] else None,
        part=cells["part"] or None,
    )


def read_polygons(path: Path) -> dict[str, dict[str, list[list[float]]]]:
    """Read the outlines that belong to a manifest: by row id, then by name.

    Raises:
        TableError: the outlines are missing or are not those that the manifest was written with.
    """
    head = read_table(path, "manifest").head
    place = polygons_path(path)
    wanted = head.get("polygons_sha256")
    if wanted is None:
        return {}
    if not place.exists() or digest_of(place) != wanted:
        raise TableError(f"{place} is missing or changed", hint="import the images again")
    found: dict[str, dict[str, list[list[float]]]] = {}
    for line in place.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        found[record.pop("id")] = record
    return found

"""Which images are made beforehand, and where each of them lies.

Takes   training rows and settings
Gives   a frozen `Plan`, and the names of all its files
Never   writes, or looks at the disk
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from papscope import __version__
from papscope.errors import SettingError
from papscope.files import canonical_json
from papscope.manifest import Manifest, Row, polygons_path
from papscope.materialise import safe_name, unique_names
from papscope.split import Split

COPIES = 14
"""Images made of each training image."""

PLAN, MANIFEST, SPLIT = "augment.json", "manifest.csv", "split.csv"
BESIDE = (PLAN, MANIFEST, polygons_path(Path(MANIFEST)).name, SPLIT)
"""The files that lie beside the folders of images."""

_PARTS = ("numpy", "pillow", "scikit-image", "scipy")
_PNG_OVER = 2048
"""Bytes by which a PNG may exceed its samples."""

Kind = Literal["gentle", "original"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineSettings:
    """How training images are multiplied beforehand."""

    kind: Kind = "gentle"
    """`gentle` keeps stain and proportions; `original` is what the first project did."""
    seed: int = 0
    """The same seed makes the same images."""
    workers: int = 1
    """Processes; with more than one, call this below `if __name__ == "__main__":`."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise SettingError(
                f"there is no set {self.kind!r}", hint=f"choose {' or '.join(get_args(Kind))}"
            )
        if self.workers < 1:
            raise SettingError(f"workers is {self.workers}", hint="give 1 or more")


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be made of which images."""

    manifest: Manifest
    split: Split
    folder: Path
    settings: OfflineSettings
    places: Mapping[str, tuple[PurePosixPath, ...]]
    """By parent's id: below the folder, one for each copy."""
    parents: tuple[Row, ...]
    about: Mapping[str, Any]
    """All that the images' bytes depend on; written first, and compared when going on."""

    @property
    def count(self) -> int:
        """How many images there will be."""
        return COPIES * len(self.parents)

    @property
    def most_bytes(self) -> int:
        """The room that the images take at most."""
        return sum(COPIES * (3 * _area(row) + _PNG_OVER) for row in self.parents)


def planned_files(made: Plan) -> frozenset[str]:
    """Name all files of a plan, below its folder."""
    images = {path.as_posix() for paths in made.places.values() for path in paths}
    return frozenset(images.union(BESIDE))


def is_draft(path: PurePosixPath, wanted: frozenset[str]) -> bool:
    """Say whether a file is what a killed process left of writing a wanted file.

    >>> is_draft(PurePosixPath("a/.x.png.71.part"), frozenset({"a/x.png"}))
    True
    """
    name, _, process = path.name.removesuffix(".part").removeprefix(".").rpartition(".")
    hidden = path.name.startswith(".") and path.name.endswith(".part") and process.isdigit()
    return hidden and path.with_name(name).as_posix() in wanted if name else False


def places_of(parents: Sequence[Row]) -> dict[str, tuple[PurePosixPath, ...]]:
    """Give each parent's copies names that every file system takes and no two share."""
    labels = sorted({str(row.label) for row in parents})
    reserved = {name: name for name in BESIDE}
    folders = unique_names({**reserved, **{f"class {one}": safe_name(one) for one in labels}})
    places = {}
    for label in labels:
        ids = sorted(row.id for row in parents if row.label == label)
        stems = unique_names({one: safe_name(one) for one in ids})
        inside = PurePosixPath(folders[f"class {label}"])
        for one in ids:
            names = (f"{stems[one]}-aug{number:02d}.png" for number in range(1, COPIES + 1))
            places[one] = tuple(inside / name for name in names)
    return places


def about_of(
    manifest: Manifest, parents: Sequence[Row], settings: OfflineSettings
) -> dict[str, Any]:
    """Gather all that the images' bytes depend on."""
    ids = canonical_json(sorted(row.id for row in parents))
    return {
        "papscope": "augment",
        "set": settings.kind,
        "seed": settings.seed,
        "copies": COPIES,
        "manifest_sha256": manifest.digest,
        "images": len(parents),
        "images_sha256": sha256(ids.encode()).hexdigest(),
        "versions": {"papscope": __version__, **{name: version(name) for name in _PARTS}},
    }


def _area(row: Row) -> int:
    return row.width * row.height if row.box is None else row.box.width * row.box.height

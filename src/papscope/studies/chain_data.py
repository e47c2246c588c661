"""The images of each stage of a chain, divided once for each data set.

Takes   a chain's recipe, and where the data sets lie
Gives   for each stage a manifest and a split, in which every part has every class
Never   writes a file, decodes a picture, or lets an earlier stage learn from what tests the last
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from papscope.cutting import SHARES, cut, fold_split
from papscope.errors import SettingError, SourceError, SplitError
from papscope.importing import import_images
from papscope.manifest import Manifest, Polygons, Row, read_manifest
from papscope.progress import Tell, silent
from papscope.split import Split, part_rows, read_split
from papscope.studies.chain_recipe import ChainRecipe, Stage, near

JUDGED = "test"
LEARNED = ("train", "val")


@dataclass(frozen=True, slots=True)
class Places:
    """Where data sets lie."""

    folders: Mapping[str, Path] = field(default_factory=dict)
    """By the data set's name."""
    root: Path | None = None
    """The folder that holds the others, each under its name."""
    allow_partial: bool = False
    """Whether every import notes what is missing or more, instead of refusing it."""

    def of(self, dataset: str) -> Path:
        """Give a data set's folder.

        Raises:
            SourceError: nobody has said where it lies, or there is no such folder.
        """
        place = self.folders.get(dataset) or (self.root / dataset if self.root else None)
        if place is None or not place.is_dir():
            told = "nobody has said where it lies" if place is None else f"{place} is no folder"
            raise SourceError(
                f"{dataset} is wanted, and {told}",
                hint=f"give --data {dataset}=FOLDER, or --data-root with a folder {dataset} in it",
            )
        return place


@dataclass(frozen=True, slots=True)
class Images:
    """What a stage learns from."""

    stage: Stage
    manifest: Manifest
    """Holds the classes that are kept; without a digest where no file of it exists yet."""
    split: Split
    polygons: Mapping[str, Polygons]
    files: tuple[Path, Path] | None
    """The manifest's and the split's, where the user's own are used as they are."""


@dataclass(frozen=True, slots=True)
class _Whole:
    """A data set before classes are left out."""

    manifest: Manifest
    polygons: Mapping[str, Polygons]
    path: Path | None


def images_of(recipe: ChainRecipe, places: Places, tell: Tell = silent) -> tuple[Images, ...]:
    """Gather the images of all stages, and refuse what would go wrong later.

    Args:
        recipe: the chain.
        places: where its data sets lie.
        tell: told of files read.

    Raises:
        SettingError: a place is given for a data set that no stage wants, a class is unknown.
        SourceError, TableError, SplitError: data are not there, damaged, or cannot be divided so.
    """
    wanted = {stage.data.dataset for stage in recipe.stages}
    strange = sorted(set(places.folders) - {name for name in wanted if name})
    if strange:
        raise SettingError(
            f"no stage of {recipe.about.name} wants {strange[0]}",
            hint=f"it wants {', '.join(sorted(name for name in wanted if name)) or 'manifests'}",
        )
    for name in sorted(name for name in wanted if name):
        places.of(name)
    wholes: dict[object, _Whole] = {}
    cuts: dict[object, tuple[Stage, Split]] = {}
    found = []
    for stage in recipe.stages:
        with stage.named():
            key = _key(stage, recipe.folder)
            if key not in wholes:
                wholes[key] = _whole(stage, recipe.folder, places, tell)
            split = _split(stage, recipe, wholes[key].manifest, cuts.get(key))
            cuts.setdefault(key, (stage, split))
            found.append(_kept(stage, wholes[key], split, recipe.folder))
            _refuse_empty(found[-1])
    _refuse_leaks(found)
    return tuple(found)


def _key(stage: Stage, folder: Path) -> object:
    data = stage.data
    if data.manifest is not None:
        return near(data.manifest, folder).resolve()
    return data.dataset, data.options()


def _whole(stage: Stage, folder: Path, places: Places, tell: Tell) -> _Whole:
    data = stage.data
    if data.manifest is not None:
        path = near(data.manifest, folder)
        return _Whole(read_manifest(path), {}, path)
    assert data.dataset is not None
    manifest, polygons = import_images(
        data.dataset,
        places.of(data.dataset),
        options=data.options(),
        allow_partial=data.allow_partial or places.allow_partial,
        tell=lambda what, done, total: tell(f"{data.called}: {what}", done, total),
    )
    return _Whole(manifest, polygons, None)


def _split(
    stage: Stage, recipe: ChainRecipe, manifest: Manifest, before: tuple[Stage, Split] | None
) -> Split:
    """Divide a data set, in the same way as an earlier stage did."""
    data = stage.data
    if before is not None and not data.cuts:
        return before[1]
    if data.split is not None:
        split = read_split(near(data.split, recipe.folder))
        if data.fold is not None:
            split = fold_split(split, manifest, data.fold)
        elif split.protocol.folds and split.protocol.fold is None:
            raise SettingError(
                f"{data.split} has {split.protocol.folds} folds", hint="say which with fold = 0"
            )
    else:
        shares = data.shares or SHARES
        split = cut(manifest, by=data.by or "group", shares=shares, seed=recipe.about.seed)
    if before is not None and before[1].part_of != split.part_of:
        raise SplitError(
            f"it divides {manifest.dataset} otherwise than {before[0].called}",
            hint="leave by, shares and split out of the later stage: it is divided as before",
        )
    return split


def _kept(stage: Stage, whole: _Whole, split: Split, folder: Path) -> Images:
    """Leave out the classes that are not wanted."""
    manifest, wanted = whole.manifest, stage.data.classes or whole.manifest.class_names
    unknown = [name for name in wanted if name not in manifest.class_names]
    if unknown:
        raise SettingError(
            f"{manifest.dataset} has no class {', '.join(unknown)}",
            hint=f"its classes are {', '.join(manifest.class_names)}",
        )
    if set(wanted) == set(manifest.class_names):
        own = None
        if whole.path is not None and stage.data.split is not None and stage.data.fold is None:
            own = (whole.path, near(stage.data.split, folder))
        return Images(stage, manifest, split, whole.polygons, own)
    rows = tuple(row for row in manifest.rows if row.label in wanted)
    dropped = len(manifest.labelled()) - len(rows)
    names = ", ".join(name for name in manifest.class_names if name in wanted)
    kept = replace(
        manifest,
        rows=rows,
        classes=tuple(one for one in manifest.classes if one.name in wanted),
        notes=(*manifest.notes, f"kept only {names}: {dropped} images of other classes left out"),
        settings={**manifest.settings, "classes": list(wanted)},
        digest="",
    )
    part_of = {row.id: split.part_of[row.id] for row in rows if row.id in split.part_of}
    polygons = {row.id: whole.polygons[row.id] for row in rows if row.id in whole.polygons}
    return Images(stage, kept, Split(split.protocol, part_of, ""), polygons, None)


def _refuse_empty(images: Images) -> None:
    """Make sure that every part has every class, and that there is enough to learn from."""
    manifest, split = images.manifest, images.split
    if "train" not in split.parts:
        raise SplitError("nothing is in training", hint="split with a share for training")
    for part in split.parts:
        held = {row.label for row in part_rows(split, manifest, part)}
        missing = [name for name in manifest.class_names if name not in held]
        if missing:
            raise SplitError(
                f"no image of {part} is {', '.join(missing)}",
                hint="split again with another seed, or keep other classes",
            )
    if "val" not in split.parts and images.stage.train.keep == "best":
        raise SplitError(
            "no image is in validation, so no epoch can be chosen",
            hint='split with a share for val, or set keep = "last"',
        )


def _refuse_leaks(found: Sequence[Images]) -> None:
    """Make sure that no stage learns from the last one's test images or from their groups."""
    last = found[-1]
    if JUDGED not in last.split.parts:
        return
    tested = part_rows(last.split, last.manifest, JUDGED)
    for images in found[:-1]:
        rows = [row for row in images.manifest.rows if images.split.part_of.get(row.id) in LEARNED]
        known = set().union(*(_marks(row, last.split) for row in rows))
        leaking = [row for row in tested if _marks(row, last.split) & known]
        if leaking:
            raise SplitError(
                f"{last.stage.called}, is tested on {len(leaking)} images that "
                f"{images.stage.called}, learns from, or from others of the same "
                f"{last.manifest.group_is}, such as {leaking[0].id}",
                hint="let both stages name the data in the same way, with one split",
            )


def _marks(row: Row, split: Split) -> set[object]:
    """Name all by which an image, or what may not be divided from it, is known again."""
    if split.protocol.leaks:
        return {(row.sha256, row.box)}  # its groups are divided, and all that is made of it says so
    marks: set[object] = {row.sha256}
    if row.group is not None:
        marks.add((row.dataset, row.group))
    if split.protocol.by == "strict" and row.strict is not None:
        marks.add((row.dataset, "strict", row.strict))
    return marks

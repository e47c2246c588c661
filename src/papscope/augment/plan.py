"""Decide what is made beforehand, and refuse what would go wrong.

Takes   a manifest, a split of it, a folder and settings
Gives   a frozen `Plan`
Never   writes, or lets anything begin that can be known to fail
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from papscope.augment.children import (
    PLAN,
    OfflineSettings,
    Plan,
    about_of,
    is_draft,
    places_of,
    planned_files,
)
from papscope.errors import DiskError, ImageError, MissingExtra, SettingError, SplitError
from papscope.files import free_bytes
from papscope.manifest import Manifest, Row, made_id
from papscope.split import Split, check_belongs, part_rows

_SPARE = 64 << 20
"""Bytes that are left on the disk."""


def plan(manifest: Manifest, split: Split, folder: Path, settings: OfflineSettings) -> Plan:
    """Decide what to make, and refuse what would go wrong.

    Args:
        manifest: the images.
        split: of these; one fold must be chosen as the test set where there are folds.
        folder: new, empty, or of a run with the same plan that was cut off.
        settings: which set, and the seed.

    Raises:
        SettingError: the manifest has made images already, the split has folds and none is
            chosen, or the folder holds other files, lies among the images, or is of another plan.
        SplitError: the split was made for another manifest, or nothing is in training.
        ImageError: an image is missing.
        DiskError: there is no room.
        MissingExtra: scikit-image is not installed.
    """
    _refuse_missing_parts()
    _refuse_children(manifest)
    parents = _parents(manifest, split)
    _refuse_place(manifest, folder)
    about = about_of(manifest, parents, settings)
    made = Plan(manifest, split, folder, settings, places_of(parents), parents, about)
    _refuse_others(made)
    _refuse_missing_files(made)
    _refuse_full(made)
    return made


def _refuse_missing_parts() -> None:
    if find_spec("skimage") is None:
        raise MissingExtra(
            "making images needs scikit-image, which the base installation leaves out",
            hint='pip install "papscope[train]"',
        )


def _refuse_children(manifest: Manifest) -> None:
    made = [row.id for row in manifest.rows if row.made]
    if made:
        raise SettingError(
            f"the manifest holds {len(made)} made images already, such as {made[0]}",
            hint="give the manifest that they were made from",
        )


def _parents(manifest: Manifest, split: Split) -> tuple[Row, ...]:
    check_belongs(split, manifest)
    if split.protocol.folds and split.protocol.fold is None:
        raise SettingError(
            f"the split has {split.protocol.folds} folds",
            hint="say which is the test set: --fold 0",
        )
    rows = part_rows(split, manifest, "train") if "train" in split.parts else ()
    parents = tuple(row for row in rows if row.label is not None)
    if not parents:
        raise SplitError(
            "no image is in training, so there is nothing to make images of",
            hint="split again with a share for training",
        )
    known = {row.id for row in manifest.rows}
    taken = [row.id for row in parents if made_id(row.id, 1) in known]
    if taken:
        raise SettingError(
            f"{made_id(taken[0], 1)} is an image's id already", hint="import with other ids"
        )
    return parents


def _refuse_place(manifest: Manifest, folder: Path) -> None:
    if folder.resolve().is_relative_to(manifest.root.resolve()):
        raise SettingError(
            f"{folder} lies among the images of {manifest.root}: another import would find the "
            "made ones too",
            hint="name a folder elsewhere with -o",
        )
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"{folder} is a file", hint="name a new folder with -o")


def _refuse_others(made: Plan) -> None:
    """Refuse a folder of anything but a begun run of this very plan."""
    if not made.folder.exists():
        return
    wanted = planned_files(made)
    found = sorted(
        PurePosixPath(path.relative_to(made.folder).as_posix())
        for path in made.folder.rglob("*")
        if not path.is_dir() or path.relative_to(made.folder).as_posix() in wanted
    )
    if not found:
        return
    told = _told(made.folder / PLAN)
    if told is None:
        raise SettingError(
            f"{made.folder} holds other files, such as {found[0]}",
            hint="name a new folder with -o",
        )
    differ = [name for name in made.about if told.get(name) != made.about[name]]
    if differ:
        raise SettingError(
            f"{made.folder} was begun otherwise: {differ[0]} was {told.get(differ[0])}, "
            f"and is {made.about[differ[0]]}",
            hint="name a new folder with -o, or go on as it was begun",
        )
    for path in found:
        if path.as_posix() not in wanted and not is_draft(path, wanted):
            raise SettingError(
                f"{made.folder} holds a file of another's: {path}", hint="move it elsewhere"
            )


def _told(file: Path) -> Mapping[str, Any] | None:
    """Read what an earlier run was begun with; None where nothing says so."""
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) and value.get("papscope") == "augment" else None


def _refuse_missing_files(made: Plan) -> None:
    lost = [row for row in made.parents if not made.manifest.file_of(row).is_file()]
    if lost:
        raise ImageError(
            f"{len(lost)} images are missing, such as {made.manifest.file_of(lost[0])}",
            hint="put them back, or import again",
            reason="missing",
        )


def _refuse_full(made: Plan) -> None:
    there = sum(
        (made.folder / path).stat().st_size
        for paths in made.places.values()
        for path in paths
        if (made.folder / path).is_file()
    )
    room = free_bytes(made.folder) + there
    if made.most_bytes + _SPARE > room:
        raise DiskError(
            f"{made.count} images may take {made.most_bytes / 1e6:.1f} MB and the disk has room "
            f"for {room / 1e6:.1f} MB",
            hint="free some space, or name a folder on another disk with -o",
        )

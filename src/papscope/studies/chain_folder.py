"""The folder of a chain: what was asked for, what each stage came to, and what may be gone on with.

Takes   a chain's recipe and the images of its stages
Gives   `chain.json`, a folder for each stage with its manifest and split, and `stage.json` in it
        once the stage is finished
Never   mixes two chains in one folder, or takes a finished stage's word without its digests
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from papscope.bundle import Bundle, read_bundle
from papscope.errors import TrainingError
from papscope.files import write_json
from papscope.manifest import Manifest, read_manifest, write_manifest
from papscope.split import Split, read_split, write_split
from papscope.studies.chain_data import Images
from papscope.studies.chain_recipe import ChainRecipe
from papscope.train.run import BEST, BUNDLE, LAST, differing

CHAIN, DONE = "chain.json", "stage.json"
MANIFEST, SPLIT = "manifest.csv", "split.csv"


@dataclass(frozen=True, slots=True)
class Ready:
    """A stage whose manifest and split are files."""

    images: Images
    manifest: Manifest
    split: Split
    folder: Path
    files: tuple[Path, Path]
    """The manifest's and the split's."""


def refuse_other(folder: Path, recipe: ChainRecipe, *, resume: bool) -> None:
    """Make sure that a folder is free, or holds the chain that is to be gone on with.

    A chain that has learnt nothing yet may be begun anew.

    Raises:
        TrainingError: there is another chain in the folder, or nothing to resume.
    """
    place = folder / CHAIN
    if resume and not place.exists():
        raise TrainingError(f"there is no chain to resume in {folder}", hint="leave --resume out")
    if resume:
        _compare(place, {"recipe": recipe.to_json()})
    elif any(begun(run) for run in folder.glob("stage-*")):
        raise TrainingError(
            f"{folder} already holds a chain", hint="go on with --resume, or name another -o"
        )


def lay_out(
    folder: Path, recipe: ChainRecipe, found: tuple[Images, ...], *, resume: bool
) -> tuple[Ready, ...]:
    """Write each stage's manifest and split, or hold those that are there against the images.

    Raises:
        TrainingError: the images are no longer those that the chain began with.
        DiskError: the folder cannot be written.
    """
    ready = tuple(_ready(folder, images, resume=resume) for images in found)
    data = [
        {"manifest_sha256": one.manifest.digest, "protocol": one.split.protocol.to_json()}
        for one in ready
    ]
    asked = {"papscope": "chain", "format": 1, "recipe": recipe.to_json(), "data": data}
    if resume:
        _compare(folder / CHAIN, {"data": data})
    else:
        write_json(folder / CHAIN, asked)
    return ready


def _ready(folder: Path, images: Images, *, resume: bool) -> Ready:
    place = folder / images.stage.folder
    if images.files is not None:
        return Ready(images, images.manifest, images.split, place, images.files)
    files = (place / MANIFEST, place / SPLIT)
    if not resume:
        write_manifest(files[0], images.manifest, images.polygons)
    manifest = read_manifest(files[0])
    if resume and replace(manifest, digest="") != replace(images.manifest, digest=""):
        raise TrainingError(
            f"the images of {images.stage.called}, are not those that the chain began with",
            hint="put them back as they were, or name another -o",
        )
    split = replace(images.split, manifest_sha256=manifest.digest)
    if not resume:
        write_split(files[1], split)
    return Ready(images, manifest, read_split(files[1]), place, files)


def _compare(place: Path, now: dict[str, Any]) -> None:
    try:
        before = json.loads(place.read_bytes())
        others = differing(_numbered(now), _numbered({name: before[name] for name in now}))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TrainingError(f"{place} is damaged", hint="name another -o") from None
    if others:
        raise TrainingError(
            f"the chain in {place.parent} was asked for otherwise: {'; '.join(others)}",
            hint="resume with the same recipe, settings and data, or name another -o",
        )


def _numbered(value: Any) -> Any:
    """Turn lists of tables into tables by number, so that a difference is told by its place."""
    value = json.loads(json.dumps(value))

    def turned(one: Any) -> Any:
        if isinstance(one, dict):
            return {name: turned(inner) for name, inner in one.items()}
        if isinstance(one, list) and any(isinstance(inner, dict) for inner in one):
            return {str(place): turned(inner) for place, inner in enumerate(one, start=1)}
        return one

    return turned(value)


def begun(run: Path) -> bool:
    """Say whether training has left anything in a run's folder to go on with."""
    return any((run / name).exists() for name in (LAST, BEST, BUNDLE))


def finish(run: Path, digest: str, began_from: str | None) -> None:
    """Write that a stage is finished.

    Args:
        run: its folder.
        digest: of its bundle.
        began_from: the digest of the bundle that it began from; None for other weights.
    """
    write_json(run / DONE, {"bundle_sha256": digest, "began_from": began_from})


def finished(run: Path, began_from: str | None) -> Bundle | None:
    """Give the bundle of a finished stage, every byte checked; None where it is not finished.

    Raises:
        TrainingError: the bundle is not the one that the stage ended with, or the stage began from
            another bundle than the one that is there now.
        BundleError: the bundle is damaged.
    """
    place = run / DONE
    if not place.exists():
        return None
    try:
        told = json.loads(place.read_bytes())
        ended, start = told["bundle_sha256"], told["began_from"]
    except (ValueError, KeyError, TypeError):
        raise TrainingError(f"{place} is damaged", hint=_AGAIN.format(run)) from None
    bundle = read_bundle(run / BUNDLE)
    if bundle.digest != ended or start != began_from:
        which = (
            "is not the one that it ended with"
            if bundle.digest != ended
            else ("came from another bundle than the stage before has now")
        )
        raise TrainingError(f"the bundle in {run} {which}", hint=_AGAIN.format(run))
    return bundle


_AGAIN = "remove {} and go on with --resume: it is trained again"

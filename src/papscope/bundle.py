"""A trained model as a folder: weights, and everything needed to use them rightly.

Takes   named arrays and a description
Gives   a folder of `weights.safetensors`, `bundle.json` and a card, or the two read back
Never   reads or writes a pickle, needs torch, or trusts a file that its digest does not vouch for
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from papscope.errors import BundleError, SettingError
from papscope.files import canonical_json, digest_of, told_of_disk, write_bytes, write_text
from papscope.preprocess import Preprocess
from papscope.taxonomy import CellClass

FORMAT = 1
WEIGHTS = "weights.safetensors"
DESCRIPTION = "bundle.json"
CARD = "README.md"

Tensors: TypeAlias = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a bundle says of its model."""

    classes: tuple[CellClass, ...]
    """In the order of the network's outputs."""
    preprocess: Preprocess
    backbone: str
    """timm's name of the network, or what a network of several is in few words."""
    network: Mapping[str, Any] = field(default_factory=dict)
    """What else the network is built with: dropout, orientations, the parts of a composed one."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Data and their digests, licence and citation, split protocol, recipe, versions."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What was measured, on what, with intervals; validation unless it says otherwise."""

    @property
    def kind(self) -> str:
        """How the network is composed: `single`, or of which kind of several."""
        return str(self.network.get("kind", "single"))

    @property
    def orientations(self) -> bool:
        """Whether an answer is the mean over the eight orientations of the square."""
        return bool(self.network.get("orientations", False))

    def to_json(self, weights_sha256: str) -> dict[str, Any]:
        """Give the content of `bundle.json`."""
        return {
            "papscope": "bundle",
            "format": FORMAT,
            "classes": [one.to_json() for one in self.classes],
            "preprocess": self.preprocess.to_json(),
            "backbone": self.backbone,
            "network": dict(self.network),
            "provenance": dict(self.provenance),
            "metrics": dict(self.metrics),
            "files": {WEIGHTS: weights_sha256},
            "intended_use": "research only; not a medical device; labels of cells, not a diagnosis",
        }


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A model read from a folder."""

    description: Description
    tensors: Tensors
    digest: str
    """SHA-256 of `bundle.json`, which holds that of the weights: it names the model."""

    def with_orientations(self, asked: bool | None) -> Bundle:
        """Give the model as it shall answer: over the orientations, over one, None as it says."""
        about = self.description
        if asked is None or asked == about.orientations:
            return self
        network = {**about.network, "orientations": asked}
        return replace(self, description=replace(about, network=network))


def write_bundle(folder: Path, description: Description, tensors: Tensors, card: str) -> str:
    """Write a bundle whole, replacing one that is there, and give its digest.

    Raises:
        DiskError: the disk is full or the place cannot be written; an older bundle is kept.
        BundleError: the folder holds something that is not a bundle, which is left alone.
    """
    if folder.exists() and not _may_replace(folder):
        raise BundleError(
            f"{folder} holds other files and is not overwritten", hint="name another folder"
        )
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    with told_of_disk(folder):
        shutil.rmtree(draft, ignore_errors=True)  # of a killed process that had this one's number
        draft.mkdir(parents=True)
        try:
            plain = {name: np.asarray(value, order="C") for name, value in tensors.items()}
            weights_digest = write_bytes(draft / WEIGHTS, save_safetensors(plain))
            content = canonical_json(description.to_json(weights_digest))
            digest = write_text(draft / DESCRIPTION, content)
            write_text(draft / CARD, card)
            _swap(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return digest


def _may_replace(folder: Path) -> bool:
    """Say whether all that a folder holds is an older bundle, or nothing."""
    held = {one.name for one in folder.iterdir()} if folder.is_dir() else {""}
    return not held or (DESCRIPTION in held and held <= {WEIGHTS, DESCRIPTION, CARD})


def _swap(draft: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.rename(old)
    try:
        draft.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle, checking every byte of it.

    Raises:
        BundleError: it is missing, truncated, tampered with, of a newer format, or no bundle.
    """
    content = _content(folder)
    weights = folder / WEIGHTS
    try:
        data = weights.read_bytes()
    except OSError as problem:
        raise _unreadable(weights, f"cannot be read: {problem.strerror}") from None
    vouched = content.get("files")
    if not isinstance(vouched, dict) or sha256(data).hexdigest() != vouched.get(WEIGHTS):
        raise _unreadable(weights, "is not the file that bundle.json vouches for")
    try:
        tensors = load_safetensors(data)
    except (SafetensorError, ValueError, TypeError, KeyError) as problem:
        raise _unreadable(weights, f"is damaged: {problem}") from None
    return Bundle(_description(folder, content), tensors, digest_of(folder / DESCRIPTION))


def _unreadable(path: Path, why: str) -> BundleError:
    return BundleError(f"{path} {why}", hint="copy the bundle again from where it was made")


def _content(folder: Path) -> dict[str, Any]:
    place = folder / DESCRIPTION
    if not place.is_file():
        raise BundleError(
            f"{folder} is not a bundle: it has no {DESCRIPTION}",
            hint="give the `bundle` folder that `papscope train` made",
        )
    try:
        content = json.loads(place.read_bytes())
    except (OSError, ValueError) as problem:
        raise _unreadable(place, f"is damaged: {problem}") from None
    if not isinstance(content, dict) or content.get("papscope") != "bundle":
        raise _unreadable(place, "was not written by papscope")
    if content.get("format") != FORMAT:
        raise BundleError(
            f"{folder} has format {content.get('format')}; this papscope reads format {FORMAT}",
            hint="install the papscope release that wrote it",
        )
    return content


def _description(folder: Path, content: Mapping[str, Any]) -> Description:
    try:
        return Description(
            classes=tuple(CellClass.from_json(one) for one in content["classes"]),
            preprocess=Preprocess.from_json(content["preprocess"]),
            backbone=content["backbone"],
            network=content["network"],
            provenance=content["provenance"],
            metrics=content["metrics"],
        )
    except (KeyError, TypeError, ValueError, SettingError) as wrong:
        raise _unreadable(folder / DESCRIPTION, f"is damaged: {wrong}") from None

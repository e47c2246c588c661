"""A trained model as a folder: weights, and everything needed to use them rightly.

Takes   named arrays, or a network exported to ONNX, and a description
Gives   a folder of `weights.safetensors` or `model.onnx`, `bundle.json` and a card, or the first
        two read back
Never   reads or writes a pickle, needs torch, or trusts a file that its digest does not vouch for
"""

from __future__ import annotations

import json
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
from papscope.files import canonical_json
from papscope.folders import write_folder
from papscope.preprocess import Preprocess
from papscope.taxonomy import CellClass

FORMAT = 1
WEIGHTS = "weights.safetensors"
ONNX = "model.onnx"
"""In the place of the weights where a bundle was exported."""
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
    calibration: Mapping[str, Any] = field(default_factory=dict)
    """How probabilities are scaled before anybody sees them; `{}` leaves them as they are."""
    rules: Mapping[str, Any] = field(default_factory=dict)
    """When it must not decide alone: `sets` and `refer`, as `rules.Rules` reads them; `{}` none."""
    engine: str = ""
    """What an exported network was proved on and runs on: `openvino`; empty for onnxruntime."""

    @property
    def kind(self) -> str:
        """How the network is composed: `single`, or of which kind of several."""
        return str(self.network.get("kind", "single"))

    @property
    def orientations(self) -> bool:
        """Whether an answer is the mean over the eight orientations of the square."""
        return bool(self.network.get("orientations", False))

    def to_json(self, files: Mapping[str, str]) -> dict[str, Any]:
        """Give the content of `bundle.json`; what is not calibrated does not speak of it.

        Args:
            files: the SHA-256 of each file that it vouches for.
        """
        scaled = {"calibration": dict(self.calibration)} if self.calibration else {}
        ruled = {"rules": dict(self.rules)} if self.rules else {}
        runs_on = {"engine": self.engine} if self.engine else {}
        return {
            **scaled,
            **ruled,
            **runs_on,
            "papscope": "bundle",
            "format": FORMAT,
            "classes": [one.to_json() for one in self.classes],
            "preprocess": self.preprocess.to_json(),
            "backbone": self.backbone,
            "network": dict(self.network),
            "provenance": dict(self.provenance),
            "metrics": dict(self.metrics),
            "files": dict(files),
            "intended_use": "research only; not a medical device; labels of cells, not a diagnosis",
        }


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A model read from a folder."""

    description: Description
    tensors: Tensors
    """The network's, by name; none where it was exported."""
    digest: str
    """SHA-256 of `bundle.json`, which holds that of the weights: it names the model."""
    onnx: bytes | None = None
    """The network as `papscope export` wrote it; None where `tensors` are its weights."""

    def with_orientations(self, asked: bool | None) -> Bundle:
        """Give the model as it shall answer: over the orientations, over one, None as it says.

        Raises:
            SettingError: it was exported, which settles this.
        """
        about = self.description
        if asked is None or asked == about.orientations:
            return self
        if self.onnx is not None:
            raise SettingError(
                f"the model was exported {'with' if about.orientations else 'without'} the mean "
                "over orientations",
                hint="export it the other way, or use the bundle that it was exported from",
            )
        network = {**about.network, "orientations": asked}
        return replace(self, description=replace(about, network=network))


def write_bundle(folder: Path, description: Description, tensors: Tensors, card: str) -> str:
    """Write a bundle whole, replacing one that is there, and give its digest.

    Raises:
        DiskError: the disk is full or the place cannot be written; an older bundle is kept.
        BundleError: the folder holds something that is not a bundle, which is left alone.
    """
    plain = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    return _write(folder, description, {WEIGHTS: save_safetensors(plain)}, card)


def write_onnx_bundle(folder: Path, description: Description, model: bytes, card: str) -> str:
    """Write a bundle of an exported network whole, and give its digest.

    Raises:
        DiskError: as for `write_bundle`.
        BundleError: as for `write_bundle`.
    """
    return _write(folder, description, {ONNX: model}, card)


def write_again(folder: Path, bundle: Bundle, card: str) -> str:
    """Write a bundle that was read, whatever its weights are, and give its digest.

    Raises:
        DiskError: as for `write_bundle`.
        BundleError: as for `write_bundle`.
    """
    if bundle.onnx is not None:
        return write_onnx_bundle(folder, bundle.description, bundle.onnx, card)
    return write_bundle(folder, bundle.description, bundle.tensors, card)


def read_card(folder: Path) -> str:
    """Read a bundle's card, in Markdown; empty where it has none that can be read."""
    try:
        return (folder / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _write(folder: Path, description: Description, weights: Mapping[str, bytes], card: str) -> str:
    refuse_others(folder)
    vouched = {name: sha256(data).hexdigest() for name, data in weights.items()}
    content = canonical_json(description.to_json(vouched)).encode()
    write_folder(folder, {**weights, DESCRIPTION: content, CARD: card.encode()})
    return sha256(content).hexdigest()


def refuse_others(folder: Path) -> None:
    """Make sure that a bundle may be written to a folder.

    Raises:
        BundleError: the folder holds something that is not a bundle.
    """
    if not folder.exists():
        return
    held = {one.name for one in folder.iterdir()} if folder.is_dir() else {""}
    if held and not (DESCRIPTION in held and held <= {WEIGHTS, ONNX, DESCRIPTION, CARD}):
        raise BundleError(
            f"{folder} holds other files and is not overwritten", hint="name another folder"
        )


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle, checking every byte of it.

    Raises:
        BundleError: it is missing, truncated, tampered with, of a newer format, or no bundle.
    """
    content, digest = _content(folder)
    description = _description(folder, content)
    name, data = _vouched(folder, content.get("files"))
    if name == ONNX:
        return Bundle(description, {}, digest, data)
    try:
        tensors = load_safetensors(data)
    except (SafetensorError, ValueError, TypeError, KeyError) as problem:
        raise _unreadable(folder / name, f"is damaged: {problem}") from None
    return Bundle(description, tensors, digest)


def refuse_exported(bundle: Bundle) -> None:
    """Refuse a bundle that has no weights for torch.

    Raises:
        BundleError: it was exported.
    """
    if bundle.onnx is not None:
        raise BundleError(
            f"the model {bundle.digest[:12]} was exported to ONNX, which only answers",
            hint="use the bundle that it was exported from",
        )


def _vouched(folder: Path, files: object) -> tuple[str, bytes]:
    """Read the weights, of one kind or the other, that the description vouches for."""
    told = files if isinstance(files, dict) else {}
    if WEIGHTS in told and ONNX in told:
        raise _unreadable(folder / DESCRIPTION, f"names both {WEIGHTS} and {ONNX}")
    name = ONNX if ONNX in told else WEIGHTS
    try:
        data = (folder / name).read_bytes()
    except OSError as problem:
        raise _unreadable(folder / name, f"cannot be read: {problem.strerror}") from None
    if sha256(data).hexdigest() != told.get(name):
        raise _unreadable(folder / name, "is not the file that bundle.json vouches for")
    return name, data


def read_description(folder: Path) -> tuple[Description, str]:
    """Read what a bundle says of its model, and its digest, without its weights.

    Raises:
        BundleError: the description is missing, damaged, of a newer format, or of no bundle.
    """
    content, digest = _content(folder)
    return _description(folder, content), digest


def _unreadable(path: Path, why: str) -> BundleError:
    return BundleError(f"{path} {why}", hint="copy the bundle again from where it was made")


def _content(folder: Path) -> tuple[dict[str, Any], str]:
    """Read the description, and give its digest too."""
    place = folder / DESCRIPTION
    if not place.is_file():
        raise BundleError(
            f"{folder} is not a bundle: it has no {DESCRIPTION}",
            hint="give the `bundle` folder that `papscope train` made",
        )
    try:
        data = place.read_bytes()
        content = json.loads(data)
    except (OSError, ValueError) as problem:
        raise _unreadable(place, f"is damaged: {problem}") from None
    if not isinstance(content, dict) or content.get("papscope") != "bundle":
        raise _unreadable(place, "was not written by papscope")
    if content.get("format") != FORMAT:
        raise BundleError(
            f"{folder} has format {content.get('format')}; this papscope reads format {FORMAT}",
            hint="install the papscope release that wrote it",
        )
    return content, sha256(data).hexdigest()


def _description(folder: Path, content: Mapping[str, Any]) -> Description:
    try:
        return Description(
            classes=tuple(CellClass.from_json(one) for one in content["classes"]),
            preprocess=Preprocess.from_json(content["preprocess"]),
            backbone=content["backbone"],
            network=content["network"],
            provenance=content["provenance"],
            metrics=content["metrics"],
            calibration=dict(content.get("calibration", {})),
            rules=dict(content.get("rules", {})),
            engine=str(content.get("engine", "")),
        )
    except (KeyError, TypeError, ValueError, SettingError) as wrong:
        raise _unreadable(folder / DESCRIPTION, f"is damaged: {wrong}") from None

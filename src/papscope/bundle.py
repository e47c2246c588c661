"""A trained model as a folder: weights, and everything needed to use them rightly.

Takes   named arrays, or a network exported to ONNX, and a description
Gives   a folder of `weights.safetensors` or `model.onnx`, `bundle.json`, a card and, where it was
        fitted, `reference.safetensors`; or all but the card read back
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

from papscope.description import FORMAT
from papscope.description import Description as Description  # noqa: PLC0414 -- given on
from papscope.errors import BundleError, SettingError
from papscope.files import canonical_json
from papscope.folders import write_folder
from papscope.preprocess import Preprocess
from papscope.taxonomy import CellClass

WEIGHTS = "weights.safetensors"
ONNX = "model.onnx"
"""In the place of the weights where a bundle was exported."""
REFERENCE = "reference.safetensors"
"""What the model learned from, in numbers: only where it was fitted."""
DESCRIPTION = "bundle.json"
CARD = "README.md"
_FILES = frozenset({WEIGHTS, ONNX, REFERENCE, DESCRIPTION, CARD})

Tensors: TypeAlias = Mapping[str, npt.NDArray[Any]]


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
    reference: Tensors = field(default_factory=dict)
    """What it learned from, in numbers, as `gate.Reference` reads it; empty where not fitted."""

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


def write_bundle(
    folder: Path,
    description: Description,
    tensors: Tensors,
    card: str,
    reference: Tensors | None = None,
) -> str:
    """Write a bundle whole, replacing one that is there, and give its digest.

    Raises:
        DiskError: the disk is full or the place cannot be written; an older bundle is kept.
        BundleError: the folder holds something that is not a bundle, which is left alone.
    """
    return _write(folder, description, {WEIGHTS: _saved(tensors)}, card, reference)


def write_onnx_bundle(
    folder: Path,
    description: Description,
    model: bytes,
    card: str,
    reference: Tensors | None = None,
) -> str:
    """Write a bundle of an exported network whole, and give its digest.

    Raises:
        DiskError: as for `write_bundle`.
        BundleError: as for `write_bundle`.
    """
    return _write(folder, description, {ONNX: model}, card, reference)


def write_again(folder: Path, bundle: Bundle, card: str) -> str:
    """Write a bundle that was read, whatever its weights are, and give its digest.

    Raises:
        DiskError: as for `write_bundle`.
        BundleError: as for `write_bundle`.
    """
    about, reference = bundle.description, bundle.reference
    if bundle.onnx is not None:
        return write_onnx_bundle(folder, about, bundle.onnx, card, reference)
    return write_bundle(folder, about, bundle.tensors, card, reference)


def read_card(folder: Path) -> str:
    """Read a bundle's card, in Markdown; empty where it has none that can be read."""
    try:
        return (folder / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _saved(tensors: Tensors) -> bytes:
    plain = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    return save_safetensors(plain)


def _write(
    folder: Path,
    description: Description,
    weights: Mapping[str, bytes],
    card: str,
    reference: Tensors | None,
) -> str:
    refuse_others(folder)
    if reference:
        weights = {**weights, REFERENCE: _saved(reference)}
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
    if held and not (DESCRIPTION in held and held <= _FILES):
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
    files = content.get("files")
    told = files if isinstance(files, dict) else {}
    if WEIGHTS in told and ONNX in told:
        raise _unreadable(folder / DESCRIPTION, f"names both {WEIGHTS} and {ONNX}")
    reference = _tensors(folder / REFERENCE, told) if REFERENCE in told else {}
    if ONNX in told:
        return Bundle(description, {}, digest, _vouched(folder / ONNX, told), reference)
    return Bundle(description, _tensors(folder / WEIGHTS, told), digest, reference=reference)


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


def _tensors(path: Path, files: Mapping[str, Any]) -> Tensors:
    data = _vouched(path, files)
    try:
        return load_safetensors(data)
    except (SafetensorError, ValueError, TypeError, KeyError) as problem:
        raise _unreadable(path, f"is damaged: {problem}") from None


def _vouched(path: Path, files: Mapping[str, Any]) -> bytes:
    """Read a file that the description vouches for."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise _unreadable(path, f"cannot be read: {problem.strerror}") from None
    if sha256(data).hexdigest() != files.get(path.name):
        raise _unreadable(path, "is not the file that bundle.json vouches for")
    return data


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
            gate=dict(content.get("gate", {})),
            engine=str(content.get("engine", "")),
        )
    except (KeyError, TypeError, ValueError, SettingError) as wrong:
        raise _unreadable(folder / DESCRIPTION, f"is damaged: {wrong}") from None

"""A model as an ONNX bundle, which predicts without torch.

Takes   a bundle, and pictures to compare by
Gives   a bundle of the same model in ONNX, which says how far its answers are from the first's
Never   writes a model whose answers differ
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from papscope.bundle import ONNX, WEIGHTS, Bundle, Description, refuse_others, write_onnx_bundle
from papscope.errors import BundleError, ExportError, SettingError
from papscope.export.graph import OPSET, graph_of
from papscope.export.parity import Parity, compare, squares_of
from papscope.inference import Runner
from papscope.network.assembly import from_bundle
from papscope.predict.onnx_engine import onnx_engine
from papscope.preprocess import Source
from papscope.progress import Tell, silent

TOLERANCE = 1e-4
"""Of any probability: rounding of 32-bit numbers stays far below, a wrong graph does not."""

_PARTS = ("onnx", "onnxruntime", "onnxscript", "torch")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and how near its answers are."""

    folder: Path
    digest: str
    """SHA-256 that names the exported model."""
    parity: Parity
    megabytes: float
    """Of the model's file, in 10^6 bytes."""


def export_onnx(
    bundle: Bundle,
    folder: Path,
    sources: Sequence[Source] = (),
    *,
    card: str = "",
    tell: Tell = silent,
) -> Exported:
    """Export a model to ONNX: one network, an ensemble or a fused one, orientations included.

    The same model gives the same bytes with the same releases of what it is exported with.

    Args:
        bundle: the model, with weights for torch.
        folder: where the new bundle goes; an earlier export is replaced.
        sources: pictures to compare by, at most 256 of which are taken; drawn cells where none
            are given.
        card: the bundle's, in Markdown; a paragraph on the export is added.
        tell: hears how far it is.

    Raises:
        SettingError: the bundle was exported already.
        BundleError: the folder holds other files, or a bundle that torch needs.
        ImageError: a picture to compare by cannot be read.
        ExportError: the network has no form in ONNX, or answers differently there.
        DiskError: the folder cannot be written; an older bundle is kept.
    """
    _check(bundle, folder)
    squares = squares_of(sources, bundle.description.preprocess)
    tell("exporting", 0, 1)
    network = from_bundle(bundle)
    model = graph_of(network, bundle.description.preprocess.size)
    tell("exporting", 1, 1)
    before = Runner.of(network, bundle.description.preprocess, "cpu")
    after = onnx_engine(Bundle(bundle.description, {}, bundle.digest, model))
    parity = compare(before, after, squares, tell)
    _refuse_unlike(parity)
    about = _told(bundle, parity, drawn=not sources)
    digest = write_onnx_bundle(folder, about, model, _card(card, about, parity))
    return Exported(folder, digest, parity, len(model) / 1e6)


def _check(bundle: Bundle, folder: Path) -> None:
    if bundle.onnx is not None:
        raise SettingError(
            "the bundle was exported already", hint="give the bundle that `papscope train` made"
        )
    refuse_others(folder)
    if (folder / WEIGHTS).exists():
        raise BundleError(
            f"{folder} holds a bundle with weights, which an export does not replace",
            hint="name another folder",
        )


def _refuse_unlike(parity: Parity) -> None:
    # Turned round, so that a difference that is no number is refused as well.
    if not parity.largest_difference <= TOLERANCE:
        raise ExportError(
            f"the exported network answers otherwise: of {parity.images} pictures, a probability "
            f"differs by {parity.largest_difference:.2g}, more than {TOLERANCE:.0e}",
            hint="use the bundle itself; please report the backbone",
        )


def _told(bundle: Bundle, parity: Parity, *, drawn: bool) -> Description:
    about = bundle.description
    export: Mapping[str, Any] = {
        "to": "onnx",
        "from": bundle.digest,
        "images": parity.images,
        "images_are": "drawn" if drawn else "given",
        "largest_difference_of_probabilities": parity.largest_difference,
        "images_of_another_class": parity.other_classes,
        "opset": OPSET,
        "versions": {name: version(name) for name in _PARTS},
    }
    return replace(about, provenance={**about.provenance, "export": export})


def _card(card: str, about: Description, parity: Parity) -> str:
    """Add to a card, or to a short one where there is none, what the export came to."""
    head = card or (
        f"# {about.backbone}\n\n**Research use only. Not a medical device.** It labels pictures of "
        "single cells; it gives no\ndiagnosis of a slide or a patient.\n"
    )
    export = about.provenance["export"]
    kind = "cells drawn by papscope" if export["images_are"] == "drawn" else "pictures"
    return (
        f"{head.rstrip()}\n\n## Exported\n\n`{ONNX}` is the network of the model "
        f"{export['from'][:12]} in ONNX. On {parity.images} {kind} their\nprobabilities differ by "
        f"{parity.largest_difference:.1e} at most.\n"
    )

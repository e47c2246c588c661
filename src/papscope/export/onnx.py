"""A model as an ONNX bundle, which predicts without torch.

Takes   a bundle, and pictures to compare by
Gives   a bundle of the same model in ONNX, which says how far its answers are from the first's
Never   writes a model whose answers differ
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from papscope.bundle import Bundle
from papscope.errors import ExportError
from papscope.export.graph import OPSET, graph_of
from papscope.export.parity import Parity, compare, squares_of
from papscope.export.writing import (
    Exported,
    Finding,
    RunsOn,
    form_of,
    on_engine,
    refuse_to_export,
    write_exported,
)
from papscope.inference import Runner
from papscope.network.assembly import from_bundle
from papscope.predict.engines import engine_for
from papscope.preprocess import Source, Squares
from papscope.progress import Tell, silent

TOLERANCE = 1e-4
"""Of any probability: rounding of 32-bit numbers stays far below, a wrong graph does not."""


def export_onnx(
    bundle: Bundle,
    folder: Path,
    sources: Sequence[Source] = (),
    *,
    runs_on: RunsOn = "onnxruntime",
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
        runs_on: what answers for the exported model, and is compared.
        card: the bundle's, in Markdown; a paragraph on the export is added.
        tell: hears how far it is.

    Raises:
        SettingError: the bundle was exported already.
        BundleError: the folder holds other files, or a bundle that torch needs.
        ImageError: a picture to compare by cannot be read.
        MissingExtra: what it shall run on is not installed.
        ExportError: the network has no form in ONNX, or answers differently there.
        DiskError: the folder cannot be written; an older bundle is kept.
    """
    refuse_to_export(bundle, folder)
    squares = squares_of(sources, bundle.description.preprocess)
    exported, parity = in_onnx(bundle, squares, runs_on, tell)
    kind = "pictures" if sources else "cells drawn by papscope"
    found = Finding(
        {
            "to": form_of(runs_on),
            **told(parity, given=bool(sources)),
        },
        (sentence(parity, kind),),
    )
    digest = write_exported(folder, exported, card, found)
    assert exported.onnx is not None
    return Exported(folder, digest, parity, len(exported.onnx) / 1e6)


def in_onnx(bundle: Bundle, squares: Squares, runs_on: RunsOn, tell: Tell) -> tuple[Bundle, Parity]:
    """Give a model in ONNX, held in memory, and how far its answers for squares are apart.

    Raises:
        MissingExtra: what it shall run on is not installed.
        ExportError: the network has no form in ONNX, or answers differently there.
    """
    tell("exporting", 0, 1)
    network = from_bundle(bundle)
    about = bundle.description
    graph = graph_of(network, about.preprocess.size, len(about.classes))
    exported = on_engine(bundle, graph, runs_on)
    tell("exporting", 1, 1)
    before = Runner.of(network, about.preprocess, "cpu")
    parity = compare(before, engine_for(exported), squares, tell)
    _refuse_unlike(parity)
    return exported, parity


def told(parity: Parity, *, given: bool) -> dict[str, Any]:
    """Give what `bundle.json` tells of a comparison."""
    return {
        "images": parity.images,
        "images_are": "given" if given else "drawn",
        "largest_difference_of_probabilities": parity.largest_difference,
        "images_of_another_class": parity.other_classes,
        "opset": OPSET,
    }


def sentence(parity: Parity, kind: str) -> str:
    """Say in a card what a comparison came to."""
    return (
        f"On {parity.images} {kind} their probabilities differ by "
        f"{parity.largest_difference:.1e} at most."
    )


def _refuse_unlike(parity: Parity) -> None:
    # Turned round, so that a difference that is no number is refused as well.
    if not parity.largest_difference <= TOLERANCE:
        raise ExportError(
            f"the exported network answers otherwise: of {parity.images} pictures, a probability "
            f"differs by {parity.largest_difference:.2g}, more than {TOLERANCE:.0e}",
            hint="use the bundle itself; please report the backbone",
        )

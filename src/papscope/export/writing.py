"""An exported model on the disk: what is refused beforehand, and what its bundle and card tell.

Takes   a bundle, a graph, and what was found when both were compared
Gives   a bundle of the graph, whole or not at all
Never   exports or compares
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

from papscope.bundle import ONNX, WEIGHTS, Bundle, refuse_others, write_onnx_bundle
from papscope.errors import BundleError, SettingError
from papscope.export.judging import Quality
from papscope.export.parity import Parity
from papscope.predict.engines import OPENVINO

RunsOn = Literal["onnxruntime", "openvino"]
"""What answers for an exported network."""

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
    quality: Quality | None = None
    """Of a model in whole numbers, on labelled images; None for one in floating point."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is told of an export: in `bundle.json`, and as sentences in the card."""

    told: Mapping[str, Any]
    sentences: tuple[str, ...]


def form_of(runs_on: RunsOn) -> str:
    """Give the word for a form of 32-bit numbers; that of 8 bits ends in `-int8` besides."""
    return "onnx" if runs_on == "onnxruntime" else runs_on


def refuse_to_export(bundle: Bundle, folder: Path) -> None:
    """Make sure that a model can be exported to a folder.

    Raises:
        SettingError: it was exported already.
        BundleError: the folder holds other files, or a bundle with weights.
    """
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


def on_engine(bundle: Bundle, model: bytes, runs_on: RunsOn) -> Bundle:
    """Give a model as it will be when it was exported."""
    engine = "" if runs_on == "onnxruntime" else runs_on
    about = replace(bundle.description, engine=engine)
    return Bundle(about, {}, bundle.digest, model, bundle.reference)


def write_exported(folder: Path, exported: Bundle, card: str, found: Finding) -> str:
    """Write the bundle of an exported model, and give its digest.

    Args:
        folder: where.
        exported: the model; its digest is of the bundle that it was made from.
        card: that bundle's, in Markdown, or nothing.
        found: what the export came to.

    Raises:
        DiskError: the folder cannot be written; an older bundle is kept.
    """
    about, model = exported.description, exported.onnx
    assert model is not None
    parts = (*_PARTS, OPENVINO) if about.engine == OPENVINO else _PARTS
    told = {
        **found.told,
        "from": exported.digest,
        "versions": {name: version(name) for name in parts},
    }
    about = replace(about, provenance={**about.provenance, "export": told})
    head = card or (
        f"# {about.backbone}\n\n**Research use only. Not a medical device.** It labels pictures of "
        "single cells; it gives no\ndiagnosis of a slide or a patient.\n"
    )
    said = (
        f"`{ONNX}` is the network of the model {exported.digest[:12]} in ONNX.",
        *found.sentences,
        *(("It runs on OpenVINO.",) if about.engine == OPENVINO else ()),
    )
    text = f"{head.rstrip()}\n\n## Exported\n\n{fill(' '.join(said), 100)}\n"
    return write_onnx_bundle(folder, about, model, text, exported.reference)

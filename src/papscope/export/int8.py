"""A model in whole numbers of 8 bits: faster on a processor, and nearly as good or refused.

Takes   a bundle, and the manifest and split that it was trained with
Gives   an ONNX bundle, which says what the coarser numbers cost on validation images
Never   calibrates or judges by a test image, or writes a worse model unless it is forced
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from papscope.bundle import Bundle
from papscope.errors import ExportError, SettingError
from papscope.export.images import Divided, squares_at
from papscope.export.judging import Quality, judged
from papscope.export.onnx import in_onnx, sentence, told
from papscope.export.parity import Parity, squares_of
from papscope.export.quantise import PERCENTILE, quantised
from papscope.export.writing import (
    Exported,
    Finding,
    RunsOn,
    form_of,
    on_engine,
    refuse_to_export,
    write_exported,
)
from papscope.predict.engines import engine_for
from papscope.progress import Tell, silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Settings:
    """How a model in whole numbers is made."""

    runs_on: RunsOn = "onnxruntime"
    """What answers for it, and is judged."""
    calibration_images: int = 64
    """Of the training part."""
    force: bool = False
    """Write a model that falls short all the same; its bundle and card say so."""

    def __post_init__(self) -> None:
        if self.calibration_images < 1:
            raise SettingError(
                f"calibration_images is {self.calibration_images}",
                hint="give 1 or more",
            )


def export_int8(
    bundle: Bundle,
    folder: Path,
    images: Divided,
    *,
    settings: Int8Settings | None = None,
    card: str = "",
    tell: Tell = silent,
) -> Exported:
    """Export a model in whole numbers of 8 bits, and judge it beside the same in floating point.

    The same model, images and releases of ONNX and onnxruntime give the same bytes.

    Args:
        bundle: the model, with weights for torch.
        folder: where the new bundle goes; an earlier export is replaced.
        images: what it was trained with: it is calibrated on images of the training part, and
            judged on all of the validation part.
        settings: how; None for the defaults.
        card: the bundle's, in Markdown; a paragraph on the export is added.
        tell: hears how far it is.

    Raises:
        SettingError: the bundle was exported already.
        BundleError: the folder holds other files, or a bundle that torch needs.
        SplitError: the split is another manifest's, lacks a part, or is not that of the model.
        TrainingError: the manifest's classes are not the model's.
        ImageError: an image cannot be read.
        MissingExtra: what it shall run on is not installed.
        ExportError: the network has no form in ONNX, or fewer than 98 % of its labels stay, or it
            loses more than half a point of macro-F1, and it is not forced.
        DiskError: the folder cannot be written; an older bundle is kept.
    """
    how = settings or Int8Settings()
    refuse_to_export(bundle, folder)
    preprocess = bundle.description.preprocess
    to_calibrate = images.to_calibrate(bundle, how.calibration_images)
    to_judge = images.to_judge()
    sources = images.sources(to_judge)
    plain, parity = in_onnx(bundle, squares_of(sources, preprocess), how.runs_on, tell)
    assert plain.onnx is not None
    tell("calibrating", 0, 1)
    squares = squares_at(images.sources(to_calibrate), preprocess)
    model = quantised(plain.onnx, squares, preprocess)
    tell("calibrating", 1, 1)
    exported = on_engine(bundle, model, how.runs_on)
    engines = engine_for(plain), engine_for(exported)
    quality = judged(engines, bundle.description, sources, images.truth(to_judge), tell)
    _refuse(quality, force=how.force)
    found = _found(parity, quality, images, len(squares), how)
    digest = write_exported(folder, exported, card, found)
    return Exported(folder, digest, parity, len(model) / 1e6, quality)


def _refuse(quality: Quality, *, force: bool) -> None:
    if quality.falls_short and not force:
        raise ExportError(
            f"on {quality.images} validation images, whole numbers cost too much: "
            f"{'; '.join(quality.falls_short)}",
            hint="export with --to onnx or openvino, or give --force to have it all the same",
        )


def _found(
    parity: Parity, quality: Quality, images: Divided, calibrated_on: int, how: Int8Settings
) -> Finding:
    whole = {
        **quality.to_json(),
        **images.to_json(),
        "judged_on": "validation part",
        "calibrated_on": {"part": "train", "images": calibrated_on},
        "percentile": PERCENTILE,
        "forced": bool(quality.falls_short),
        "falls_short": list(quality.falls_short),
    }
    before, after = (100 * one for one in quality.macro_f1)
    said = [
        sentence(parity, "validation pictures, in 32-bit numbers,"),
        f"It computes in whole numbers of 8 bits, calibrated on {calibrated_on} training pictures.",
        f"On {quality.images} validation pictures, {100 * quality.agreement:.1f} % of its labels "
        f"are those of the first model, and macro-F1 is {after:.1f} % after {before:.1f} %.",
    ]
    if quality.falls_short:
        said.append(f"**Forced, for it falls short: {'; '.join(quality.falls_short)}.**")
    form = f"{form_of(how.runs_on)}-int8"
    return Finding({"to": form, **told(parity, given=True), "int8": whole}, tuple(said))

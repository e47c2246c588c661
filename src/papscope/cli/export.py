"""`papscope export`: a trained model in a form that predicts without torch.

Takes   a bundle, a form, and pictures to compare by
Gives   a bundle in that form, named on standard output with how near its answers are
Never   exports by itself, or writes a model whose answers differ
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from papscope.cli.answering import Orientations
from papscope.cli.terminal import progress, told_on_terminal
from papscope.errors import SettingError, needs_extra

if TYPE_CHECKING:
    from papscope.export.images import Divided
    from papscope.export.judging import Quality
    from papscope.export.writing import Exported, RunsOn
    from papscope.preprocess import Source

Form: TypeAlias = Literal["onnx", "onnx-int8", "openvino", "openvino-int8"]

_WHOLE = "-int8"


def export(
    bundle: Annotated[
        str,
        typer.Argument(help="The model's bundle folder, as `papscope train` made it."),
    ],
    to: Annotated[
        Form,
        typer.Option(
            "--to",
            help="The form: what answers for it, onnxruntime or OpenVINO, in 32-bit numbers or, "
            "faster, in whole numbers of 8 bits.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder for the exported bundle; an older export is replaced."
        ),
    ],
    images: Annotated[
        list[str] | None,
        typer.Option(
            help="Pictures to compare answers by, best of the kind that the model is for: a file, "
            "folder, pattern or manifest (.csv). May be given several times.",
            show_default="cells drawn by papscope",
        ),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(
            help="The split of the one manifest that --images names: answers are compared by its "
            "validation part. For whole numbers it must be given, as the model was trained: they "
            "are calibrated on the training part."
        ),
    ] = None,
    calibration_images: Annotated[
        int, typer.Option(min=1, help="Training images to calibrate whole numbers by.")
    ] = 64,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Write whole numbers that fall short all the same; the bundle says so."
        ),
    ] = False,
    orientations: Orientations = None,
) -> None:
    """Write a model in a form that predicts without torch, and prove that it answers alike.

    Both models answer for the same pictures. In 32-bit numbers, nothing is written where any
    probability differs by more than 0.0001; in whole numbers, where fewer than 98 % of the
    validation images keep their label or macro-F1 loses more than half a point.
    """
    with told_on_terminal():
        from papscope.bundle import read_bundle, read_card
        from papscope.shipped import find_bundle

        _check(to, images, split, force=force)
        folder = find_bundle(bundle).folder
        model = read_bundle(folder).with_orientations(orientations)
        card, runs_on = read_card(folder), _runs_on(to)
        with needs_extra("train", for_what=f"exporting to {to}"), progress() as tell:
            if to.endswith(_WHOLE):
                from papscope.export.int8 import Int8Settings, export_int8

                divided = _divided(images, split)
                how = Int8Settings(
                    runs_on=runs_on, calibration_images=calibration_images, force=force
                )
                done = export_int8(model, output, divided, settings=how, card=card, tell=tell)
            else:
                from papscope.export.onnx import export_onnx

                sources = _compared(images, split)
                done = export_onnx(model, output, sources, runs_on=runs_on, card=card, tell=tell)
        _show(done)


def _runs_on(to: Form) -> RunsOn:
    return "openvino" if to.startswith("openvino") else "onnxruntime"


def _check(to: Form, images: list[str] | None, split: Path | None, *, force: bool) -> None:
    """Refuse options that do not go together, before anything is read."""
    whole = to.endswith(_WHOLE)
    manifests = [one for one in images or () if one.lower().endswith(".csv")]
    if (whole or split is not None) and not (split and len(images or ()) == len(manifests) == 1):
        raise SettingError(
            f"{f'--to {to}' if whole else '--split'} needs the manifest and the split that the "
            "model was trained with",
            hint="give --images MANIFEST.csv --split SPLIT.csv",
        )
    if force and not whole:
        raise SettingError(
            f"--force is for whole numbers, not for --to {to}: a graph that answers otherwise "
            "is wrong",
            hint="leave --force out",
        )


def _divided(images: list[str] | None, split: Path | None) -> Divided:
    from papscope.export.images import Divided
    from papscope.manifest import read_manifest
    from papscope.split import read_split

    assert images is not None
    assert split is not None
    return Divided(read_manifest(Path(images[0])), read_split(split))


def _compared(images: list[str] | None, split: Path | None) -> Sequence[Source]:
    from papscope.predict.sources import named_by

    if split is None:
        return named_by(images) if images else ()
    divided = _divided(images, split)
    return divided.sources(divided.to_judge())


def _show(done: Exported) -> None:
    parity, quality = done.parity, done.quality
    typer.echo(
        f"of {parity.images} pictures, probabilities differ by {parity.largest_difference:.1e} at "
        f"most and {parity.other_classes} classes"
    )
    if quality is not None:
        _show_quality(quality)
    typer.echo(f"bundle: {done.folder} ({done.megabytes:.1f} MB, {done.digest[:12]})")
    typer.echo(f"next: papscope predict {done.folder} PICTURES", err=True)


def _show_quality(quality: Quality) -> None:
    pairs = {"macro-F1": quality.macro_f1, "macro-AUROC": quality.macro_auroc}
    told = (
        f"{name} {100 * pair[1]:.2f} % after {100 * pair[0]:.2f} %"
        for name, pair in pairs.items()
        if pair is not None
    )
    typer.echo(
        f"in whole numbers, on {quality.images} validation images: {100 * quality.agreement:.2f} % "
        f"of labels agree, {', '.join(told)}"
    )
    for why in quality.falls_short:
        typer.echo(f"forced: {why}", err=True)

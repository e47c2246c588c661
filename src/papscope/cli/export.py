"""`papscope export`: a trained model in a form that predicts without torch.

Takes   a bundle, a form, and pictures to compare by
Gives   a bundle in that form, named on standard output with how near its answers are
Never   exports by itself, or writes a model whose answers differ
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from papscope.cli.answering import Orientations
from papscope.cli.terminal import progress, told_on_terminal
from papscope.errors import MissingExtra

if TYPE_CHECKING:
    from papscope.export.onnx import Exported


def export(
    bundle: Annotated[
        str,
        typer.Argument(help="The model's bundle folder, as `papscope train` made it."),
    ],
    to: Annotated[Literal["onnx"], typer.Option("--to", help="The form.")],
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
    orientations: Orientations = None,
) -> None:
    """Write a model in a form that predicts without torch, and prove that it answers alike.

    Both models answer for the same pictures. Where any probability differs by more than 0.0001,
    nothing is written.
    """
    with told_on_terminal():
        from papscope.bundle import read_bundle, read_card
        from papscope.predict.sources import named_by
        from papscope.shipped import find_bundle

        folder = find_bundle(bundle).folder
        model = read_bundle(folder).with_orientations(orientations)
        sources = named_by(images) if images else ()
        try:
            from papscope.export.onnx import export_onnx
        except ModuleNotFoundError as missing:
            if (missing.name or "").startswith("papscope"):
                raise
            raise MissingExtra(
                f"exporting to {to} needs {missing.name}, which is not installed",
                hint='pip install "papscope[train]"',
            ) from None
        with progress() as tell:
            done = export_onnx(model, output, sources, card=read_card(folder), tell=tell)
        _show(done)


def _show(done: Exported) -> None:
    parity = done.parity
    typer.echo(
        f"of {parity.images} pictures, probabilities differ by {parity.largest_difference:.1e} at "
        f"most and {parity.other_classes} classes"
    )
    typer.echo(f"bundle: {done.folder} ({done.megabytes:.1f} MB, {done.digest[:12]})")
    typer.echo(f"next: papscope predict {done.folder} PICTURES", err=True)

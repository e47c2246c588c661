"""`papscope ensemble`: join bundles into one that answers with the mean of theirs.

Takes   bundles of the same classes, for pictures prepared the same way
Gives   one bundle, on the disk and named on standard output
Never   trains, measures, or replaces one of the bundles that it joins
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from papscope.cli.answering import Orientations
from papscope.cli.terminal import told_on_terminal
from papscope.errors import SettingError


def ensemble(
    bundles: Annotated[
        list[str],
        typer.Argument(
            help="Bundle folders, two or more: folds, seeds or backbones. An ensemble among them "
            "is taken apart.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the ensemble's bundle.")
    ],
    orientations: Orientations = None,
) -> None:
    """Join bundles into one that answers with the mean of their probabilities.

    They must share their classes and how pictures are prepared. Nothing is measured: `papscope
    evaluate` does that, and tells where any member has learned from the images.
    """
    with told_on_terminal():
        from papscope.bundle import read_bundle, write_bundle
        from papscope.network.account import card
        from papscope.network.joining import join_bundles
        from papscope.shipped import find_bundle

        folders = [find_bundle(word).folder for word in bundles]
        if output.resolve() in (folder.resolve() for folder in folders):
            raise SettingError(
                f"{output} is one of the bundles to join", hint="name another folder by -o"
            )
        read = [read_bundle(folder) for folder in folders]
        about, tensors = join_bundles(read, orientations=orientations)
        write_bundle(output, about, tensors, card(about))
        if any(one.description.calibration for one in read):
            typer.echo("calibration of members is left behind; see `papscope calibrate`", err=True)
        typer.echo(about.backbone)
        typer.echo(f"bundle: {output}")
        typer.echo(f"next: papscope evaluate {output} MANIFEST", err=True)

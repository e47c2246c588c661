"""The command `papscope gate`: a bundle tells what is unlike anything that it learned from.

Takes   a bundle, the manifest that it learned from, and its split or a cross-validation
Gives   a bundle with a gate, and what it was fitted on, on standard output
Never   touches the weights, changes an answer, or needs torch for a bundle that was exported
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.cli.terminal import progress, tell_model, told_on_terminal
from papscope.errors import SettingError

if TYPE_CHECKING:
    from papscope.studies.gating import Gated, GateSettings


def gate(
    bundle: Annotated[
        str, typer.Argument(help="The model's bundle folder, or the name of a shipped model.")
    ],
    manifest: Annotated[Path, typer.Argument(help="The manifest that it learned from.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder of the bundle with the gate.")
    ],
    split: Annotated[
        Path | None,
        typer.Option(
            help="The split that it was trained with: the gate rests on the training part, and the "
            "validation part sets the threshold."
        ),
    ] = None,
    threshold_from: Annotated[
        Path | None,
        typer.Option(
            help="For a model that learned from every image: the folder of a cross-validation of "
            "the same recipe, whose models set the threshold, each by the fold that it never saw."
        ),
    ] = None,
    accept: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="The share of a new group's genuine cells that shall pass."
        ),
    ] = 0.95,
    cells: Annotated[
        int, typer.Option(min=1, help="Training cells that the gate rests on, at most.")
    ] = 1000,
    held_out: Annotated[
        int,
        typer.Option(
            min=0,
            help="Cells that set the threshold, at most, and of each fold; 0 takes all.",
        ),
    ] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[
        int, typer.Option(min=0, help="Processor threads; 0 decides by the machine.")
    ] = 0,
) -> None:
    """Let a model tell pictures that are unlike anything it learned from.

    `papscope predict` then refers such pictures to a person, with how strange they are, in place
    of a class.
    """
    with told_on_terminal():
        from functools import partial

        from papscope.bundle import read_bundle, read_card, refuse_others, write_again
        from papscope.manifest import read_manifest
        from papscope.predict.engines import engine_for
        from papscope.report.gate_card import with_gate
        from papscope.shipped import find_bundle
        from papscope.studies.gating import GateSettings

        if (split is None) == (threshold_from is None):
            raise SettingError(
                "what sets the threshold is not clear",
                hint="give either --split, or --threshold-from for a model that learned from all",
            )
        found = find_bundle(bundle)
        tell_model(found)
        refuse_others(output)
        make = partial(engine_for, device=device, threads=threads)
        settings = GateSettings(accept=accept, cells=cells, held_out=held_out, make=make)
        read = read_manifest(manifest)
        model = read_bundle(found.folder)
        with progress() as tell:
            if split is not None:
                from papscope.split import read_split
                from papscope.studies.gating import gate_by_split

                done = gate_by_split(model, read, read_split(split), settings, tell)
            else:
                from papscope.studies.gating import gate_by_folds

                assert threshold_from is not None
                done = gate_by_folds(model, read, threshold_from, settings, tell)
        card = with_gate(read_card(found.folder), done.bundle.description.gate)
        write_again(output, done.bundle, card)
        _show(done, settings)
        typer.echo(f"bundle: {output}", err=True)


def _show(done: Gated, settings: GateSettings) -> None:
    for warning in done.warnings:
        typer.echo(f"warning: {warning}", err=True)
    told = done.bundle.description.gate
    typer.echo(f"detectors: {', '.join(told['detectors'])}")
    typer.echo(f"training cells: {done.cells}")
    typer.echo(
        f"threshold: {done.measure.threshold:.3f}, which {settings.accept:.0%} of the genuine "
        "cells of a new group stay within"
    )
    typer.echo(f"fitted on: {told['fitted_on']}")

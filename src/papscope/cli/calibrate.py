"""The command `papscope calibrate`: fit how sure a model may be, on scores, into a new bundle.

Takes   a bundle, and files of scores of images that were not learned from
Gives   a bundle that carries the calibration, and what it gained, on standard output
Never   touches the weights, or needs torch
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.cli.terminal import tell_model, told_on_terminal

if TYPE_CHECKING:
    from papscope.evaluate.scaling import Scaling


def calibrate(
    bundle: Annotated[
        str, typer.Argument(help="The model's bundle folder, or the name of a shipped model.")
    ],
    scores: Annotated[
        list[Path],
        typer.Argument(
            help="Scores of a part that was not learned from: validation, or every fold of a "
            "cross-validation, answered by the models that had it left out."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder of the calibrated bundle.")
    ],
    bias: Annotated[
        bool,
        typer.Option(
            "--bias",
            help="Fit a shift of each class too: better probabilities, but rare classes are "
            "called less often. A temperature alone changes no call.",
        ),
    ] = False,
) -> None:
    """Fit a temperature, so that 80 % means 80 %, and write a bundle that carries it.

    What it gains is told for groups that were held out of the fit.
    """
    with told_on_terminal():
        from papscope.bundle import read_bundle, read_card, refuse_others, write_again
        from papscope.evaluate.calibrating import calibrate as fitted
        from papscope.report.card import with_calibration
        from papscope.scores import read_scores
        from papscope.shipped import find_bundle

        found = find_bundle(bundle)
        tell_model(found)
        refuse_others(output)
        model = read_bundle(found.folder)
        done = fitted(model, [read_scores(one) for one in scores], bias=bias)
        for warning in done.warnings:
            typer.echo(f"warning: {warning}", err=True)
        told = done.bundle.description.calibration
        card = with_calibration(read_card(found.folder), told)
        write_again(output, done.bundle, card)
        _show(done.scaling)
        typer.echo(f"fitted on: {told['fitted_on']}")
        typer.echo(f"bundle: {output}", err=True)


def _show(scaling: Scaling) -> None:
    typer.echo(f"temperature: {scaling.temperature:.3f}")
    if scaling.bias is not None:
        typer.echo(f"bias: {', '.join(f'{one:+.3f}' for one in scaling.bias)}")
    for title, (before, after) in (
        ("log-loss", scaling.log_loss),
        ("calibration error", scaling.error),
    ):
        typer.echo(f"{title}: {before:.4f} before, {after:.4f} after")

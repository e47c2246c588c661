"""The command `papscope calibrate`: fit how sure a model may be, and when it must not decide alone.

Takes   a bundle, and files of scores of images that were not learned from
Gives   a bundle that carries the calibration and the rules, and what they gain, on standard output
Never   touches the weights, or needs torch
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from papscope.cli.terminal import tell_model, told_on_terminal

if TYPE_CHECKING:
    from papscope.evaluate.conformal import Wanted
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
    method: Annotated[
        Literal["auto", "temperature", "vector", "dirichlet"],
        typer.Option(
            help="A temperature changes no call. The others weigh classes against each other: "
            "better probabilities, other calls. auto takes the best by inner folds."
        ),
    ] = "temperature",
    bias: Annotated[
        bool,
        typer.Option(
            "--bias",
            help="Fit a shift of each class too: better probabilities, but rare classes are "
            "called less often. A temperature alone changes no call.",
        ),
    ] = False,
    sets: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Fit prediction sets that hold the right class for this share of cells, and when "
            "a cell is referred to a person.",
            show_default="none",
        ),
    ] = None,
    set_score: Annotated[
        Literal["lac", "aps", "raps"],
        typer.Option(help="By what a class is strange to a picture; lac gives the smallest sets."),
    ] = "lac",
    set_by: Annotated[
        Literal["class", "all"],
        typer.Option(help="Promise --sets for each class, or only for all cells together."),
    ] = "class",
    sensitivity: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="The share of abnormal cells to be referred to a person; without --sets, nothing "
            "but this is fitted.",
            show_default="0.95 with --sets",
        ),
    ] = None,
) -> None:
    """Make 80 % mean 80 %, and write a bundle that says when it does not know.

    What it gains is told for groups that were held out of the fit.
    """
    with told_on_terminal():
        from papscope.bundle import read_bundle, read_card, refuse_others, write_again
        from papscope.evaluate.calibrating import calibrate as fitted
        from papscope.evaluate.conformal import Wanted
        from papscope.report.card import with_calibration
        from papscope.scores import read_scores
        from papscope.shipped import find_bundle

        wanted: Wanted | None = None
        if sets is not None or sensitivity is not None:
            wanted = Wanted(
                coverage=sets,
                score=set_score,
                by_class=set_by == "class",
                sensitivity=0.95 if sensitivity is None else sensitivity,
            )
        found = find_bundle(bundle)
        tell_model(found)
        refuse_others(output)
        model = read_bundle(found.folder)
        read = [read_scores(one) for one in scores]
        done = fitted(model, read, method=method, bias=bias, rules=wanted)
        for warning in done.warnings:
            typer.echo(f"warning: {warning}", err=True)
        about = done.bundle.description
        card = with_calibration(read_card(found.folder), about.calibration, about.rules)
        write_again(output, done.bundle, card)
        _show(done.scaling)
        _show_rules(about.rules, done.scaling.held_out.class_names)
        typer.echo(f"fitted on: {about.calibration['fitted_on']}")
        typer.echo(f"bundle: {output}", err=True)


def _show(scaling: Scaling) -> None:
    for name, loss in scaling.tried.items():
        typer.echo(f"tried: {name}, log-loss {loss:.4f}")
    if scaling.temperature is None:
        typer.echo(f"method: {scaling.calibration['method']}")
    else:
        typer.echo(f"temperature: {scaling.temperature:.3f}")
    if scaling.bias is not None:
        typer.echo(f"bias: {', '.join(f'{one:+.3f}' for one in scaling.bias)}")
    for title, (before, after) in (
        ("log-loss", scaling.log_loss),
        ("calibration error", scaling.error),
    ):
        typer.echo(f"{title}: {before:.4f} before, {after:.4f} after")
    typer.echo(
        f"calibration error that {scaling.n} images show of exactly right probabilities: "
        f"{scaling.error_by_chance:.4f}"
    )
    if scaling.called_otherwise:
        typer.echo(f"called otherwise than before: {scaling.called_otherwise} of {scaling.n}")


def _show_rules(rules: Mapping[str, Any], names: tuple[str, ...]) -> None:
    if "sets" in rules:
        sets = rules["sets"]
        limits = zip(names, sets["limits"], strict=True)
        told = ", ".join(f"{name} {one:.3f}" for name, one in limits)
        typer.echo(f"sets: {sets['coverage']:.0%} by {sets['score']}, limits {told}")
    if "refer" in rules:
        one = rules["refer"]
        typer.echo(
            f"referred: abnormal {one['abnormal']:.3f} or more, for {one['sensitivity']:.0%} of "
            f"abnormal cells; fitted on {one['groups']} groups"
        )

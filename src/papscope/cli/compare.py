"""`papscope compare`: whether one model is better than another on the same images.

Takes   two files of scores
Gives   every measure of both with the difference and its interval, and a verdict in a sentence
Never   needs torch, a model or an image
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from papscope.cli.terminal import told_on_terminal


def compare(
    a: Annotated[Path, typer.Argument(help="Scores of one model, from `papscope evaluate`.")],
    b: Annotated[Path, typer.Argument(help="Scores of another model, for the same images.")],
    common: Annotated[
        bool, typer.Option("--common", help="Compare on the images that both answer.")
    ] = False,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the numbers to this file too.")
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=100, help="How many times the groups are drawn for the intervals.")
    ] = 2000,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
) -> None:
    """Compare two models on the same images: is the second better than the first?

    Groups are drawn anew and both models are measured on the same draw (paired bootstrap). The
    difference is that of b less a; "b better" is the share of draws in which it is. A difference
    whose interval holds 0 is none that these images can show.
    """
    with told_on_terminal():
        from rich.console import Console

        from papscope.evaluate.compare import compare as paired
        from papscope.evaluate.tables import comparison_table
        from papscope.files import write_json
        from papscope.scores import read_scores

        found = paired(
            read_scores(a), read_scores(b), resamples=resamples, seed=seed, common=common
        )
        first, second = _names(a, b)
        if json is not None:
            write_json(json, {**found.to_json(), "names": {"a": first, "b": second}})
            typer.echo(f"numbers: {json}", err=True)
        console = Console(highlight=False, markup=False)
        if any(found.leaks):
            console.print("LEAKS: SEE THE WARNINGS", style="bold red")
        console.print(f"a: {a}", f"b: {b}", sep="\n")
        console.print(comparison_table(found, "a", "b"))
        for key in found.measures:
            console.print(found.verdict(key))
        for warning in found.warnings:
            console.print(f"warning: {warning}")


def _names(a: Path, b: Path) -> tuple[str, str]:
    """Give short names that tell two files apart, without folders of this machine."""
    if a.name != b.name:
        return a.name, b.name
    return f"{a.parent.name}/{a.name}", f"{b.parent.name}/{b.name}"

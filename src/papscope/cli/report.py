"""`papscope report`: scores to one HTML file.

Takes   a scores file
Gives   a page, and its path on standard output
Never   needs torch, a model or the network
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from papscope.cli.terminal import progress, told_on_terminal


def report(
    scores: Annotated[Path, typer.Argument(help="The scores that `papscope evaluate` wrote.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The page.", show_default="beside the scores, ending in .html"
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="The folder of the images, if they have moved since they were scored."),
    ] = None,
    resamples: Annotated[
        int, typer.Option(help="How many times to draw the groups anew for the intervals.")
    ] = 2000,
    seed: Annotated[int, typer.Option(help="Of the draws and of the cells that are shown.")] = 0,
) -> None:
    """Make a report from scores: one HTML file that needs no network.

    Every measure has its 95 % interval over groups. Images that cannot be found leave an empty
    tile. The same scores, images and options give the same bytes.
    """
    from papscope.report.page import write_report
    from papscope.scores import read_scores

    with told_on_terminal(), progress() as tell:
        found = read_scores(scores)
        if root is not None:
            found = replace(found, about={**found.about, "root": str(root.absolute())})
        page = write_report(
            output or scores.with_suffix(".html"),
            found,
            resamples=resamples,
            seed=seed,
            scores_path=scores,
            tell=tell,
        )
    typer.echo(str(page))

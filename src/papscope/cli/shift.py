"""The command `papscope shift`: whether new pictures look like those that a model learned from.

Takes   training pictures or a model that carries numbers of them, and new pictures
Gives   a verdict and a table on standard output; a page and JSON if asked; an exit status
Never   needs labels of the new pictures, or torch for a model that was exported
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.cli.answering import Device, Orientations, Threads
from papscope.cli.terminal import progress, told_on_terminal

if TYPE_CHECKING:
    from papscope.shift.found import Family, Shift

PAGE, NUMBERS = "shift.html", "shift.json"


def shift(
    train: Annotated[
        str,
        typer.Argument(
            help="A manifest or a folder of the training pictures; or a bundle, or the name of a "
            "model that comes with papscope, that carries numbers of them (`papscope gate`).",
            show_default=False,
        ),
    ],
    new: Annotated[
        list[str],
        typer.Argument(
            help="The new pictures: a manifest (.csv), which tells groups, or pictures, folders, "
            "patterns, or - for a list on standard input.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="A bundle's folder or a shipped model's name: compare its features too.",
            show_default="TRAIN where that is a bundle",
        ),
    ] = None,
    scores: Annotated[
        list[Path] | None,
        typer.Option(
            help="The model's answers for labelled pictures that it had not learned from, to "
            "estimate what it loses; repeatable."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=f"Write {PAGE} and {NUMBERS} to this folder."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON in the place of the table.")
    ] = False,
    most: Annotated[
        int, typer.Option(min=2, help="Pictures of each side to look at, drawn at random.")
    ] = 1000,
    permutations: Annotated[
        int, typer.Option(min=99, help="How often groups are dealt out anew for a p-value.")
    ] = 1999,
    resamples: Annotated[
        int, typer.Option(min=100, help="How often groups are drawn anew for an interval.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    device: Device = "auto",
    threads: Threads = 0,
    orientations: Orientations = None,
) -> None:
    """Say whether new pictures look like those that a model learned from, and what that may cost.

    Compares colour, sharpness, scale, size of nuclei and, with a model, its features; whole groups
    are permuted, as pictures of one slide resemble each other. Exit status: 0 where they are alike
    or nearly so, 20 where they differ or are too few to tell.
    """
    with told_on_terminal():
        from papscope.files import canonical_json, write_json
        from papscope.predict.sources import STDIN
        from papscope.scores import read_scores
        from papscope.shift.given import given_by
        from papscope.shift.run import measure_shift
        from papscope.shift.sides import sides_of
        from papscope.shift.testing import Draws

        draws = Draws(most=most, permutations=permutations, resamples=resamples, seed=seed)
        old, eyes = sides_of(
            train, model, device=device, threads=threads, orientations=orientations
        )
        pictures = given_by(new, _listed() if STDIN in new else ())
        known = [read_scores(one) for one in scores or ()]
        with progress() as tell:
            found = measure_shift(old, pictures, eyes=eyes, held_out=known, draws=draws, tell=tell)
            if output is not None:
                from papscope.report.shift_page import write_shift_page

                write_json(output / NUMBERS, found.shift.to_json())
                write_shift_page(output / PAGE, found, tell=tell)
        if json:
            typer.echo(canonical_json(found.shift.to_json()), nl=False)
        else:
            _show(found.shift)
        if output is not None:
            typer.echo(f"page: {output / PAGE}", err=True)
        raise typer.Exit(found.shift.exit_status)


def _listed() -> list[str]:
    return [os.fsdecode(line).rstrip("\r\n") for line in typer.get_binary_stream("stdin")]


def _show(found: Shift) -> None:
    from rich.console import Console
    from rich.table import Table

    typer.echo(f"{found.verdict}.")
    table = Table(title=f"{found.new.sentence} against {found.train.sentence}")
    table.add_column("what", overflow="fold")
    table.add_column("finding", overflow="fold")
    for column in ("spreads apart (95 %)", "energy (95 %)", "p, adjusted"):
        table.add_column(column, justify="right", overflow="fold")
    for one in found.families:
        table.add_row(*_row(one))
    Console(highlight=False, markup=False).print(table)
    for sentence in (*found.cost_sentences, *(f"note: {one}" for one in found.warnings)):
        typer.echo(sentence)


def _row(one: Family) -> tuple[str, ...]:
    size = ""
    if one.differences:
        most = one.differences[0]
        size = f"{most.size.value:+.2f} ({most.size.low:+.2f} to {most.size.high:+.2f}) {most.name}"
    energy = one.tested.coefficient
    found = one.finding + (f": {', '.join(one.words)}" if one.words else "")
    told = f"{energy.value:.3f} ({energy.low:.3f} to {energy.high:.3f})"
    return one.name, found, size, told, f"{one.adjusted:.4f}"

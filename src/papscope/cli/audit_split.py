"""The command `papscope audit-split`: does anybody's split leak, and what is that worth.

Takes   a manifest, and a split of it: ours, a CSV file of theirs, or the parts the images came in
Gives   a verdict and a table on standard output, a folder with a page and JSON, an exit status
Never   changes a split; trains only where it is asked to
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from papscope.cli.check import processors
from papscope.cli.crossval import resumable, written_command
from papscope.cli.terminal import progress, told_on_terminal
from papscope.cli.train import (
    ACCELERATOR,
    BACKBONE,
    BATCH,
    MORE,
    RECIPE,
    SIZE,
    THREADS,
    WEIGHTS,
    need_torch,
    texts_of,
)
from papscope.progress import silent

if TYPE_CHECKING:
    from papscope.checks.leaks import Audit
    from papscope.evaluate.inflation import Inflation

PAGE, JSON, MEASURED = "leaks.html", "leaks.json", "measured"
_TRAIN = ("backbone", "weights", "size", "epochs", "batch_size", "lr", "accelerator", "threads")
_MEASURING = ("measure", "resume", "workers", "json")
"""What is left out of the command that a page shows: none of it changes what is found."""


def audit_split(
    context: typer.Context,
    manifest: Annotated[Path, typer.Argument(help="The manifest of the images.")],
    split: Annotated[
        Path | None,
        typer.Option(
            help="A split of papscope's, or any CSV file with a column of images and one of parts; "
            "without it, the parts in which the images came."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder of the page and the JSON file.")
    ] = Path("leak-audit"),
    measure: Annotated[
        bool, typer.Option("--measure", help="Also train on it and on a clean split; compare.")
    ] = False,
    folds: Annotated[
        int,
        typer.Option(help="Measure by so many folds instead: by tied groups, and by image."),
    ] = 0,
    recipe: RECIPE = None,
    backbone: BACKBONE = None,
    weights: WEIGHTS = None,
    size: SIZE = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch_size: BATCH = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate of the head.")] = None,
    accelerator: ACCELERATOR = None,
    threads: THREADS = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the clean split and of training.", show_default="0")
    ] = None,
    more: MORE = None,
    resamples: Annotated[
        int, typer.Option(min=100, help="How many times groups are drawn for the intervals.")
    ] = 2000,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what was trained in the folder.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of the verdict and the table.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one a processor, at most 8.")
    ] = None,
) -> None:
    """Look whether a split leaks, whoever made it, and measure what that is worth.

    Exit status, as of `papscope check`: 0 where nothing was found, 20 where something is in doubt,
    5 where it leaks.
    """
    given = {name: value for name, value in locals().items() if name in (*_TRAIN, "seed")}
    with told_on_terminal(), resumable():
        from papscope.checks.leaks import audit_split as look
        from papscope.manifest import read_manifest
        from papscope.report.leak_page import write_leak_page

        _refuse(measure, folds, resume)
        images = read_manifest(manifest)
        with progress() as tell:
            audit = look(images, split, workers=workers or processors(), tell=tell)
            found = None
            if measure:
                found = _measured(
                    audit,
                    output / MEASURED,
                    {"recipe": recipe, "given": given, "more": more, "resume": resume},
                    {"folds": folds, "seed": seed or 0, "resamples": resamples},
                    tell if sys.stderr.isatty() else silent,
                )
            command = written_command(context, "audit-split", _MEASURING)
            write_leak_page(output / PAGE, audit, found, command=command, tell=tell)
        _told(audit, found, output, json)
        if audit.exit_status:
            raise typer.Exit(audit.exit_status)


def _refuse(measure: bool, folds: int, resume: bool) -> None:
    from papscope.errors import SettingError

    if measure:
        need_torch()
    elif folds or resume:
        raise SettingError(
            f"{'--folds' if folds else '--resume'} says how to measure", hint="add --measure"
        )


def _measured(
    audit: Audit, place: Path, train: dict[str, Any], how: dict[str, int], tell: Any
) -> Inflation:
    from papscope.config import train_settings
    from papscope.studies.inflation import InflationSettings, measure_inflation
    from papscope.train.trainer import Watch

    settings = train_settings(train["recipe"], train["given"], texts_of(train["more"]))
    return measure_inflation(
        audit,
        settings,
        place,
        how=InflationSettings(**how),
        resume=train["resume"],
        watch=Watch(tell, on_note=lambda note: typer.echo(note, err=True)),
    )


def _told(audit: Audit, found: Inflation | None, output: Path, json: bool) -> None:
    from papscope.files import canonical_json, write_text

    content = {**audit.to_json(), "inflation": found.to_json() if found else None}
    text = canonical_json(content)
    write_text(output / JSON, text)
    if json:
        typer.echo(text, nl=False)
    else:
        _show(audit, found)
    for called, file in (("page", PAGE), ("json", JSON)):
        typer.echo(f"{called}: {output / file}", err=True)


def _show(audit: Audit, found: Inflation | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from papscope.checks.ties import KINDS
    from papscope.evaluate.inflation import TOLD
    from papscope.report.leak_page import head

    console = Console(highlight=False, markup=False)
    colour = {"stop": "bold red", "warn": "bold yellow", None: "bold green"}[audit.severity]
    console.print(f"{audit.verdict()}.", style=colour)
    table = Table(title="images concerned (ties on both sides)")
    table.add_column("kind", overflow="fold")
    for side in audit.sides:
        table.add_column(head(side), justify="right", overflow="fold")
    for name, kind in KINDS.items():
        if any(side.links[name] for side in audit.sides):
            cells = [f"{len(side.links[name])} ({side.ties[name]})" for side in audit.sides]
            table.add_row(Text(f"{kind.title}{'' if kind.certain else ' (in doubt)'}"), *cells)
    if table.row_count:
        console.print(table)
    console.print(f"looked for: {'; '.join(audit.looked_for())}")
    for one in audit.cannot_see():
        console.print(f"cannot be seen: {one}")
    if found is None:
        console.print("inflation: not measured; add --measure to train on it and on a clean split")
        return
    for key in TOLD:
        console.print(f"{found.sentence(key)}.")
    console.print(found.meaning())

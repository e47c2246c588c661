"""The command `papscope chain`: stages of training in a row.

Takes   a chain's recipe, where its data sets lie, and settings laid over every stage
Gives   a folder with each stage's run and the last bundle, and whether the chain was worth it
Never   computes: it fills settings, and shows what training tells
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.cli.terminal import INTERRUPTED, progress, told_on_terminal
from papscope.cli.train import need_torch, show_epoch, texts_of
from papscope.errors import SettingError

if TYPE_CHECKING:
    from papscope.studies.chain import Chained

_ABOUT = "triple, herlev-cric, cric-herlev, or a TOML file with [[stage]] tables."


def chain(
    recipe: Annotated[str, typer.Argument(help=_ABOUT)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The chain's folder.")] = Path(
        "chain"
    ),
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="NAME=FOLDER", help="Where a data set lies; repeatable."),
    ] = None,
    data_root: Annotated[
        Path | None,
        typer.Option(
            envvar="PAPSCOPE_DATA", help="The folder that holds the others, each under its name."
        ),
    ] = None,
    allow_partial: Annotated[
        bool,
        typer.Option("--allow-partial", help="Note what is missing or more; do not refuse it."),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the chain in the folder.")
    ] = False,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of every stage, e.g. epochs=3."
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads; 0 leaves it to torch.")
    ] = None,
    no_compare: Annotated[
        bool, typer.Option("--no-compare", help="Do not train the last stage alone to compare.")
    ] = False,
) -> None:
    """Train in stages, each from the model of the one before, and say whether that helped.

    The head is replaced where classes change. At the end the last stage is trained alone, from the
    first stage's weights, and both are compared on its test images, which no stage has learned
    from. Ctrl-C keeps the last whole epoch; `--resume` goes on, and keeps finished stages.
    """
    with told_on_terminal():
        need_torch()
        from papscope.studies.chain import run_chain
        from papscope.studies.chain_data import Places
        from papscope.studies.chain_recipe import read_chain
        from papscope.studies.chain_stage import ChainWatch

        texts = texts_of(more)
        if threads is not None:
            texts["threads"] = str(threads)
        asked = read_chain(recipe, texts)
        if no_compare:
            asked = replace(asked, about=replace(asked.about, compare=False))
        places = Places(_folders(data), data_root, allow_partial)
        with progress() as tell:
            watch = ChainWatch(tell, show_epoch, _note, _heading)
            try:
                done = run_chain(asked, output, places, resume=resume, watch=watch)
            except KeyboardInterrupt:
                _note("stopped; go on with the same command and --resume")
                raise typer.Exit(INTERRUPTED) from None
        _show(done, output)


def _folders(data: list[str] | None) -> dict[str, Path]:
    found = {}
    for one in data or []:
        name, equals, folder = one.partition("=")
        if not equals or not folder:
            raise SettingError(f"--data {one} has no =", hint="write --data NAME=FOLDER")
        found[name.strip()] = Path(folder.strip())
    return found


def _note(text: str) -> None:
    typer.echo(text, err=True)


def _heading(text: str) -> None:
    typer.secho(f"\n{text}", bold=True, err=True)


def _show(done: Chained, folder: Path) -> None:
    """Print what each stage came to, the comparison, and what to do next."""
    from rich.console import Console

    from papscope.evaluate.tables import comparison_table

    console = Console(highlight=False, markup=False)
    for one in done.stages:
        metrics = one.bundle.description.metrics
        measured = ""
        if metrics.get("macro_f1") is not None:
            measured = (
                f"; validation macro-F1 {metrics['macro_f1']:.3f}, accuracy "
                f"{metrics['accuracy']:.3f} ({metrics['part']})"
            )
        console.print(
            f"{one.ready.images.stage.called}: epoch {metrics['epoch']} kept{measured}; "
            f"{one.sentence}"
        )
    if done.comparison is not None:
        console.print(comparison_table(done.comparison, "alone", "chain"))
        console.print(str(done.verdict), style="bold")
        for warning in done.comparison.warnings:
            console.print(f"warning: {warning}")
    typer.echo(f"bundle: {done.bundle}")
    manifest, split = done.stages[-1].ready.files
    if done.comparison is not None:
        typer.echo(f"comparison: {folder / 'comparison.json'}")
        typer.echo(f"next: papscope report {folder / 'scores-chain.csv'}")
    else:
        typer.echo(f"next: papscope evaluate {done.bundle} {manifest} --split {split}")

"""`papscope crossval`: every image answered by a network that never saw its group.

Takes   a manifest, a recipe and settings laid over it, or candidates to choose from
Gives   a folder with every fold, pooled scores, measures and a page; tables on standard output
Never   computes: it fills settings, and shows what is told
"""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from papscope.cli.terminal import INTERRUPTED, progress, told_on_terminal
from papscope.cli.train import (
    ACCELERATOR,
    BACKBONE,
    BATCH,
    MANIFEST,
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
    from collections.abc import Iterator

    from papscope.studies.crossval import CrossValidated
    from papscope.train.settings import TrainSettings

_TRAIN = ("backbone", "weights", "size", "epochs", "batch_size", "lr", "accelerator", "threads")
"""The options of this command that are settings of `TrainSettings`."""


def crossval(
    context: typer.Context,
    manifest: MANIFEST,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder; new or empty.")
    ] = Path("crossval"),
    folds: Annotated[int, typer.Option(help="How many folds.")] = 5,
    by: Annotated[
        str, typer.Option(help="What no fold divides: group, strict; image leaks.")
    ] = "group",
    repeats: Annotated[
        int, typer.Option(help="How often all images are cut and answered, with other seeds.")
    ] = 1,
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
        int | None, typer.Option(help="Of the folds and of training.", show_default="0")
    ] = None,
    more: MORE = None,
    choose: Annotated[
        Path | None,
        typer.Option(
            help="Candidates, in TOML: each fold chooses one on inner folds of its training part."
        ),
    ] = None,
    choose_by: Annotated[
        str,
        typer.Option(help="macro_f1, accuracy, balanced_accuracy, abnormal_auroc or log_loss."),
    ] = "macro_f1",
    inner_folds: Annotated[
        int, typer.Option(help="Folds of each training part, on which candidates are tried.")
    ] = 3,
    also_leaky: Annotated[
        bool,
        typer.Option("--also-leaky", help="Also cut folds by image, to show the inflation."),
    ] = False,
    resamples: Annotated[
        int, typer.Option(min=100, help="How many times groups are drawn for the intervals.")
    ] = 2000,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what is in the folder.")
    ] = False,
) -> None:
    """Cross-validate by group: train on all folds but one, answer for that one, in turn.

    Every image is answered by a network that never saw its group, and all answers are measured
    together. Ctrl-C keeps what is finished; `--resume` goes on with the same command.
    """
    given = {name: value for name, value in locals().items() if name in (*_TRAIN, "seed")}
    with told_on_terminal(), resumable():
        need_torch()
        from papscope.manifest import read_manifest
        from papscope.studies.crossval import cross_validate
        from papscope.studies.crossval_settings import CrossvalSettings
        from papscope.train.trainer import Watch

        cross = CrossvalSettings(
            folds=folds,
            by=by,  # type: ignore[arg-type]  # checked when made
            repeats=repeats,
            seed=seed or 0,
            inner_folds=inner_folds,
            choose_by=choose_by,
            also_leaky=also_leaky,
            resamples=resamples,
            command=written_command(context, "crossval", ("resume",)),
        )
        settings = _settings(recipe, given, more, choose)
        images = read_manifest(manifest)
        with progress() as tell:
            watch = Watch(
                tell if sys.stderr.isatty() else silent,
                on_note=lambda note: typer.echo(note, err=True),
            )
            done = cross_validate(images, settings, output, cross=cross, resume=resume, watch=watch)
        _show(done)


@contextmanager
def resumable() -> Iterator[None]:
    """Say on Ctrl-C how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("stopped; go on with the same command and --resume", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _settings(
    recipe: str | None, given: dict[str, Any], more: list[str] | None, choose: Path | None
) -> TrainSettings | dict[str, TrainSettings]:
    from papscope.config import train_settings

    plain = train_settings(recipe, given, texts_of(more))
    if choose is None:
        return plain
    from papscope.studies.candidates import read_candidates

    return read_candidates(choose, plain)


def written_command(context: typer.Context, name: str, without: tuple[str, ...]) -> str:
    """Write down a command with all that was given, so that it can be given again.

    Args:
        context: of the command.
        name: of the command.
        without: parameters that are left out.
    """
    words = ["papscope", name]
    for param in context.command.params:
        value = context.params.get(str(param.name))
        if param.name in without or value in (None, False, [], ()) or value == param.default:
            continue
        flag = max(param.opts, key=len) if param.opts else ""
        many = value if isinstance(value, list | tuple) else [value]
        for one in many:
            named = [flag] if flag.startswith("-") else []
            words += named if one is True else [*named, str(one)]
    return shlex.join(words)


def _show(done: CrossValidated) -> None:
    from rich.console import Console

    from papscope.evaluate.fold_tables import fold_tables
    from papscope.evaluate.tables import class_table, notes, overall_table
    from papscope.split import Protocol
    from papscope.studies.crossval import METRICS, REPORT, SCORES

    console = Console(highlight=False, markup=False)
    summary = done.summary
    if summary.leaks:
        console.print(summary.leaks.upper(), style="bold red")
    for table in (overall_table(summary), class_table(summary), *fold_tables(done.told, summary)):
        console.print(table)
    if done.told.leak:
        console.print(done.told.leak.sentence())
    for note in notes(summary):
        console.print(note)
    if summary.protocol:
        console.print(f"folds: {Protocol.from_json(summary.protocol).sentence()}")
    for name in (SCORES, METRICS, REPORT):
        typer.echo(f"{name.partition('.')[0]}: {done.folder / name}", err=True)

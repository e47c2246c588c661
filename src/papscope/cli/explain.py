"""`papscope explain`: what a network used for its answers, where that can be shown honestly.

Takes   the words of a command line: a bundle, or none, and pictures
Gives   a folder of overlays, raw maps, numbers and one page; a table on standard output
Never   computes, or shows a map that failed its checks: there is no option for that
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.cli.answering import Device, Orientations, Threads
from papscope.cli.terminal import progress, tell_model, told_on_terminal
from papscope.errors import ImageError, SettingError

if TYPE_CHECKING:
    from papscope.explain.neighbours import Library
    from papscope.explain.run import Ready
    from papscope.explain.told import Account
    from papscope.manifest import Manifest
    from papscope.progress import Tell
    from papscope.split import Split

PAGE = "explain.html"


def explain(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[BUNDLE] PATHS",
            help="Pictures, folders, patterns, or a manifest (.csv). Before these words, a "
            "bundle's folder or the name of a model that comes with papscope; without one, "
            "papscope's own.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the page, the maps and the numbers.")
    ] = Path("explained"),
    method: Annotated[
        str,
        typer.Option(help="grad-cam++, layer-cam, integrated-gradients, occlusion, or all."),
    ] = "all",
    about: Annotated[
        str | None,
        typer.Option(
            "--class", metavar="NAME", help="The class to explain.", show_default="the answer"
        ),
    ] = None,
    training: Annotated[
        Path | None,
        typer.Option(help="The manifest that the model was trained with: shows training cells."),
    ] = None,
    split: Annotated[Path | None, typer.Option(help="The split that it was trained with.")] = None,
    fold: Annotated[
        int | None, typer.Option(help="Of a split into folds: the fold kept for testing.")
    ] = None,
    neighbours: Annotated[
        int, typer.Option(min=1, help="How many training cells to show for each picture.")
    ] = 5,
    most: Annotated[
        int, typer.Option(min=1, help="The most pictures to explain; more are refused.")
    ] = 50,
    device: Device = "auto",
    threads: Threads = 0,
    orientations: Orientations = None,
) -> None:
    """Show what a model used for its answers, and which training cells look alike to it.

    Each map is checked first: its method must look at what the network has learnt, and the answer
    must fall sooner where the map points than at random places. A map that fails is not shown.
    """
    with told_on_terminal():
        from papscope.bundle import read_bundle
        from papscope.explain.run import ExplainSettings, ready
        from papscope.explain.run import explain as explained
        from papscope.explain.writing import refuse_other_files, write_explanation
        from papscope.predict.engines import engine_for
        from papscope.predict.sources import named_by
        from papscope.predict.words import model_and_pictures
        from papscope.report.why_page import write_why_page

        found, paths = model_and_pictures(words)
        sources = named_by(paths)
        if len(sources) > most:
            raise SettingError(
                f"{len(sources)} pictures are named; {most} are explained at most",
                hint=f"name fewer, or give --most {len(sources)}",
            )
        refuse_other_files(output)
        trained = _trained(training, split, fold)
        bundle = read_bundle(found.folder).with_orientations(orientations)
        tell_model(found)
        settings = ExplainSettings(
            method=method, about=about, device=device, cache=output / "cache"
        )
        with progress() as tell:
            given = ready(bundle, engine_for(bundle, device=device, threads=threads), sources)
            library = _library(given, trained, output / "cache", neighbours, tell)
            account = explained(given, settings, library=library, tell=tell)
            write_explanation(output, account)
            manifest = None if trained is None else trained[0]
            write_why_page(output / PAGE, account, manifest, tell=tell)
        _show(account)
        typer.echo(f"page: {output / PAGE}")
        _tell_failures(account)


def _trained(
    training: Path | None, split: Path | None, fold: int | None
) -> tuple[Manifest, Split] | None:
    from papscope.cutting import fold_split
    from papscope.manifest import read_manifest
    from papscope.split import read_split

    if training is None and split is None:
        return None
    if training is None or split is None:
        raise SettingError(
            "neighbours need a manifest and its split", hint="give --training and --split together"
        )
    images, parts = read_manifest(training), read_split(split)
    if fold is not None:
        parts = fold_split(parts, images, fold)
    elif parts.protocol.folds:
        raise SettingError(
            f"{split} has {parts.protocol.folds} folds", hint="say which with --fold 0"
        )
    return images, parts


def _library(
    given: Ready, trained: tuple[Manifest, Split] | None, cache: Path, count: int, tell: Tell
) -> Library | None:
    from papscope.explain.neighbours import library_of

    if trained is None:
        return None
    named = given.bundle.description.provenance.get("manifest_sha256")
    if named and named != trained[0].digest:
        typer.echo(
            "note: the model was trained with another manifest than the one given: these "
            "neighbours may not be what it has learned from",
            err=True,
        )
    return library_of(given.bundle, given.engine, trained, cache, count=count, tell=tell)


def _show(account: Account) -> None:
    """Tell for each method and picture whether there is a map, and why not."""
    for name, why in account.refused.items():
        typer.echo(f"{name}: not for this model: {why}")
    for method, sanity in account.sanity.items():
        if sanity.passed is None:
            typer.echo(f"{method}: not checked against shuffled weights: {sanity.not_made}")
    for one in account.pictures:
        near = ""
        if one.neighbours is not None:
            near = f"; {one.agreeing} of {len(one.neighbours)} neighbours have this label"
        typer.echo(f"{one.source}: {one.answer.label} {one.answer.probability:.3f}{near}")
        for found in one.explanations:
            told = f"no map: it failed a check: {found.why_not}" if found.why_not else "map"
            typer.echo(f"  {found.method}: {told}")
    from papscope.explain.told import MEANING

    typer.echo(MEANING, err=True)


def _tell_failures(account: Account) -> None:
    if not account.failures:
        return
    total = len(account.failures) + len(account.pictures)
    typer.echo(f"{len(account.failures)} of {total} pictures could not be used:", err=True)
    for source, why in account.failures:
        typer.echo(f"  {why if source in why else f'{source}: {why}'}", err=True)
    raise typer.Exit(ImageError.exit_status)

"""`papscope fuse`: join features of several networks, and measures of cells, into one model.

Takes   a manifest, a split of it, and blocks: bundles or networks of timm's
Gives   a bundle in a folder, and a table of how each block and all together did on validation
Never   computes: it fills settings, and shows what fusing tells
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from papscope.cli.terminal import progress, told_on_terminal
from papscope.errors import MissingExtra, SettingError

if TYPE_CHECKING:
    from papscope.fusing.fit import Fused
    from papscope.fusing.settings import FuseSettings
    from papscope.manifest import Manifest
    from papscope.split import Split


def fuse(
    manifest: Annotated[Path, typer.Argument(help="The manifest to fit the head to.")],
    split: Annotated[Path, typer.Option("--split", help="The split that `papscope split` made.")],
    block: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BUNDLE[:LAYER[:POOL]]",
            help="What to join, once for each: a bundle's folder or timm:NAME; POOL is avg, max "
            "or both. Without LAYER: the features below the network's head.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the bundle and the cache.")
    ] = Path("fused"),
    fold: Annotated[
        int | None, typer.Option(help="Of a split into folds: the fold kept for testing.")
    ] = None,
    head: Annotated[str, typer.Option(help="linear, svm, boosting, mlp or late.")] = "linear",
    original: Annotated[
        bool,
        typer.Option(
            "--original",
            help="The student project's: ResNet-50 and VGG-16, each cut in the middle, with "
            "dense layers on top.",
        ),
    ] = False,
    recipe: Annotated[
        str | None, typer.Option(help="original-fusion, the same as --original.")
    ] = None,
    shape: Annotated[
        bool, typer.Option("--shape", help="Join measures of cells from masks or outlines.")
    ] = False,
    experts: Annotated[
        str, typer.Option(help="Classes with an expert of their own, by commas, or auto.")
    ] = "",
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="Of timm: blocks, one for all or one each in order: imagenet, packaged, none or "
            "a file.",
            show_default="packaged where a package has them, else imagenet",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            help="Side of the input of timm: blocks, in pixels.",
            show_default="that of the bundles, or 224",
        ),
    ] = None,
    fit: Annotated[
        str, typer.Option(help="squash, pad or crop, where no block is a bundle.")
    ] = "squash",
    orientations: Annotated[
        bool, typer.Option("--orientations", help="Learn from all eight of each training image.")
    ] = False,
    balance: Annotated[
        str, typer.Option(help="Against unequal classes: none, root or full.")
    ] = "none",
    inner_folds: Annotated[
        int, typer.Option(help="Folds by group on which settings are chosen.")
    ] = 4,
    epochs: Annotated[int, typer.Option(help="Of the head mlp and the original.")] = 60,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder for features.", show_default="`cache` in the output folder"),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed fits the same model.")] = 0,
    threads: Annotated[int, typer.Option(help="Processor threads; 0 leaves it to torch.")] = 0,
) -> None:
    """Join features of several networks into one model with one head, as a bundle.

    The networks stay as they are; the head's settings are chosen on inner folds of the training
    images. The test images are never looked at.
    """
    with told_on_terminal():
        _need_torch()
        from papscope.fusing.settings import ORIGINAL

        whole = original or _is_original(recipe)
        if whole and (block or head != "linear"):
            raise SettingError(
                "the original has blocks and a head of its own",
                hint="leave --block and --head out, or --original",
            )
        settings = _settings(
            blocks=ORIGINAL if whole else tuple(block or ()),
            head="mlp" if whole else head,
            original=whole,
            shape=shape,
            experts=tuple(one.strip() for one in experts.split(",") if one.strip()),
            weights=tuple(weights or ()),
            size=size or 0,
            fit=fit,
            orientations=orientations,
            balance=balance,
            inner_folds=inner_folds,
            epochs=epochs,
            cache=cache,
            seed=seed,
            threads=threads,
        )
        _show(_fused(manifest, split, fold, settings, output))
        rest = "" if fold is None else f" --fold {fold}"
        typer.echo(f"next: papscope evaluate {output}/bundle {manifest} --split {split}{rest}")


def _is_original(recipe: str | None) -> bool:
    if recipe not in (None, "original-fusion"):
        raise SettingError(f"there is no recipe {recipe!r} to fuse by", hint="take original-fusion")
    return recipe is not None


def _settings(**given: Any) -> FuseSettings:
    from papscope.fusing.settings import FuseSettings

    return FuseSettings(**given)


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise MissingExtra(
            "fusing needs torch, which the base installation leaves out",
            hint='pip install "papscope[train]"',
        )


def _fused(
    manifest: Path, split: Path, fold: int | None, settings: FuseSettings, output: Path
) -> Fused:
    from papscope.fusing.fit import fuse as join

    images, parts = _read(manifest, split, fold)
    if parts.protocol.leaks:
        typer.secho(parts.protocol.leaks.upper(), fg="red", bold=True, err=True)
    with progress() as tell:
        return join(images, parts, settings, output, tell=tell)


def _read(manifest: Path, split: Path, fold: int | None) -> tuple[Manifest, Split]:
    from papscope.cutting import fold_split
    from papscope.manifest import read_manifest
    from papscope.split import read_split

    images, parts = read_manifest(manifest), read_split(split)
    if fold is not None:
        return images, fold_split(parts, images, fold)
    if parts.protocol.folds:
        raise SettingError(
            f"{split} has {parts.protocol.folds} folds", hint="say which with --fold 0"
        )
    return images, parts


def _show(done: Fused) -> None:
    for note in done.notes:
        typer.echo(f"note: {note}", err=True)
    if not done.validated:
        typer.echo("no image was held back for validation")
    else:
        _show_validated(done)
    typer.echo(f"bundle: {done.bundle}")


def _show_validated(done: Fused) -> None:
    width = max(len(one.what) for one in done.validated)
    typer.echo(f"{'on validation':<{width}}     n  accuracy  macro-F1")
    for one in done.validated:
        numbers = f"{one.n:6d}  {one.accuracy:8.3f}  {one.macro_f1:8.3f}"
        typer.echo(f"{one.what:<{width}}{numbers}")

"""The command `papscope augment`: multiply the training images beforehand.

Takes   a manifest, a split of it, and the words of a command line
Gives   a folder of new images with a manifest and a split, and what to do next
Never   computes: it shows what is planned, and what was made
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from papscope.cli.terminal import progress, told_on_terminal

if TYPE_CHECKING:
    from papscope.augment.children import Plan
    from papscope.augment.offline import Extended


def augment(
    manifest: Annotated[Path, typer.Argument(help="The manifest that was divided.")],
    split: Annotated[Path, typer.Option("--split", help="The split that `papscope split` made.")],
    fold: Annotated[
        int | None, typer.Option(help="Of a split into folds: the fold that is kept for testing.")
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="A new folder, or that of a run that was cut off."),
    ] = Path("augmented"),
    kind: Annotated[
        Literal["gentle", "original"],
        typer.Option(
            "--set", help="`gentle` keeps stain and shape; `original` is the first project's."
        ),
    ] = "gentle",
    seed: Annotated[int, typer.Option(help="The same seed makes the same images.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one a processor, at most 8.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be made, and whether it can be.")
    ] = False,
) -> None:
    """Make fourteen new images of each training image, and a manifest and a split with them.

    Validation and test images are left as they are. No file of yours is changed. A run that was
    stopped goes on when the same command is given again.
    """
    with told_on_terminal():
        from papscope.augment.children import OfflineSettings
        from papscope.augment.offline import carry_out
        from papscope.augment.plan import plan
        from papscope.cutting import fold_split
        from papscope.manifest import read_manifest, read_polygons
        from papscope.split import read_split

        images, parts = read_manifest(manifest), read_split(split)
        if fold is not None:
            parts = fold_split(parts, images, fold)
        settings = OfflineSettings(kind=kind, seed=seed, workers=workers or _processors())
        wanted = plan(images, parts, output, settings)
        _tell_plan(wanted)
        if dry_run:
            return
        with progress() as tell:
            done = carry_out(wanted, polygons=read_polygons(manifest), tell=tell)
        _tell_done(done, wanted)


def _processors() -> int:
    import os

    return min(8, os.cpu_count() or 1)


def _tell_plan(wanted: Plan) -> None:
    from papscope.augment.children import COPIES
    from papscope.files import free_bytes

    if wanted.split.protocol.leaks:
        typer.secho(wanted.split.protocol.leaks.upper(), fg="red", bold=True, err=True)
    typer.echo(
        f"{len(wanted.parents)} training images, {COPIES} new ones of each (set "
        f"{wanted.settings.kind}): {wanted.count} images in {wanted.folder}, at most "
        f"{wanted.most_bytes / 1e6:.0f} MB; the disk has room for "
        f"{free_bytes(wanted.folder) / 1e6:.0f} MB",
        err=True,
    )


def _tell_done(done: Extended, wanted: Plan) -> None:
    from papscope.split import originals

    again = f", {done.kept} of them there already" if done.kept else ""
    train = sum(part == "train" for part in done.split.part_of.values())
    others = sum(part != "train" for part in done.split.part_of.values())
    typer.echo(
        f"made: {done.made} images of {len(wanted.parents)} training images in {wanted.folder}"
        f"{again}"
    )
    typer.echo(
        f"training: {train} images; validation and test: {others}, as before; rows in all: "
        f"{len(done.manifest.rows)}, of which {len(originals(done.manifest.rows))} originals"
    )
    typer.echo(f"manifest: {done.manifest_path}")
    typer.echo(f"split: {done.split_path}")
    typer.echo(f"next: papscope train {done.manifest_path} --split {done.split_path}")

"""The command `papscope split`: decide once who is in training, validation and test.

Takes   a manifest and the words of a command line
Gives   a split file, a table of what each class got, and if asked a tree of folders
Never   moves an image
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from papscope.cli.terminal import progress, told_on_terminal

if TYPE_CHECKING:
    from rich.console import Console

    from papscope.manifest import Manifest
    from papscope.split import Split

_PERCENT = "60/20/20"


def split(
    manifest: Annotated[Path, typer.Argument(help="The manifest to divide.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Where the split goes; beside the manifest by default."
        ),
    ] = None,
    shares: Annotated[
        str | None,
        typer.Option(help=f"Per cent of training/validation/test; {_PERCENT} by default."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Cut this many folds instead of three parts.")
    ] = None,
    by: Annotated[
        Literal["group", "image", "given"],
        typer.Option(help="What is not divided; `given` keeps the parts that the source had."),
    ] = "group",
    strict: Annotated[
        bool, typer.Option("--strict", help="Keep the coarser, strict groups together too.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same split.")] = 0,
    materialise: Annotated[
        Path | None,
        typer.Option(help="Also lay the images out as DIR/train/<class>/...", metavar="DIR"),
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Lay out copies instead of hard links.")
    ] = False,
) -> None:
    """Divide images into training, validation and test, or into folds, by slide.

    All cells of one slide (field, cluster: whatever the manifest calls a group) land in one part,
    and every class keeps its shares as well as whole groups allow. The images stay where they are:
    the split is a file.
    """
    from papscope.manifest import read_manifest
    from papscope.split import write_split

    with told_on_terminal():
        _refuse_contradictions(shares, folds, by, strict, copy and materialise is None)
        images = read_manifest(manifest)
        made = _made(images, shares, folds, "strict" if strict else by, seed)
        place = output or manifest.with_name(f"{manifest.stem}.split.csv")
        if materialise is not None:
            from papscope.materialise import materialise as lay_out

            with progress() as tell:
                lay_out(images, made, materialise, how="copy" if copy else "link", tell=tell)
        write_split(place, made)
        _show(images, made)
        typer.echo(f"split: {place}")
        if materialise is not None:
            typer.echo(f"images: {materialise}")


def _refuse_contradictions(
    shares: str | None, folds: int | None, by: str, strict: bool, copy_of_nothing: bool
) -> None:
    from papscope.errors import SettingError

    for wrong, what, hint in (
        (shares and folds is not None, "--shares and --folds exclude each other", "give one"),
        (strict and by != "group", f"--strict and --by {by} exclude each other", "give one"),
        (shares and by == "given", "--by given has its own shares", "leave --shares out"),
        (copy_of_nothing, "--copy says how to --materialise", "add --materialise DIR"),
    ):
        if wrong:
            raise SettingError(what, hint=hint)


def _made(
    images: Manifest,
    shares: str | None,
    folds: int | None,
    by: Literal["group", "strict", "image", "given"],
    seed: int,
) -> Split:
    from papscope.cutting import cut, cut_folds

    if folds is not None:
        return cut_folds(images, by=by, folds=folds, seed=seed)
    return cut(images, by=by, shares=_parsed(shares or _PERCENT), seed=seed)


def _parsed(text: str) -> dict[str, float]:
    """Read shares in per cent, divided by slashes.

    Raises:
        SettingError: these are not three numbers with sum 100.
    """
    from papscope.errors import SettingError
    from papscope.split import PARTS

    try:
        numbers = [float(number) for number in text.split("/")]
        shares = {part: number / 100 for part, number in zip(PARTS, numbers, strict=True)}
    except ValueError:
        raise SettingError(
            f"--shares {text!r} is not three numbers between slashes", hint=f"try {_PERCENT}"
        ) from None
    if abs(sum(numbers) - 100) > 1e-4:
        raise SettingError(
            f"--shares {text} sums to {sum(numbers):g}, not to 100", hint=f"try {_PERCENT}"
        )
    return shares


def _show(images: Manifest, made: Split) -> None:
    """Print what each class got, how far from what was wanted, and loudly what leaks."""
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    from papscope.shares import largest_deviation, shares_table

    console = Console()
    found = shares_table(made, images)
    table = Table(title=f"{images.dataset}: images (groups), share of the class")
    table.add_column("class", overflow="fold")
    for part in made.parts:
        table.add_column(f"fold {part}" if part.isdigit() else part, justify="right")
    for label in (*images.class_names, None):
        cells = [one for one in found if one.label == label]
        shown = [f"{one.images} ({one.groups}) {100 * one.share:.1f} %" for one in cells]
        table.add_row(
            "all" if label is None else label, *shown, style="bold" if label is None else None
        )
    console.print(table)
    worst = largest_deviation(found)
    if worst is not None:
        console.print(
            f"furthest from its wanted share: {worst.label or 'all'} in {worst.part}, "
            f"{100 * worst.share:.1f} % for {100 * (worst.wanted or 0):.1f} %",
            highlight=False,
        )
    _tell_left_out(console, images, made)
    console.print(f"protocol: {made.protocol.sentence()}", highlight=False)
    if made.protocol.leaks:
        words = Text(
            f"{made.protocol.leaks}\nWhat is measured on this split can be too good to be true, "
            "and all that is made from it says so.",
            style="bold red",
        )
        console.print(Panel(words, title="LEAKS", border_style="bold red"))


def _tell_left_out(console: Console, images: Manifest, made: Split) -> None:
    if made.protocol.left_out:
        console.print(f"left out: {made.protocol.left_out} images without a label")
    children = [row.id for row in images.rows if row.made]
    if children:
        held = sum(name in made.part_of for name in children)
        console.print(
            f"images that papscope made, not counted above: {held} follow their originals, and "
            f"{len(children) - held}, whose originals are in validation or test, are left out",
            highlight=False,
        )

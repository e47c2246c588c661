"""The command `papscope import`: a data set's folder to a manifest.

Takes   a kind, a folder, and what the kind can be asked
Gives   the manifest's file, and on standard output what was found
Never   replaces a manifest of other content unless told to
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from papscope.cli import import_options as words
from papscope.cli.terminal import progress, told_on_terminal

if TYPE_CHECKING:
    from papscope.manifest import Manifest, Polygons


def import_(
    kind: words.Kind,
    root: words.Root,
    output: words.Output = None,
    allow_partial: words.AllowPartial = False,
    skip_unreadable: words.SkipUnreadable = False,
    force: words.Force = False,
    what: words.What = None,
    metaplastic: words.Metaplastic = None,
    crop: words.Crop = None,
    grades: words.Grades = None,
    table: words.TablePath = None,
    group_regex: words.GroupRegex = None,
    groups: words.GroupsPath = None,
    path_column: words.PathColumn = None,
    label_column: words.LabelColumn = None,
    group_column: words.GroupColumn = None,
    box_columns: words.BoxColumns = None,
    abnormal: words.Abnormal = None,
    bethesda: words.Bethesda = None,
    dataset: words.Dataset = None,
    slides: words.Slides = None,
    cells_per_slide: words.CellsPerSlide = None,
    image_size: words.ImageSize = None,
    seed: words.Seed = None,
) -> None:
    """List a data set's images, or your own, in a manifest: class, slide, size and digest.

    No image is moved or changed. Counts are held against the published ones.
    """
    if kind == "csv" and table is None and root.is_file():
        root, table = root.parent, root.absolute()
    given = locals()
    with told_on_terminal():
        _import(kind, root, output or Path(f"{kind}.csv"), given)


def _import(kind: str, root: Path, output: Path, given: dict[str, object]) -> None:
    from papscope.importing import import_images

    options = words.options_from(given)
    partial = bool(given["allow_partial"])
    with progress() as tell:
        manifest, polygons = import_images(
            kind, root, options=options, allow_partial=partial, tell=tell
        )
    new = _write(output, manifest, polygons, force=bool(given["force"]))
    _show(manifest, len(polygons))
    typer.echo(f"\nmanifest: {output}{'' if new else ' (the same as before)'}")
    typer.echo(f"next: papscope check {output}")


def _write(place: Path, manifest: Manifest, polygons: dict[str, Polygons], *, force: bool) -> bool:
    """Write a manifest; give whether anything is new.

    Raises:
        SettingError: there is a file of other content, and it may not be replaced.
    """
    from papscope.errors import SettingError
    from papscope.manifest import write_manifest

    if place.exists() and not force:
        if _same(place, manifest, polygons):
            return False
        raise SettingError(
            f"{place} is there already, with other content",
            hint="name another file with -o, or replace it with --force: splits that were made "
            "from it will no longer fit it",
        )
    write_manifest(place, manifest, polygons)
    return True


def _same(place: Path, manifest: Manifest, polygons: dict[str, Polygons]) -> bool:
    from papscope.errors import TableError
    from papscope.manifest import read_manifest, read_polygons

    try:
        old = replace(read_manifest(place), digest="")
        return old == manifest and read_polygons(place) == polygons
    except TableError:
        return False


def _show(manifest: Manifest, outlined: int) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{manifest.dataset}: {len(manifest.rows)} rows"
    shown = Table("class", "counts as", title=title, title_justify="left")
    for heading in ("rows", f"groups ({manifest.group_is})"):
        shown.add_column(heading, justify="right")
    groups = {(row.label, row.group) for row in manifest.rows if row.group is not None}
    for one, count in zip(manifest.classes, manifest.counts().values(), strict=True):
        grouped = sum(label == one.name for label, _ in groups)
        shown.add_row(one.name, one.side or "-", str(count), str(grouped or "-"))
    shown.add_section()
    every = len({group for _, group in groups})
    shown.add_row("all", "", str(len(manifest.rows)), str(every or "-"))
    Console(highlight=False).print(shown)
    if outlined:
        typer.echo(f"outlines: of {outlined} rows, beside the manifest")
    for note in manifest.notes:
        typer.echo(f"note: {note}")
    for what, text in (("licence", manifest.licence), ("cite", manifest.citation)):
        if text:
            typer.echo(f"{what}: {text}")

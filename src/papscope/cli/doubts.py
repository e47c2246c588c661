"""The command `papscope doubts`: labels to look at again, and those that were looked at.

Takes   scores of images that were not learned from; or a list that came back, and its manifest
Gives   a page, a list for a spreadsheet and numbers; or a manifest with the corrected labels
Never   changes a label by itself, or a manifest in place
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.cli.terminal import progress, told_on_terminal
from papscope.errors import SettingError

if TYPE_CHECKING:
    from papscope.evaluate.doubts import Doubts
    from papscope.manifest import Manifest

PAGE, LIST, NUMBERS = "doubts.html", "doubts.csv", "doubts.json"


def doubts(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder for page, list and numbers; with --apply the manifest."
        ),
    ],
    scores: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Scores of a cross-validation, or of its folds: of images that the answering "
            "models had not learned from.",
            show_default="none, with --apply",
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="The manifest that was scored: its labels must be those of the scores, and its "
            "folder has the pictures. With --apply, the manifest to correct."
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(min=0, help="Pictures on the page at most; the list has all.")
    ] = 200,
    root: Annotated[
        Path | None,
        typer.Option(help="The folder of the images, if they have moved since they were scored."),
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=100, help="How many times to draw the groups for the intervals.")
    ] = 2000,
    seed: Annotated[int, typer.Option(help="Of these draws.")] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="Print the numbers as JSON in place of tables.")
    ] = False,
    apply: Annotated[
        Path | None,
        typer.Option(
            "--apply", help="The list that came back, with the column `verdict` filled in."
        ),
    ] = None,
    reader: Annotated[
        str | None, typer.Option(help="With --apply: who gave the verdicts; kept in the manifest.")
    ] = None,
) -> None:
    """Find labels that deserve a second look, by confident learning; put corrected ones in.

    A label in doubt is a question to a cytologist, not an error: what the model itself confuses,
    such as neighbouring grades, looks the same. No label changes but by a verdict.
    """
    from papscope.manifest import read_manifest

    with told_on_terminal():
        if apply is not None:
            if scores or root is not None or json:
                raise SettingError(
                    "--apply goes without scores, --root and --json", hint="leave either out"
                )
            _apply(apply, manifest, reader, output)
            return
        if not scores or reader is not None:
            raise SettingError(
                "there are no scores, and no list to apply"
                if not scores
                else "--reader is for verdicts",
                hint="papscope doubts SCORES.csv -o FOLDER, or --apply doubts.csv with --reader",
            )
        images = None if manifest is None else read_manifest(manifest)
        found = _found(scores, images, resamples, seed)
        place = root or (_scored_root(found, scores[0]) if images is None else images.root)
        _write(found, scores, place, output, most)
        _show(found, output, json=json)


def _found(scores: list[Path], images: Manifest | None, resamples: int, seed: int) -> Doubts:
    from papscope.evaluate.doubts import find_doubts, refuse_other_labels
    from papscope.scores import read_scores

    read = [read_scores(one) for one in scores]
    for one in read:
        if images is not None:
            refuse_other_labels(one, images)
    with progress() as tell:
        return find_doubts(read, resamples=resamples, seed=seed, tell=tell)


def _scored_root(found: Doubts, scores: Path) -> Path | None:
    told = found.scores.about.get("root")
    return scores.parent / told if isinstance(told, str) and told else None


def _write(found: Doubts, scores: list[Path], root: Path | None, folder: Path, most: int) -> None:
    from papscope.files import write_json
    from papscope.relabelling.suspects import write_suspects
    from papscope.report.doubts_page import write_doubts_page

    write_suspects(folder / LIST, found.rows())
    write_json(folder / NUMBERS, found.to_json())
    with progress() as tell:
        write_doubts_page(folder / PAGE, found, root=root, files=scores, most=most, tell=tell)


def _show(found: Doubts, folder: Path, *, json: bool) -> None:
    from papscope.files import canonical_json

    if json:
        typer.echo(canonical_json(found.to_json()), nl=False)
    else:
        _tables(found)
    for one in (PAGE, LIST, NUMBERS):
        typer.echo(f"written: {folder / one}", err=True)


def _tables(found: Doubts) -> None:
    from rich.console import Console

    from papscope.evaluate.doubts_tables import class_table, distance_table

    console = Console(highlight=False, markup=False)
    console.print(class_table(found))
    if found.noise.apart:
        console.print(distance_table(found))
    for one in found.warnings:
        typer.echo(f"note: {one}")
    typer.echo("a label in doubt is a question to a cytologist, not an error")


def _apply(verdicts: Path, manifest: Path | None, reader: str | None, output: Path) -> None:
    from papscope.manifest import read_manifest, read_polygons, write_manifest
    from papscope.relabelling.applying import relabel
    from papscope.relabelling.verdicts import read_verdicts

    if manifest is None or reader is None:
        raise SettingError(
            "--apply needs the manifest and who gave the verdicts",
            hint="give --manifest MANIFEST.csv --reader NAME",
        )
    if output.resolve() == manifest.resolve():
        raise SettingError(
            "the manifest as it was would be lost", hint="write the new one under another name"
        )
    images = read_manifest(manifest)
    done = relabel(images, read_verdicts(verdicts), reader=reader)
    write_manifest(output, done.manifest, read_polygons(manifest))
    for name, (before, after) in done.changes.items():
        typer.echo(f"{name}: {before} -> {after}")
    typer.echo(
        f"labels changed: {len(done.changes)}; confirmed: {done.confirmed}; left as they were, the "
        f"reader being unsure: {done.unsure}"
    )
    typer.echo(f"manifest: {output}")
    typer.echo(f"next: papscope check {output}, then split it again", err=True)

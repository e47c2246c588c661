"""`papscope evaluate`: measure a model on labelled images, or measure stored scores again.

Takes   a bundle and a manifest, or a file of scores
Gives   `scores.csv` and `metrics.json` in a folder, and tables on standard output
Never   computes a measure itself, or needs torch where scores are given
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from papscope.cli.answering import Orientations
from papscope.cli.terminal import progress, tell_model, told_on_terminal
from papscope.errors import SettingError

if TYPE_CHECKING:
    from papscope.evaluate.summary import Summary
    from papscope.manifest import Manifest
    from papscope.scores import Scores
    from papscope.shipped import Found
    from papscope.split import Split

SCORES = "scores.csv"
METRICS_FILE = "metrics.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is to be scored with which model."""

    bundle: Found
    manifest: Path
    split: Path | None
    part: str | None
    fold: int | None
    batch_size: int
    orientations: bool | None


def evaluate(
    bundle: Annotated[
        str | None,
        typer.Argument(
            help="The model's bundle folder, or the name of a model that comes with papscope.",
            show_default=False,
        ),
    ] = None,
    manifest: Annotated[
        Path | None, typer.Argument(help="Labelled images.", show_default=False)
    ] = None,
    *,
    scores: Annotated[
        Path | None,
        typer.Option(help="Measure this file of scores again; needs no model and no torch."),
    ] = None,
    split: Annotated[
        Path | None, typer.Option(help="Measure one part of this split; without it, all images.")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="The part of the split.", show_default="test")
    ] = None,
    fold: Annotated[
        int | None, typer.Option(help="Which fold is the test set, where the split has folds.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=f"Folder for {SCORES} and {METRICS_FILE}; older ones are replaced.",
            show_default="`evaluation` beside one's own bundle, or here; the folder of the scores",
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images a batch.")] = 32,
    orientations: Orientations = None,
    resamples: Annotated[
        int, typer.Option(min=100, help="How many times groups are drawn for the intervals.")
    ] = 2000,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
) -> None:
    """Measure a model on labelled images: every measure with a 95 % interval over groups."""
    with told_on_terminal():
        from papscope.shipped import find_bundle

        if scores is not None:
            _refuse_both(bundle, split, part, fold, orientations)
            _again(scores, output, resamples=resamples, seed=seed)
            return
        if bundle is None or manifest is None:
            raise SettingError(
                "there is nothing to evaluate",
                hint="give a bundle and a manifest, or --scores FILE",
            )
        if split is None and (part is not None or fold is not None):
            raise SettingError("--part and --fold need a split", hint="give it by --split FILE")
        found = find_bundle(bundle)
        tell_model(found)
        wanted = _Wanted(
            bundle=found,
            manifest=manifest,
            split=split,
            part=part if part is not None or split is None else "test",
            fold=fold,
            batch_size=batch_size,
            orientations=orientations,
        )
        beside = Path() if found.shipped else found.folder.resolve().parent
        folder = output or beside / "evaluation"
        _told(_scored(wanted), folder, resamples=resamples, seed=seed)


def _refuse_both(*asked_of_a_model: object) -> None:
    if any(one is not None for one in asked_of_a_model):
        raise SettingError(
            "--scores goes without a bundle, a manifest, a split and what is asked of a model: "
            "the file says what it is of",
            hint="leave either out",
        )


def _scored(wanted: _Wanted) -> Scores:
    """Let the model answer."""
    from papscope.bundle import read_bundle
    from papscope.manifest import read_manifest
    from papscope.scoring import score

    images = read_manifest(wanted.manifest)
    split = _split(wanted, images)
    model = read_bundle(wanted.bundle.folder).with_orientations(wanted.orientations)
    with progress() as tell:
        scores = score(
            model,
            images,
            split=split,
            part=wanted.part,
            batch_size=wanted.batch_size,
            tell=tell,
        )
    without = scores.about.get("without_shape")
    if without:
        typer.echo(
            f"{without} of {len(scores)} pictures had no mask to measure the cell by: the head "
            "without cell shape answered for these",
            err=True,
        )
    return replace(scores, about={**scores.about, **_sources(wanted, scores.about)})


def _sources(wanted: _Wanted, about: Mapping[str, Any]) -> dict[str, Any]:
    """Say by which files and which command the scores came to be, for the report."""
    from papscope.files import digest_of

    words = ["papscope", "evaluate", wanted.bundle.called, str(wanted.manifest)]
    told: dict[str, Any] = {"manifest": {**about.get("manifest", {}), "name": wanted.manifest.name}}
    if wanted.split is not None:
        words += ["--split", str(wanted.split), "--part", str(wanted.part)]
        told["split"] = {"sha256": digest_of(wanted.split)}
    if wanted.fold is not None:
        words += ["--fold", str(wanted.fold)]
    if wanted.orientations is not None:
        words.append("--orientations" if wanted.orientations else "--no-orientations")
    return {**told, "command": shlex.join(words)}


def _split(wanted: _Wanted, images: Manifest) -> Split | None:
    from papscope.cutting import fold_split
    from papscope.split import read_split

    if wanted.split is None:
        return None
    split = read_split(wanted.split)
    return split if wanted.fold is None else fold_split(split, images, wanted.fold)


def _again(file: Path, output: Path | None, *, resamples: int, seed: int) -> None:
    """Measure stored scores; they are copied only where another folder is named."""
    from papscope.files import digest_of
    from papscope.scores import read_scores

    scores = read_scores(file)
    if output is None or (output / SCORES).resolve() == file.resolve():
        _measured(scores, file.parent, digest_of(file), resamples=resamples, seed=seed)
    else:
        _told(scores, output, resamples=resamples, seed=seed)


def _told(scores: Scores, folder: Path, *, resamples: int, seed: int) -> None:
    """Store the scores, so that no later fault loses them, then measure."""
    from papscope.scores import write_scores

    digest = write_scores(folder / SCORES, scores)
    typer.echo(f"scores: {folder / SCORES}", err=True)
    _measured(scores, folder, digest, resamples=resamples, seed=seed)


def _measured(scores: Scores, folder: Path, digest: str, *, resamples: int, seed: int) -> None:
    from papscope.evaluate.alone import left_alone
    from papscope.evaluate.summary import summarise
    from papscope.files import write_json
    from papscope.split import Protocol

    summary = summarise(scores, resamples=resamples, seed=seed)
    told = Protocol.from_json(summary.protocol).sentence() if summary.protocol else None
    alone = left_alone(scores, resamples=resamples, seed=seed)
    content = {**summary.to_json(), "alone": alone.to_json(), "scores_sha256": digest}
    write_json(folder / METRICS_FILE, content)
    _show(summary)
    for line in alone.sentences():
        typer.echo(line)
    if told:
        typer.echo(f"split: {told}")
    typer.echo(f"metrics: {folder / METRICS_FILE}", err=True)


def _show(summary: Summary) -> None:
    from rich.console import Console

    from papscope.evaluate.tables import class_table, confusion_table, notes, overall_table

    console = Console(highlight=False, markup=False)
    if summary.leaks:
        console.print(summary.leaks.upper(), style="bold red")
    for table in (overall_table(summary), class_table(summary), confusion_table(summary)):
        console.print(table)
    for note in notes(summary):
        console.print(note)

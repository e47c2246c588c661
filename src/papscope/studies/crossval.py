"""Cross-validation by group: every image answered by a network that never saw its group.

Takes   a manifest, training settings or candidates to choose from, and a folder
Gives   the pooled answers of each repeat, measured; each fold, the spread, what a leak would add
Never   trains before all that is asked for is possible, or trains again what is finished

For each repeat all images are cut into folds. For each fold a network learns from the others and
answers for it. With candidates, each fold first chooses one on inner folds of its training part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from papscope.errors import SettingError
from papscope.evaluate.compare import compare
from papscope.evaluate.folds import (
    Choice,
    FoldLine,
    FoldsTold,
    Leak,
    differing_settings,
    measures_of,
    point,
    spread_of,
)
from papscope.evaluate.summary import Summary, summarise
from papscope.files import write_json
from papscope.manifest import Manifest
from papscope.network.backbones import preprocess_for
from papscope.report.folds_page import write_folds_page
from papscope.scores import Scores, write_scores
from papscope.split import LEAKS, By, Split, write_split
from papscope.studies.answered import Answered, Job, answered
from papscope.studies.clock import Clock, in_words
from papscope.studies.crossval_folder import open_folder
from papscope.studies.crossval_settings import CrossvalSettings
from papscope.studies.folding import (
    inner_folds,
    inner_images,
    outer_folds,
    parts_of,
    rehearse,
)
from papscope.studies.nested import Inner, choose
from papscope.studies.pooling import pooled
from papscope.taxonomy import sides
from papscope.train.settings import TrainSettings
from papscope.train.trainer import Watch

SCORES, METRICS, REPORT, LEAKY = "scores.csv", "metrics.json", "report.html", "leaky"


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """What a cross-validation came to."""

    folder: Path
    scores: tuple[Scores, ...]
    """Of each repeat: all images, each once."""
    summary: Summary
    """Of the first repeat."""
    told: FoldsTold
    """Each fold, the spread over repeats, what was chosen, and what a leak adds."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is done, for honest and for leaky folds alike."""

    manifest: Manifest
    candidates: Mapping[str, TrainSettings]
    cross: CrossvalSettings
    folder: Path
    by: By
    clock: Clock


def cross_validate(
    manifest: Manifest,
    settings: TrainSettings | Mapping[str, TrainSettings],
    folder: Path,
    *,
    cross: CrossvalSettings | None = None,
    resume: bool = False,
    watch: Watch | None = None,
) -> CrossValidated:
    """Train on all folds but one, answer for that one, and so for every image; then measure.

    Args:
        manifest: the images.
        settings: how to train; or candidates by name, two or more, of which each fold chooses one
            on inner folds of its own training part.
        folder: of `crossval.json`, a folder for each fold with its bundle, `scores.csv`,
            `metrics.json` and `report.html`.
        cross: how many folds, repeats and inner folds, and by what they are cut.
        resume: go on with the cross-validation in the folder; finished folds are not done again.
        watch: who hears how it goes.

    Raises:
        SplitError: a fold or inner fold would lack a class; told before anything is trained.
        SettingError: a setting, or several together, cannot be.
        TrainingError: the folder holds something else or was asked for otherwise; or see `fit`.
        KeyboardInterrupt: Ctrl-C was pressed; what is finished is kept.
    """
    cross = cross or CrossvalSettings()
    candidates = settings if isinstance(settings, Mapping) else {"": settings}
    watch = watch or Watch()
    _refuse(manifest, candidates, cross)
    for by in (cross.by, *(("image",) if cross.also_leaky else ())):
        rehearse(manifest, by, cross, list(candidates.values()), watch.tell)
    open_folder(folder, manifest, candidates, cross, resume=resume)
    clock = Clock(_epochs(candidates, cross), watch)
    asked = _Asked(manifest, candidates, cross, folder, cross.by, clock)
    honest, lines = _repeats(asked)
    leak = None
    summary = summarise(honest[0], resamples=cross.resamples)
    if cross.also_leaky:
        clock.watch.on_note(f"now folds by image, which {LEAKS}; to show how much that flatters")
        leaky, _ = _repeats(replace(asked, by="image", folder=folder / LEAKY))
        leak = Leak(
            summarise(leaky[0], resamples=cross.resamples),
            compare(honest[0], leaky[0], resamples=cross.resamples),
        )
    told = FoldsTold(
        repeats=tuple(lines),
        seeds=tuple(cross.seed + repeat for repeat in range(cross.repeats)),
        spread=spread_of(honest, resamples=cross.resamples, seed=0) if len(honest) > 1 else None,
        leak=leak,
        candidates=differing_settings(candidates) if len(candidates) > 1 else {},
    )
    done = CrossValidated(folder, tuple(honest), summary, told)
    _write(done, cross, clock.watch)
    return done


def _refuse(
    manifest: Manifest, candidates: Mapping[str, TrainSettings], cross: CrossvalSettings
) -> None:
    """Refuse settings that would go wrong later, before anything is written or trained."""
    if not candidates or (len(candidates) == 1 and "" not in candidates):
        raise SettingError(
            "there is nothing to choose from", hint="give two candidates, or plain settings"
        )
    for settings in candidates.values():
        preprocess_for(settings.backbone, size=settings.size, fit=settings.fit)
        if settings.devices * settings.nodes > 1:
            raise SettingError(
                "a cross-validation trains on one device at a time",
                hint="leave devices and nodes at 1, or train single folds by `papscope train`",
            )
    if cross.choose_by == "abnormal_auroc" and sides(manifest.classes) is None:
        raise SettingError(
            "nobody has said which classes are abnormal, so nothing can be chosen by it",
            hint="choose by macro_f1, or import with --abnormal",
        )


def _epochs(candidates: Mapping[str, TrainSettings], cross: CrossvalSettings) -> int:
    """Count the epochs of all trainings, if none is stopped early."""
    each = [one.epochs for one in candidates.values()]
    inner = cross.inner_folds * sum(each) if len(each) > 1 else 0
    runs = cross.folds * cross.repeats * (2 if cross.also_leaky else 1)
    return runs * (max(each) + inner)


def _repeats(asked: _Asked) -> tuple[list[Scores], list[tuple[FoldLine, ...]]]:
    found, lines = [], []
    for repeat in range(asked.cross.repeats):
        scores, of_folds = _repeat(asked, repeat)
        name = SCORES if repeat == 0 else f"scores-{repeat + 1}.csv"
        write_scores(asked.folder / name, scores)
        found.append(scores)
        lines.append(of_folds)
    return found, lines


def _repeat(asked: _Asked, repeat: int) -> tuple[Scores, tuple[FoldLine, ...]]:
    """Answer every image once."""
    folds = outer_folds(asked.manifest, asked.by, asked.cross, repeat)
    place = asked.folder / f"repeat-{repeat + 1}"
    write_split(place / "folds.csv", folds)
    parts, lines = [], []
    for fold in range(asked.cross.folds):
        answer, choice = _fold(asked, folds, fold, repeat)
        parts.append(answer.scores)
        lines.append(_line(asked.cross, fold, answer, choice))
        _tell(asked, repeat, lines[-1], answer)
    return pooled(parts, asked.manifest, folds, asked.cross.command), tuple(lines)


def _fold(asked: _Asked, folds: Split, fold: int, repeat: int) -> tuple[Answered, Choice | None]:
    """Choose where there is a choice, then train on all other folds and answer for this one."""
    place = asked.folder / f"repeat-{repeat + 1}" / f"fold-{fold}"
    called = _called(asked, repeat, fold)
    candidates = {
        name: replace(one, seed=one.seed + repeat) for name, one in asked.candidates.items()
    }
    choice, name = None, next(iter(candidates))
    if len(candidates) > 1:
        inside = inner_images(asked.manifest, folds, fold)
        cut = inner_folds(inside, folds, fold, asked.cross.inner_folds)
        inner = Inner(inside, cut, asked.cross.choose_by, place / "inner", called)
        choice = choose(inner, candidates, asked.clock)
        name = choice.name
        asked.clock.watch.on_note(f"{called}: chose {name}, {_means(choice)}")
    settings = candidates[name]
    job = Job(asked.manifest, parts_of(folds, asked.manifest, fold, settings), settings, keep=True)
    answer = answered(job, place, asked.clock.of(called, settings))
    asked.clock.finished(max(candidates.values(), key=lambda one: one.epochs))
    return answer, choice


def _called(asked: _Asked, repeat: int, fold: int) -> str:
    parts = [f"fold {fold} of {asked.cross.folds}"]
    if asked.cross.repeats > 1:
        parts.insert(0, f"repeat {repeat + 1}")
    if asked.by == "image" != asked.cross.by:
        parts.insert(0, "leaky")
    return ", ".join(parts)


def _means(choice: Choice) -> str:
    told = ", ".join(f"{one.name} {one.mean:.3f}" for one in choice.tried)
    return f"by {choice.by} on inner folds: {told}"


def _line(cross: CrossvalSettings, fold: int, answer: Answered, choice: Choice | None) -> FoldLine:
    measures, groups = measures_of(answer.scores, resamples=cross.resamples, seed=0)
    return FoldLine(
        fold=fold,
        n=len(answer.scores),
        groups=groups,
        measures=measures,
        epochs=answer.epochs,
        kept_epoch=answer.kept_epoch,
        seconds=answer.seconds,
        choice=choice,
        history=answer.history,
    )


def _tell(asked: _Asked, repeat: int, line: FoldLine, answer: Answered) -> None:
    """Say what a fold came to, and how long the rest will take."""
    numbers = ", ".join(
        f"{key.replace('_', ' ')} {point(answer.scores, key):.3f}" for key in line.measures
    )
    if answer.again:
        end = "finished before"
    else:
        took = "" if line.seconds is None else f"took {in_words(line.seconds)}"
        end = "; ".join(one for one in (took, asked.clock.left()) if one)
    stamp = f" ({LEAKS})" if asked.by == "image" else ""
    told = f"{_called(asked, repeat, line.fold)} done{stamp}: {numbers}"
    asked.clock.watch.on_note(f"{told}; {end}" if end else told)


def _write(done: CrossValidated, cross: CrossvalSettings, watch: Watch) -> None:
    """Write the measures, and the page from the first repeat's scores."""
    content: dict[str, Any] = {**done.summary.to_json(), "crossval": done.told.to_json()}
    write_json(done.folder / METRICS, content)
    write_folds_page(
        done.folder / REPORT,
        done.scores[0],
        done.told,
        resamples=cross.resamples,
        scores_path=done.folder / SCORES,
        tell=watch.tell,
    )

"""The measured inflation: the given split and a clean one, trained alike and compared.

Takes   an audit of a split, training settings, and a folder
Gives   an `Inflation`; what was trained is kept there, and gone on with
Never   trains before all that is asked for is possible, or trains again what is finished
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from papscope.checks.leaks import Audit
from papscope.errors import SettingError
from papscope.evaluate.inflation import Inflation, difference, of_folds
from papscope.evaluate.intervals import Groups
from papscope.files import canonical_json
from papscope.manifest import Manifest
from papscope.network.backbones import preprocess_for
from papscope.scores import Scores, write_scores
from papscope.split import Split, write_split
from papscope.studies.answered import Job, answered
from papscope.studies.beginning import begin
from papscope.studies.clean import as_given, clean_split, is_folds, tied
from papscope.studies.clock import Clock
from papscope.studies.crossval import cross_validate
from papscope.studies.crossval_settings import CrossvalSettings
from papscope.studies.folding import parts_of
from papscope.studies.pooling import pooled
from papscope.train.settings import TrainSettings
from papscope.train.trainer import Watch

ASKED = "inflation.json"
_SHOWN = ("backbone", "weights", "size", "epochs", "batch_size", "lr", "keep", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class InflationSettings:
    """How the inflation of a split is measured, beside how to train."""

    folds: int = 0
    """0 trains the given split and a clean one; 2 or more cross-validates by tie-free groups and by
    image, which says what cutting these images by image is worth."""
    seed: int = 0
    """Of the clean division."""
    resamples: int = 2000
    """How many times groups are drawn for the intervals."""

    def __post_init__(self) -> None:
        if self.folds < 0 or self.folds == 1:
            raise SettingError(f"folds is {self.folds}", hint="take 2 or more, or 0 for none")
        if self.resamples < 100:
            raise SettingError(f"resamples is {self.resamples}", hint="take 100 or more")


@dataclass(frozen=True, slots=True)
class _Side:
    """One of both splits."""

    name: str
    manifest: Manifest
    split: Split


def measure_inflation(
    audit: Audit,
    settings: TrainSettings,
    folder: Path,
    *,
    how: InflationSettings | None = None,
    resume: bool = False,
    watch: Watch | None = None,
) -> Inflation:
    """Train on the given split and on a clean one, and compare what they claim.

    Args:
        audit: of the given split.
        settings: how to train, the same for both; where the split has no validation part, the last
            epoch is kept.
        folder: new or empty; of the two splits, the scores, and each training.
        how: what is trained, and how it is compared.
        resume: go on with what is in the folder; finished trainings are not done again.
        watch: who hears how it goes.

    Raises:
        SplitError: no clean split is possible, or the given one leaves nothing to learn from.
        TrainingError: the folder holds something else or was asked for otherwise; or see `fit`.
        KeyboardInterrupt: Ctrl-C was pressed; what is finished is kept.
    """
    how, watch = how or InflationSettings(), watch or Watch()
    images = tied(audit)
    if how.folds:
        return _by_image(images, settings, folder, how, resume, watch)
    given = as_given(audit, images)
    sides = [
        _Side("given", _untied(audit, images), given),
        _Side("clean", images, clean_split(given, images, how.seed)),
    ]
    if not is_folds(given) and "val" not in given.parts and settings.keep == "best":
        watch.on_note("the split has no validation part, so the last epoch is kept")
        settings = replace(settings, keep="last", patience=0)
    preprocess_for(settings.backbone, size=settings.size, fit=settings.fit)
    jobs = {side.name: _jobs(side, settings) for side in sides}
    asked = _asked(images, sides, settings)
    begin(folder / ASKED, asked, called="measurement", resume=resume)
    clock = Clock(settings.epochs * sum(len(some) for some in jobs.values()), watch)
    scores = {side.name: _answers(side, jobs[side.name], folder, clock) for side in sides}
    return _compared(scores, images, jobs, settings, how)


def _untied(audit: Audit, images: Manifest) -> Manifest:
    """Give the same images with the groups that they came with."""
    kept = {row.id for row in images.rows}
    return replace(images, rows=tuple(row for row in audit.manifest.rows if row.id in kept))


def _jobs(side: _Side, settings: TrainSettings) -> list[Job]:
    """Give the trainings of one side: one, or one for each fold."""
    splits = [side.split]
    if is_folds(side.split):
        number = len(side.split.parts)
        splits = [parts_of(side.split, side.manifest, fold, settings) for fold in range(number)]
    return [Job(side.manifest, split, settings, keep=False) for split in splits]


def _asked(images: Manifest, sides: list[_Side], settings: TrainSettings) -> dict[str, Any]:
    digests = {
        side.name: sha256(canonical_json(dict(side.split.part_of)).encode()).hexdigest()
        for side in sides
    }
    return {
        "papscope": "inflation",
        "format": 1,
        "manifest_sha256": images.digest,
        "splits": digests,
        "settings": asdict(settings),
    }


def _answers(side: _Side, jobs: list[Job], folder: Path, clock: Clock) -> Scores:
    """Train one side, and give the answers for its test images."""
    place = folder / side.name
    write_split(place / "split.csv", side.split)
    parts = []
    for number, job in enumerate(jobs):
        called = f"{side.name} split" + (f", fold {number} of {len(jobs)}" if jobs[1:] else "")
        watch = clock.of(called, job.settings)
        parts.append(answered(job, place / f"training-{number}", watch).scores)
        clock.finished(job.settings)
        left = clock.left()
        clock.watch.on_note(f"{called} done{f'; {left}' if left else ''}")
    found = pooled(parts, side.manifest, side.split) if jobs[1:] else parts[0]
    write_scores(place / "scores.csv", found)
    return found


def _compared(
    scores: Mapping[str, Scores],
    images: Manifest,
    jobs: Mapping[str, list[Job]],
    settings: TrainSettings,
    how: InflationSettings,
) -> Inflation:
    """Compare both over what is tied: no draw may part it."""
    families = {row.id: row.strict_group for row in images.rows}
    sides = [
        replace(scores[name], groups=tuple(families[one] for one in scores[name].ids))
        for name in ("clean", "given")
    ]
    measures, paired = difference(*sides, resamples=how.resamples)
    clean, given = sides
    return Inflation(
        how="folds" if jobs["given"][1:] else "parts",
        measures=measures,
        paired=paired,
        n=(len(clean), len(given)),
        groups=(Groups.of(clean.groups).number, Groups.of(given.groups).number),
        training=(_learned(jobs["clean"]), _learned(jobs["given"])),
        resamples=how.resamples,
        settings=_told(settings),
    )


def _learned(jobs: list[Job]) -> int:
    """Count the images that a training learns from, on average."""
    each = [sum(part == "train" for part in job.split.part_of.values()) for job in jobs]
    return round(sum(each) / len(each))


def _told(settings: TrainSettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in _SHOWN}


def _by_image(
    images: Manifest,
    settings: TrainSettings,
    folder: Path,
    how: InflationSettings,
    resume: bool,
    watch: Watch,
) -> Inflation:
    """Cross-validate by what is tied, and by image, as `papscope crossval --also-leaky` does."""
    cross = CrossvalSettings(
        folds=how.folds, by="strict", seed=how.seed, also_leaky=True, resamples=how.resamples
    )
    done = cross_validate(images, settings, folder, cross=cross, resume=resume, watch=watch)
    if done.told.leak is None:
        raise ValueError("a cross-validation that was asked for folds by image has none")
    training = round(len(images.rows) * (how.folds - 1) / how.folds)
    return of_folds(done.told.leak.inflation, training, _told(settings))

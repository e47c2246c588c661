"""Choose among candidates on inner folds, so that the fold that is reported chose nothing.

Takes   the images outside a fold, their inner folds, and candidates
Gives   each candidate's measure on each inner fold, and so the best
Never   sees an image of the fold that will be reported
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from papscope.errors import MeasureError
from papscope.evaluate.folds import Choice, Tried, point
from papscope.manifest import Manifest
from papscope.split import Split
from papscope.studies.answered import Job, answered
from papscope.studies.clock import Clock
from papscope.studies.folding import parts_of
from papscope.train.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Inner:
    """Where and by what candidates are tried."""

    manifest: Manifest
    """The images outside the fold that will be reported, and no others."""
    folds: Split
    by: str
    """A key of `papscope.evaluate.folds.CHOICES`."""
    place: Path
    """A folder for the trainings; finished ones there are not done again."""
    called: str
    """The outer fold, for sentences."""


def choose(inner: Inner, candidates: Mapping[str, TrainSettings], clock: Clock) -> Choice:
    """Try every candidate on every inner fold.

    Args:
        inner: where and by what.
        candidates: settings by name.
        clock: hears how it goes.

    Raises:
        MeasureError: the measure does not exist on an inner fold.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    tried = []
    for name, settings in candidates.items():
        numbers = range(inner.folds.protocol.folds)
        values = [_value(inner, number, name, settings, clock) for number in numbers]
        tried.append(Tried(name, tuple(values)))
    return Choice(inner.by, tuple(tried))


def _value(inner: Inner, number: int, name: str, settings: TrainSettings, clock: Clock) -> float:
    """Train a candidate on all inner folds but one, and measure it on that one."""
    split = parts_of(inner.folds, inner.manifest, number, settings)
    job = Job(inner.manifest, split, settings, keep=False)
    where = f"{inner.called}, candidate {name}, inner fold {number}"
    found = answered(job, inner.place / name / f"fold-{number}", clock.of(where, settings))
    clock.finished(settings)
    value = point(found.scores, inner.by)
    if np.isnan(value):
        raise MeasureError(
            f"{where}: {inner.by} does not exist there", hint="choose by another measure"
        )
    if not found.again:
        clock.watch.on_note(f"{where} done: {inner.by} {value:.3f}")
    return value

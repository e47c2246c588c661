"""One training of a cross-validation: trained, answered, kept, and not done again.

Takes   images, a split of them, settings, and a folder of its own
Gives   the answers for the test part, from a network that never saw it
Never   takes a finished training's word without its digests, or counts a stopped one as finished

The folder holds `run/` while it is trained; then `scores.csv`, `bundle/` where it is wanted, and
`fold.json`, which is written last and vouches for both.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papscope.bundle import DESCRIPTION, read_bundle
from papscope.errors import TrainingError
from papscope.files import digest_of, write_json
from papscope.manifest import Manifest
from papscope.scores import Scores, read_scores, write_scores
from papscope.scoring import score
from papscope.split import Split
from papscope.train.fit import Fitted, fit
from papscope.train.run import BUNDLE, RUN
from papscope.train.settings import TrainSettings
from papscope.train.trainer import Watch

DONE, SCORES = "fold.json", "scores.csv"
_RUN = "run"


@dataclass(frozen=True, slots=True)
class Job:
    """What is trained and what answers."""

    manifest: Manifest
    split: Split
    settings: TrainSettings
    keep: bool
    """Whether the network is kept when it has answered."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a training came to."""

    scores: Scores
    epochs: int
    kept_epoch: int
    seconds: float | None
    """None where it was stopped and gone on with."""
    history: tuple[Mapping[str, float], ...]
    again: bool
    """Whether it was finished before and only read."""


def answered(job: Job, place: Path, watch: Watch) -> Answered:
    """Train and answer, or give what was answered before.

    Args:
        job: what to do.
        place: a folder of its own; a training that was cut off there is gone on with.
        watch: who hears how it goes.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the last whole epoch is kept.
        TrainingError: what was finished there has been changed since, or training cannot go on.
    """
    if (place / DONE).exists():
        return _kept(place)
    begun, run = time.monotonic(), place / _RUN
    resume = (run / RUN).exists()
    fitted = fit(job.manifest, job.split, job.settings, run, resume=resume, watch=watch)
    if fitted.interrupted:
        raise KeyboardInterrupt
    bundle = read_bundle(fitted.bundle)
    found = score(bundle, job.manifest, split=job.split, part="test", tell=watch.tell)
    seconds = None if resume else round(time.monotonic() - begun, 1)
    told = {**_told(fitted), "seconds": seconds}
    told["scores_sha256"] = write_scores(place / SCORES, found)
    if job.keep:
        shutil.rmtree(place / BUNDLE, ignore_errors=True)  # of a fold that was cut off right here
        (run / BUNDLE).rename(place / BUNDLE)
        told["bundle_sha256"] = fitted.digest
    write_json(place / DONE, told)
    shutil.rmtree(run, ignore_errors=True)
    return _read(found, told, again=False)


def _told(fitted: Fitted) -> dict[str, Any]:
    return {
        "epochs": len(fitted.history),
        "kept_epoch": fitted.best.epoch,
        "history": [one.to_json() for one in fitted.history],
    }


def _kept(place: Path) -> Answered:
    """Read what was finished, and make sure that it is what was written."""
    hint = f"remove {place} and resume: it is then trained again"
    try:
        told = json.loads((place / DONE).read_bytes())
        vouched = {place / SCORES: told["scores_sha256"]}
        if "bundle_sha256" in told:
            vouched[place / BUNDLE / DESCRIPTION] = told["bundle_sha256"]
        for file, digest in vouched.items():
            if not file.exists() or digest_of(file) != digest:
                raise TrainingError(f"{file} is not what was finished there", hint=hint)
        return _read(read_scores(place / SCORES), told, again=True)
    except (ValueError, KeyError, TypeError):
        raise TrainingError(f"{place / DONE} is damaged", hint=hint) from None


def _read(found: Scores, told: Mapping[str, Any], *, again: bool) -> Answered:
    return Answered(
        scores=found,
        epochs=int(told["epochs"]),
        kept_epoch=int(told["kept_epoch"]),
        seconds=told["seconds"],
        history=tuple(told["history"]),
        again=again,
    )

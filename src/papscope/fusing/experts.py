"""Support vector machines for single classes that the main head often misses.

Takes   a sample, a main head and its probabilities for images it was not fitted to
Gives   the head with experts blended in, each by a weight chosen on inner folds
Never   keeps an expert that did not help there
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from papscope.fusing.machines import Arrays, Machine, calibration
from papscope.fusing.sample import Chances, Sample, balanced
from papscope.fusing.selecting import Fitted, choose, held_out, macro_f1
from papscope.fusing.settings import AUTO
from papscope.progress import Tell, silent

_WEIGHTS = (0.25, 0.5, 0.75)
_BELOW = 0.1
"""A class is weak whose recall on inner folds lies this much below the mean of all classes'."""


@dataclass(frozen=True, slots=True, eq=False)
class _Expert:
    arrays: Arrays
    away: Chances
    """(n,), its probability for images that it was not fitted to."""


def weak(away: Chances, sample: Sample) -> tuple[int, ...]:
    """Name the places of the classes whose recall lies well below the mean."""
    called = away.argmax(axis=1)
    recalls = np.array([(called[sample.truth == k] == k).mean() for k in range(sample.classes)])
    return tuple(int(k) for k in np.flatnonzero(recalls < recalls.mean() - _BELOW))


def with_experts(
    head: tuple[Fitted, Chances],
    sample: Sample,
    wanted: Sequence[str],
    names: Sequence[str],
    seed: int,
    *,
    tell: Tell = silent,
) -> Fitted:
    """Blend experts into a head.

    Args:
        head: the main head, and its probabilities (n, c) for images that it was not fitted to.
        sample: what it was fitted to.
        wanted: classes' names, or `auto`.
        names: of all classes, in order.
        seed: of the estimators.
        tell: hears how far it is.
    """
    main, away = head
    places = weak(away, sample) if AUTO in wanted else tuple(names.index(one) for one in wanted)
    kept: list[tuple[int, float, _Expert]] = []
    said: dict[str, Any] = {}
    blended = away
    for place in sorted(set(places)):
        expert = _expert(sample, place, seed, f"expert for {names[place]}", tell)
        weight, better = _weighed(blended, expert.away, place, sample)
        said[names[place]] = weight
        if weight:
            kept.append((place, weight, expert))
            blended = better
    chosen = {**main.chosen, "experts": said}
    if not kept:
        return replace(main, chosen=chosen)
    words = {
        "kind": "blend",
        "main": main.words,
        "places": [place for place, _, _ in kept],
        "weights": [weight for _, weight, _ in kept],
    }
    arrays = {f"main.{name}": value for name, value in main.arrays.items()}
    for number, (_, _, expert) in enumerate(kept):
        arrays |= {f"experts.{number}.{name}": value for name, value in expert.arrays.items()}
    return Fitted(words, arrays, chosen)


def _expert(sample: Sample, place: int, seed: int, what: str, tell: Tell) -> _Expert:
    truth = (sample.truth == place).astype(np.int64)
    alone = replace(sample, truth=truth, classes=2, weights=balanced(truth, 2, "full"))
    chosen = choose(alone, "svm", seed, what=what, tell=tell)
    decisions = held_out(alone, "svm", chosen.choice, seed)
    told = calibration(decisions, truth)
    _, arrays = Machine.fitted("svm", chosen.choice, alone, seed).head(told)
    return _Expert(arrays, np.asarray(told.predict_proba(decisions)[:, 1]))


def _weighed(away: Chances, own: Chances, place: int, sample: Sample) -> tuple[float, Chances]:
    """Give the weight that does best on inner folds, 0 if none helps, and the blend."""
    best, score, kept = 0.0, macro_f1(sample.truth, away.argmax(1), sample.classes), away
    for weight in _WEIGHTS:
        mixed = away.copy()
        mixed[:, place] = (1 - weight) * away[:, place] + weight * own
        reached = macro_f1(sample.truth, mixed.argmax(1), sample.classes)
        if reached > score:
            best, score, kept = weight, reached, mixed
    return best, kept

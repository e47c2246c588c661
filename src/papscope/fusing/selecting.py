"""A head's settings, chosen on inner folds of the training images, and the head fitted with them.

Takes   a sample with its folds
Gives   the choice, what it says of images it was not fitted to, and the head
Never   looks at validation or test
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from papscope.fusing.machines import Arrays, Choice, Machine, Words, calibration, choices
from papscope.fusing.sample import Chances, Places, Sample
from papscope.fusing.settings import HeadKind
from papscope.progress import Tell, silent


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A head ready to be put into a bundle."""

    words: Words
    arrays: Arrays
    chosen: dict[str, Any]
    """What was chosen and how it did on inner folds: told in the bundle."""


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Settings of a head, and their worth."""

    choice: Choice
    macro_f1: float
    """On inner folds, over which the best was chosen: a little too hopeful."""


def macro_f1(truth: Places, called: Places, classes: int) -> float:
    """Give the mean over classes of F1, 0 where a class is never called."""
    score = f1_score(truth, called, average="macro", labels=range(classes), zero_division=0)
    return float(score)


def choose(
    sample: Sample, kind: HeadKind, seed: int, *, what: str = "choosing", tell: Tell = silent
) -> Chosen:
    """Try settings on inner folds, with images as they are, and take the best macro-F1.

    Of equal ones the first counts, which is the most careful.
    """
    upright = sample.upright
    tried = choices(kind)
    best: Chosen | None = None
    for done, choice in enumerate(tried, start=1):
        called = np.empty_like(upright.truth)
        for fold in upright.folds:
            held = upright.fold == fold
            machine = Machine.fitted(kind, choice, upright.part(~held), seed)
            called[held] = machine.calls(upright.features[0, held])
        score = macro_f1(upright.truth, called, sample.classes)
        if best is None or score > best.macro_f1:
            best = Chosen(choice, score)
        tell(what, done, len(tried))
    assert best is not None  # there is always something to try
    return best


def held_out(sample: Sample, kind: HeadKind, choice: Choice, seed: int) -> Chances:
    """Say of each image, as it is, what a machine says that was fitted without its fold.

    Returns:
        Decisions (n, p) of a support vector machine, probabilities (n, c) of any other.
    """
    parts = {}
    for fold in sample.folds:
        held = sample.fold == fold
        machine = Machine.fitted(kind, choice, sample.part(~held), seed)
        told = machine.decisions if kind == "svm" else machine.probabilities
        parts[fold] = (held, told(sample.features[0, held]))
    width = next(iter(parts.values()))[1].shape[1]
    found = np.empty((len(sample.truth), width))
    for held, values in parts.values():
        found[held] = values
    return found


def fit_head(sample: Sample, kind: HeadKind, chosen: Chosen, seed: int) -> tuple[Fitted, Chances]:
    """Fit a head to the whole sample.

    Returns:
        The head, and its probabilities (n, c) for images that it was not fitted to; those of a
        support vector machine are calibrated on these very images.
    """
    away = held_out(sample, kind, chosen.choice, seed)
    machine = Machine.fitted(kind, chosen.choice, sample, seed)
    said = {**chosen.choice, "inner_macro_f1": round(chosen.macro_f1, 6)}
    if kind != "svm":
        return Fitted(*machine.head(), said), away
    told = calibration(away, sample.truth)
    return Fitted(*machine.head(told), said), np.asarray(told.predict_proba(away))

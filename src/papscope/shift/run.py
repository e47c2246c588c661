"""The whole way: both sets looked at with the same eyes, compared, and the cost estimated.

Takes   pictures of training and new ones, and a model with scores of it where there are any
Gives   a `Compared`: what the comparison came to, and what was found of both sets
Never   learns from the labels of new pictures, which serve to show the truth beside the estimate
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from papscope.bundle import Bundle
from papscope.decision import calibrated
from papscope.errors import MeasureError, SettingError
from papscope.evaluate.calibrating import pooled
from papscope.gate.reference import Reference
from papscope.predict.engines import engine_for
from papscope.progress import Tell, silent
from papscope.scores import Scores
from papscope.shift.carried import both, reference_of
from papscope.shift.comparing import Compared, compare
from papscope.shift.given import Given
from papscope.shift.measuring import Eyes, look
from papscope.shift.testing import Draws


def measure_shift(
    train: Given | None,
    new: Given,
    *,
    eyes: Eyes | None = None,
    held_out: Sequence[Scores] = (),
    draws: Draws | None = None,
    tell: Tell = silent,
) -> Compared:
    """Say whether new pictures look like training pictures, and what the model may lose on them.

    Args:
        train: pictures that a model learned from, or others of the same source; None for the
            numbers that the model carries of them (`papscope gate`).
        new: pictures that it shall answer for.
        eyes: what both are looked at with; see `eyes_of`. None looks without a model.
        held_out: the model's answers for labelled pictures that it had not learned from, in one or
            more files; they are what the expected drop is estimated by, and want a model.
        draws: how much is drawn.
        tell: hears how far it is.

    Raises:
        SettingError: not one picture of a set can be used.
        MeasureError: the scores are of other classes, of training pictures, or come without model.
        MissingExtra: the model needs torch, which is not installed.
        BundleError: the model carries no numbers of its training pictures, and there are no others.
    """
    eyes, draws = eyes or Eyes(), draws or Draws()
    known = held_out_scores(eyes.model, held_out)
    carried = None if train is not None else _carried(eyes)
    found = look(new.drawn(draws.most, draws.seed), eyes, what="new pictures", tell=tell)
    if carried is not None:
        old, found = both(*carried, found, draws.seed)
    else:
        assert train is not None
        drawn = train.drawn(draws.most, draws.seed)
        old = look(drawn, eyes, what="training pictures", tell=tell)
    return compare(old, found, held_out=known, draws=draws, model=eyes.model)


def _carried(eyes: Eyes) -> tuple[Reference, Bundle]:
    if eyes.model is None:
        raise SettingError(
            "there are no training pictures to hold the new ones against",
            hint="give their manifest, or a model that carries numbers of them",
        )
    return reference_of(eyes.model, "the model"), eyes.model


def eyes_of(
    bundle: Bundle | None,
    *,
    device: str = "auto",
    threads: int = 0,
    orientations: bool | None = None,
) -> Eyes:
    """Look with a model's eyes: its square and stain, its features and its answers.

    Args:
        bundle: the model; None looks at a plain square.
        device: as for `papscope.load`.
        threads: of the processor; 0 decides by the machine.
        orientations: whether an answer is the mean over the eight orientations; None does as the
            bundle says.

    Raises:
        MissingExtra: the model needs torch, which is not installed.
    """
    if bundle is None:
        return Eyes(threads=threads or 2)
    model = bundle.with_orientations(orientations)
    engine = engine_for(model, device=device, threads=threads)
    return Eyes(model.description.preprocess, model, engine, threads or 2)


def held_out_scores(bundle: Bundle | None, given: Sequence[Scores]) -> Scores | None:
    """Put scores together and calibrate them as the model's answers are.

    Raises:
        MeasureError: they are of other classes, of training pictures, or calibrated otherwise.
    """
    if not given:
        return None
    if bundle is None:
        raise MeasureError(
            "scores alone do not tell what a model says of new pictures",
            hint="name the model that they are of",
        )
    for one in given:
        _refuse(bundle, one)
    every = pooled(given)
    own, theirs = bundle.description.calibration, _calibration(every)
    if own == theirs:
        return every
    return replace(every, probabilities=calibrated(every.probabilities, own))


def _refuse(bundle: Bundle, scores: Scores) -> None:
    names = tuple(one.name for one in bundle.description.classes)
    own, theirs = bundle.description.calibration, _calibration(scores)
    why = hint = ""
    if scores.class_names != names:
        why, hint = "of other classes than the model's", "give scores of this model"
    elif scores.about.get("part") == "train":
        why, hint = (
            "of training images, of which a model is too sure",
            "evaluate --part val or test",
        )
    elif scores.leaks:
        why, hint = "of images that the model may have learned from", "give honest scores"
    elif theirs and theirs != own:
        why, hint = "calibrated otherwise than the model", "give those before calibration"
    elif not np.isfinite(scores.probabilities).all() or not len(scores):
        why, hint = "empty", "evaluate some images"
    if why:
        raise MeasureError(f"the scores are {why}", hint=hint)


def _calibration(scores: Scores) -> dict[str, Any]:
    model = scores.about.get("model") or {}
    return dict(model.get("calibration") or {})

"""Which scores may calibrate which bundle, and what the bundle then says of it.

Takes   a bundle, and `Scores` of images that had not been learned from by whoever answered
Gives   the calibration and rules that the bundle shall carry, and the same scores calibrated
Never   fits on answers for training images: a model is surest of those, and wrongly so

The answers are the bundle's own for other images, or those of sister models out of fold: in
cross-validation each image is answered by the model that never saw its group, and models that are
trained alike are about alike sure of themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from papscope.bundle import Bundle
from papscope.decision import calibrated
from papscope.errors import MeasureError
from papscope.evaluate.candidates import Method
from papscope.evaluate.conformal import Fitted, Wanted, fit_rules
from papscope.evaluate.scaling import Scaling, fit_scaling
from papscope.scores import Scores

_BEFORE = "uncalibrated_sha256"
"""Under this key a calibration names the bundle that it was fitted for."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """A bundle that knows how sure it may be."""

    bundle: Bundle
    """The bundle with its calibration and rules; its digest is the older one's until written."""
    scaling: Scaling
    scores: Scores
    """What it was fitted on, calibrated."""
    warnings: tuple[str, ...]


def calibrate(
    bundle: Bundle,
    scores: Sequence[Scores],
    *,
    method: Method = "temperature",
    bias: bool = False,
    rules: Wanted | None = None,
) -> Calibrated:
    """Fit a bundle's calibration on scores, and its rules where asked.

    Args:
        bundle: the model; an older calibration of it is replaced, and older rules are taken off,
            which were fitted to what it said before.
        scores: answers for images that the answering model had not learned from: one or more
            files of the bundle itself, or of the models of a cross-validation.
        method: `temperature`, `vector`, `dirichlet`, or `auto` for the best by inner folds.
        bias: of a temperature: fit a bias for each class too; see `fit_temperature`.
        rules: what prediction sets and referral shall promise; None fits none. They are fitted on
            each image as calibrated without its group.

    Raises:
        MeasureError: there are no scores, they are of training images, calibrated already, or of
            other classes, or they are too few.
        SettingError: there is no such method, or it has no use for `bias`.
    """
    if not scores:
        raise MeasureError("there are no scores to calibrate on", hint="give one or more files")
    for one in scores:
        _refuse(bundle, one)
    every = pooled(scores)
    scaling = fit_scaling(every, method, bias=bias)
    own = _names_of(bundle)
    told: dict[str, Any] = {
        **scaling.to_json(),
        "fitted_on": _sentence(own, scores, scaling),
        _BEFORE: bundle.description.calibration.get(_BEFORE, bundle.digest),
    }
    fitted = Fitted({}, ()) if rules is None else fit_rules(scaling.held_out, rules)
    ruled = {**fitted.rules, "fitted_on": told["fitted_on"]} if fitted.rules else {}
    about = replace(bundle.description, calibration=told, rules=ruled)
    after = replace(every, probabilities=calibrated(every.probabilities, told))
    warnings = (*_warnings(bundle, scores), *fitted.warnings)
    return Calibrated(replace(bundle, description=about), scaling, after, warnings)


def pooled(parts: Sequence[Scores]) -> Scores:
    """Put the answers of several scores together, as those of the folds of a cross-validation.

    What they tell of themselves is the first one's, but for what is one fold's alone.

    Raises:
        MeasureError: the classes differ.
    """
    first = parts[0]
    strange = next((one for one in parts if one.class_names != first.class_names), None)
    if strange is not None:
        raise MeasureError(
            f"scores of {', '.join(first.class_names)} and of {', '.join(strange.class_names)} are "
            "not of one kind",
            hint="give scores of the same classes",
        )
    about = dict(first.about)
    if len(parts) > 1:
        about["leaks"] = next((one.leaks for one in parts if one.leaks), None)
        if about.get("protocol"):
            about["protocol"] = {**about["protocol"], "fold": None, "shares": {}}
    return Scores(
        ids=tuple(name for part in parts for name in part.ids),
        groups=tuple(name for part in parts for name in part.groups),
        truth=np.concatenate([part.truth for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        classes=first.classes,
        paths=tuple(name for part in parts for name in part.paths),
        boxes=tuple(box for part in parts for box in part.boxes),
        about=about,
    )


def refuse_learned(scores: Scores) -> None:
    """Refuse scores of images that the model learned from: it knows these too well.

    Raises:
        MeasureError: they are of the training part, or stamped as leaking.
    """
    hint = "score images that were not learned from: a validation part, or the folds left out"
    if scores.about.get("part") == "train":
        raise MeasureError("the scores are of the training part", hint=hint)
    if scores.leaks:
        raise MeasureError(
            f"the scores are of images that were learned from: {scores.leaks}", hint=hint
        )


def _refuse(bundle: Bundle, scores: Scores) -> None:
    """Refuse scores that tell nothing of how sure the model may be."""
    names = tuple(one.name for one in bundle.description.classes)
    if scores.class_names != names:
        raise MeasureError(
            f"the model's classes are {', '.join(names)}; the scores' are "
            f"{', '.join(scores.class_names)}",
            hint="give scores of the same classes, in the same order",
        )
    refuse_learned(scores)
    if _model(scores).get("calibration"):
        raise MeasureError(
            "the scores are calibrated already",
            hint="score with the bundle as it was before it was calibrated",
        )


def _model(scores: Scores) -> dict[str, Any]:
    told = scores.about.get("model")
    return told if isinstance(told, dict) else {}


def _names_of(bundle: Bundle) -> frozenset[str]:
    """Give the digests by which scores may name the bundle: its own, and of before."""
    return frozenset({bundle.digest, str(bundle.description.calibration.get(_BEFORE, ""))})


def _sentence(own: frozenset[str], scores: Sequence[Scores], scaling: Scaling) -> str:
    """Say what the calibration was fitted on."""
    data = " and ".join(sorted({str(one.about.get("dataset", "unknown data")) for one in scores}))
    makers = {_model(one).get("bundle_sha256") for one in scores}
    if not any(map(_model, scores)):
        who = "models that the scores do not name"
    elif makers <= own:
        who = "this model, which had not learned from them"
    elif makers & own:
        who = "this model and sister models, none of which had learned from what it answered"
    else:
        who = "sister models (out of fold), none of which had learned from what it answered"
    end = "; on some of them its epoch was chosen" if _chosen_on(scores) else ""
    return f"{scaling.n} images of {data} in {scaling.groups} groups, answered by {who}{end}"


def _chosen_on(scores: Sequence[Scores]) -> bool:
    return any(one.about.get("part") == "val" for one in scores)


def _warnings(bundle: Bundle, scores: Sequence[Scores]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(told for one in scores for told in _differing(bundle, one)))


def _differing(bundle: Bundle, scores: Scores) -> Iterator[str]:
    """Say in what the model that answered differs from the one to be calibrated."""
    about, told = bundle.description, _model(scores)
    if not told:
        yield "the scores do not say which model answered"
        return
    if told.get("backbone") != about.backbone:
        yield f"the scores are of a {told.get('backbone')}, the model is a {about.backbone}"
    if told.get("preprocess") != about.preprocess.to_json():
        yield "the scores are of a model that sees pictures otherwise (size, fit or colours)"

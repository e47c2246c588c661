"""Scaling of probabilities, fitted so that 80 % means 80 %.

Takes   `Scores` of images that the model had not learned from
Gives   a temperature, and a bias for each class where asked, with what they gain
Never   applies them: `decision.calibrated` does, for every answer of the bundle that carries them

What the scaling gains is measured by groups held out: each fifth of the groups is scaled by what
was fitted on the other four, so that no image tells of a fit that it took part in. What is kept is
fitted on all.

Sources: C. Guo et al., ICML 2017, 1321-1330 (temperature and vector scaling); I. J. Good, J. R.
Stat. Soc. B 14 (1952), 107-114 (logarithmic score).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.decision import calibrated
from papscope.errors import MeasureError
from papscope.evaluate.calibration import CalibrationError
from papscope.evaluate.intervals import Groups
from papscope.evaluate.proper import LEAST, costs
from papscope.scores import Probabilities, Scores

HELD_OUT = 5
"""Into how many parts the groups are put; fewer where there are fewer groups."""

RANGE = (0.05, 20.0)
"""Between which a temperature is looked for; 1 leaves probabilities as they are."""

_WIDEST_BIAS = 10.0
_DIGITS = 9
"""Further digits of a fitted number are the optimiser's, not the images'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """A fitted calibration and what it gains."""

    temperature: float
    """Above 1 where the model was too sure of itself."""
    bias: tuple[float, ...] | None
    """Added to each class's logit; None where only a temperature was fitted."""
    n: int
    groups: int
    log_loss: tuple[float, float]
    """Mean of minus the logarithm of the true class's probability, before and after."""
    error: tuple[float, float]
    """Expected calibration error of the called class, before and after."""

    def to_json(self) -> dict[str, Any]:
        """Give what a bundle carries as its calibration."""
        bias = {} if self.bias is None else {"bias": list(self.bias)}
        return {
            "method": "temperature",
            "temperature": self.temperature,
            **bias,
            "n": self.n,
            "groups": self.groups,
            "log_loss_before": round(self.log_loss[0], _DIGITS),
            "log_loss_after": round(self.log_loss[1], _DIGITS),
            "ece_before": round(self.error[0], _DIGITS),
            "ece_after": round(self.error[1], _DIGITS),
        }


def fit_temperature(scores: Scores, *, bias: bool = False) -> Scaling:
    """Fit a temperature by the least log-loss.

    A temperature changes how sure a model is and never what it calls an image. A bias also undoes
    what training with weighted classes does to their shares, and thereby calls rare classes less
    often: better probabilities, fewer rare cells found.

    Args:
        scores: of images that the model had not learned from, not calibrated yet.
        bias: fit a bias for each class too.

    Raises:
        MeasureError: the images are of one group, or a class to be fitted has none.
    """
    groups = Groups.of(scores.groups)
    if groups.number < 2:
        raise MeasureError(
            f"the {len(scores)} images are of one group, so that what a calibration gains cannot "
            "be told",
            hint="calibrate on images of more slides or fields",
        )
    parts = groups.place % min(HELD_OUT, groups.number)
    for part in np.unique(parts):
        _refuse_missing(scores, parts != part, bias=bias)
    after = np.empty_like(scores.probabilities)
    for part in np.unique(parts):
        held = parts == part
        fitted = _fitted(scores.probabilities[~held], scores.truth[~held], bias=bias)
        after[held] = calibrated(scores.probabilities[held], fitted)
    kept = _fitted(scores.probabilities, scores.truth, bias=bias)
    scaled = replace(scores, probabilities=after)
    return Scaling(
        temperature=kept["temperature"],
        bias=tuple(kept["bias"]) if bias else None,
        n=len(scores),
        groups=groups.number,
        log_loss=(_log_loss(scores), _log_loss(scaled)),
        error=(_error(scores, groups), _error(scaled, groups)),
    )


def _refuse_missing(scores: Scores, chosen: npt.NDArray[np.bool_], *, bias: bool) -> None:
    """Refuse to fit the bias of a class that no image shows."""
    found = np.bincount(scores.truth[chosen], minlength=len(scores.classes))
    missing = [name for name, n in zip(scores.class_names, found, strict=True) if not n]
    if bias and missing:
        raise MeasureError(
            f"{', '.join(missing)} is in too few groups for a bias of its own",
            hint="fit a temperature alone, or give more scores",
        )


def _fitted(chances: Probabilities, truth: npt.NDArray[np.int64], *, bias: bool) -> dict[str, Any]:
    """Give the calibration of least log-loss, the same from the same numbers."""
    from scipy.optimize import minimize, minimize_scalar

    def cost(told: Mapping[str, Any]) -> float:
        of_truth = calibrated(chances, told)[np.arange(len(truth)), truth]
        return float(-np.log(np.clip(of_truth, LEAST, 1.0)).mean())

    ends = (float(np.log(RANGE[0])), float(np.log(RANGE[1])))
    # In one dimension and bounded, no start need be chosen.
    alone = minimize_scalar(
        lambda x: cost(_calibration([x])), bounds=ends, method="bounded", options={"xatol": 1e-10}
    )
    best = [alone.x]
    if bias:
        c = chances.shape[1]
        limits = [ends, *[(-_WIDEST_BIAS, _WIDEST_BIAS)] * c]
        start = np.array([alone.x, *[0.0] * c])
        best = minimize(lambda x: cost(_calibration(x)), start, bounds=limits, method="L-BFGS-B").x
    return _calibration(best, digits=_DIGITS)


def _calibration(numbers: Sequence[float], digits: int | None = None) -> dict[str, Any]:
    """Give the logarithm of a temperature, and shifts if there are any, as a bundle carries them.

    Shifts that are all alike change nothing, so that their mean is taken off.
    """
    shifts = np.asarray(numbers[1:], dtype=np.float64)
    told: dict[str, Any] = {"method": "temperature", "temperature": float(np.exp(numbers[0]))}
    if shifts.size:
        told["bias"] = [float(one) for one in shifts - shifts.mean()]
    if digits is not None:
        told["temperature"] = round(told["temperature"], digits)
        told |= {"bias": [round(one, digits) for one in told["bias"]]} if shifts.size else {}
    return told


def _log_loss(scores: Scores) -> float:
    return float(costs(scores)["log_loss"].mean())


def _error(scores: Scores, groups: Groups) -> float:
    right = scores.called == scores.truth
    error = CalibrationError.of(scores.probabilities.max(axis=1), right, groups)
    return float(error(np.ones((1, groups.number), dtype=np.int64))[0])

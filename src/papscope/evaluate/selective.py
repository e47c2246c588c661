"""What a model may be left to do alone: its errors among the surest answers, and cells set aside.

Takes   `Scores`
Gives   the share of wrong calls at each share of answers, and how many cells need no second look
Never   says that a patient needs none: these are shares of labelled cells

Sources: R. El-Yaniv and Y. Wiener, J. Mach. Learn. Res. 11 (2010), 1605-1641 (risk and coverage);
Y. Geifman et al., ICLR 2019 (the area under the curve); M. Pepe, The Statistical Evaluation of
Medical Tests for Classification and Prediction, 2003, chapter 4 (one rate at a fixed other).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.evaluate.coverage import abnormal_flags, worst_flags
from papscope.evaluate.intervals import (
    Bounds,
    Counts,
    Estimate,
    Groups,
    Measure,
    Undefined,
    Values,
    interval,
    resamples_of,
)
from papscope.evaluate.metrics import share
from papscope.rules import Flags
from papscope.scores import Scores

ANSWERED = (1.0, 0.9, 0.8, 0.7, 0.5)
"""At which shares of answers the share of wrong calls is told."""

SENSITIVITY = 0.95
"""At which cells are set aside."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """Wrong calls among the surest answers."""

    curve: Values
    """(n,), the share of wrong calls among the k surest answers, k = 1 to n."""
    risks: dict[float, Measure]
    """At each share of `ANSWERED`."""
    area: Measure
    """Mean of the curve; less is better."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form, without the curve."""
        risks = {f"{at:g}": one.to_json() for at, one in self.risks.items()}
        return {"risk": risks, "area": self.area.to_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """How many cells need no second look, if so many of those that matter may be missed."""

    target: str
    """In words: `HSIL or worse`, or `abnormal`."""
    sensitivity: float
    share: Measure
    """Of all cells, those that are set aside."""
    threshold: float
    """Cells below it are set aside: of the probability of the target's classes together."""
    n_target: int
    n_aside: int
    missed: int
    """Cells of the target among those set aside."""
    abnormal_aside: int | None
    """Abnormal cells among them; None where nobody has said which those are."""

    def sentence(self) -> str:
        """Say it as a person would."""
        start = f"at {self.sensitivity:.0%} sensitivity for {self.target}, "
        if isinstance(self.share, Undefined):
            return f"{start}nothing can be said: {self.share.why}"
        one = self.share
        text = (
            f"{start}{one.value:.0%} of cells can be set aside, interval {one.low:.0%} to "
            f"{one.high:.0%}"
        )
        others = (self.abnormal_aside or 0) - self.missed
        if self.target != "abnormal" and others:
            text += f"; {others} of these {self.n_aside} are abnormal otherwise"
        return text

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "target": self.target,
            "sensitivity": self.sensitivity,
            "share": self.share.to_json(),
            "threshold": round(self.threshold, 12),
            "n_target": self.n_target,
            "n_aside": self.n_aside,
            "missed": self.missed,
            "abnormal_aside": self.abnormal_aside,
        }


def risk_coverage(scores: Scores, *, resamples: int, seed: int) -> RiskCoverage:
    """Give the share of wrong calls among the surest answers.

    Args:
        scores: of one or more images.
        resamples: how many times to draw the groups.
        seed: of the draws.
    """
    groups = Groups.of(scores.groups)
    order = np.argsort(-scores.probabilities.max(axis=1), kind="stable")
    wrong = (scores.called != scores.truth)[order].astype(np.float64)
    place = groups.place[order]
    n = len(scores)
    curve = np.cumsum(wrong) / np.arange(1, n + 1)
    blocks = resamples_of(groups.number, resamples=resamples, seed=seed, width=n)
    found = [_risks(np.take(counts, place, axis=1), wrong) for counts in blocks]
    drawn = np.concatenate([one for one, _ in found])
    areas = np.concatenate([one for _, one in found])
    (value,), (area,) = _risks(np.ones((1, n), dtype=np.int64), wrong)
    bounds = Bounds(lowest=0.0, highest=1.0, groups=groups.number)
    risks: dict[float, Measure] = {}
    for k, at in enumerate(ANSWERED):
        ends = interval(float(value[k]), drawn[:, k], bounds)
        risks[at] = Estimate(float(value[k]), *ends, max(1, round(at * n)))
    whole = Estimate(float(area), *interval(float(area), areas, bounds), n)
    return RiskCoverage(curve, risks, whole)


def _risks(weights: Counts, wrong: Values) -> tuple[Values, Values]:
    """Give the risks (b, k) at `ANSWERED` and the mean of the curve (b,), for weights (b, n).

    Images are in falling order of confidence; a resample has each as often as it was drawn.
    """
    seen = np.cumsum(weights, axis=1)
    lost = np.cumsum(weights * wrong, axis=1)
    total = seen[:, -1]
    rates = share(lost, seen.astype(np.float64))
    risks = []
    for at in ANSWERED:
        last = (seen < np.maximum(1, np.rint(at * total))[:, None]).sum(axis=1)
        risks.append(np.take_along_axis(rates, last[:, None], axis=1)[:, 0])
    area = share(np.nansum(rates * weights, axis=1), total.astype(np.float64))
    return np.stack(risks, axis=1), area


def set_aside(scores: Scores, *, resamples: int, seed: int) -> tuple[SetAside, ...]:
    """Say how many cells can be set aside at 95 % sensitivity: for HSIL or worse, for abnormal.

    The threshold is the highest that keeps the sensitivity on these very cells, and it is found
    anew in each resample: a threshold to be used elsewhere is fixed beforehand (`conformal`).

    Args:
        scores: of one or more images.
        resamples: how many times to draw the groups.
        seed: of the draws.

    Returns:
        Nothing of a target that the classes do not have.
    """
    ill = abnormal_flags(scores.classes)
    every = {"HSIL or worse": worst_flags(scores.classes), "abnormal": ill}
    return tuple(
        _aside(scores, flags, name, draws=(resamples, seed))
        for name, flags in every.items()
        if flags is not None
    )


def _aside(scores: Scores, flags: Flags, name: str, *, draws: tuple[int, int]) -> SetAside:
    groups = Groups.of(scores.groups)
    chance = scores.probabilities[:, flags].sum(axis=1)
    meant = flags[scores.truth]
    cut = _Cut.of(chance, meant, groups.place)
    once, at = cut.shares(np.ones((1, groups.number), dtype=np.int64))
    threshold = float(cut.levels[at[0]])
    aside = chance < threshold
    n, touched = len(scores), groups.touched(meant)
    found: Measure = Undefined(f"no image is {name}", n)
    if meant.any():
        blocks = resamples_of(groups.number, resamples=draws[0], seed=draws[1], width=n)
        drawn = np.concatenate([cut.shares(counts)[0] for counts in blocks])
        bounds = Bounds(lowest=0.0, highest=1.0, groups=touched)
        found = Estimate(float(once[0]), *interval(float(once[0]), drawn, bounds), n)
    ill = abnormal_flags(scores.classes)
    return SetAside(
        target=name,
        sensitivity=SENSITIVITY,
        share=found,
        threshold=threshold,
        n_target=int(meant.sum()),
        n_aside=int(aside.sum()),
        missed=int((aside & meant).sum()),
        abnormal_aside=None if ill is None else int((aside & ill[scores.truth]).sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """Images in rising order of a probability, and where it changes."""

    group: npt.NDArray[np.int64]
    meant: Values
    levels: Values
    """(s,), the different probabilities, rising."""
    start: npt.NDArray[np.int64]
    """(s,), where each begins."""

    @classmethod
    def of(cls, chance: Values, meant: Flags, group: npt.NDArray[np.int64]) -> _Cut:
        order = np.argsort(chance, kind="stable")
        levels, start = np.unique(chance[order], return_index=True)
        return cls(group[order], meant[order].astype(np.float64), levels, start.astype(np.int64))

    def shares(self, counts: Counts) -> tuple[Values, npt.NDArray[np.int64]]:
        """Give the share set aside in each resample (b,), NaN without a target, and the level."""
        weights = np.take(counts, self.group, axis=1).astype(np.float64)
        below = np.zeros((len(counts), len(self.group) + 1))
        lost = below.copy()
        np.cumsum(weights, axis=1, out=below[:, 1:])
        np.cumsum(weights * self.meant, axis=1, out=lost[:, 1:])
        missed = np.take(lost, self.start, axis=1)
        limit = (1 - SENSITIVITY) * lost[:, -1:] + _ROUNDING
        last = (missed <= limit).sum(axis=1) - 1
        aside = below[np.arange(len(counts)), self.start[last]] / below[:, -1]
        return np.where(lost[:, -1] > 0, aside, np.nan), last

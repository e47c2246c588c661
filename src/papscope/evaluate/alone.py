"""What a model may be left to do alone, gathered: for `evaluate`, the report, and whoever asks.

Takes   calibrated `Scores`, and the rules of the bundle that gave them, where it has some
Gives   risk and coverage, cells set aside, prediction sets and referral, each with its interval
Never   fits or changes a rule
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from papscope.evaluate.calibration import error_by_chance
from papscope.evaluate.coverage import (
    ReferralMeasures,
    SetMeasures,
    measure_referral,
    measure_sets,
    referred,
)
from papscope.evaluate.intervals import Estimate, Measure
from papscope.evaluate.selective import RiskCoverage, SetAside, risk_coverage, set_aside
from papscope.evaluate.tables import said
from papscope.rules import Rules
from papscope.scores import Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """What is known of a model's doubt."""

    risk: RiskCoverage
    aside: tuple[SetAside, ...]
    sets: SetMeasures | None
    """None where the bundle has no rule for sets."""
    referral: ReferralMeasures | None
    """None where it has no rules at all."""
    error_by_chance: float
    """The calibration error that so many images show of exactly right probabilities."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "risk_coverage": self.risk.to_json(),
            "set_aside": [one.to_json() for one in self.aside],
            "sets": self.sets.to_json() if self.sets else None,
            "referral": self.referral.to_json() if self.referral else None,
            "calibration_error_by_chance": round(self.error_by_chance, 12),
        }

    def sentences(self) -> Iterator[str]:
        """Say what matters most, for a terminal."""
        for one in self.aside:
            yield one.sentence()
        every = _percent(self.risk.risks[1.0])
        for share in (0.8, 0.5):
            surest = _percent(self.risk.risks[share])
            yield f"wrong among the {share:.0%} surest answers: {surest}; among all {every}"
        if self.sets:
            yield from _of_sets(self.sets)
        if self.referral:
            yield from _of_referral(self.referral)


def _of_sets(one: SetMeasures) -> Iterator[str]:
    yield (
        f"prediction sets hold the class of {_percent(one.coverage)} of the images, each group "
        f"alike {_percent(one.coverage_of_groups)}; promised: {one.promised:.0%}"
    )
    for name, measure in one.per_class.items():
        yield f"  of {name}: {_percent(measure)}"
    size = said(one.size, 2)
    yield f"classes in a set: {size}; one in {_percent(one.single)}, none in {_percent(one.empty)}"


def _of_referral(one: ReferralMeasures) -> Iterator[str]:
    yield (
        f"referred to a person: {_percent(one.referred)} of all, {_percent(one.abnormal)} of "
        f"the abnormal, {_percent(one.worst)} of HSIL or worse"
    )
    yield f"called rightly, of those not referred: {_percent(one.right_when_kept)}"


def _percent(measure: Measure) -> str:
    """Word a share.

    >>> _percent(Estimate(0.5, 0.25, 0.751, 4))
    '50.0% [25.0%, 75.1%]'
    """
    if isinstance(measure, Estimate):
        return f"{measure.value:.1%} [{measure.low:.1%}, {measure.high:.1%}]"
    return f"undefined ({measure.why})"


def left_alone(scores: Scores, *, resamples: int = 2000, seed: int = 0) -> Alone:
    """Measure what a model may be left to do alone.

    Args:
        scores: of one or more images; the rules are those that `about` tells of the model.
        resamples: how many times to draw the groups.
        seed: of the draws.

    Raises:
        BundleError: the rules mean nothing for these classes.
    """
    model = scores.about.get("model")
    told = model.get("rules") if isinstance(model, dict) else None
    rules = Rules.from_json(told or {}, len(scores.classes))
    flags = referred(scores.probabilities, scores.classes, rules)
    return Alone(
        risk=risk_coverage(scores, resamples=resamples, seed=seed),
        aside=set_aside(scores, resamples=resamples, seed=seed),
        sets=measure_sets(scores, rules.sets, resamples=resamples, seed=seed)
        if rules.sets
        else None,
        referral=measure_referral(scores, flags, resamples=resamples, seed=seed)
        if rules.any
        else None,
        error_by_chance=error_by_chance(scores.probabilities),
    )

"""What a bundle's rules come to on labelled images: sets that hold the class, cells referred.

Takes   calibrated `Scores`, and the rules of the bundle that gave them
Gives   how often sets hold the right class and how large they are, and whom a person would see
Never   fits a rule, or knows the faults of pictures: blurred ones are referred beside these
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from papscope.evaluate.intervals import Groups, Measure
from papscope.evaluate.ratios import Ratio, each_group_alike, measured
from papscope.rules import Flags, Rules, SetRule, Shares, held
from papscope.scores import Scores
from papscope.taxonomy import CellClass, sides

WORST = ("HSIL", "SCC")
"""The Bethesda categories that are HSIL or worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMeasures:
    """How prediction sets do."""

    promised: float
    coverage: Measure
    """Share of the images whose class is in the set."""
    coverage_of_groups: Measure
    """The same where each group counts the same: what is promised."""
    size: Measure
    """Mean number of classes in a set."""
    single: Measure
    """Share of the sets that hold one class."""
    empty: Measure
    right_when_single: Measure
    """Share of the sets of one class that hold the right one."""
    per_class: Mapping[str, Measure]
    """Share of each class's images whose set holds it."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        told = {name: getattr(self, name).to_json() for name in SET_TITLES}
        each = {name: one.to_json() for name, one in self.per_class.items()}
        return {"promised": self.promised, **told, "per_class": each}


SET_TITLES: Mapping[str, str] = {
    "coverage": "Class in the set",
    "coverage_of_groups": "Class in the set, each group alike",
    "size": "Classes in a set",
    "single": "Sets of one class",
    "empty": "Empty sets",
    "right_when_single": "Right, of sets of one class",
}
"""What the measures of sets are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralMeasures:
    """Whom a person would see."""

    referred: Measure
    """Share of the images that are referred."""
    abnormal: Measure
    """Share of the abnormal images that are referred."""
    worst: Measure
    """Share of the images of HSIL or worse that are referred."""
    right_when_kept: Measure
    """Share of the images that are not referred whose called class is right."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {name: getattr(self, name).to_json() for name in REFERRAL_TITLES}


REFERRAL_TITLES: Mapping[str, str] = {
    "referred": "Referred to a person",
    "abnormal": "Of the abnormal ones",
    "worst": "Of HSIL or worse",
    "right_when_kept": "Right, of those not referred",
}
"""What the measures of referral are called."""


def abnormal_flags(classes: tuple[CellClass, ...]) -> Flags | None:
    """Say which classes are abnormal, (c,); None where nobody has said."""
    known = sides(classes)
    if known is None:
        return None
    return np.array([known[one.name] == "abnormal" for one in classes])


def worst_flags(classes: tuple[CellClass, ...]) -> Flags | None:
    """Say which classes are HSIL or worse, (c,); None where no class is, or all are."""
    found = np.array([one.bethesda in WORST for one in classes])
    return found if found.any() and not found.all() else None


def measure_sets(scores: Scores, rule: SetRule, *, resamples: int, seed: int) -> SetMeasures:
    """Measure the prediction sets of a rule.

    Args:
        scores: calibrated, of one or more images.
        rule: the bundle's.
        resamples: how many times to draw the groups.
        seed: of the draws.
    """
    groups = Groups.of(scores.groups)
    flags = held(scores.probabilities, rule)
    return sets_measured(scores, flags, groups, rule.coverage, draws=(resamples, seed))


def sets_measured(
    scores: Scores, flags: Flags, groups: Groups, promised: float, *, draws: tuple[int, int]
) -> SetMeasures:
    """Measure sets that are given, (n, c); see `measure_sets`.

    Args:
        scores: of n images.
        flags: which classes each set holds.
        groups: of the images.
        promised: the coverage.
        draws: how many times to draw the groups, and the seed of that.
    """
    covered, size = flags[np.arange(len(scores)), scores.truth], flags.sum(axis=1)
    every, weight = np.ones(len(scores), dtype=bool), each_group_alike(groups)
    ratios = {
        "coverage": Ratio.of(covered, every, ""),
        "coverage_of_groups": Ratio(covered * weight, weight, ""),
        "size": Ratio.of(size.astype(np.float64), every, "", float(flags.shape[1])),
        "single": Ratio.of(size == 1, every, ""),
        "empty": Ratio.of(size == 0, every, ""),
        "right_when_single": Ratio.of(covered, size == 1, "no set holds one class"),
    }
    for place, name in enumerate(scores.class_names):
        ratios[f"of {name}"] = Ratio.of(covered, scores.truth == place, "no image is of this class")
    found = measured(ratios, groups, resamples=draws[0], seed=draws[1])
    return SetMeasures(
        promised=promised,
        **{key: found[key] for key in SET_TITLES},
        per_class={name: found[f"of {name}"] for name in scores.class_names},
    )


def referred(probabilities: Shares, classes: tuple[CellClass, ...], rules: Rules) -> Flags:
    """Say which cells the rules refer to a person, (n,), pictures' faults left aside.

    Args:
        probabilities: (n, c), calibrated.
        classes: of the columns.
        rules: the bundle's.
    """
    found = np.zeros(len(probabilities), dtype=bool)
    if rules.sets is not None:
        found |= held(probabilities, rules.sets).sum(axis=1) != 1
    ill = abnormal_flags(classes)
    if rules.abnormal is not None and ill is not None:
        found |= probabilities[:, ill].sum(axis=1) >= rules.abnormal
    return found


def measure_referral(
    scores: Scores, flags: Flags, *, resamples: int, seed: int
) -> ReferralMeasures:
    """Measure whom a person would see.

    Args:
        scores: calibrated, of n images.
        flags: (n,), who is referred; see `referred`.
        resamples: how many times to draw the groups.
        seed: of the draws.
    """
    every, none = np.ones(len(scores), dtype=bool), np.zeros(len(scores), dtype=bool)
    ill, worst = abnormal_flags(scores.classes), worst_flags(scores.classes)
    ratios = {
        "referred": Ratio.of(flags, every, ""),
        "abnormal": Ratio.of(
            flags, none if ill is None else ill[scores.truth], "no image is known to be abnormal"
        ),
        "worst": Ratio.of(
            flags, none if worst is None else worst[scores.truth], "no image is HSIL or worse"
        ),
        "right_when_kept": Ratio.of(
            scores.called == scores.truth, ~flags, "every image is referred"
        ),
    }
    found = measured(ratios, Groups.of(scores.groups), resamples=resamples, seed=seed)
    return ReferralMeasures(**found)

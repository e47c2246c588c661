"""Rules for a bundle: prediction sets that hold the right class, and who must be seen by a person.

Takes   calibrated `Scores` of images that neither the model nor the calibration had learned from
Gives   limits and a threshold as a bundle carries them, with what they promise
Never   applies them: `rules` does, for every answer of the bundle that carries them

What is promised is for a cell of a *new* group: a new slide, field or cluster. Cells of one group
resemble each other, so that n cells of g groups are not n independent ones, and the usual quantile
of n cells promises more than it can keep. Here each group weighs the same, its cells share its
weight, and the new group has the same weight again, at infinity, where it can do worst. The limit
is the least s for which

    sum over the groups of (share of the group's cells up to s) / (g + 1)  >=  level

With groups of one cell each this is the usual split-conformal quantile. It holds whatever the
model, as long as the new group is like the old ones: not for another laboratory.

Sources: Y. Lee, R. F. Barber and R. Willett, arXiv:2306.06342 (2023), section 3 (hierarchical
conformal prediction, the formula above); R. Dunn, L. Wasserman and A. Ramdas, J. Am. Stat. Assoc.
118 (2023), 2491-2502 (groups); V. Vovk, ACML 2012, 475-490 (class by class, Mondrian).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.errors import MeasureError, SettingError
from papscope.evaluate.intervals import Groups
from papscope.rules import SCORES, Flags, Score, SetRule, Shares, rules_to_json, strangeness
from papscope.scores import Scores
from papscope.taxonomy import sides

_ROUNDING = 1e-12
"""Sums of weights that differ by less are the same: 0.9 is no exact number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rules to fit."""

    coverage: float | None = 0.9
    """The share of cells of a new group whose class shall be in the prediction set; None: no
    sets."""
    score: Score = "lac"
    by_class: bool = True
    """Promise it for the cells of each class, and not only for all together."""
    sensitivity: float = 0.95
    """The share of abnormal cells of a new group that shall be referred to a person."""

    def __post_init__(self) -> None:
        shares = (self.sensitivity, *(() if self.coverage is None else (self.coverage,)))
        if not all(0 < one < 1 for one in shares) or self.score not in SCORES:
            raise SettingError(
                f"sets of score {self.score!r} that hold the class in {self.coverage}, "
                f"sensitivity {self.sensitivity:g}",
                hint=f"give shares between 0 and 1, and a score of {', '.join(SCORES)}",
            )


@dataclass(frozen=True, slots=True)
class Fitted:
    """Rules, as a bundle carries them, and what a reader must know of them."""

    rules: dict[str, Any]
    warnings: tuple[str, ...]


def groups_needed(level: float) -> int:
    """Count the groups without which no limit can promise a level.

    >>> groups_needed(0.9), groups_needed(0.95)
    (9, 19)
    """
    return ceil(level / (1 - level) - _ROUNDING * 1000)


def group_quantile(values: Shares, groups: npt.NDArray[Any], level: float) -> float:
    """Give the limit that a cell of a new group stays within with a probability of `level`.

    Args:
        values: (n,), of cells.
        groups: (n,), the group of each.
        level: 0..1.

    Returns:
        One of the values; infinite where there are too few groups to promise anything.

    >>> group_quantile(np.arange(9.0), np.arange(9), 0.9), group_quantile(
    ...     np.arange(8.0), np.arange(8), 0.9
    ... )
    (8.0, inf)
    >>> group_quantile(np.array([1.0, 1, 1, 1, 5, 7]), np.array([0, 0, 0, 0, 1, 2]), 0.5)
    5.0
    """
    if not values.size:
        return float("inf")
    _, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(values, kind="stable")
    weights = 1.0 / ((sizes.size + 1) * sizes[place[order]])
    reached = np.flatnonzero(np.cumsum(weights) >= level - _ROUNDING)
    return float(values[order[reached[0]]]) if reached.size else float("inf")


def fit_rules(scores: Scores, wanted: Wanted) -> Fitted:
    """Fit prediction sets, and from which probability of abnormal on a cell is referred.

    A class that too few groups show gets the loosest limit of the others and no promise of its own:
    a limit that promised something would hold it in every set.

    Args:
        scores: calibrated, each image by a fit that its group had no part in.
        wanted: what to promise.

    Raises:
        MeasureError: no class is shown by enough groups to promise such a coverage; or no sets are
            wanted, and there are too few groups with abnormal cells for the sensitivity.
    """
    groups = Groups.of(scores.groups)
    rules: dict[str, Any] = {"n": len(scores), "groups": groups.number}
    warnings: list[str] = []
    if wanted.coverage is not None:
        limits, unsure = _limits(scores, groups, wanted, wanted.coverage)
        rule = SetRule(score=wanted.score, coverage=wanted.coverage, limits=limits)
        by = "class" if wanted.by_class else "all"
        rules["sets"] = {**rules_to_json(rule), "by": by, "without_promise": list(unsure)}
        warnings.extend(_warnings(scores.class_names, unsure, wanted, wanted.coverage))
    threshold, count = _threshold(scores, groups, wanted.sensitivity)
    if threshold is not None:
        told = {"sensitivity": wanted.sensitivity, "groups": count}
        rules["refer"] = {**told, "abnormal": threshold}
    elif count or wanted.coverage is None:
        why = _too_few(count, wanted.sensitivity)
        if wanted.coverage is None:
            raise MeasureError(why, hint="promise less, or calibrate on more slides or fields")
        warnings.append(why)
    return Fitted(rules, tuple(warnings))


def _limits(
    scores: Scores, groups: Groups, wanted: Wanted, coverage: float
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Give each class's limit, and the classes that get the loosest limit of the others."""
    strange = strangeness(scores.probabilities, wanted.score)
    own = strange[np.arange(len(scores)), scores.truth]
    c = len(scores.classes)
    if wanted.by_class:
        chosen: list[Flags] = [scores.truth == place for place in range(c)]
        found = [group_quantile(own[one], groups.place[one], coverage) for one in chosen]
    else:
        found = [group_quantile(own, groups.place, coverage)] * c
    known = [one for one in found if np.isfinite(one)]
    if not known:
        raise MeasureError(
            f"{groups.number} groups, or those of each class, are too few to promise a coverage of "
            f"{coverage:g}: {groups_needed(coverage)} are needed",
            hint="promise less, or calibrate on images of more slides or fields",
        )
    unsure = [name for name, one in zip(scores.class_names, found, strict=True) if one == np.inf]
    return tuple(min(one, max(known)) for one in found), tuple(unsure)


def _threshold(scores: Scores, groups: Groups, level: float) -> tuple[float | None, int]:
    """Give from which probability of abnormal on a cell is referred, and how many groups say so.

    None where there are too few of them, or nobody has said which classes are abnormal.
    """
    known = sides(scores.classes)
    if known is None:
        return None, 0
    ill = np.array([known[name] == "abnormal" for name in scores.class_names])
    chosen = ill[scores.truth]
    chance = scores.probabilities[:, ill].sum(axis=1)[chosen]
    within = group_quantile(-chance, groups.place[chosen], level)
    count = groups.touched(chosen)
    if not np.isfinite(within):
        return None, count
    return min(1.0, -within), count


def _warnings(
    names: tuple[str, ...], unsure: tuple[str, ...], wanted: Wanted, coverage: float
) -> Iterator[str]:
    if unsure:
        yield (
            f"{', '.join(unsure)}: fewer than {groups_needed(coverage)} groups show it, so that "
            "its cells get the loosest limit of the other classes and no promise"
        )
    if len(unsure) < len(names) and wanted.by_class is False:
        yield "the coverage is promised for all cells together: a rare class may get far less"


def _too_few(groups: int, sensitivity: float) -> str:
    if not groups:
        return "no cell is referred for being abnormal: nobody has said which classes are"
    return (
        f"no cell is referred for being abnormal: {groups} groups with abnormal cells are too few "
        f"to promise a sensitivity of {sensitivity:g}, which needs {groups_needed(sensitivity)}"
    )

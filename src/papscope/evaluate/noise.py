"""How many labels may be wrong, from given labels and out-of-fold probabilities.

Takes   `Scores` of images that the answering models had not learned from
Gives   the joint distribution of given and true labels, and shares of it with intervals
Never   tells a wrong label from a class that the model confuses: both lie off the diagonal

A class's threshold is the mean probability that its own images get; an image counts as
confidently of the class whose threshold it reaches. Counts by given label and confident class,
made to sum to the given labels, estimate the joint distribution.

Source: C. Northcutt, L. Jiang and I. Chuang, J. Artif. Intell. Res. 70 (2021), 1373-1411, as in
cleanlab; intervals as in `intervals`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.errors import needs_extra
from papscope.evaluate.intervals import (
    Bounds,
    Estimate,
    Groups,
    Measure,
    Undefined,
    Values,
    interval,
    resamples_of,
)
from papscope.progress import Tell
from papscope.scores import Scores
from papscope.taxonomy import CellClass, grades, sides

APART = {
    "same_grade": "another class of the same grade",
    "next_grade": "a neighbouring grade",
    "far_grade": "two or more grades away",
    "other_side": "on the other side, normal or abnormal",
}
"""How far given and suggested class are apart; the last cuts across the others."""

Places: TypeAlias = npt.NDArray[np.int64]
Marks: TypeAlias = Mapping[str, npt.NDArray[np.bool_]]
"""By the keys of `APART`: (c, c), which given (rows) and suggested classes are so far apart."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Noise:
    """Estimated errors among the labels; the model's own confusions are counted with them."""

    joint: Values
    """(c, c), share of all labels by given (rows) and true class (columns); sums to 1."""
    share: Measure
    """Of all labels, those off the diagonal."""
    of_class: Mapping[str, Measure]
    """The same of the labels of each class."""
    apart: Mapping[str, Measure]
    """By the keys of `APART`, of all labels; only what the classes have an order or sides for."""


def estimate_noise(scores: Scores, *, resamples: int, seed: int, tell: Tell) -> Noise:
    """Estimate how many labels are wrong.

    Args:
        scores: of images of two classes or more.
        resamples: how many times the groups are drawn for the intervals.
        seed: of the draws.
        tell: told as the groups are drawn.

    Raises:
        MissingExtra: cleanlab is not installed.
    """
    joint = joint_of(scores.truth, scores.probabilities)
    apart, groups = marks(scores.classes), Groups.of(scores.groups)
    drawn = []
    for counts in resamples_of(groups.number, resamples=resamples, seed=seed, width=len(scores)):
        for times in counts:
            rows = np.repeat(np.arange(len(scores)), times[groups.place])
            again = joint_of(scores.truth[rows], scores.probabilities[rows])
            drawn.append(_shares(again, apart))
            tell("drawing groups", len(drawn), resamples)
    found = _measured(scores, groups, _shares(joint, apart), np.array(drawn))
    c = len(scores.classes)
    return Noise(
        joint=joint,
        share=found[0],
        of_class=dict(zip(scores.class_names, found[1 : c + 1], strict=True)),
        apart=dict(zip(apart, found[c + 1 :], strict=True)),
    )


def joint_of(truth: Places, chances: Values) -> Values:
    """Estimate the joint distribution of given and true labels.

    Args:
        truth: (n,), the given label's place.
        chances: (n, c), out-of-fold probabilities.

    Returns:
        (c, c); rows are given labels, and the sum is 1.

    Raises:
        MissingExtra: cleanlab is not installed.
    """
    with needs_extra("train", for_what="finding labels in doubt"):
        from cleanlab.count import estimate_joint

    return np.asarray(estimate_joint(truth, chances), dtype=np.float64)


def marks(classes: Sequence[CellClass]) -> Marks:
    """Mark the cells (c, c) of a table of given and suggested classes by how far they are apart."""
    found: dict[str, npt.NDArray[np.bool_]] = {}
    order, side_of = grades(classes), sides(classes)
    if order is not None:
        ranks = np.searchsorted(np.unique(order), order)
        steps = np.abs(ranks[:, None] - ranks[None, :])
        other = ~np.eye(len(classes), dtype=bool)
        found = {"same_grade": (steps == 0) & other, "next_grade": steps == 1}
        found["far_grade"] = steps > 1
        found = {key: mark for key, mark in found.items() if mark.any()}
    if side_of is not None:
        abnormal = np.array([side_of[one.name] == "abnormal" for one in classes])
        found["other_side"] = abnormal[:, None] != abnormal[None, :]
    return found


def _shares(joint: Values, apart: Marks) -> Values:
    """Give the shares off the diagonal: of all, of each class (NaN without labels), by mark."""
    given = joint.sum(axis=1)
    with np.errstate(invalid="ignore"):
        of_class = np.where(given > 0, 1 - joint.diagonal() / given, np.nan)
    of_marks = [float(joint[mark].sum()) for mark in apart.values()]
    return np.array([1 - joint.trace(), *of_class, *of_marks]).clip(0, 1)


def _measured(scores: Scores, groups: Groups, values: Values, drawn: Values) -> list[Measure]:
    """Give each share its interval, in the order of `_shares`."""
    c = len(scores.classes)
    found: list[Measure] = []
    for column, value in enumerate(values):
        of = scores.truth == column - 1 if 0 < column <= c else np.ones(len(scores), dtype=bool)
        n = int(of.sum())
        if not n:
            found.append(Undefined("no image has this label", 0))
            continue
        bounds = Bounds(lowest=0.0, highest=1.0, groups=groups.touched(of))
        found.append(Estimate(float(value), *interval(float(value), drawn[:, column], bounds), n))
    return found

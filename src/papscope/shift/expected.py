"""How accurate a model may be on new pictures, guessed without their labels.

Takes   answers for labelled pictures that the model had not learned from, and for new pictures
Gives   two estimates of the accuracy on the new ones, each with the drop and its interval
Never   knows that it is right: such estimates fail where new pictures are unlike the old ones

Both suppose that a model's sureness means the same on new pictures. The first counts those of
which it is surer than a threshold, chosen so that on the labelled pictures as many are surer as are
right (average thresholded confidence: S. Garg et al., ICLR 2022). The second takes off as much
accuracy as the mean sureness falls (difference of confidences: D. Guillory et al., ICCV 2021,
without the regression over many known shifts, which nobody has here). Groups of both sets are drawn
anew for the intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.evaluate.intervals import Bounds, Estimate, Groups, interval, resamples_of
from papscope.scores import Probabilities
from papscope.seeds import key
from papscope.shift.testing import Draws
from papscope.taxonomy import CellClass, sides

Values: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What a model says of pictures, and what they are where that is known."""

    probabilities: Probabilities
    """(n, c), calibrated."""
    groups: Sequence[str | None]
    truth: npt.NDArray[np.int64] | None = None
    """(n,), places of the true classes; -1 where not labelled. None where nothing is."""

    @property
    def sureness(self) -> Values:
        """(n,), the probability of the called class."""
        return np.asarray(self.probabilities.max(axis=1))

    @property
    def right(self) -> Values:
        """(n,), 1 where the call is right, else 0."""
        if self.truth is None:
            raise ValueError("these pictures have no labels")
        return np.asarray(self.probabilities.argmax(axis=1) == self.truth, dtype=np.float64)

    def labelled(self) -> Answered | None:
        """Keep those with a label; None where there is none."""
        known = np.flatnonzero(self.truth >= 0) if self.truth is not None else np.zeros(0, int)
        if not len(known) or self.truth is None:
            return None
        groups = tuple(self.groups[int(one)] for one in known)
        return Answered(self.probabilities[known], groups, self.truth[known])

    def merged(self, classes: Sequence[CellClass]) -> Answered:
        """Keep only whether a picture is called, and is, normal (0) or abnormal (1).

        Raises:
            ValueError: a class is neither.
        """
        side = sides(classes)
        if side is None:
            raise ValueError("not every class is normal or abnormal")
        place = np.array([side[one.name] == "abnormal" for one in classes])
        abnormal = self.probabilities[:, place].sum(axis=1)
        return replace(self, probabilities=np.column_stack([1 - abnormal, abnormal]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What became of the accuracy, by estimate and in truth."""

    of: str
    """`classes`, or `normal or abnormal` where the new pictures have other classes."""
    held_out: Estimate
    """The accuracy on the labelled pictures that the model had not learned from."""
    thresholded: Estimate
    """The new accuracy by average thresholded confidence."""
    thresholded_drop: Estimate
    by_difference: Estimate
    """The new accuracy by difference of confidences."""
    by_difference_drop: Estimate
    true: Estimate | None = None
    """The new accuracy by labels; None without labels."""
    true_drop: Estimate | None = None

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        names = [one for one in self.__slots__ if one != "of"]
        told = {name: getattr(self, name) for name in names}
        return {
            "of": self.of,
            **{name: None if one is None else one.to_json() for name, one in told.items()},
        }


def expected(held: Answered, new: Answered, draws: Draws, *, of: str = "classes") -> Expected:
    """Estimate the accuracy on new pictures, and measure it on those of them that are labelled.

    Args:
        held: labelled, and not learned from by whoever answered.
        new: the new pictures; their labels are used for nothing but `true`.
        draws: how often groups are drawn anew.
        of: what the answers tell apart.
    """
    old, fresh = _counts(held, new, draws)
    everything = [np.ones((1, len(one.groups))) for one in (held, new)]
    point = [one[0] for one in _estimates(held, new, *everything)]
    drawn = _estimates(held, new, old, fresh)
    groups = min(_number(held), _number(new))
    share = Bounds(lowest=0.0, highest=1.0, groups=groups)
    fall = Bounds(lowest=-1.0, highest=1.0, groups=groups)
    labelled = new.labelled()
    true = drop = None
    if labelled is not None:
        _, of_labelled = _counts(held, labelled, draws)
        told = float(labelled.right.mean())
        again = of_labelled @ labelled.right / np.maximum(of_labelled.sum(axis=1), 1e-12)
        true = _estimate(told, again, replace(share, groups=_number(labelled)), len(labelled.right))
        drop = _estimate(point[0] - told, drawn[0] - again, fall, len(labelled.right))
    n = len(new.groups)
    return Expected(
        of=of,
        held_out=_estimate(
            point[0], drawn[0], replace(share, groups=_number(held)), len(held.groups)
        ),
        thresholded=_estimate(point[1], drawn[1], share, n),
        thresholded_drop=_estimate(point[0] - point[1], drawn[0] - drawn[1], fall, n),
        by_difference=_estimate(point[2], drawn[2], share, n),
        by_difference_drop=_estimate(point[0] - point[2], drawn[0] - drawn[2], fall, n),
        true=true,
        true_drop=drop,
    )


def _number(one: Answered) -> int:
    return Groups.of(one.groups).number


def _counts(held: Answered, new: Answered, draws: Draws) -> tuple[Values, Values]:
    """Draw the groups of both sets anew, and say how often each picture counts, (r, n)."""
    found = []
    for one, seed in ((held, draws.seed), (new, key(draws.seed, "shift, new"))):
        groups = Groups.of(one.groups)
        blocks = resamples_of(groups.number, resamples=draws.resamples, seed=seed)
        found.append(np.concatenate(list(blocks)).astype(np.float64)[:, groups.place])
    return found[0], found[1]


def _estimates(held: Answered, new: Answered, old: Values, fresh: Values) -> list[Values]:
    """Give the held-out accuracy and both estimates for each way of counting, (r,) each."""
    sure, right = held.sureness, held.right
    order = np.argsort(-sure, kind="stable")
    new_sure = new.sureness
    accuracy, thresholded, by_difference = [], [], []
    for a, b in zip(old, fresh, strict=True):
        whole, counted = a.sum(), b.sum()
        share = float((a * right).sum() / whole)
        reached = np.cumsum(a[order]) / whole
        at = min(int(np.searchsorted(reached, share - 1e-9)), len(order) - 1)
        limit = sure[order[at]] if share > 0 else np.inf
        accuracy.append(share)
        thresholded.append(float((b * (new_sure >= limit)).sum() / counted))
        fall = float((a * sure).sum() / whole - (b * new_sure).sum() / counted)
        by_difference.append(min(1.0, max(0.0, share - fall)))
    return [np.array(one) for one in (accuracy, thresholded, by_difference)]


def _estimate(value: float, drawn: Values, bounds: Bounds, n: int) -> Estimate:
    low, high = interval(float(value), drawn, bounds)
    return Estimate(float(value), low, high, n)

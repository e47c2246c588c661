"""Shares and means of images, each with its interval over groups.

Takes   a part and a whole of each image
Gives   the sum of the parts over the sum of the wholes, as a measure
Never   gives 0 for a share of nothing
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
from papscope.evaluate.metrics import share

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Ratio:
    """A share or a mean, before it is measured."""

    part: Values
    """(n,)"""
    whole: Values
    """(n,), 0 for images that it does not speak of."""
    why: str
    """Why it is undefined where it speaks of no image."""
    highest: float = 1.0

    @classmethod
    def of(cls, part: Flags | Values, among: Flags, why: str, highest: float = 1.0) -> Ratio:
        """Give the mean of something among some of the images.

        Args:
            part: (n,), whether it is so, or how much.
            among: (n,), the images that it speaks of.
            why: there may be none.
            highest: the most that it can be.
        """
        return cls(np.where(among, part, 0.0), among.astype(np.float64), why, highest)


def measured(
    ratios: dict[str, Ratio], groups: Groups, *, resamples: int, seed: int
) -> dict[str, Measure]:
    """Measure ratios on the same draws of groups.

    Args:
        ratios: by key; of the same n images.
        groups: of the images.
        resamples: how many times to draw the groups.
        seed: of the draws.
    """
    parts = groups.sums(np.stack([one.part for one in ratios.values()], axis=1))
    wholes = groups.sums(np.stack([one.whole for one in ratios.values()], axis=1))
    drawn = np.concatenate(
        [
            share(counts @ parts, counts @ wholes)
            for counts in resamples_of(groups.number, resamples=resamples, seed=seed)
        ]
    )
    found: dict[str, Measure] = {}
    for place, (key, one) in enumerate(ratios.items()):
        n = int((one.whole > 0).sum())
        if not n:
            found[key] = Undefined(one.why, 0)
            continue
        value = float(parts[:, place].sum() / wholes[:, place].sum())
        touched = groups.touched(one.whole > 0)
        bounds = Bounds(lowest=0.0, highest=one.highest, groups=touched)
        found[key] = Estimate(value, *interval(value, drawn[:, place], bounds), n)
    return found


def each_group_alike(groups: Groups) -> Values:
    """Give the weights (n,) of images with which each group counts the same."""
    sizes = np.bincount(groups.place, minlength=groups.number)
    return np.asarray(1.0 / sizes[groups.place])

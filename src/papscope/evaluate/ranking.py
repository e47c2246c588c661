"""How well a score puts one kind of image before the rest, for many resamples at once.

Takes   a score of each image, which images are meant, and how often each group was drawn
Gives   AUROC and average precision in each resample; NaN, inside this package, where undefined
Never   depends on the order of the rows: images of equal score are one step of the curve

Images are put in order once. Every resample then is a row of weights, and both measures are sums
over the scores at which there is an image that is meant.

Sources: J. Hanley and B. McNeil, Radiology 143 (1982), 29-36 (AUROC as the share of rightly
ordered pairs, half for ties); M. Zhu, Working Paper 2004-09, University of Waterloo (average
precision, in steps and without interpolation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from papscope.evaluate.intervals import Counts, Values
from papscope.evaluate.metrics import share


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Images in falling order of a score, and where the steps are at which one is meant."""

    group: npt.NDArray[np.int64]
    """(n,), the group of each image, in falling order of the score."""
    meant: npt.NDArray[np.int64]
    """(p,), places in that order of the images that are meant."""
    step: npt.NDArray[np.int64]
    """(s,), where in `meant` each step begins."""
    before: npt.NDArray[np.int64]
    """(s,), how many images have a higher score than the step's."""
    through: npt.NDArray[np.int64]
    """(s,), how many images have the step's score or a higher one."""

    @classmethod
    def of(
        cls,
        score: npt.NDArray[np.float64],
        meant: npt.NDArray[np.bool_],
        group: npt.NDArray[np.int64],
    ) -> Ranking:
        """Put images in order.

        Args:
            score: (n,), higher for what is more likely meant.
            meant: (n,).
            group: (n,), the place of each image's group.
        """
        order = np.argsort(-score, kind="stable")
        falling, places = -score[order], np.flatnonzero(meant[order])
        levels, step = np.unique(falling[places], return_index=True)
        return cls(
            group=group[order],
            meant=places,
            step=step.astype(np.int64),
            before=np.searchsorted(falling, levels, side="left"),
            through=np.searchsorted(falling, levels, side="right"),
        )


def auroc_and_average_precision(ranking: Ranking, counts: Counts) -> tuple[Values, Values]:
    """Give both measures in each resample.

    AUROC is the share of pairs (one meant, one not) in which the meant one scores higher, ties
    counting half. Average precision is the sum over steps of precision times the gain in recall.
    Both are undefined where no image, or every image, is meant.

    Args:
        ranking: of n images in g groups.
        counts: (b, g).

    Returns:
        Two arrays (b,).

    >>> score, meant = np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, False])
    >>> ranking = Ranking.of(score, meant, np.arange(4))
    >>> area, average = auroc_and_average_precision(ranking, np.ones((1, 4), dtype=np.int64))
    >>> (area.tolist(), average.round(3).tolist())
    ([0.875], [0.833])
    """
    if not ranking.meant.size:
        nothing = np.full(len(counts), np.nan)
        return nothing, nothing.copy()
    weights = np.take(counts, ranking.group, axis=1)
    total = np.zeros((len(counts), len(ranking.group) + 1), dtype=np.int64)
    np.cumsum(weights, axis=1, out=total[:, 1:])
    gain = np.add.reduceat(np.take(weights, ranking.meant, axis=1), ranking.step, axis=1)
    hits = np.cumsum(gain, axis=1)
    through = np.take(total, ranking.through, axis=1)
    others_before = np.take(total, ranking.before, axis=1) - (hits - gain)
    positives, negatives = hits[:, -1], total[:, -1] - hits[:, -1]
    pairs = (positives * negatives).astype(np.float64)
    lost = (gain * (others_before + (through - hits))).sum(axis=1)
    area = 1 - share(lost.astype(np.float64), 2 * pairs)
    earned = (gain * (hits / np.maximum(through, 1))).sum(axis=1)
    average = share(earned, np.where(negatives > 0, positives, 0).astype(np.float64))
    return area, average

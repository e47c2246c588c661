"""What probabilities cost, not only calls: log-loss and Brier score, ready to be resampled.

Takes   probabilities and the true classes
Gives   the cost of each image, and its mean in each resample of groups
Never   rewards a call for being right by luck: the whole row of probabilities counts

Sources: I. J. Good, J. R. Stat. Soc. B 14 (1952), 107-114 (logarithmic score); G. Brier, Mon.
Weather Rev. 78 (1950), 1-3 (here as written there: the sum over all classes, from 0 to 2);
T. Gneiting and A. Raftery, J. Am. Stat. Assoc. 102 (2007), 359-378 (proper scoring rules).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from papscope.evaluate.intervals import Counts, Groups, Values
from papscope.scores import Scores

LEAST = float(np.finfo(np.float64).eps)
"""The least probability that is told apart from 0, so that one image costs at most 36."""

HIGHEST: Mapping[str, float] = {"log_loss": -float(np.log(LEAST)), "brier": 2.0}
"""The most that an image can cost; the least is 0."""


def costs(scores: Scores) -> Mapping[str, Values]:
    """Give what each image costs, (n,), by the key of the measure; lower is better.

    Args:
        scores: of n images.
    """
    chances, hit = scores.probabilities, np.eye(len(scores.classes))[scores.truth]
    of_truth = chances[np.arange(len(scores)), scores.truth]
    return {
        "log_loss": -np.log(np.clip(of_truth, LEAST, 1.0)),
        "brier": np.asarray(((chances - hit) ** 2).sum(axis=1)),
    }


@dataclass(frozen=True, slots=True, eq=False)
class MeanCosts:
    """The costs of groups, added up once."""

    sums: Mapping[str, Values]
    """By measure, (g, 1)."""
    sizes: Values
    """(g,), images in each group."""

    @classmethod
    def of(cls, scores: Scores, groups: Groups) -> MeanCosts:
        """Add up what the images of each group cost."""
        sizes = np.bincount(groups.place, minlength=groups.number).astype(np.float64)
        return cls({key: groups.sums(cost[:, None]) for key, cost in costs(scores).items()}, sizes)

    def measured(self, counts: Counts) -> dict[str, Values]:
        """Give the mean cost of an image in each resample, (b,), from counts (b, g)."""
        weights = counts.astype(np.float64)
        n = weights @ self.sizes
        return {key: (weights @ one)[:, 0] / n for key, one in self.sums.items()}

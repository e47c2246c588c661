"""Whether 80 % means 80 %: probabilities against what came true, in bins of equal size.

Takes   probabilities and whether each came true
Gives   bins for a reliability picture, and the calibration error
Never   changes a probability

Bins hold about the same number of images each (equal mass), as bins of equal width leave most of
them empty for a confident model. Images of equal probability are never put in different bins.

Sources: M. Naeini et al., AAAI 2015, 2901-2907 (expected calibration error); K. Nguyen and
B. O'Connor, EMNLP 2015, 1587-1598 (bins of equal mass); M. Kull et al., NeurIPS 2019, 12295-12305
(the error class by class); J. Bröcker and L. Smith, Weather Forecast. 22 (2007), 651-661 (what
chance alone shows: outcomes drawn from the probabilities themselves).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.evaluate.intervals import Counts, Groups, Values
from papscope.seeds import stream

BINS = 10
"""At most; fewer where many images share a probability."""

_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Bin:
    """Images of similar probability."""

    probability: float
    """Their mean probability."""
    share: float
    """The share of them that came true."""
    n: int

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "probability": round(self.probability, 12),
            "share": round(self.share, 12),
            "n": self.n,
        }


def bins_of(probability: npt.NDArray[np.float64], bins: int = BINS) -> npt.NDArray[np.int64]:
    """Give the bin of each image, from 0 on, by the quantiles of the probabilities.

    >>> bins_of(np.array([0.1, 0.9, 0.2, 0.8]), bins=2).tolist()
    [0, 1, 0, 1]
    >>> bins_of(np.array([0.5, 0.5, 0.5, 0.9]), bins=4).tolist()
    [0, 0, 0, 1]
    """
    if not probability.size:
        return np.zeros(0, dtype=np.int64)
    inner = np.quantile(probability, np.arange(1, bins) / bins, method="lower")
    found = np.searchsorted(np.unique(inner), probability, side="left")
    return np.asarray(np.unique(found, return_inverse=True)[1], dtype=np.int64)


def reliability(
    probability: npt.NDArray[np.float64], came_true: npt.NDArray[np.bool_], bins: int = BINS
) -> tuple[Bin, ...]:
    """Compare probabilities with shares, bin by bin in rising order.

    Args:
        probability: (n,), 0..1.
        came_true: (n,).
        bins: at most this many.

    >>> reliability(np.array([0.2, 0.2, 0.9, 0.9]), np.array([True, False, True, True]), bins=2)
    (Bin(probability=0.2, share=0.5, n=2), Bin(probability=0.9, share=1.0, n=2))
    """
    place = bins_of(probability, bins)
    sizes = np.bincount(place)
    means = np.bincount(place, weights=probability) / np.maximum(sizes, 1)
    shares = np.bincount(place, weights=came_true) / np.maximum(sizes, 1)
    return tuple(
        Bin(float(mean), float(hit), int(size))
        for mean, hit, size in zip(means, shares, sizes, strict=True)
    )


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationError:
    """The expected calibration error of the called class, ready to be resampled.

    The mean over images of |share that came true - mean probability|, bin by bin. The bins are
    those of the images as they are, in every resample.
    """

    gaps: Values
    """(g, bins), the sum over a group's images of probability less outcome."""
    sizes: Values
    """(g,), images in each group."""

    @classmethod
    def of(
        cls,
        probability: npt.NDArray[np.float64],
        came_true: npt.NDArray[np.bool_],
        groups: Groups,
    ) -> CalibrationError:
        """Sort images into bins.

        Args:
            probability: (n,), of the called class.
            came_true: (n,), whether the call is right.
            groups: of the n images.
        """
        place = bins_of(probability)
        gaps = np.zeros((groups.number, int(place.max(initial=0)) + 1))
        np.add.at(gaps, (groups.place, place), probability - came_true)
        return cls(gaps, np.bincount(groups.place, minlength=groups.number).astype(np.float64))

    def __call__(self, counts: Counts) -> Values:
        """Give the error in each resample, (b,), from counts (b, g)."""
        weights = counts.astype(np.float64)
        return np.asarray(np.abs(weights @ self.gaps).sum(axis=1) / (weights @ self.sizes))


def error_by_chance(probabilities: npt.NDArray[np.float64], *, seed: int = 0) -> float:
    """Give the error of the called class that so many images show of exactly right probabilities.

    Chance pushes the error up, the more the fewer the images. Truths are drawn from the
    probabilities again and again, one image apart from another, and the mean error is given: an
    error as small as that tells of no miscalibration. Images of a group that err together push
    further, which is not in it.

    Args:
        probabilities: (n, c), each row sums to 1.
        seed: of the draws.

    >>> error_by_chance(np.array([[1.0, 0.0], [0.0, 1.0]]))
    0.0
    """
    draw = stream(seed, "calibration-by-chance")
    confidence = probabilities.max(axis=1)
    place = bins_of(confidence)
    found = 0.0
    for _ in range(_DRAWS):
        right = draw.random(len(confidence)) < confidence
        found += float(np.abs(np.bincount(place, weights=confidence - right)).sum())
    return found / (_DRAWS * len(confidence))

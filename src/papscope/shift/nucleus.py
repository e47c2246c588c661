"""How large the nucleus in the middle of a cell's picture is, found without a mask or a network.

Takes   pixels of a picture with one cell in its middle
Gives   the diameter of the circle that has the nucleus's area, as a share of the picture's side
Never   measures one cell for its own sake: it is good enough to compare sets of pictures

A nucleus dims all three colours, while cytoplasm lets its own pass: so the least of the three
optical densities is taken. Two thresholds part it into background, cytoplasm and nucleus, and the
darkest part that weighs most about the middle is the nucleus. Against the masks of Herlev's 917
cells: see the section "Shift" of `docs/results.md`.

Source of the thresholds: N. Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979), 62-66, for three classes.
"""

from __future__ import annotations

from functools import lru_cache
from math import nan, pi, sqrt

import numpy as np
import numpy.typing as npt
from PIL import Image

from papscope.image import Pixels

WORKING_SIDE = 96
"""Pixels along the side of the square on which a nucleus is looked for."""

_BINS = 64
_SMOOTH = 1.0  # pixels; standard deviation
_REACH = 0.2  # of the side; how far from the middle a nucleus weighs
_LEAST = 12  # pixels of the working square; less is no nucleus
_DENSITY = -np.log10((np.arange(256) + 1) / 256)  # plus 1: black has no logarithm


def nucleus_share(pixels: Pixels) -> float:
    """Estimate the nucleus's diameter over the picture's side.

    Args:
        pixels: (h, w, 3), RGB, 0..255, of one cell; brought to a square first.

    Returns:
        Above 0, to 1.13 where all is nucleus; NaN where none is found.

    >>> cell = np.full((64, 64, 3), 230, np.uint8)
    >>> cell[12:52, 12:52] = (150, 180, 190)  # cytoplasm
    >>> cell[24:40, 24:40] = (90, 60, 120)  # a nucleus of 16 x 16 pixels
    >>> round(nucleus_share(cell), 2)  # sqrt(4 / pi) * 16 / 64 is 0.28
    0.28
    """
    from scipy import ndimage

    side = WORKING_SIDE
    square = Image.fromarray(pixels).resize((side, side), Image.Resampling.BOX)
    density = ndimage.gaussian_filter(_DENSITY[np.asarray(square)].min(axis=2), _SMOOTH)
    if np.ptp(density) < 1e-6:
        return nan
    parts, number = ndimage.label(density > upper_threshold(density))
    weights = ndimage.sum(_about_the_middle(), parts, range(1, number + 1))
    middle = parts == 1 + int(np.argmax(weights)) if number else parts > 0
    whole = ndimage.binary_opening(ndimage.binary_fill_holes(middle))
    area = int(whole.sum())
    return sqrt(4 * area / pi) / side if area >= _LEAST else nan


def upper_threshold(values: npt.NDArray[np.float64]) -> float:
    """Give the upper of the two thresholds that part values into three classes by Otsu's criterion.

    >>> round(upper_threshold(np.array([0.0] * 9 + [0.5] * 9 + [1.0] * 9)), 1)
    0.8
    """
    counts, edges = np.histogram(values, _BINS)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.concatenate([[0.0], counts.cumsum()])
    sums = np.concatenate([[0.0], (counts * middles).cumsum()])

    def between(low: npt.NDArray[np.intp], high: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        number, total = below[high] - below[low], sums[high] - sums[low]
        return np.asarray(total**2 / np.maximum(number, 1.0), dtype=np.float64)

    first, second = (one + 1 for one in np.triu_indices(_BINS - 1, 1))
    start, end = np.zeros_like(first), np.full_like(first, _BINS)
    spread = between(start, first) + between(first, second) + between(second, end)
    best = np.flatnonzero(spread >= spread.max() * (1 - 1e-12))
    # Where no value lies between two places, every one of them parts alike: take the middle.
    return float(np.median(edges[second[best]]))


@lru_cache(maxsize=1)
def _about_the_middle() -> npt.NDArray[np.float64]:
    away = np.arange(WORKING_SIDE) - (WORKING_SIDE - 1) / 2
    bell = np.exp(-(away**2) / (2 * (_REACH * WORKING_SIDE) ** 2))
    return np.asarray(np.outer(bell, bell))

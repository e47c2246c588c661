"""Whether a way of making maps looks at what the network has learnt at all.

Takes   a bundle, a way of making maps, and a few squares
Gives   how alike the maps are before and after the weights have been shuffled, and a verdict
Never   judges a single map: that is `judging`

J. Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018: some well-known methods draw
nearly the same map for a network of random weights, as an edge detector would. Such a map says
nothing about the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import spearmanr

from papscope.bundle import Bundle
from papscope.errors import MissingExtra
from papscope.explain.judging import Alike, Sanity
from papscope.explain.maps import Map, MapMaker
from papscope.explain.shuffling import RUNGS, shuffled
from papscope.image import Pixels
from papscope.progress import Tell, silent

PICTURES = 3
"""How many pictures are looked at."""

SHUFFLES = 3
"""How many times all weights are shuffled: of one shuffle to another, rank correlations differ by
a tenth or two. The upper layers, on which no verdict rests, are shuffled once."""

Asked = Sequence[tuple[Pixels, int]]
"""Squares (s, s, 3), and the place of the class that is explained."""


def sanity_of(
    bundle: Bundle,
    maker: Callable[[Bundle], MapMaker],
    asked: Asked,
    *,
    tell: Tell = silent,
) -> Sanity:
    """Shuffle a model's weights from the top downwards, and compare its maps with the first ones.

    Args:
        bundle: the model.
        maker: makes a bundle ready to be explained.
        asked: pictures and classes; the first `PICTURES` are taken.
        tell: hears how far it is.

    Returns:
        Means over the pictures and shuffles; with the reason where a part is not installed.
    """
    some = asked[:PICTURES]
    try:
        whole = _maps(maker(bundle), some)
        alike = []
        for done, rung in enumerate(RUNGS, start=1):
            pairs = []
            for seed in range(SHUFFLES if rung == RUNGS[-1] else 1):
                others = _maps(maker(shuffled(bundle, rung, seed)), some)
                pairs += list(zip(whole, others, strict=True))
            rank = float(np.mean([rank_correlation(*pair) for pair in pairs]))
            alike.append(Alike(rung, rank, float(np.mean([ssim(*pair) for pair in pairs]))))
            tell("shuffling weights", done, len(RUNGS))
    except MissingExtra as missing:
        return Sanity((), 0, str(missing))
    return Sanity(tuple(alike), len(some))


def _maps(maker: MapMaker, asked: Asked) -> list[Map]:
    return [maker(square, place) for square, place in asked]


def rank_correlation(first: Map, second: Map) -> float:
    """Give Spearman's correlation of two maps' absolute values; 0 where one says nothing.

    >>> ramp = np.arange(16, dtype=np.float32).reshape(4, 4)
    >>> rank_correlation(ramp, ramp**3), rank_correlation(ramp, np.ones_like(ramp))
    (1.0, 0.0)
    """
    one, other = np.abs(first).ravel(), np.abs(second).ravel()
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return 0.0
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)


def ssim(first: Map, second: Map) -> float:
    """Give the structural similarity of two maps' absolute values, each scaled to 0..1.

    Source: Z. Wang et al., IEEE Trans. Image Process. 13 (2004), 600-612; by scikit-image.

    Raises:
        MissingExtra: scikit-image is not installed.
    """
    try:
        from skimage.metrics import structural_similarity
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            f"comparing maps needs {missing.name}, which the base installation leaves out",
            hint='pip install "papscope[train]"',
        ) from None
    one, other = (_scaled(found) for found in (first, second))
    return float(structural_similarity(one, other, data_range=1.0))


def _scaled(found: Map) -> Map:
    size = np.nan_to_num(np.abs(found), nan=0.0, posinf=0.0)
    low, high = float(size.min()), float(size.max())
    return np.asarray((size - low) / (high - low) if high > low else size * 0, dtype=np.float32)

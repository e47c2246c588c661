"""Several ways of being strange, each a number that grows with strangeness.

Takes   a `Reference`, and what was measured and learned of one picture
Gives   one number for each detector, in the order of `DETECTORS`
Never   compares pictures of one batch, or decides how much is too much

Sources: Mahalanobis distance to the nearest class, K. Lee et al., NeurIPS 2018, 7167-7177; what is
left outside the principal subspace, H. Wang et al., CVPR 2022, 4911-4920 (ViM); nearest neighbours,
Y. Sun et al., ICML 2022, 20827-20840; energy, W. Liu et al., NeurIPS 2020, 21464-21475.

Each picture is measured by itself: a product of matrices may round a row by its neighbours, and
what is told of a picture must not depend on its company.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.appearance import Looks, appearance
from papscope.gate.reference import Reals, Reference
from papscope.image import Pixels

DETECTORS: tuple[str, ...] = ("looks", "class", "outside", "neighbours", "energy")
"""By name: how far a picture looks from the training pictures; how far its features are from the
nearest class's, within the training features' subspace; how much of them lies outside it; how far
the nearest training cells are; and how little the network has to go by."""

NEAREST = 5
"""Which of the nearest training cells tells how near they are."""

Strange: TypeAlias = npt.NDArray[np.float64]
"""(n, 5), in the order of `DETECTORS`."""

_LEAST = 1e-6
"""A length below this has no direction."""


def levelled(looks: Looks) -> Looks:
    """Bring measures that range over powers of ten to sums that a mean and a spread describe.

    Args:
        looks: (..., k), as `appearance` gives.

    >>> levelled(np.array([0.0, 3.0, -3.0])).round(2).tolist()
    [0.0, 1.82, -1.82]
    """
    return np.arcsinh(looks)


def strange(
    reference: Reference, squares: Sequence[Pixels] | npt.NDArray[np.uint8], features: Reals
) -> Strange:
    """Measure in how many ways pictures are strange.

    Args:
        reference: what was learned from.
        squares: (n, s, s, 3), RGB, 0..255, as the network takes them.
        features: (n, 1 + d), energy first, as engines tell them.

    Returns:
        (n, 5), finite.

    Raises:
        ValueError: the features are not of the network that the reference was fitted for.
    """
    wanted = 1 + reference.centre.size
    if features.ndim != 2 or features.shape[1] != wanted:
        raise ValueError(f"features are {features.shape}; want (n, {wanted})")
    rows = [
        (_looks(reference, appearance(square)), *of_features(reference, row))
        for square, row in zip(squares, features, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, len(DETECTORS))


def of_looks(reference: Reference, looks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give how far pictures look from the training pictures, (n,), by their looks (n, k)."""
    return np.array([_looks(reference, one) for one in looks])


def _looks(reference: Reference, looks: Looks) -> float:
    away = levelled(looks) - reference.looks_centre
    return float(np.linalg.norm(away @ reference.looks_whitening))


def of_features(reference: Reference, row: Reals) -> tuple[float, float, float, float]:
    """Give what the detectors but the first say of one row (1 + d,): energy, then features."""
    away = unit(row[1:]) - reference.centre
    along = reference.axes @ away
    outside = float(np.linalg.norm(away - along @ reference.axes))
    apart = (along - reference.class_means) @ reference.whitening
    nearest = float(np.sqrt(np.min((apart**2).sum(axis=1))))
    near = likeness(reference, along)
    rank = min(NEAREST, near.size)
    neighbours = 1.0 - float(np.partition(near, near.size - rank)[near.size - rank])
    return nearest, outside, neighbours, -float(row[0])


def unit(row: Reals) -> Reals:
    """Bring features (d,) to length 1: which of them a cell excites, and not how much of them.

    J. Mueller and M. Hein, ICML 2025 (Mahalanobis++).
    """
    length = np.linalg.norm(row)
    return np.asarray(row / max(float(length), _LEAST), dtype=np.float32)


def direction(along: Reals) -> Reals:
    """Bring places (..., p) along the axes to length 1, seen from the centre."""
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    return np.asarray(along / np.maximum(length, _LEAST), dtype=np.float32)


def likeness(reference: Reference, along: Reals) -> npt.NDArray[np.float64]:
    """Give the cosine between one picture's direction and each training cell's, (b,), -1..1."""
    found = (reference.cells * direction(along)).sum(axis=1)
    return np.asarray(np.clip(found.astype(np.float64), -1.0, 1.0))

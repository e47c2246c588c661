"""The measures that are made from a confusion matrix, for one matrix or many at once.

Takes   matrices (..., c, c) of weights: rows are the truth, columns what was called
Gives   values (...), or (..., c) for each class; NaN, inside this package only, where undefined
Never   sees a probability, or gives 0 for what does not exist

Averages follow scikit-learn with `zero_division=0`: the classes that occur in the truth or among
the calls are averaged, and one whose share does not exist counts as 0. Balanced accuracy leaves
classes without images out, also as scikit-learn does. A summary warns of both.

Sources: M. Sokolova and G. Lapalme, Inf. Process. Manag. 45 (2009), 427-437 (precision, recall, F1
and their averages); K. Brodersen et al., ICPR 2010, 3121-3124 (balanced accuracy); J. Cohen,
Psychol. Bull. 70 (1968), 213-220 (weighted kappa).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Matrices: TypeAlias = npt.NDArray[np.float64]
"""(..., c, c); weights of images by truth (rows) and call (columns)."""

Values: TypeAlias = npt.NDArray[np.float64]

Average = Literal["macro", "weighted"]


def confusion(
    truth: npt.NDArray[np.int64], called: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """Count images by what they are (rows) and what they were called (columns): (c, c).

    >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    cells = np.bincount(truth * classes + called, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def merged(matrices: Matrices, new_place: Sequence[int]) -> Matrices:
    """Give classes new places, adding up those that share one.

    Args:
        matrices: (..., c, c).
        new_place: of each class, from 0 on; (c,).

    >>> merged(np.arange(9.0).reshape(3, 3), [0, 1, 1]).tolist()
    [[0.0, 3.0], [9.0, 24.0]]
    """
    to = np.zeros((len(new_place), max(new_place) + 1))
    to[np.arange(len(new_place)), new_place] = 1.0
    return np.asarray(to.T @ matrices @ to)


def share(part: Values, whole: Values) -> Values:
    """Divide; NaN where the whole is 0, as the share then does not exist."""
    found = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def accuracy(matrices: Matrices) -> Values:
    """Share of the images that were called what they are."""
    return share(_hits(matrices).sum(axis=-1), matrices.sum(axis=(-2, -1)))


def precision(matrices: Matrices) -> Values:
    """TP / (TP + FP) of each class; undefined for a class that is never called."""
    return share(_hits(matrices), matrices.sum(axis=-2))


def recall(matrices: Matrices) -> Values:
    """TP / (TP + FN) of each class; undefined for a class without images."""
    return share(_hits(matrices), matrices.sum(axis=-1))


def f1(matrices: Matrices) -> Values:
    """2 TP / (2 TP + FP + FN) of each class; undefined where it neither occurs nor is called."""
    return share(2 * _hits(matrices), matrices.sum(axis=-1) + matrices.sum(axis=-2))


def balanced_accuracy(matrices: Matrices) -> Values:
    """Mean recall of the classes that have images."""
    each = recall(matrices)
    return share(np.nansum(each, axis=-1), np.isfinite(each).sum(axis=-1))


def averaged(each: Values, matrices: Matrices, average: Average) -> Values:
    """Average a measure of each class as scikit-learn does with `zero_division=0`.

    Args:
        each: (..., c), NaN where undefined.
        matrices: that it was made from, (..., c, c).
        average: `macro` gives each class that occurs or is called the same weight, `weighted` its
            number of images.
    """
    support = matrices.sum(axis=-1)
    occurs = (support + matrices.sum(axis=-2) > 0).astype(np.float64)
    weight = occurs if average == "macro" else support
    return share((np.nan_to_num(each, nan=0.0) * weight).sum(axis=-1), weight.sum(axis=-1))


def quadratic_kappa(matrices: Matrices, grades: Sequence[int]) -> Values:
    """Agreement beyond chance, where a call two grades off counts four times one grade off.

    1 - sum(w * observed) / sum(w * expected), w the squared difference between the places of two
    grades. Classes of equal grade are one; only the order of grades matters, not their numbers.
    Undefined where all images and all calls are of one grade.

    Args:
        matrices: (..., c, c).
        grades: of each class, at least two different ones.
    """
    order = {grade: place for place, grade in enumerate(sorted(set(grades)))}
    found = merged(matrices, [order[grade] for grade in grades])
    place = np.arange(found.shape[-1])
    weight = (place[:, None] - place[None, :]) ** 2
    expected = found.sum(axis=-1)[..., :, None] * found.sum(axis=-2)[..., None, :]
    wrong = (weight * found).sum(axis=(-2, -1)) * found.sum(axis=(-2, -1))
    return 1 - share(wrong, (weight * expected).sum(axis=(-2, -1)))


def sensitivity(matrices: Matrices, abnormal: Sequence[bool]) -> Values:
    """Share of the abnormal images whose called class is on the abnormal side, whichever it is."""
    return np.asarray(recall(merged(matrices, [int(side) for side in abnormal]))[..., 1])


def specificity(matrices: Matrices, abnormal: Sequence[bool]) -> Values:
    """Share of the normal images whose called class is on the normal side, whichever it is."""
    return np.asarray(recall(merged(matrices, [int(side) for side in abnormal]))[..., 0])


def _hits(matrices: Matrices) -> Values:
    return np.asarray(np.diagonal(matrices, axis1=-2, axis2=-1), dtype=np.float64)

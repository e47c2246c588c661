"""Calibrations that weigh classes against each other, fitted by the least log-loss.

Takes   probabilities, the true classes, and which form the calibration has
Gives   a calibration as a bundle carries it, the same from the same numbers
Never   applies it (`decision.calibrated` does), or chooses between forms (`evaluate.scaling` does)

Both forms are softmax(W log p + b): W is a diagonal (vector) or any matrix (Dirichlet). The
log-loss is convex in W and b, so that one descent finds the best. A matrix is held near a diagonal
one, and its bias near 0, by a penalty: with few images of a class a free one learns them by heart.

Sources: C. Guo et al., ICML 2017, 1321-1330 (vector scaling, there of logits, here of logarithms of
probabilities, since the mean over orientations has no logits); M. Kull et al., NeurIPS 2019,
12295-12305 (Dirichlet calibration, and its off-diagonal and intercept regularisation, ODIR).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.decision import LEAST_WEIGHED
from papscope.scores import Probabilities

Form = Literal["vector", "dirichlet"]

Numbers: TypeAlias = npt.NDArray[np.float64]
Truth: TypeAlias = npt.NDArray[np.int64]

_DIGITS = 9
_SLOPE = 1e-8
"""At which a descent has arrived."""
_WIDEST = 20.0
"""No factor or bias of a vector goes beyond it: for a class never mistaken none would be best."""


def fit_affine(
    chances: Probabilities, truth: Truth, form: Form, *, penalty: float = 0.0
) -> dict[str, Any]:
    """Fit a calibration.

    Args:
        chances: (n, c), of images that the model had not learned from.
        truth: (n,), the places of their classes; each class has an image.
        form: see the module.
        penalty: on the mean square of what lies beside the diagonal, and of the bias, above 0; of
            `dirichlet` alone.

    Returns:
        What `decision.calibrated` applies: `method`, `scale` or `matrix`, and `bias`.
    """
    from scipy.optimize import minimize

    c = chances.shape[1]
    logs = np.log(np.maximum(chances, LEAST_WEIGHED))
    cost = _cost(logs, truth, form, penalty)
    start = np.concatenate([np.ones(c) if form == "vector" else np.eye(c).ravel(), np.zeros(c)])
    if form == "vector":
        how: dict[str, Any] = {"method": "L-BFGS-B", "bounds": [(-_WIDEST, _WIDEST)] * start.size}
        how["options"] = {"maxiter": 1000, "ftol": 1e-10, "gtol": 1e-7}
    else:  # logarithms lie so much along one line that a descent without curvature takes long
        how = {"method": "trust-exact", "hess": _curvature(logs, penalty)}
        how["options"] = {"gtol": _SLOPE}
    return _calibration(minimize(cost, start, jac=True, **how).x, c, form)


def _calibration(found: Numbers, c: int, form: Form) -> dict[str, Any]:
    """Give the numbers as a bundle carries them.

    A bias that is the same for every class changes nothing, so that the mean is taken off.
    """
    bias = found[-c:] - found[-c:].mean()
    told = {"method": form, "bias": [round(float(one), _DIGITS) for one in bias]}
    if form == "vector":
        return {**told, "scale": [round(float(one), _DIGITS) for one in found[:c]]}
    matrix = found[:-c].reshape(c, c)
    return {**told, "matrix": [[round(float(one), _DIGITS) for one in row] for row in matrix]}


def _cost(
    logs: Numbers, truth: Truth, form: Form, penalty: float
) -> Callable[[Numbers], tuple[float, Numbers]]:
    """Give the penalised mean log-loss and its slope, as a function of all numbers in a row."""
    n, c = logs.shape
    hit = np.eye(c)[truth]
    beside = ~np.eye(c, dtype=bool)

    def cost(numbers: Numbers) -> tuple[float, Numbers]:
        factors, bias = numbers[:-c], numbers[-c:]
        matrix = np.diag(factors) if form == "vector" else factors.reshape(c, c)
        logits = logs @ matrix.T + bias
        logits -= logits.max(axis=1, keepdims=True)
        total = np.log(np.exp(logits).sum(axis=1))
        gap = (np.exp(logits - total[:, None]) - hit) / n
        value = float((total - logits[np.arange(n), truth]).mean())
        slope, slope_of_bias = gap.T @ logs, gap.sum(axis=0)
        if form == "vector":
            return value, np.concatenate([np.diag(slope), slope_of_bias])
        value += penalty * float((matrix[beside] ** 2).mean() + (bias**2).mean())
        slope = slope + 2 * penalty * np.where(beside, matrix, 0.0) / beside.sum()
        slope_of_bias = slope_of_bias + 2 * penalty * bias / c
        return value, np.concatenate([slope.ravel(), slope_of_bias])

    return cost


def _curvature(logs: Numbers, penalty: float) -> Callable[[Numbers], Numbers]:
    """Give the second derivatives of the cost of a matrix and its bias, all numbers in a row."""
    n, c = logs.shape
    wide = np.hstack([logs, np.ones((n, 1))])
    beside = ~np.eye(c, dtype=bool)
    own = np.where(beside, 2 * penalty / beside.sum(), 0.0)
    of_penalty = np.diag(np.concatenate([own.ravel(), np.full(c, 2 * penalty / c)]))
    # Class by class the last column is the bias; in a row of all numbers the biases come last.
    place = np.arange(c * (c + 1)).reshape(c, c + 1)
    order = np.concatenate([place[:, :c].ravel(), place[:, c]])

    def curvature(numbers: Numbers) -> Numbers:
        logits = logs @ numbers[:-c].reshape(c, c).T + numbers[-c:]
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        p = raised / raised.sum(axis=1, keepdims=True)
        found = np.empty((c, c + 1, c, c + 1))
        for k in range(c):
            for j in range(k, c):
                weight = p[:, k] * (float(k == j) - p[:, j]) / n
                found[k, :, j] = found[j, :, k] = wide.T @ (wide * weight[:, None])
        of_loss = found.reshape(order.size, order.size)[np.ix_(order, order)]
        return np.asarray(of_loss + of_penalty)

    return curvature

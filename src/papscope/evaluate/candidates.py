"""The forms that a calibration may have, each ready to be fitted.

Takes   probabilities and the true classes
Gives   a calibration as a bundle carries it, the same from the same numbers
Never   judges a fit: `evaluate.scaling` chooses between the forms

Sources: C. Guo et al., ICML 2017, 1321-1330 (temperature and vector scaling); M. Kull et al.,
NeurIPS 2019, 12295-12305 (Dirichlet calibration).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from papscope.decision import calibrated
from papscope.evaluate.affine import fit_affine
from papscope.evaluate.proper import LEAST
from papscope.scores import Probabilities

RANGE = (0.05, 20.0)
"""Between which a temperature is looked for; 1 leaves probabilities as they are."""

PENALTIES = (0.03, 0.1, 0.3, 1.0)
"""Of a Dirichlet calibration's matrix, from loose to tight: one is chosen by inner folds."""

Method = Literal["auto", "temperature", "vector", "dirichlet"]
METHODS: tuple[Method, ...] = ("auto", "temperature", "vector", "dirichlet")

_WIDEST_BIAS = 10.0
_DIGITS = 9
"""Further digits of a fitted number are the optimiser's, not the images'."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One form that a calibration may have."""

    method: Literal["temperature", "vector", "dirichlet"]
    bias: bool = False
    """Of a temperature: whether each class has a bias too. The others always have one."""
    penalty: float = 0.0

    @property
    def name(self) -> str:
        """What to call it."""
        extra = " and bias" if self.bias else f", penalty {self.penalty:g}" if self.penalty else ""
        return f"{self.method}{extra}"

    @property
    def weighs_classes(self) -> bool:
        """Whether it needs images of each class."""
        return self.bias or self.method != "temperature"

    def fitted(self, chances: Probabilities, truth: npt.NDArray[np.int64]) -> dict[str, Any]:
        """Fit it on probabilities (n, c) and the places of the true classes (n,)."""
        if self.method == "temperature":
            return _fitted(chances, truth, bias=self.bias)
        return fit_affine(chances, truth, self.method, penalty=self.penalty)


_TEMPERATURE = Candidate("temperature")
_DIRICHLET = tuple(Candidate("dirichlet", penalty=one) for one in PENALTIES)
CANDIDATES: Mapping[Method, tuple[Candidate, ...]] = {
    "temperature": (_TEMPERATURE,),
    "vector": (Candidate("vector"),),
    "dirichlet": _DIRICHLET,
    "auto": (
        _TEMPERATURE,
        Candidate("temperature", bias=True),
        Candidate("vector"),
        *_DIRICHLET,
    ),
}


def _fitted(chances: Probabilities, truth: npt.NDArray[np.int64], *, bias: bool) -> dict[str, Any]:
    """Give the calibration of least log-loss, the same from the same numbers."""
    from scipy.optimize import minimize, minimize_scalar

    def cost(told: Mapping[str, Any]) -> float:
        of_truth = calibrated(chances, told)[np.arange(len(truth)), truth]
        return float(-np.log(np.clip(of_truth, LEAST, 1.0)).mean())

    ends = (float(np.log(RANGE[0])), float(np.log(RANGE[1])))
    # In one dimension and bounded, no start need be chosen.
    alone = minimize_scalar(
        lambda x: cost(_calibration([x])), bounds=ends, method="bounded", options={"xatol": 1e-10}
    )
    best = [alone.x]
    if bias:
        c = chances.shape[1]
        limits = [ends, *[(-_WIDEST_BIAS, _WIDEST_BIAS)] * c]
        start = np.array([alone.x, *[0.0] * c])
        best = minimize(lambda x: cost(_calibration(x)), start, bounds=limits, method="L-BFGS-B").x
    return _calibration(best, digits=_DIGITS)


def _calibration(numbers: Sequence[float], digits: int | None = None) -> dict[str, Any]:
    """Give the logarithm of a temperature, and shifts if there are any, as a bundle carries them.

    Shifts that are all alike change nothing, so that their mean is taken off.
    """
    shifts = np.asarray(numbers[1:], dtype=np.float64)
    told: dict[str, Any] = {"method": "temperature", "temperature": float(np.exp(numbers[0]))}
    if shifts.size:
        told["bias"] = [float(one) for one in shifts - shifts.mean()]
    if digits is not None:
        told["temperature"] = round(told["temperature"], digits)
        told |= {"bias": [round(one, digits) for one in told["bias"]]} if shifts.size else {}
    return told

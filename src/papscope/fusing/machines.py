"""scikit-learn's estimators: fitted here, and turned into tensors that need it no more.

Takes   features, classes and weights
Gives   fitted machines, and for each the words and tensors of `network.heads`
Never   is needed for using a model
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from papscope.fusing.sample import Chances, Numbers, Places, Sample
from papscope.fusing.settings import HeadKind
from papscope.fusing.trees import flattened

Choice: TypeAlias = Mapping[str, float]
"""Values of an estimator's settings."""

Words: TypeAlias = dict[str, Any]
Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

_LEAST_SPREAD = 1e-6
_STEPS = 4000
"""After so many an optimiser gives up; a few hundred are usual."""


def choices(kind: HeadKind) -> tuple[Choice, ...]:
    """Give the settings that are tried, the most careful first.

    The radial kernel's gamma is told as a multiple of 1 / number of features.
    """
    if kind == "linear":
        return tuple({"C": c} for c in (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0))
    if kind == "svm":
        pairs = product((0.3, 1.0, 3.0, 10.0, 30.0), (0.25, 1.0, 3.0))
        return tuple({"C": c, "gamma": gamma} for c, gamma in pairs)
    return tuple({"leaves": leaves, "l2": l2} for leaves, l2 in product((4, 12), (0.0, 10.0)))


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """A fitted estimator, and how features are scaled for it."""

    kind: HeadKind
    estimator: Any
    mean: Numbers
    scale: Numbers

    @classmethod
    def fitted(cls, kind: HeadKind, choice: Choice, sample: Sample, seed: int) -> Machine:
        """Fit an estimator to all orientations of a sample."""
        features, truth, weights = sample.laid_out()
        mean, scale = _scaling(features, kind)
        estimator = _estimator(kind, choice, features.shape[1], seed)
        estimator.fit((features - mean) / scale, truth, sample_weight=weights)
        return cls(kind, estimator, mean, scale)

    def calls(self, features: Numbers) -> Places:
        """Give the class of each row of features (n, d)."""
        return np.asarray(self.estimator.predict((features - self.mean) / self.scale))

    def decisions(self, features: Numbers) -> Chances:
        """Give what a support vector machine says of each pair of classes, (n, p)."""
        found = self.estimator.decision_function((features - self.mean) / self.scale)
        return np.asarray(found, dtype=np.float64).reshape(len(features), -1)

    def probabilities(self, features: Numbers) -> Chances:
        """Give probabilities (n, c); not for a support vector machine, which has none."""
        found = self.estimator.predict_proba((features - self.mean) / self.scale)
        return np.asarray(found, dtype=np.float64)

    def head(self, calibration: LogisticRegression | None = None) -> tuple[Words, Arrays]:
        """Give the words and tensors that `network.heads` builds the same machine from."""
        base: Arrays = {"mean": self.mean, "scale": self.scale}
        if self.kind == "linear":
            return {"kind": "linear"}, base | _affine(self.estimator)
        if self.kind == "svm":
            assert calibration is not None  # a machine alone has no probabilities
            return {"kind": "svm"}, base | _kernel(self.estimator) | _affine(calibration)
        nodes, depth = flattened(self.estimator)
        return {"kind": "boosting", "depth": depth}, base | nodes


def _scaling(features: Numbers, kind: HeadKind) -> tuple[Numbers, Numbers]:
    """Give mean and spread of each feature; trees need none, and compare features as they are."""
    width = features.shape[1]
    if kind == "boosting":
        return np.zeros(width, np.float32), np.ones(width, np.float32)
    mean, spread = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
    spread[spread < _LEAST_SPREAD] = 1.0
    return mean.astype(np.float32), spread.astype(np.float32)


def _estimator(kind: HeadKind, choice: Choice, width: int, seed: int) -> Any:
    if kind == "linear":
        return LogisticRegression(C=choice["C"], max_iter=_STEPS)
    if kind == "svm":
        gamma = choice["gamma"] / width
        return SVC(C=choice["C"], gamma=gamma, decision_function_shape="ovo")
    # Its own early stopping would hold images back without heeding their groups.
    return HistGradientBoostingClassifier(
        max_leaf_nodes=int(choice["leaves"]),
        l2_regularization=choice["l2"],
        max_iter=100,
        early_stopping=False,
        random_state=seed % 2**32,
    )


def calibration(decisions: Chances, truth: Places) -> LogisticRegression:
    """Fit probabilities to decisions that were made without the images they are of."""
    return LogisticRegression(C=1.0, max_iter=_STEPS).fit(decisions, truth)


def _affine(fitted: LogisticRegression) -> Arrays:
    """Give W (d, c) and b; for two classes scikit-learn keeps the second's alone."""
    weights, bias = fitted.coef_.T, fitted.intercept_
    if weights.shape[1] == 1:
        weights = np.concatenate([np.zeros_like(weights), weights], axis=1)
        bias = np.concatenate([np.zeros_like(bias), bias])
    return {"weights": weights.astype(np.float32), "bias": bias.astype(np.float32)}


def _kernel(fitted: SVC) -> Arrays:
    """Spread libsvm's dual coefficients, (c - 1, m) by class of the support vector, over pairs.

    For the pair i < j, vectors of class i have row j - 1 and vectors of class j row i.
    """
    counts = fitted.n_support_
    ends = np.cumsum(counts)
    starts = ends - counts
    dual = fitted.dual_coef_
    columns = []
    for one in range(len(counts)):
        for other in range(one + 1, len(counts)):
            column = np.zeros(dual.shape[1])
            column[starts[one] : ends[one]] = dual[other - 1, starts[one] : ends[one]]
            column[starts[other] : ends[other]] = dual[one, starts[other] : ends[other]]
            columns.append(column)
    return {
        "vectors": fitted.support_vectors_.astype(np.float32),
        "gamma": np.float32(fitted.gamma),
        "pairs": np.stack(columns, 1).astype(np.float32),
        "offsets": fitted.intercept_.astype(np.float32),
    }

"""Boosted trees laid out as rows of nodes.

Takes   scikit-learn's fitted trees
Gives   the tensors of `network.heads.Trees`
Never   changes a threshold to the other side of any 32-bit number
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def flattened(fitted: Any) -> tuple[dict[str, npt.NDArray[Any]], int]:
    """Lay out all trees of a `HistGradientBoostingClassifier` one after another.

    Returns:
        The tensors, and the depth of the deepest tree.
    """
    trees = [tree.nodes for round_ in fitted._predictors for tree in round_]
    sizes = [len(nodes) for nodes in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    nodes = np.concatenate(trees)
    start = np.repeat(roots, sizes)
    itself = np.arange(len(nodes))
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "feature": np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
        "threshold": _rounded_down(np.where(leaf, 0.0, nodes["num_threshold"])),
        "left": np.where(leaf, itself, start + nodes["left"]).astype(np.int64),
        "right": np.where(leaf, itself, start + nodes["right"]).astype(np.int64),
        "value": nodes["value"].astype(np.float32),
        "roots": roots.astype(np.int64),
        "baseline": np.asarray(fitted._baseline_prediction, dtype=np.float32).reshape(-1),
    }, int(nodes["depth"].max())


def _rounded_down(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Give the largest 32-bit number not above each: features of 32 bits then go the same way.

    >>> _rounded_down(np.array([0.1, 0.5])) <= np.array([0.1, 0.5])
    array([ True,  True])
    """
    near = np.clip(thresholds, np.finfo(np.float32).min, np.finfo(np.float32).max)
    near = near.astype(np.float32)
    return np.asarray(np.where(near > thresholds, np.nextafter(near, -np.inf), near), np.float32)

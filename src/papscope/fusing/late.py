"""The head `late`: each block answers by a head of its own, and the answers are averaged.

Takes   features of each block, the heads that bundles were trained with, and measures of cells
Gives   one head, whose logits are the mean of the parts' log-probabilities
Never   fits anything to the answers of a network for the images that it was trained on

A network fine-tuned on the training images is surer of them than of any other, so a head that is
fitted to what it says of them trusts it far too much. Here its own head speaks for it, measured
cells get a support vector machine that never hears of it, and both count the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from papscope.fusing.machines import Arrays
from papscope.fusing.sample import Sample
from papscope.fusing.selecting import Fitted, choose, fit_head
from papscope.progress import Tell

OWN = {"own": True}
"""What is told of a head that came with its bundle."""


def own_head(arrays: Arrays) -> Fitted:
    """Give the head that a network was trained with."""
    return Fitted({"kind": "linear"}, arrays, dict(OWN))


def fit_parts(
    sample: Sample, columns: Sequence[slice], own: Sequence[Arrays | None], seed: int, tell: Tell
) -> list[Fitted]:
    """Give each block's head: its own, or a linear one fitted here, chosen on inner folds."""
    found = []
    for place, head in zip(columns, own, strict=True):
        if head is not None:
            found.append(own_head(head))
            continue
        part = sample.columns(place)
        chosen = choose(part, "linear", seed, what="choosing a block's linear head", tell=tell)
        found.append(fit_head(part, "linear", chosen, seed)[0])
    return found


def fit_shape(sample: Sample, seed: int, tell: Tell) -> Fitted:
    """Fit a support vector machine to measures of cells alone, chosen on inner folds.

    Args:
        sample: whose features are the measures, (1, n, k).
        seed: of the fit.
        tell: hears how far it is.
    """
    chosen = choose(sample, "svm", seed, what="choosing the head of cell shape", tell=tell)
    return fit_head(sample, "svm", chosen, seed)[0]


def averaged(parts: Sequence[tuple[slice, Fitted]]) -> Fitted:
    """Join heads, each of which looks at some columns of the features."""
    words = {
        "kind": "late",
        "parts": [
            {"columns": [place.start, place.stop], "head": head.words} for place, head in parts
        ],
    }
    arrays = {
        f"parts.{number}.{name}": value
        for number, (_, head) in enumerate(parts)
        for name, value in head.arrays.items()
    }
    return Fitted(words, arrays, {"parts": [head.chosen for _, head in parts]})


def only_measures(sample: Sample, width: int) -> Sample:
    """Keep the last columns of the features, in the first orientation: cells have one shape."""
    return replace(sample, features=np.ascontiguousarray(sample.features[:1, :, -width:]))


def linear_arrays(tensors: Mapping[str, np.ndarray], names: Sequence[str]) -> Arrays | None:
    """Give a network's last layer as a linear head, or None where it is not one matrix.

    Args:
        tensors: the network's.
        names: of the tensors of its last layer.
    """
    matrices = [tensors[name] for name in names if tensors[name].ndim == 2]
    biases = [tensors[name] for name in names if tensors[name].ndim == 1]
    if len(matrices) != 1 or len(biases) != 1 or len(names) != 2:
        return None
    (weights,), (bias,) = matrices, biases
    width = weights.shape[1]
    return {
        "mean": np.zeros(width, np.float32),
        "scale": np.ones(width, np.float32),
        "weights": np.ascontiguousarray(weights.T, dtype=np.float32),
        "bias": np.asarray(bias, dtype=np.float32),
    }

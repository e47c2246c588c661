"""What answers for joined features: fitted elsewhere, used here with nothing but torch.

Takes   tensors, and a few words on how they belong together
Gives   modules from features (n, d) to logits (n, c)
Never   fits anything, or imports what did

Each head first centres and scales the features: x' = (x - mean) / scale. All is plain arithmetic
that exporters know. Numbers are of 32 bits, which every device has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import torch
from torch import nn

from papscope.errors import BundleError

Tensors: TypeAlias = Mapping[str, torch.Tensor]

Words: TypeAlias = Mapping[str, Any]
"""The JSON value by which a bundle describes a head; `kind` says which."""

_LEAST = 1e-12
"""Below this a probability is taken for it, so that its logarithm is a number."""


class Head(nn.Module):
    """Features to logits, by tensors of fixed names."""

    names: ClassVar[tuple[str, ...]] = ()
    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        for name in ("mean", "scale", *self.names):
            if name not in tensors:
                raise BundleError(
                    f"a head lacks its {name}", hint="copy the bundle again from where it was made"
                )
            self.register_buffer(name, tensors[name])

    def scaled(self, features: torch.Tensor) -> torch.Tensor:
        """Centre and scale features (n, d) as when the head was fitted."""
        return (features - self.mean) / self.scale


class Linear(Head):
    """x' W + b: multinomial logistic regression."""

    names = ("weights", "bias")
    weights: torch.Tensor
    bias: torch.Tensor

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Give logits (n, c) for features (n, d)."""
        return self.scaled(features) @ self.weights + self.bias


class Perceptron(Head):
    """max(0, x' W1 + b1) W2 + b2: one hidden layer, batch normalisation folded in."""

    names = ("first", "first_bias", "second", "second_bias")
    first: torch.Tensor
    first_bias: torch.Tensor
    second: torch.Tensor
    second_bias: torch.Tensor

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Give logits (n, c) for features (n, d)."""
        hidden = torch.relu(self.scaled(features) @ self.first + self.first_bias)
        return hidden @ self.second + self.second_bias


class Kernel(Head):
    """A support vector machine with a radial kernel, and a calibration of its decisions.

    k = exp(-gamma |x' - v|^2) for each support vector v; the decision of each pair of classes is
    k A + a, and logits are a linear function of the decisions.
    """

    names = ("vectors", "gamma", "pairs", "offsets", "weights", "bias")
    vectors: torch.Tensor
    """(m, d), scaled."""
    gamma: torch.Tensor
    pairs: torch.Tensor
    """(m, c (c - 1) / 2), in the order 0-1, 0-2, ..., 1-2, ...; (m, 1) for two classes."""
    offsets: torch.Tensor
    weights: torch.Tensor
    bias: torch.Tensor

    def decisions(self, features: torch.Tensor) -> torch.Tensor:
        """Give the decision of each pair of classes for features (n, d)."""
        given = self.scaled(features)
        own = (self.vectors * self.vectors).sum(1)
        apart = (given * given).sum(1, keepdim=True) + own - 2 * (given @ self.vectors.T)
        return torch.exp(-self.gamma * apart.clamp(min=0)) @ self.pairs + self.offsets

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Give logits (n, c) for features (n, d)."""
        return self.decisions(features) @ self.weights + self.bias


class Trees(Head):
    """Boosted trees: all nodes in one row, walked down for as many steps as the deepest has.

    A leaf's children are itself, so that walking on changes nothing.
    """

    names = ("feature", "threshold", "left", "right", "value", "roots", "baseline")
    feature: torch.Tensor
    threshold: torch.Tensor
    left: torch.Tensor
    right: torch.Tensor
    value: torch.Tensor
    roots: torch.Tensor
    """(t,), the first node of each tree; trees of the outputs follow one another in turn."""
    baseline: torch.Tensor
    """(o,), the outputs before the first tree: c, or 1 for two classes."""

    def __init__(self, tensors: Tensors, depth: int) -> None:
        super().__init__(tensors)
        self.depth = depth

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Give logits (n, c) for features (n, d)."""
        given = self.scaled(features)
        node = self.roots.expand(given.shape[0], -1)
        for _ in range(self.depth):
            below = torch.gather(given, 1, self.feature[node]) <= self.threshold[node]
            node = torch.where(below, self.left[node], self.right[node])
        outputs = len(self.baseline)
        logits = self.value[node].reshape(given.shape[0], -1, outputs).sum(1) + self.baseline
        return torch.cat([torch.zeros_like(logits), logits], 1) if outputs == 1 else logits


class Blend(nn.Module):
    """A head, some of whose classes an expert has a say in.

    For a class with an expert of weight w, the probability p becomes (1 - w) p + w e, where e is
    the expert's; then all are divided by their sum.
    """

    def __init__(self, main: nn.Module, experts: Sequence[nn.Module], words: Words) -> None:
        super().__init__()
        self.main = main
        self.experts = nn.ModuleList(experts)
        self.places = [int(place) for place in words["places"]]
        self.weights = [float(weight) for weight in words["weights"]]

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Give logits (n, c) for features (n, d)."""
        columns = list(torch.softmax(self.main(features), 1).unbind(1))
        for place, weight, expert in zip(self.places, self.weights, self.experts, strict=True):
            own = torch.softmax(expert(features), 1)[:, 1]
            columns[place] = (1 - weight) * columns[place] + weight * own
        return torch.stack(columns, 1).clamp(min=_LEAST).log()


class Late(nn.Module):
    """Several heads, each of some columns of the features; the mean of their log-probabilities."""

    def __init__(self, heads: Sequence[nn.Module], columns: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(heads)
        self.columns = tuple(columns)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Give logits (n, c) for features (n, d)."""
        said = [
            torch.log_softmax(head(features[:, start:stop]), 1)
            for head, (start, stop) in zip(self.parts, self.columns, strict=True)
        ]
        return torch.stack(said).mean(0)


def head_from(words: Words, tensors: Tensors) -> nn.Module:
    """Build a head.

    Args:
        words: as the bundle describes it.
        tensors: its tensors, by the names of its own state.

    Raises:
        BundleError: its kind is unknown, or tensors are missing.
    """
    kinds = {"linear": Linear, "mlp": Perceptron, "svm": Kernel}
    kind = words.get("kind")
    try:
        if kind == "boosting":
            return Trees(tensors, int(words["depth"]))
        if kind == "blend":
            experts = [
                Kernel(_below(tensors, f"experts.{place}."))
                for place in range(len(words["places"]))
            ]
            return Blend(head_from(words["main"], _below(tensors, "main.")), experts, words)
        if kind == "late":
            return _late(words, tensors)
        return kinds[str(kind)](tensors)
    except (KeyError, TypeError, ValueError) as wrong:
        raise BundleError(
            f"the head {kind!r} is not described rightly: {wrong}",
            hint="update papscope to the release that wrote the bundle",
        ) from None


def _late(words: Words, tensors: Tensors) -> Late:
    heads = [
        head_from(part["head"], _below(tensors, f"parts.{place}."))
        for place, part in enumerate(words["parts"])
    ]
    columns = [
        (int(start), int(stop)) for start, stop in (one["columns"] for one in words["parts"])
    ]
    return Late(heads, columns)


def _below(tensors: Tensors, start: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)
    }

"""Several networks that answer together.

Takes   a bundle of kind `ensemble`, whose tensors begin with `members.0.`, `members.1.` ...
Gives   one `torch.nn.Module`, whose answer is the mean of its members' probabilities
Never   weighs one member more than another
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from papscope.bundle import Bundle
from papscope.network.averaging import log_mean
from papscope.network.joining import members_of


class Ensemble(nn.Module):
    """Networks for the same classes and the same planes."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Give logits (n, c) for planes (n, 3, s, s)."""
        return log_mean(torch.stack([member(planes) for member in self.members]))


def from_bundle(bundle: Bundle, assemble: Callable[[Bundle], nn.Module]) -> nn.Module:
    """Build an ensemble, each member by what builds a bundle of its own.

    Raises:
        BundleError: it names no member, or tensors are not those of the members it names.
    """
    return Ensemble([assemble(member) for member in members_of(bundle)])

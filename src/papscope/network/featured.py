"""A network that tells, beside its answer, what the answer rests on.

Takes   a network that `assembly` built, and its number of classes
Gives   the same network, whose output goes on behind the logits: the energy, then the features
Never   changes a logit, not by a bit

The features are what the last layer takes. Those of an ensemble's members stand side by side, those
of the eight orientations are averaged; a fused network's are what its head takes of a picture. The
energy is the logarithm of the sum of the exponentials of the logits (W. Liu et al., NeurIPS 2020,
21464-21475): high where a network has much to go by.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn

from papscope.network.averaging import Oriented, log_mean, orientations_of
from papscope.network.backbones import head_layers
from papscope.network.ensemble import Ensemble
from papscope.network.fusion import Fusion

ENERGY = 1
"""How many numbers stand between the logits and the features."""


class Tap(nn.Module):
    """A last layer, whose output goes on behind the logits."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Give logits, energy and features (n, c + 1 + d) for features (n, d)."""
        return behind(self.layer(features), features)


def behind(logits: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Put the energy and the features behind logits; both (n, ...) of the same form."""
    return torch.cat([logits, logits.logsumexp(1, keepdim=True), features], 1)


class FeaturedEnsemble(nn.Module):
    """An ensemble of members that tell their features."""

    def __init__(self, members: nn.ModuleList, classes: int) -> None:
        super().__init__()
        self.members = members
        self.classes = classes

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Give the ensemble's logits, its members' mean energy, and their features in turn."""
        told = [member(planes) for member in self.members]
        count = self.classes
        logits = log_mean(torch.stack([one[:, :count] for one in told]))
        energy = torch.stack([one[:, count : count + ENERGY] for one in told]).mean(0)
        return torch.cat([logits, energy, *(one[:, count + ENERGY :] for one in told)], 1)


class FeaturedFusion(nn.Module):
    """A fused network that tells what its head takes of a picture."""

    def __init__(self, network: Fusion) -> None:
        super().__init__()
        self.network = network

    def forward(self, planes: torch.Tensor, measured: torch.Tensor | None = None) -> torch.Tensor:
        """Give logits, energy and the features of the picture, without those of the shape."""
        features = self.network.features(planes)
        return behind(self.network.answer(features, measured), features)


class FeaturedOriented(nn.Module):
    """A network that tells its features, asked about all eight orientations of a square."""

    def __init__(self, network: nn.Module, classes: int) -> None:
        super().__init__()
        self.network = network
        self.classes = classes

    def forward(self, planes: torch.Tensor, *more: torch.Tensor) -> torch.Tensor:
        """Give the logits of all, their mean energy and mean features."""
        told = orientations_of(self.network, planes, more)
        logits = log_mean(told[:, :, : self.classes])
        return torch.cat([logits, told[:, :, self.classes :].mean(0)], 1)


def featured(network: nn.Module, classes: int) -> nn.Module:
    """Let a network tell its features; the network given is left as it was.

    Args:
        network: from planes (n, 3, s, s) to logits (n, c), as `assembly.from_bundle` builds it.
        classes: c.

    Returns:
        A module from planes to (n, c + 1 + d), in evaluation mode.
    """
    return _featured(deepcopy(network), classes).eval()


def _featured(network: nn.Module, classes: int) -> nn.Module:
    if isinstance(network, Oriented):
        return FeaturedOriented(_featured(network.network, classes), classes)
    if isinstance(network, Ensemble):
        members = nn.ModuleList(_featured(member, classes) for member in network.members)
        return FeaturedEnsemble(members, classes)
    if isinstance(network, Fusion):
        return FeaturedFusion(network)
    heads = {id(layer) for layer in head_layers(network)}
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if id(layer) in heads:
                setattr(parent, name, Tap(layer))
    return network

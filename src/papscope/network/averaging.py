"""The mean of several answers: of several networks, or of one for every way a picture can lie.

Takes   networks from planes (n, 3, s, s) to logits (n, c)
Gives   networks of the same form, whose softmax is the mean of the others' probabilities
Never   mixes logits, whose scales differ from network to network

Only transposing and flipping, joining and plain arithmetic are used, so that exporters know them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import torch
from torch import nn

ORIENTATIONS = 8


def log_mean(logits: torch.Tensor) -> torch.Tensor:
    """Give the logarithm of the mean of several answers' probabilities.

    It is computed from logarithms, so that no probability is lost for being small.

    Args:
        logits: (k, n, c), of k answers.

    Returns:
        (n, c), logits: their softmax is the mean of the k answers' softmax.

    >>> sure, unsure = [0.0, 200.0], [0.0, 0.0]
    >>> log_mean(torch.tensor([[sure], [unsure]])).exp()
    tensor([[0.2500, 0.7500]])
    """
    return torch.logsumexp(torch.log_softmax(logits, dim=2), dim=0) - log(len(logits))


class Oriented(nn.Module):
    """A network asked about all eight orientations of a square; cells have no up.

    Turning or mirroring a picture changes its answer by rounding alone.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, planes: torch.Tensor, *more: torch.Tensor) -> torch.Tensor:
        """Give logits (n, c) for planes (n, 3, s, s); all (8 n) squares go through at once.

        What else the network takes of each picture, (n, k), does not depend on how it lies.
        """
        return log_mean(orientations_of(self.network, planes, more))


def orientations_of(
    network: nn.Module, planes: torch.Tensor, more: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Ask a network about the eight orientations of each square.

    Returns:
        (8, n, ...), what it gives for planes (n, 3, s, s) and for what else it takes.
    """
    turned = torch.cat(
        [
            side
            for across in (planes, planes.transpose(2, 3))
            for side in (across, across.flip(2), across.flip(3), across.flip(2, 3))
        ]
    )
    ready = turned.contiguous(memory_format=torch.channels_last)
    found = network(ready, *(one.repeat(ORIENTATIONS, 1) for one in more))
    return torch.as_tensor(found.reshape(ORIENTATIONS, -1, found.shape[-1]))

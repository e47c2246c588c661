"""Class-activation maps of a network's last convolutional stages.

Takes   activations and gradients
Gives   (n, h, w) of values of 0 or more
Never   trains, or takes a transformer's tokens for a picture

Both formulas are short, and captum has neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional

_GAMMA = 2.0
"""How a finer stage is stretched before it is joined, as Jiang et al. do."""

_CONVOLUTIONAL = 4


def grad_cam_pp(values: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Weigh each channel by its positive gradients, as Grad-CAM++ does.

    Source: A. Chattopadhay et al., Grad-CAM++, WACV 2018, 839-847, for the exponential of the
    class's logit: its derivatives of second and third order are then powers of the first, and the
    exponential itself, one number a picture, cancels.

    Args:
        values: (n, k, h, w), activations A.
        gradients: (n, k, h, w), g = dS / dA of the logit S.

    Returns:
        (n, h, w), of 0 or more.
    """
    square, cube = gradients**2, gradients**3
    below = 2 * square + values.sum((2, 3), keepdim=True) * cube
    known = below.abs() > torch.finfo(below.dtype).tiny
    share = torch.where(known, square / torch.where(known, below, 1.0), 0.0)
    weights = (share * functional.relu(gradients)).sum((2, 3), keepdim=True)
    return functional.relu((weights * values).sum(1))


def layer_cam(values: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Weigh each place of each channel by its own positive gradient, as LayerCAM does.

    Source: P.-T. Jiang et al., LayerCAM, IEEE Trans. Image Process. 30 (2021), 5875-5888.

    Args:
        values: (n, k, h, w), activations.
        gradients: (n, k, h, w), of the logit.

    Returns:
        (n, h, w), of 0 or more.
    """
    return functional.relu((functional.relu(gradients) * values).sum(1))


def stretched(found: torch.Tensor) -> torch.Tensor:
    """Lift the small values of a finer stage's maps (n, h, w), as LayerCAM does: tanh(2 M / max M).

    Source: Jiang et al. (2021), who scale the maps of shallow stages so.
    """
    return torch.tanh(_GAMMA * largest_one(found))


def largest_one(found: torch.Tensor) -> torch.Tensor:
    """Divide each map (n, h, w) by its largest value; a map of nothing stays nothing."""
    top = found.amax((1, 2), keepdim=True)
    return torch.where(top > 0, found / torch.where(top > 0, top, 1.0), 0.0)


@contextmanager
def seen_in(network: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Note what each layer of a network gives while it works, in the order of the layers."""
    noted: list[torch.Tensor] = []

    def note(_: nn.Module, __: object, given: object) -> None:
        if isinstance(given, torch.Tensor):
            noted.append(given)

    held = [layer.register_forward_hook(note) for layer in network.modules()]
    try:
        yield noted
    finally:
        for one in held:
            one.remove()


def stages_of(noted: list[torch.Tensor], count: int) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Find the last two stages among what layers gave: the last one, and the next finer one.

    Args:
        noted: by `seen_in`.
        count: of the pictures.

    Returns:
        (n, k, h, w) each; the same twice where there is but one size, and None where the network
        ends in no convolutional stage, such as a transformer.
    """
    wide = [one for one in noted if one.ndim >= _CONVOLUTIONAL - 1 and len(one) == count]
    while wide and wide[-1].ndim == _CONVOLUTIONAL and wide[-1].shape[2] * wide[-1].shape[3] == 1:
        wide.pop()
    if not wide or wide[-1].ndim != _CONVOLUTIONAL:
        return None
    last = wide[-1]
    pictures = [one for one in wide if one.ndim == _CONVOLUTIONAL]
    finer = [one for one in pictures if one.shape[2] > last.shape[2]]
    return last, (finer[-1] if finer else last)

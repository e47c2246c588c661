"""Random numbers for a batch of pictures, one set a picture.

Takes   a batch, a range and a random generator
Gives   numbers on the device of the pictures
Never   draws on that device: a processor's generator gives the same numbers everywhere
"""

from __future__ import annotations

import torch


def between(
    pictures: torch.Tensor, low: float, high: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw one number a picture, low..high, shaped (n, 1, 1, 1)."""
    draws = torch.rand(len(pictures), generator=generator).to(pictures.device)
    return (low + (high - low) * draws).view(-1, 1, 1, 1)


def both_ways(
    pictures: torch.Tensor, shape: tuple[int, ...], generator: torch.Generator
) -> torch.Tensor:
    """Draw numbers -1..1, shaped (n, *shape)."""
    draws = torch.rand((len(pictures), *shape), generator=generator).to(pictures.device)
    return 2 * draws - 1

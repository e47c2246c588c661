"""Two pictures made into one, with a share of each one's class.

Takes   a batch of pictures and the shares of their classes, and a random stream
Gives   the batch mixed, each picture with another of the batch
Never   draws a number unless the settings ask for mixing
"""

from __future__ import annotations

import numpy as np
import torch

from papscope.train.settings import TrainSettings


def mixed(
    pictures: torch.Tensor,
    wanted: torch.Tensor,
    settings: TrainSettings,
    random: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix a batch by mixup or by cutmix, or by one of the two at random where both are asked for.

    Args:
        pictures: (n, 3, s, s).
        wanted: (n, c), the shares of the classes; each row sums to 1.
        settings: the Beta distributions' parameters, `mixup` and `cutmix`.
        random: of this batch.
    """
    if settings.cutmix and not (settings.mixup and random.random() < 0.5):
        return _cut_in(pictures, wanted, settings.cutmix, random)
    if settings.mixup:
        return _blended(pictures, wanted, settings.mixup, random)
    return pictures, wanted


def _blended(
    pictures: torch.Tensor, wanted: torch.Tensor, alpha: float, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lay another picture over each, half transparent (Zhang et al., ICLR 2018)."""
    share = float(random.beta(alpha, alpha))
    other = torch.from_numpy(random.permutation(len(pictures))).to(pictures.device)
    both = share * pictures + (1 - share) * pictures[other]
    return both, share * wanted + (1 - share) * wanted[other]


def _cut_in(
    pictures: torch.Tensor, wanted: torch.Tensor, alpha: float, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Put a rectangle of another picture into each, at its own place (Yun et al., ICCV 2019)."""
    share = float(random.beta(alpha, alpha))
    other = torch.from_numpy(random.permutation(len(pictures))).to(pictures.device)
    side = pictures.shape[-1]
    half = side * np.sqrt(1 - share) / 2
    middles = random.uniform(0, side, 2)
    top, left = (max(0, round(middle - half)) for middle in middles)
    bottom, right = (min(side, round(middle + half)) for middle in middles)
    both = pictures.clone()
    both[:, :, top:bottom, left:right] = pictures[other, :, top:bottom, left:right]
    kept = 1 - (bottom - top) * (right - left) / side**2  # of what was cut off at the border, too
    return both, kept * wanted + (1 - kept) * wanted[other]

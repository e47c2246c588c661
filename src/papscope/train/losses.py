"""What a network is punished for, and how rare classes are kept from vanishing.

Takes   how often each class occurs in training, and the settings
Gives   a loss of logits (n, c) against shares of classes (n, c); a chance for each image
Never   looks at validation or test
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from papscope.train.settings import TrainSettings

Loss: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Mean over a batch, of logits (n, c) against shares (n, c) that sum to 1 in each row."""

_FOCUS = 2.0  # gamma, the value that Lin et al. found best


def loss_for(class_counts: npt.NDArray[np.int64], settings: TrainSettings) -> Loss:
    """Choose the loss that `settings.balance` asks for.

    `logit` is the logit-adjusted loss of Menon et al., ICLR 2021; `focal` is that of Lin et al.,
    ICCV 2017, with gamma 2; `weights` counts a class by the inverse of its share.

    Args:
        class_counts: (c,), images of each class in training, each above 0.
        settings: balance, its power, and label smoothing.
    """
    shares = torch.tensor(class_counts / class_counts.sum(), dtype=torch.float32)
    kind, smoothing = settings.balance, settings.label_smoothing
    shift = settings.balance_power * shares.log() if kind == "logit" else torch.zeros(len(shares))
    weight = torch.ones(len(shares))
    if kind == "weights":
        weight = shares.pow(-settings.balance_power)
        weight = weight / (weight * shares).sum()
    focus = _FOCUS if kind == "focal" else 0.0

    def loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        wanted = wanted * (1 - smoothing) + smoothing / wanted.shape[1]
        logs = functional.log_softmax(logits.float() + shift.to(logits.device), dim=1)
        terms = -wanted * logs * weight.to(logits.device)
        if focus:
            terms = terms * (1 - logs.exp()).pow(focus)
        return terms.sum(dim=1).mean()

    return loss


def chances(
    classes: npt.NDArray[np.int64], class_counts: npt.NDArray[np.int64], settings: TrainSettings
) -> npt.NDArray[np.float64] | None:
    """Give each training image's chance of being drawn, or None where each is drawn once.

    Args:
        classes: (n,), the class of each image.
        class_counts: (c,), images of each class.
        settings: balance and its power.
    """
    if settings.balance != "sampler":
        return None
    rarity = np.power(class_counts.astype(np.float64), -settings.balance_power)
    return np.asarray(rarity[classes], dtype=np.float64)

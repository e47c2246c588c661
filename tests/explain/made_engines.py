"""Engines that answer by a rule that one can check in one's head, and small bundles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from papscope.bundle import Bundle, Description, read_bundle, write_bundle
from papscope.image import Pixels
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.preprocess import Squares
from papscope.scores import Probabilities, softmax
from papscope.taxonomy import classes_of

SIDE = 32
CLASSES = classes_of("cric-4")


@dataclass(frozen=True)
class DarkSpot:
    """Calls a square the more surely class 1 the darker its upper left quarter is."""

    slope: float = 8.0
    at_once: int = 4

    def probabilities(self, squares: Squares) -> Probabilities:
        half = squares.shape[1] // 2
        dark = 1 - squares[:, :half, :half].mean((1, 2, 3)) / 255
        logits = np.zeros((len(squares), 3))
        logits[:, 1] = self.slope * (dark - 0.3)
        return softmax(logits)


def spotted(side: int = SIDE) -> Pixels:
    """A light square with a dark disc in the upper left, and a dark bar elsewhere."""
    y, x = np.mgrid[:side, :side] / side
    square = np.full((side, side, 3), 230, dtype=np.uint8)
    square[(x - 0.25) ** 2 + (y - 0.25) ** 2 < 0.04] = 20
    square[int(0.8 * side) :, int(0.6 * side) :] = 20
    return square


def noise(count: int, side: int = SIDE) -> Squares:
    draw = np.random.default_rng(5)
    return draw.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def bundle_of(
    folder: Path, backbone: str = "test_efficientnet", *, seed: int = 0, spread: float = 1.0
) -> Bundle:
    """A small network of random weights, whose head is wide enough for answers to differ."""
    torch.manual_seed(seed)
    network = build(backbone, len(CLASSES), size=SIDE)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight, std=spread)
    about = Description(
        classes=CLASSES, preprocess=preprocess_for(backbone, size=SIDE), backbone=backbone
    )
    write_bundle(folder / f"{backbone}-{seed}", about, tensors_of(network), "a card")
    return read_bundle(folder / f"{backbone}-{seed}")

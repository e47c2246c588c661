"""Fourteen changes that leave a cell what it is: its stain, its proportions, its sharpness.

Takes   one picture, (h, w, 3), RGB, 0..255, and a random generator
Gives   the tuple `GENTLE` of fourteen changes, each unlike the others
Never   shifts a hue: eosinophil and cyanophil cytoplasm are told apart by it
"""

from __future__ import annotations

from functools import partial

import numpy as np
from skimage import color, filters

from papscope.augment.changes import (
    Change,
    Move,
    bent,
    either_way,
    moved,
    oriented,
    to_pixels,
    to_unit,
)
from papscope.image import Pixels

_DARKEST = 1 / 255
"""Of transmitted light; its logarithm is finite."""


def _turned(pixels: Pixels, random: np.random.Generator, *, way: int) -> Pixels:  # noqa: ARG001  # a Change takes both
    return oriented(pixels, way)


def _rotated(pixels: Pixels, random: np.random.Generator) -> Pixels:
    return moved(pixels, Move(angle=either_way(random, 5, 20)))


def _scaled(pixels: Pixels, random: np.random.Generator) -> Pixels:
    return moved(pixels, Move(zoom=float(np.exp(either_way(random, 0.05, 0.14)))))


def _shifted(pixels: Pixels, random: np.random.Generator) -> Pixels:
    right, down = (either_way(random, 0.03, 0.08) for _ in range(2))
    return moved(pixels, Move(right=right, down=down))


def _bent(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Bend a picture by smoothed noise, by 1 to 2 % of its shorter side at most.

    P. Y. Simard, D. Steinkraus and J. C. Platt, Best Practices for Convolutional Neural Networks,
    ICDAR 2003, 958-963.
    """
    shape = pixels.shape[:2]
    side = min(shape)
    furthest = side * random.uniform(0.01, 0.02)
    fields = []
    for _ in range(2):
        noise = random.uniform(-1, 1, shape)
        smooth = filters.gaussian(noise, sigma=max(1.0, 0.09 * side), mode="reflect")
        fields.append(furthest * smooth / np.abs(smooth).max())
    return bent(pixels, *fields)


def _blurred(pixels: Pixels, random: np.random.Generator) -> Pixels:
    sigma = random.uniform(0.5, 0.9)
    return to_pixels(filters.gaussian(to_unit(pixels), sigma=sigma, mode="reflect", channel_axis=2))


def restained(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Vary how strongly each of three dyes has taken, by 2 to 4 %.

    The dyes' directions in optical density are those of haematoxylin, eosin and DAB (HED):
    A. C. Ruifrok and D. A. Johnston, Anal. Quant. Cytol. Histol. 23 (2001), 291-299; the variation
    is that of D. Tellez et al., IEEE Trans. Med. Imaging 37 (2018), 2126-2136, without its shift,
    which would colour the background. No density is cut off, so what is not changed comes back.
    """
    density = -np.log(np.maximum(to_unit(pixels), _DARKEST))
    strength = np.diag([1 + either_way(random, 0.02, 0.04) for _ in range(3)])
    mixed = density @ (color.hed_from_rgb @ strength @ color.rgb_from_hed)
    return to_pixels(np.exp(-mixed))


def _relit(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Change the lamp: all channels by one factor, 4 to 8 % either way."""
    return to_pixels(to_unit(pixels) * (1 + either_way(random, 0.04, 0.08)))


GENTLE: tuple[Change, ...] = (
    *(partial(_turned, way=way) for way in range(1, 8)),
    _rotated,
    _scaled,
    _shifted,
    _bent,
    _blurred,
    restained,
    _relit,
)
"""The seven other orientations, then seven that draw their strength."""

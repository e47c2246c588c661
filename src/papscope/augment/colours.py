"""Changes of colour that the original project made, with red as the first channel.

Takes   one picture, (h, w, 3), RGB, 0..255
Gives   the same shape in other colours
Never   keeps a stain's meaning: these belong to the set `original` alone
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage import color

from papscope.augment.changes import either_way, to_pixels, to_unit
from papscope.image import Pixels

RED, GREEN, BLUE = range(3)
"""Places of the channels; OpenCV has them the other way round."""


def raised(pixels: Pixels, random: np.random.Generator, *, channel: int) -> Pixels:
    """Add 20 to 60 levels to one channel.

    >>> dark = np.zeros((8, 8, 3), np.uint8)
    >>> changed = raised(dark, np.random.default_rng(0), channel=RED)[0, 0]
    >>> 20 <= int(changed[0]) <= 60, changed[1:].tolist()
    (True, [0, 0])
    """
    wide = pixels.astype(np.int16)
    wide[..., channel] += random.integers(20, 61, dtype=np.int16)
    return np.clip(wide, 0, 255).astype(np.uint8)


def greyed(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Take away 60 to 100 % of the colour."""
    unit = to_unit(pixels)
    share = random.uniform(0.6, 1.0)
    grey = color.rgb2gray(unit)[..., None]
    return to_pixels(unit + share * (grey - unit))


def rehued(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Turn the hue by 18 to 54 degrees and change the saturation by 10 to 40 %."""
    hsv = color.rgb2hsv(to_unit(pixels))
    hsv[..., 0] = (hsv[..., 0] + either_way(random, 0.05, 0.15)) % 1.0
    hsv[..., 1] = np.clip(hsv[..., 1] * (1 + either_way(random, 0.1, 0.4)), 0, 1)
    return to_pixels(color.hsv2rgb(hsv))


_ORDERS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


def shuffled(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Give the channels another order."""
    return np.ascontiguousarray(pixels[..., _ORDERS[random.integers(len(_ORDERS))]])


def few_colours(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Paint a picture in 5 to 12 colours, the k-means of its own."""
    count = int(random.integers(5, 13))
    return _quantised(pixels, count)


def _quantised(pixels: Pixels, count: int) -> Pixels:
    """Pillow's k-means starts from a median cut and draws nothing, so it is the same each time."""
    palette = Image.fromarray(pixels).quantize(
        count, method=Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE
    )
    return np.array(palette.convert("RGB"), dtype=np.uint8)

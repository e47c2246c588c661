"""Whether a picture is a segmentation and not an image of a cell.

Takes   a picture's pixels, or its file's name
Gives   yes or no
Never   opens a file, or reads a mask's meaning
"""

from __future__ import annotations

import re
from pathlib import PurePath

import numpy as np
from PIL import Image

from papscope.image import Pixels

FEW_COLOURS = 16
"""A picture with no more distinct colours than this is drawn: stained cells have thousands."""

PURE_SHARE = 0.45
"""Share of pure colours from which a JPEG is taken for a mask.

Of Herlev's 917 masks kept as JPEG all but a few reach it (the lowest 0.25, 1 in 100 below 0.68);
of 6,958 genuine cells of three data sets none goes above 0.21.
"""

_SIDE = 64
_LEVELS = np.arange(256)
_NEAR_PURE = (_LEVELS <= 32) | (np.abs(_LEVELS - 128) <= 32) | (_LEVELS >= 223)
_NAME = re.compile(r"(-d|[-_ ](mask|masks|seg|segmentation|gt|cyt\d*|nuc\d*))$", re.IGNORECASE)


def is_mask(pixels: Pixels) -> bool:
    """Say whether a picture consists of a few flat colours.

    Either it has at most `FEW_COLOURS` distinct colours (an indexed mask shown as RGB), or it is a
    JPEG of one: `PURE_SHARE` of it lies within 32 of a colour made of 0, 128 and 255 that is
    neither grey nor pale.

    Args:
        pixels: (h, w, 3), RGB, 0..255.

    >>> flat = np.zeros((32, 32, 3), dtype=np.uint8)
    >>> flat[8:16, 8:16] = (0, 0, 255)
    >>> is_mask(flat)
    True
    >>> is_mask(np.arange(3072, dtype=np.uint8).reshape(32, 32, 3))
    False
    """
    if Image.fromarray(pixels).getcolors(FEW_COLOURS) is not None:
        return True
    # Pixels are picked and never averaged: averaging would make colours that no mask has.
    down = np.linspace(0, pixels.shape[0] - 1, min(_SIDE, pixels.shape[0])).astype(np.intp)
    along = np.linspace(0, pixels.shape[1] - 1, min(_SIDE, pixels.shape[1])).astype(np.intp)
    red, green, blue = (pixels[down[:, None], along[None, :], channel] for channel in range(3))
    least = np.minimum(np.minimum(red, green), blue)
    most = np.maximum(np.maximum(red, green), blue)
    pure = _NEAR_PURE[red] & _NEAR_PURE[green] & _NEAR_PURE[blue]
    return float((pure & (most - least >= 100) & (least <= 32)).mean()) >= PURE_SHARE


def named_like_a_mask(path: PurePath) -> bool:
    """Say whether a file is named as data sets name their segmentations.

    >>> named_like_a_mask(PurePath("149014631-149014646-004-d.bmp"))
    True
    >>> named_like_a_mask(PurePath("cell-d4.bmp"))
    False
    """
    return _NAME.search(path.stem) is not None

"""Where nucleus and cytoplasm lie, from a mask's colours or from outlines.

Takes   a mask (h, w, 3), or polygons
Gives   (h, w) of 0 for background, 1 for cytoplasm, 2 for nucleus
Never   mends an outline, or finds a cell by itself
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from papscope.image import Pixels

Regions: TypeAlias = npt.NDArray[np.uint8]
"""(h, w): `BACKGROUND`, `CYTOPLASM` or `NUCLEUS`."""

BACKGROUND, CYTOPLASM, NUCLEUS = 0, 1, 2

_COLOURS = np.array([(255, 0, 0), (0, 0, 128), (0, 0, 255), (128, 128, 128)], dtype=np.int32)
"""Herlev's: background, cytoplasm, nucleus, and what belongs to none, such as borders."""
_MEANS = np.array([BACKGROUND, CYTOPLASM, NUCLEUS, BACKGROUND], dtype=np.uint8)


def regions_of_mask(mask: Pixels) -> Regions:
    """Read a mask in Herlev's colours; of a JPEG, each pixel counts for the nearest of them.

    >>> row = np.array([[(254, 3, 0), (0, 0, 120), (4, 0, 240), (120, 130, 128)]], dtype=np.uint8)
    >>> regions_of_mask(row).tolist()
    [[0, 1, 2, 0]]
    """
    apart = [((mask.astype(np.int32) - colour) ** 2).sum(axis=2) for colour in _COLOURS]
    return np.asarray(_MEANS[np.argmin(np.stack(apart), axis=0)], dtype=np.uint8)


def regions_of_outlines(
    outlines: Mapping[str, Sequence[Sequence[float]]], height: int, width: int
) -> Regions:
    """Fill outlines.

    Args:
        outlines: `cytoplasm`, the cell's border with the nucleus inside, and `nucleus`: x, y pairs
            in pixels, origin top left.
        height: of the picture, in pixels.
        width: likewise.
    """
    picture = Image.new("L", (width, height), BACKGROUND)
    for name, value in (("cytoplasm", CYTOPLASM), ("nucleus", NUCLEUS)):
        if name in outlines:
            points = [(float(x), float(y)) for x, y in outlines[name]]
            ImageDraw.Draw(picture).polygon(points, fill=value)
    return np.array(picture, dtype=np.uint8)

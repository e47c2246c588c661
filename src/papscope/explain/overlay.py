"""A map laid over the picture that it explains.

Takes   a square and its map
Gives   a picture, or a PNG file's bytes, the same each time
Never   decides whether a map may be shown: `judging` does

The picture is turned grey, so that the stain's colours are not taken for the map's. Yellow to red
speaks for the class, pale to deep blue against it; where nothing is laid over, nothing was found.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from papscope.explain.maps import Map
from papscope.image import Pixels

LEAST_SIDE = 256
"""A smaller square is enlarged to this many pixels, so that a person can look at it."""

_FOR = np.array([(255, 214, 64), (240, 100, 30), (190, 10, 30)], dtype=np.float64)
_AGAINST = np.array([(170, 210, 250), (60, 130, 220), (10, 50, 150)], dtype=np.float64)
_MOST = 0.8
"""How opaque the strongest colour is, 0..1."""
_QUIET = 1.5
"""Above 1, so that what hardly matters leaves the picture clear."""
_TOP = 99.5
"""The percentile that has the strongest colour: one single pixel must not set the scale."""
_GREY = np.array([0.299, 0.587, 0.114])


def overlay_image(square: Pixels, found: Map) -> Image.Image:
    """Lay a map over its picture.

    Args:
        square: (s, s, 3), RGB, 0..255.
        found: (s, s); its largest size gets the strongest colour.

    Returns:
        RGB; of the square's side, or of `LEAST_SIDE` pixels where that is larger.

    Raises:
        ValueError: the map is not of the square's size.
    """
    if found.shape != square.shape[:2]:
        raise ValueError(f"a map of {found.shape} for a picture of {square.shape[:2]}")
    strength = _scaled(found)
    opacity = _MOST * np.abs(strength)[..., None] ** _QUIET
    grey = (square @ _GREY)[..., None] * 0.8 + 40
    mixed = grey * (1 - opacity) + _coloured(strength) * opacity
    picture = Image.fromarray(mixed.round().clip(0, 255).astype(np.uint8))
    if len(square) >= LEAST_SIDE:
        return picture
    return picture.resize((LEAST_SIDE, LEAST_SIDE), Image.Resampling.BICUBIC)


def overlay(square: Pixels, found: Map) -> bytes:
    """Give a map laid over its picture as a PNG file; see `overlay_image`."""
    data = io.BytesIO()
    overlay_image(square, found).save(data, "PNG", optimize=True)
    return data.getvalue()


def _scaled(found: Map) -> npt.NDArray[np.float64]:
    """Bring a map to -1..1; one without any sign of anything stays 0."""
    top = float(np.percentile(np.abs(found), _TOP)) or float(np.abs(found).max())
    if top == 0:
        return np.zeros(found.shape)
    return np.asarray((found / top).clip(-1, 1), dtype=np.float64)


def _coloured(strength: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give each value -1..1 its colour, (s, s, 3)."""
    size = np.abs(strength)
    at = np.linspace(0, 1, len(_FOR))

    def ramp(colours: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.stack([np.interp(size, at, colours[:, channel]) for channel in range(3)], axis=-1)

    return np.where(strength[..., None] >= 0, ramp(_FOR), ramp(_AGAINST))

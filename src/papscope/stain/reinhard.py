"""Colours brought to a wanted mean and spread, in CIELAB.

Takes   a picture, and the mean and spread that its colours shall have
Gives   the picture recoloured
Never   changes a picture of one colour, which has no spread to be stretched

Source: E. Reinhard et al., IEEE Comput. Graph. Appl. 21 (2001), 34-41, who used another space of
opponent colours; CIELAB by CIE 15:2004 from sRGB by IEC 61966-2-1, white point D65.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.image import Pixels

Row: TypeAlias = npt.NDArray[np.float64]
Roots: TypeAlias = npt.NDArray[np.float32]
"""(p, 3); the cube roots of X, Y, Z, linear near black."""

_LEAST_SPREAD = 1.0  # of L*; a picture with less is of one colour
_MOST_GAIN = 3.0  # noise and JPEG's blocks become visible beyond it

_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_FROM_RGB = (_TO_XYZ / _TO_XYZ.sum(axis=1, keepdims=True)).T.astype(np.float32)
_TO_RGB = np.linalg.inv(_FROM_RGB).astype(np.float32)
_TO_LAB = np.array([[0.0, 500, 0], [116, -500, 200], [0, 0, -200]])
_FROM_LAB = np.linalg.inv(_TO_LAB)
_BLACK = np.array([16.0, 0, 0])  # L* is 116 times the root of Y, less this
_KNEE = 6 / 29

_GREYS = np.arange(256) / 255
_LINEAR = np.where(_GREYS <= 0.04045, _GREYS / 12.92, ((_GREYS + 0.055) / 1.055) ** 2.4)
_LINEAR = _LINEAR.astype(np.float32)
_FINEST = (1 << 14) - 1  # steps of linear light: a fifth of a grey level where these are densest
_LIGHT = np.arange(_FINEST + 1) / _FINEST
_GAMMA = np.where(_LIGHT <= 0.0031308, 12.92 * _LIGHT, 1.055 * _LIGHT ** (1 / 2.4) - 0.055)
_GAMMA = np.round(255 * _GAMMA).astype(np.uint8)


def measure(pixels: Pixels) -> tuple[Row, Row] | None:
    """Give the mean and the standard deviation of L*, a*, b*; None where there is one colour.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
    """
    mean, spread = mean_and_spread(pixels)
    return None if spread[0] < _LEAST_SPREAD else (mean, spread)


def mean_and_spread(pixels: Pixels) -> tuple[Row, Row]:
    """Give the mean and the standard deviation of L*, a*, b*, (3,) each, of any picture.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
    """
    return _looks(_roots(pixels))


def bring(pixels: Pixels, wanted: Sequence[Row]) -> Pixels:
    """Give a picture the wanted mean and standard deviation of L*, a*, b*.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
        wanted: as `measure` gives.

    Returns:
        (h, w, 3), RGB, 0..255; the very picture where it has one colour.
    """
    roots = _roots(pixels)
    mean, spread = _looks(roots)
    if spread[0] < _LEAST_SPREAD:
        return pixels
    gain = np.minimum(wanted[1] / np.maximum(spread, 1e-6), _MOST_GAIN)
    change = _TO_LAB @ np.diag(gain) @ _FROM_LAB
    shift = (wanted[0] + _BLACK) @ _FROM_LAB - (mean + _BLACK) @ _FROM_LAB @ change
    changed = roots @ change.astype(np.float32) + shift.astype(np.float32)
    return _colours(changed).reshape(pixels.shape)


def _roots(pixels: Pixels) -> Roots:
    xyz = _LINEAR[pixels].reshape(-1, 3) @ _FROM_RGB
    roots = np.where(xyz > _KNEE**3, np.cbrt(xyz), xyz / (3 * _KNEE**2) + np.float32(4 / 29))
    return np.asarray(roots, dtype=np.float32)


def _colours(roots: Roots) -> Pixels:
    """Turn cube roots into colours, (p, 3), cutting off what no screen shows."""
    xyz = np.where(roots > _KNEE, roots**3, 3 * _KNEE**2 * (roots - np.float32(4 / 29)))
    steps = np.clip(xyz @ _TO_RGB, 0, 1) * _FINEST + np.float32(0.5)
    return _GAMMA[steps.astype(np.int32)]


def _looks(roots: Roots) -> tuple[Row, Row]:
    """Give the mean and the standard deviation of L*, a*, b*."""
    mean = roots.mean(axis=0, dtype=np.float64)
    away = roots - mean.astype(np.float32)
    cloud = (away.T @ away).astype(np.float64) / len(roots)
    spread = np.sqrt(np.maximum(np.diag(_TO_LAB.T @ cloud @ _TO_LAB), 0))
    return mean @ _TO_LAB - _BLACK, spread

"""What the changes of a picture are made of: turning, moving, bending, and numbers 0..1.

Takes   one picture, (h, w, 3), RGB, 0..255
Gives   a picture of the same kind; a quarter turn exchanges height and width
Never   brings in black borders: what lies beyond a picture is its mirror image
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import radians
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from skimage import transform

from papscope.image import Pixels

Change: TypeAlias = Callable[[Pixels, np.random.Generator], Pixels]
"""Gives a changed copy, by numbers drawn from the generator alone."""

Unit: TypeAlias = npt.NDArray[np.float64]
"""(h, w, 3), RGB, 0..1."""

_CUBIC = 3


def to_unit(pixels: Pixels) -> Unit:
    """Give samples 0..1."""
    return pixels.astype(np.float64) / 255.0


def to_pixels(unit: npt.NDArray[np.floating]) -> Pixels:
    """Round samples 0..1 to whole numbers 0..255, cutting off what lies beyond.

    >>> to_pixels(np.array([[[-0.1, 0.5, 1.2]]])).tolist()
    [[[0, 128, 255]]]
    """
    return np.asarray(np.clip(np.rint(unit * 255.0), 0, 255), dtype=np.uint8)


def either_way(random: np.random.Generator, least: float, most: float) -> float:
    """Draw a number of least..most with either sign, so never one too small to matter."""
    return float(random.uniform(least, most) * random.choice((-1.0, 1.0)))


def oriented(pixels: Pixels, way: int) -> Pixels:
    """Turn and mirror a picture without changing a sample.

    Args:
        pixels: (h, w, 3).
        way: 0..7; quarter turns, and from 4 on mirrored left to right before. 0 changes nothing.
    """
    start = pixels[:, ::-1] if way >= 4 else pixels
    return np.ascontiguousarray(np.rot90(start, way % 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An affine move about a picture's middle."""

    angle: float = 0.0
    """Degrees."""
    zoom: float = 1.0
    """Above 1 enlarges what is shown."""
    shear: float = 0.0
    """Degrees."""
    right: float = 0.0
    """As a share of the width."""
    down: float = 0.0
    """As a share of the height."""


def moved(pixels: Pixels, move: Move) -> Pixels:
    """Move what a picture shows; the size stays, and borders are mirrored."""
    height, width = pixels.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    about = transform.AffineTransform(
        scale=(move.zoom, move.zoom), rotation=radians(move.angle), shear=radians(move.shear)
    )
    goes = transform.AffineTransform(translation=(move.right * width, move.down * height))
    whole = (
        transform.AffineTransform(translation=-middle)
        + about
        + goes
        + transform.AffineTransform(translation=middle)
    )
    return _sampled(pixels, whole.inverse)


def bent(pixels: Pixels, down: npt.NDArray[np.floating], along: npt.NDArray[np.floating]) -> Pixels:
    """Take each point of a picture from elsewhere.

    Args:
        pixels: (h, w, 3).
        down: (h, w), how many pixels further down each point comes from.
        along: (h, w), how many pixels further right.
    """
    height, width = pixels.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    return to_pixels(
        np.stack(
            [
                transform.warp(
                    channel, np.stack([rows + down, columns + along]), order=_CUBIC, mode="reflect"
                )
                for channel in np.moveaxis(to_unit(pixels), 2, 0)
            ],
            axis=2,
        )
    )


def _sampled(pixels: Pixels, comes_from: object) -> Pixels:
    return to_pixels(transform.warp(to_unit(pixels), comes_from, order=_CUBIC, mode="reflect"))

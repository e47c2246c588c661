"""The two stains of a picture replaced by two wanted ones, in optical density.

Takes   a picture, and the stains that it shall have
Gives   the picture restained
Never   changes a picture that shows less than two stains

Source: M. Macenko et al., ISBI 2009, 1107-1110. What the two stains do not explain is kept and not
thrown away as there, because Papanicolaou's stain has more than two dyes; a pixel counts as
stained by its mean optical density, as some of these dyes leave one channel clear; and hues are
spread no more than half as far again, as a single cell may show shades of one dye alone, which the
source's way would pull apart into two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.image import Pixels

Row: TypeAlias = npt.NDArray[np.float64]
Stains: TypeAlias = npt.NDArray[np.float64]
"""(2, 3); optical densities of two stains in red, green, blue, of length 1, the bluer first."""
Densities: TypeAlias = npt.NDArray[np.float32]
"""(p, 3); natural logarithms."""

_DENSITY = -np.log((np.arange(256) + 1) / 256).astype(np.float32)  # plus 1: black has no logarithm
_LEAST_DENSITY = 0.15  # of a stained pixel, mean of the channels: beta of the source
_LEAST_TISSUE = 0.02  # share of the pixels that must be stained
_EXTREMES = (1, 99)  # percent of the pixels: alpha of the source
_LEAST_ANGLE = np.deg2rad(2)  # between two stains; nearer ones are one stain and noise
_MOST_SPREAD = 1.5  # of the angle between the stains
_LEAST_STRENGTH = 0.05  # optical density; a stain of less is not multiplied
_MOST_GAIN = 3.0  # noise and JPEG's blocks become visible beyond it
_MOST_SAMPLES = 10_000  # pixels from which the stains of a large picture are found


def measure(pixels: Pixels) -> tuple[Row, Row, Row] | None:
    """Give the two stains, (3,) each, and how strong each is, (2,); None where less is seen.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
    """
    tissue = _tissue(pixels)
    stains = None if tissue is None else _stains(tissue)
    if tissue is None or stains is None:
        return None
    return stains[0], stains[1], _strengths(tissue, stains)


def bring(pixels: Pixels, wanted: Sequence[Row]) -> Pixels:
    """Replace the two stains of a picture by the wanted ones.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
        wanted: as `measure` gives.

    Returns:
        (h, w, 3), RGB, 0..255; the very picture where it shows less than two stains.
    """
    found = measure(pixels)
    if found is None:
        return pixels
    gain = np.clip(wanted[2] / np.maximum(found[2], 1e-6), 1 / _MOST_GAIN, _MOST_GAIN)
    gain = np.where(found[2] < _LEAST_STRENGTH, 1.0, gain)
    aim = _within_reach(found[:2], wanted[:2])
    change = np.linalg.inv(_basis(found[:2])) @ np.diag([*gain, 1.0]) @ _basis(aim)
    density = _DENSITY[pixels].reshape(-1, 3) @ change.astype(np.float32)
    light = 256 * np.exp(-density) - np.float32(0.5)  # less the 1 that was added, and rounding
    return np.clip(light, 0, 255).astype(np.uint8).reshape(pixels.shape)


def _tissue(pixels: Pixels) -> Densities | None:
    """Give the optical densities of stained pixels, or None where these are too few."""
    flat = pixels.reshape(-1, 3)
    density = _DENSITY[flat[:: -(-len(flat) // _MOST_SAMPLES)]]
    stained = density[density.sum(axis=1) > 3 * _LEAST_DENSITY]
    return stained if len(stained) >= max(16, _LEAST_TISSUE * len(density)) else None


def _stains(tissue: Densities) -> Stains | None:
    """Find the two stains; None where there is one hue only."""
    _, axes = np.linalg.eigh((tissue.T @ tissue).astype(np.float64))
    first, second = axes[:, 2] * np.sign(axes[:, 2].sum()), axes[:, 1]
    # All densities are positive, and so is the first axis: no tangent is near infinity.
    tangents = (tissue @ second.astype(np.float32)) / (tissue @ first.astype(np.float32))
    low, high = np.arctan(np.percentile(tangents, _EXTREMES))
    if high - low < _LEAST_ANGLE:
        return None
    pair = np.array([np.cos(one) * first + np.sin(one) * second for one in (low, high)])
    pair /= np.linalg.norm(pair, axis=1, keepdims=True)
    # A blue stain takes the red away.
    return np.asarray(pair if pair[0, 0] > pair[1, 0] else pair[::-1], dtype=np.float64)


def _within_reach(found: Sequence[Row], wanted: Sequence[Row]) -> tuple[Row, Row]:
    """Bring two wanted stains nearer to each other if those found lie much nearer."""
    middle, away = wanted[0] + wanted[1], wanted[0] - wanted[1]
    half = np.arctan2(np.linalg.norm(away), np.linalg.norm(middle))
    own = np.arctan2(np.linalg.norm(found[0] - found[1]), np.linalg.norm(found[0] + found[1]))
    half = min(half, _MOST_SPREAD * own)
    along = np.cos(half) * middle / np.linalg.norm(middle)
    across = np.sin(half) * away / np.linalg.norm(away)
    return along + across, along - across


def _basis(stains: Sequence[Row]) -> npt.NDArray[np.float64]:
    """Add what is neither of two stains, at right angles to both, (3, 3)."""
    rest = np.cross(stains[0], stains[1])
    return np.vstack([stains[0], stains[1], rest / np.linalg.norm(rest)])


def _strengths(tissue: Densities, stains: Stains) -> Row:
    """Say how much of either stain the pixels that have most of it have, (2,)."""
    shares = tissue @ np.linalg.inv(_basis(tuple(stains))).astype(np.float32)[:, :2]
    return np.asarray(np.percentile(shares, _EXTREMES[1], axis=0), dtype=np.float64)

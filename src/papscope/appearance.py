"""What a picture looks like, in a few numbers that no network has learned.

Takes   pixels
Gives   one row of real numbers, in the order of `NAMES`
Never   opens a file, knows a data set, or judges: what is usual is for others to say

Pictures are measured at one working size, so that cameras can be compared; only noise and clipping
are measured on the pixels as they are. A picture that is smaller is never enlarged.

Sources: CIELAB as in `stain.reinhard`. Stains: A. C. Ruifrok and D. A. Johnston, Anal. Quant.
Cytol. Histol. 23 (2001), 291-299, whose haematoxylin and eosin stand for Papanicolaou's dyes.
Noise: J. Immerkaer, Comput. Vis. Image Underst. 64 (1996), 300-302. Slope of the spectrum: D. J.
Field, J. Opt. Soc. Am. A 4 (1987), 2379-2394. Direction: J. Bigun and G. Granlund, ICCV 1987.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from papscope import quality
from papscope.image import Pixels
from papscope.stain.reinhard import mean_and_spread

Looks: TypeAlias = npt.NDArray[np.float64]
"""(k,), in the order of `NAMES`."""
Grey: TypeAlias = npt.NDArray[np.float64]
"""(h, w), 0..255."""

WORKING_SIDE = quality.WORKING_SIDE
"""The longer side, in pixels, at which a picture is measured."""

MEASURES: Mapping[str, str] = {
    "lightness": "mean L* of CIELAB, 0..100",
    "green-red": "mean a* of CIELAB, about -100..100: red above 0, green below",
    "blue-yellow": "mean b* of CIELAB, about -100..100: yellow above 0, blue below",
    "lightness-spread": "standard deviation of L*, 0..50",
    "green-red-spread": "standard deviation of a*, 0 or more",
    "blue-yellow-spread": "standard deviation of b*, 0 or more",
    "dark": "5 % of the pixels are no lighter than this grey, 0..255",
    "light": "5 % of the pixels are lighter than this grey, 0..255",
    "middle": "mean grey of the rim less that of the middle half, -255..255: a dark middle above 0",
    "haematoxylin": "mean optical density along haematoxylin, natural logarithm, about -2..5",
    "eosin": "mean optical density along eosin, likewise",
    "remainder": "mean optical density that neither stain explains, likewise",
    "haematoxylin-spread": "standard deviation of that along haematoxylin, 0 or more",
    "eosin-spread": "standard deviation of that along eosin, 0 or more",
    "remainder-spread": "standard deviation of that which neither explains, 0 or more",
    "one-colour": "share of the densities' variance along their first axis, 1/3..1",
    "third-colour": "share of the densities' variance along their third axis, 0..1/3",
    "contrast": "standard deviation of the most varied colour channel, 0..127.5",
    "sharpness": "variance of the Laplacian over the mean squared gradient, 0 or more",
    "clipped": "share of pixels whose channels all touch one end of the range, 0..1",
    "noise": "standard deviation of the noise, in grey levels, 0 or more",
    "fine-detail": "share of the grey's power above a quarter cycle per pixel, 0..1",
    "spectral-slope": "power of the frequency that the grey's power falls with, about -5..0",
    "direction": "how far the edges run one way: 0 none, 1 all",
}
"""What each number is, with its unit and range."""

NAMES: tuple[str, ...] = tuple(MEASURES)

_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_UNMIXED = np.linalg.inv(_STAINS / np.linalg.norm(_STAINS, axis=1, keepdims=True))
_DENSITY = -np.log((np.arange(256) + 1) / 256)  # plus 1: black has no logarithm
_LEAST_POWER = 1e-6  # of a frequency; nothing has no logarithm
_LEAST_SLOPES = 1e-6  # mean squared gradient of what has edges


def appearance(pixels: Pixels) -> Looks:
    """Measure what one picture looks like.

    Args:
        pixels: (h, w, 3), RGB, 0..255; 8 pixels or more along each side.

    Returns:
        (k,), finite, in the order of `NAMES`; see `MEASURES` for units and ranges.

    >>> grey = np.full((16, 16, 3), 119, dtype=np.uint8)
    >>> looks = dict(zip(NAMES, appearance(grey).round(1).tolist()))
    >>> looks["lightness"], looks["lightness-spread"], looks["dark"], looks["noise"]
    (50.0, 0.0, 119.0, 0.0)
    """
    picture = Image.fromarray(pixels)
    small = _shrunk(picture)
    grey = np.asarray(small.convert("L"), dtype=np.float64)
    lab, lab_spread = mean_and_spread(np.asarray(small))
    found = quality.measure(pixels)
    return np.array(
        [
            *lab,
            *lab_spread,
            *np.percentile(grey, (5, 95)),
            _middle(grey),
            *_stained(np.asarray(small)),
            found.spread,
            found.sharpness,
            found.clipped,
            _noise(np.asarray(picture.convert("L"), dtype=np.float32)),
            *_spectrum(grey),
            _direction(grey),
        ]
    )


def _shrunk(picture: Image.Image) -> Image.Image:
    scale = WORKING_SIDE / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(8, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)


def _middle(grey: Grey) -> float:
    """Give by how much the middle half of a picture is darker than the rest."""
    height, width = grey.shape
    inner = grey[height // 4 : height - height // 4, width // 4 : width - width // 4]
    rim = (grey.sum() - inner.sum()) / (grey.size - inner.size)
    return float(rim - inner.mean())


def _stained(pixels: Pixels) -> tuple[float, ...]:
    """Give the means and spreads of the stains' densities, and the shares of two colour axes."""
    density = _DENSITY[pixels].reshape(-1, 3)
    stains = density @ _UNMIXED
    axes = np.linalg.eigvalsh(np.cov(density, rowvar=False))
    total = float(axes.sum())
    first, third = (axes[2] / total, axes[0] / total) if total > 1e-9 else (1.0, 0.0)
    return (*stains.mean(axis=0), *stains.std(axis=0), float(first), max(0.0, float(third)))


def _noise(grey: npt.NDArray[np.float32]) -> float:
    """Give the spread of what neither a plane nor an edge along the axes explains."""
    across = grey[:, :-2] - 2 * grey[:, 1:-1] + grey[:, 2:]
    left = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(np.sqrt(np.pi / 2) * np.abs(left).mean() / 6)


def _spectrum(grey: Grey) -> tuple[float, float]:
    """Give the share of power at high frequencies, and the slope of power over frequency."""
    window, frequency, weight = _ready(*grey.shape)
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2 / grey.size
    total = float(power.sum())
    high = float(power[frequency > 0.25].sum()) / total if total > _LEAST_POWER else 0.0
    told = weight > 0
    along, weights = np.log(frequency[told]), weight[told]
    heights = np.log(power[told] + _LEAST_POWER)
    away = along - np.average(along, weights=weights)
    slope = float((weights * away * heights).sum() / (weights * away**2).sum())
    return high, slope


@lru_cache(maxsize=16)
def _ready(height: int, width: int) -> tuple[Grey, Grey, Grey]:
    """Give a window, frequencies in cycles per pixel, and weights that let low ones be heard."""
    window = np.outer(np.hanning(height), np.hanning(width))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    told = (frequency >= 2 / max(height, width)) & (frequency <= 0.5)
    weight = np.where(told, 1 / np.maximum(frequency, 1e-9), 0.0)
    return window, frequency, weight


def _direction(grey: Grey) -> float:
    down, along = np.gradient(grey)
    squares = float((down**2).mean()), float((along**2).mean())
    total = sum(squares)
    if total < _LEAST_SLOPES:
        return 0.0
    both = float((down * along).mean())
    return float(np.hypot(squares[0] - squares[1], 2 * both) / total)

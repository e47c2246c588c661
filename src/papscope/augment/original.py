"""The fourteen changes of the student project that papscope began from, in its order.

Takes   one picture, (h, w, 3), RGB, 0..255, and a random generator
Gives   the tuple `ORIGINAL` of fourteen changes
Never   takes blue for red, or draws black borders

Many of these change what a cytologist reads: nuclear chromatin (edges, CLAHE) and stain (colours).
They are here to repeat that work, and for comparison.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from skimage import color, exposure, feature, filters

from papscope.augment.changes import (
    Change,
    Move,
    either_way,
    moved,
    oriented,
    to_pixels,
    to_unit,
)
from papscope.augment.colours import (
    BLUE,
    GREEN,
    RED,
    few_colours,
    greyed,
    raised,
    rehued,
    shuffled,
)
from papscope.image import Pixels

_MIRRORED, _UPSIDE_DOWN = 4, 6
"""Ways of `oriented`: left to right, and top to bottom."""
_FAINT = 1e-6
"""Edges below this are none: a flat picture stays as it is."""


def _one_of(*changes: Change) -> Change:
    """Leave it to the generator which change is made."""

    def chosen(pixels: Pixels, random: np.random.Generator) -> Pixels:
        return changes[random.integers(len(changes))](pixels, random)

    return chosen


def _two_of(*changes: Change) -> Change:
    """Make two different changes, one after the other."""

    def chosen(pixels: Pixels, random: np.random.Generator) -> Pixels:
        for place in random.choice(len(changes), 2, replace=False):
            pixels = changes[place](pixels, random)
        return pixels

    return chosen


def _zoomed(pixels: Pixels, random: np.random.Generator) -> Pixels:
    return moved(pixels, Move(zoom=float(np.exp(either_way(random, 0.08, 0.2)))))


def _shifted(pixels: Pixels, random: np.random.Generator) -> Pixels:
    right, down = (either_way(random, 0.05, 0.2) for _ in range(2))
    return moved(pixels, Move(right=right, down=down))


def _rotated(pixels: Pixels, random: np.random.Generator) -> Pixels:
    return moved(pixels, Move(angle=either_way(random, 8, 25)))


def _sheared(pixels: Pixels, random: np.random.Generator) -> Pixels:
    return moved(pixels, Move(shear=either_way(random, 4, 12)))


def _flipped(pixels: Pixels, random: np.random.Generator, *, way: int) -> Pixels:  # noqa: ARG001  # a Change takes both
    return oriented(pixels, way)


_MIRROR: Change = partial(_flipped, way=_MIRRORED)
_TURN_OVER: Change = partial(_flipped, way=_UPSIDE_DOWN)


def _levelled(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Contrast-limited adaptive histogram equalisation of the brightness.

    K. Zuiderveld, Graphics Gems IV (1994), 474-485.
    """
    limit = random.uniform(0.005, 0.02)
    return to_pixels(exposure.equalize_adapthist(to_unit(pixels), clip_limit=limit))


def _bowed(pixels: Pixels, random: np.random.Generator) -> Pixels:
    gamma = float(np.exp(either_way(random, 0.2, 0.6)))
    return to_pixels(exposure.adjust_gamma(to_unit(pixels), gamma))


def _outlined(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Lay white over the edges, the more the stronger they are, by up to 50 to 90 %."""
    unit = to_unit(pixels)
    edges = filters.sobel(color.rgb2gray(unit))
    share = random.uniform(0.5, 0.9) * edges[..., None] / max(float(edges.max()), _FAINT)
    return to_pixels(unit + share * (1 - unit))


def _sharpened(pixels: Pixels, random: np.random.Generator) -> Pixels:
    amount = random.uniform(1.0, 2.5)
    unit = filters.unsharp_mask(to_unit(pixels), radius=1.5, amount=amount, channel_axis=2)
    return to_pixels(unit)


def _lined(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Draw the edges that J. Canny's detector finds, in black, by 50 to 100 %.

    J. Canny, IEEE Trans. Pattern Anal. Mach. Intell. 8 (1986), 679-698.
    """
    unit = to_unit(pixels)
    lines = feature.canny(color.rgb2gray(unit), sigma=random.uniform(1.0, 2.0))
    share = random.uniform(0.5, 1.0) * lines[..., None]
    return to_pixels(unit * (1 - share))


def _grainy(pixels: Pixels, random: np.random.Generator) -> Pixels:
    spread = random.uniform(0.02, 0.06)
    return to_pixels(to_unit(pixels) + random.normal(0, spread, pixels.shape))


def _blurred(pixels: Pixels, random: np.random.Generator) -> Pixels:
    sigma = random.uniform(0.8, 2.0)
    return to_pixels(filters.gaussian(to_unit(pixels), sigma=sigma, mode="reflect", channel_axis=2))


def _equalised(pixels: Pixels, random: np.random.Generator) -> Pixels:  # noqa: ARG001  # a Change takes both
    """Equalise the histogram of the brightness; hue and saturation stay."""
    hsv = color.rgb2hsv(to_unit(pixels))
    hsv[..., 2] = exposure.equalize_hist(hsv[..., 2])
    return to_pixels(color.hsv2rgb(hsv))


def _contrasted(pixels: Pixels, random: np.random.Generator) -> Pixels:
    gain = 1 + either_way(random, 0.15, 0.4)
    light = either_way(random, 0.03, 0.12)
    return to_pixels((to_unit(pixels) - 0.5) * gain + 0.5 + light)


ORIGINAL: tuple[Change, ...] = (
    _two_of(_zoomed, _shifted, _rotated, _sheared, _MIRROR, _TURN_OVER),
    _one_of(_levelled, _bowed),
    _one_of(_levelled, _bowed),
    _outlined,
    _sharpened,
    _lined,
    partial(raised, channel=RED),
    partial(raised, channel=GREEN),
    partial(raised, channel=BLUE),
    _one_of(_grainy, _blurred),
    _one_of(rehued, greyed),
    _one_of(shuffled, few_colours),
    _one_of(_equalised, _MIRROR, _TURN_OVER),
    _contrasted,
)
"""In the order of the project."""

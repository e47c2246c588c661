"""Two sets of pictures side by side: how often which value of a measure occurs.

Takes   the values of one measure in two sets
Gives   SVG text to stand inside a page
Never   tells the sets apart by colour alone: one is filled, the other a line
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.ticker import MaxNLocator

from papscope.report.drawing import GOOD, INK, OTHER, SOFT, axes, canvas, svg

Values: TypeAlias = npt.NDArray[np.float64]

_BINS = 24
_CUT = (0.5, 99.5)
"""Percent of all values between which is drawn; what lies outside counts at the ends."""


@style.context("default")
def histogram_svg(name: str, what: str, train: Values, new: Values, told: str) -> str:
    """Draw how often which value occurs: training pictures filled, new ones as a line.

    Args:
        name: unique on the page.
        what: the measure.
        train: (n,), finite.
        new: (m,), finite.
        told: what it shows, in words.
    """
    low, high = np.percentile(np.concatenate([train, new]), _CUT)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    figure = canvas(220, 132)
    room = axes(figure, 8, 6, 8, 24)
    room.spines["left"].set_visible(False)
    heights = [_shares(one, edges) for one in (train, new)]
    room.stairs(heights[0], edges, fill=True, color=GOOD)
    room.stairs(heights[1], edges, color=OTHER, linewidth=1.8)
    for values, height, colour in zip((train, new), heights, (INK, OTHER), strict=True):
        middle = float(np.clip(np.median(values), low, high))
        room.plot([middle, middle], [0, 1.08 * max(height.max(), 0.01)], color=colour, linewidth=1)
    room.set(xlim=(low, high), ylim=(0, None), yticks=[])
    room.xaxis.set_major_locator(MaxNLocator(4))
    room.tick_params(labelsize=10.5, labelcolor=SOFT)
    return svg(figure, name, f"{what}: training pictures filled, new ones as a line", told)


def _shares(values: Values, edges: Values) -> Values:
    inside = np.clip(values, edges[0], edges[-1])
    return np.asarray(np.histogram(inside, edges)[0] / max(len(values), 1), dtype=np.float64)

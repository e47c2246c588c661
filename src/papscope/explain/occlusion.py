"""Which parts of a picture an answer needs: cover them one after the other, and see it fall.

Takes   an engine of any kind, a square and a class
Gives   a map
Never   needs gradients, torch, or more than answers

The method of M. D. Zeiler and R. Fergus, Visualizing and understanding convolutional networks, ECCV
2014. It equals captum's `Occlusion` with the same windows, which a test holds it to, and works for
exported models as well. At the usual settings a square is asked about 101 times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from math import ceil

import numpy as np

from papscope.errors import SettingError
from papscope.explain.maps import Map, faded, log_odds
from papscope.image import Pixels
from papscope.predict.engine import Engine

_CHUNK = 64
"""Covered squares that are held at once, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """What is covered, as shares of the square's side."""

    side: float = 3 / 16
    """Of a window: 24 px of 128."""
    step: float = 3 / 32
    """From one window to the next: 12 px of 128, which makes 10 x 10 positions."""

    def __post_init__(self) -> None:
        if not 0 < self.step <= self.side <= 1:
            raise SettingError(
                f"windows of {self.side} of the side, {self.step} apart",
                hint="0 < step <= side <= 1, so that no pixel is left out",
            )

    def places(self, size: int) -> list[tuple[slice, slice]]:
        """Give the rows and columns that each window covers; the last ones end at the border.

        >>> len(Windows().places(128)), len(Windows(side=0.25, step=0.25).places(32))
        (100, 16)
        """
        side, step = max(1, round(self.side * size)), max(1, round(self.step * size))
        count = 1 + max(0, ceil((size - side) / step))
        along = [slice(start * step, min(size, start * step + side)) for start in range(count)]
        return list(product(along, along))


def occlusion_map(
    engine: Engine,
    square: Pixels,
    place: int,
    *,
    windows: Windows | None = None,
    cover: Pixels | None = None,
) -> Map:
    """Explain an answer by covering parts of the picture.

    A pixel's value is the mean, over the windows that hold it, of how far the log-odds of the class
    fall when the window is covered.

    Args:
        engine: the model; it answers over orientations if it does so otherwise.
        square: (s, s, 3), RGB, 0..255, as the model takes it.
        place: of the class, among the engine's columns.
        windows: their size and distance; None takes the usual ones.
        cover: (s, s, 3), what is seen where a window lies; None for the picture without detail.

    Returns:
        (s, s).
    """
    around = (windows or Windows()).places(len(square))
    below = faded(square) if cover is None else cover
    before = log_odds(engine.probabilities(square[None]), place)[0]
    total = np.zeros(square.shape[:2])
    times = np.zeros(square.shape[:2])
    chunk = -(-_CHUNK // engine.at_once) * engine.at_once
    waiting = iter(around)
    while some := list(islice(waiting, chunk)):
        asked = np.stack(list(_covered(square, below, some)))
        falls = before - log_odds(engine.probabilities(asked), place)
        for (rows, columns), fall in zip(some, falls, strict=True):
            total[rows, columns] += fall
            times[rows, columns] += 1
    return np.asarray(total / times, dtype=np.float32)


def _covered(square: Pixels, below: Pixels, places: list[tuple[slice, slice]]) -> Iterator[Pixels]:
    for rows, columns in places:
        one = square.copy()
        one[rows, columns] = below[rows, columns]
        yield one


@dataclass(frozen=True, slots=True)
class ByOcclusion:
    """Occlusion as a `MapMaker`."""

    engine: Engine

    def __call__(self, square: Pixels, place: int) -> Map:
        """Explain the log-odds of the class at a place, for a square (s, s, 3)."""
        return occlusion_map(self.engine, square, place)

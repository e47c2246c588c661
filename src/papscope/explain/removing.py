"""Whether an answer rests on what a map points at: take it away, or show it alone, and see.

Takes   an engine, a square, a class and a map
Gives   the areas under the deletion and insertion curves, beside those of random orders
Never   decides what follows from them: `judging` does

After V. Petsiuk, A. Das and K. Saenko, RISE, BMVC 2018. Where a map points first is removed first:
the sooner the class's probability falls, the smaller the area under the deletion curve, and the
better the map. Insertion begins with nothing and puts back first what a map points at first.

Squares of a sixteenth of the side are removed, not single pixels. A random order is the map itself,
turned, mirrored and moved to a random place: scattered squares harm any network's answer more than
a patch does, wherever they lie, and so an order without the map's own grain would compare grains
and not places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from papscope.explain.maps import Map, faded
from papscope.image import Pixels
from papscope.predict.engine import Engine
from papscope.seeds import stream

SIDE = 16
"""Squares along each side that are removed."""
STEPS = 8
"""Into how many equal steps the removal is cut."""
RANDOM = 5
"""Random places that a map is compared with."""

Order = npt.NDArray[np.int64]
"""(SIDE * SIDE,), the squares by row in the order in which they go."""


@dataclass(frozen=True, slots=True)
class Areas:
    """Areas under the curves of a class's probability, 0..1."""

    deletion: float
    """Small where what goes first matters."""
    insertion: float
    """Large where what comes first is enough."""


def areas(engine: Engine, square: Pixels, place: int, found: Map) -> Areas:
    """Measure how an answer falls and rises in a map's order.

    Args:
        engine: the model.
        square: (s, s, 3), RGB, 0..255.
        place: of the class whose probability is followed.
        found: (s, s), the map.
    """
    return _areas(engine, square, place, [order_of(grains(found))])[0]


def random_areas(
    engine: Engine, square: Pixels, place: int, found: Map, seed: int = 0
) -> tuple[Areas, ...]:
    """Measure the same for the map at `RANDOM` random places, turned and mirrored at random."""
    draw = stream(seed, "random places of a map")
    orders = []
    for _ in range(RANDOM):
        one = np.rot90(grains(found), int(draw.integers(4)))
        one = one.T if draw.integers(2) else one
        down, along = divmod(int(draw.integers(1, SIDE * SIDE)), SIDE)
        orders.append(order_of(np.roll(one, (down, along), (0, 1))))
    return tuple(_areas(engine, square, place, orders))


def grains(found: Map) -> npt.NDArray[np.float64]:
    """Give the sum of a map in each square that is removed, (SIDE, SIDE)."""
    exact = found.astype(np.float64)
    return np.add.reduceat(np.add.reduceat(exact, _starts(found), 0), _starts(found), 1)


def order_of(sums: npt.NDArray[np.float64]) -> Order:
    """Rank the squares by what a map says of them, the largest first."""
    return np.asarray(np.argsort(-sums.ravel(), kind="stable"), dtype=np.int64)


def _areas(engine: Engine, square: Pixels, place: int, orders: Sequence[Order]) -> list[Areas]:
    """Measure orders; to insert in one is to delete in the opposite one."""
    both = _deleted(engine, square, place, [*orders, *(one[::-1] for one in orders)])
    half = len(orders)
    return [Areas(*pair) for pair in zip(both[:half], both[half:], strict=True)]


def _deleted(engine: Engine, square: Pixels, place: int, orders: Sequence[Order]) -> list[float]:
    """Give the area under the curve of each order, by the trapezoid rule."""
    below = faded(square)
    owner = np.searchsorted(_starts(square), np.arange(len(square)), side="right") - 1
    tile = owner[:, None] * SIDE + owner[None, :]
    shares = np.linspace(0, SIDE * SIDE, STEPS + 1).round().astype(int)
    asked = [square, below]
    for order in orders:
        turn = np.empty(SIDE * SIDE, dtype=np.int64)
        turn[order] = np.arange(SIDE * SIDE)
        gone = turn[tile]
        asked.extend(np.where((gone < share)[..., None], below, square) for share in shares[1:-1])
    chances = engine.probabilities(np.stack(asked))[:, place]
    whole, nothing, *between = chances.tolist()
    inner = np.array(between).reshape(len(orders), STEPS - 1)
    curves = np.column_stack([np.full(len(orders), whole), inner, np.full(len(orders), nothing)])
    return [float(one) for one in np.trapezoid(curves, dx=1 / STEPS, axis=1)]


def _starts(picture: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Give where each square begins along a side, in pixels."""
    return np.linspace(0, len(picture), SIDE, endpoint=False).round().astype(np.int64)

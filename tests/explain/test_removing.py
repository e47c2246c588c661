"""Deletion and insertion tell a map that points at the reason from one that does not."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean

import numpy as np
import pytest
from made_engines import DarkSpot, noise, spotted

from papscope.explain.maps import faded
from papscope.explain.occlusion import occlusion_map
from papscope.explain.removing import RANDOM, SIDE, STEPS, areas, grains, order_of, random_areas


def test_a_map_of_the_reason_beats_random_places_and_its_opposite_loses() -> None:
    engine, square = DarkSpot(), spotted(64)
    found = occlusion_map(engine, square, 1)

    right, wrong = areas(engine, square, 1, found), areas(engine, square, 1, -found)
    chance = random_areas(engine, square, 1, found)

    assert right.deletion < fmean(one.deletion for one in chance)
    assert right.insertion > fmean(one.insertion for one in chance)
    assert wrong.deletion > right.insertion - 0.1
    assert wrong.insertion < right.insertion


def test_to_insert_in_one_order_is_to_delete_in_the_other() -> None:
    engine, square = DarkSpot(), spotted(64)
    found = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    one, other = areas(engine, square, 1, found), areas(engine, square, 1, -found)
    assert one.insertion == pytest.approx(other.deletion, abs=1e-12)


def test_the_area_is_that_of_the_trapezoids() -> None:
    engine, square = DarkSpot(), spotted(SIDE)
    order = np.arange(SIDE * SIDE)
    below, curve = faded(square), []
    for share in np.linspace(0, 1, STEPS + 1):
        gone = np.zeros(SIDE * SIDE, dtype=bool)
        gone[order[: round(share * SIDE * SIDE)]] = True
        one = np.where(gone.reshape(SIDE, SIDE)[..., None], below, square)
        curve.append(engine.probabilities(one[None])[0, 1])
    wanted = sum((a + b) / 2 for a, b in pairwise(curve)) / STEPS

    falling = -np.arange(SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    assert areas(engine, square, 1, falling).deletion == pytest.approx(wanted, abs=1e-12)


def test_random_places_are_the_same_for_one_seed_and_others_for_another() -> None:
    engine, square = DarkSpot(), noise(1)[0]
    found = np.arange(32 * 32, dtype=np.float32).reshape(32, 32)
    first = random_areas(engine, square, 1, found)
    assert len(first) == RANDOM
    assert first == random_areas(engine, square, 1, found)
    assert first != random_areas(engine, square, 1, found, seed=1)


@pytest.mark.parametrize("side", [16, 37, 128])
def test_the_order_begins_where_the_map_is_largest(side: int) -> None:
    found = np.zeros((side, side), dtype=np.float32)
    found[-1, 0] = 5
    assert order_of(grains(found))[0] == SIDE * (SIDE - 1)
    assert sorted(order_of(grains(found))) == list(range(SIDE * SIDE))

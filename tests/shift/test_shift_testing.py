"""Groups are what is compared: tests keep their level, find what is there, and say how much."""

from __future__ import annotations

import numpy as np
import pytest

from papscope.errors import SettingError
from papscope.shift.testing import Draws, Grouped, energy_test, holm, standardised

QUICK = Draws(permutations=199, resamples=100)


def made(
    rng: np.random.Generator, groups: int, each: int, *, off: float = 0.0, alike: float = 1.0
) -> Grouped:
    """Three measures whose groups stray by `alike`, around `off`."""
    middles = rng.normal(off, alike, (groups, 3))
    values = np.repeat(middles, each, axis=0) + rng.normal(0, 1, (groups * each, 3))
    return Grouped(values, np.repeat(np.arange(groups), each), groups)


def alone(one: Grouped) -> Grouped:
    """Take each picture for a group of its own."""
    return Grouped(one.values, np.arange(len(one.values)), len(one.values))


def test_by_group_it_keeps_its_level_where_by_picture_it_cries_wolf() -> None:
    rng = np.random.default_rng(0)
    pairs = [(made(rng, 15, 8), made(rng, 15, 8)) for _ in range(60)]

    honest = np.mean([energy_test(a, b, QUICK).p < 0.05 for a, b in pairs])
    naive = np.mean([energy_test(alone(a), alone(b), QUICK).p < 0.05 for a, b in pairs])

    assert honest <= 0.12
    assert naive > 0.6


def test_a_difference_of_a_spread_is_found_with_its_size() -> None:
    rng = np.random.default_rng(1)
    train, new = made(rng, 30, 6, alike=0.3), made(rng, 12, 6, off=1.0, alike=0.3)

    found = energy_test(train, new, QUICK)
    size = standardised(train, new, 0, QUICK)

    assert found.p < 0.01
    assert 0.05 < found.coefficient.low < found.coefficient.value < 0.4
    assert size.low < 1 / np.hypot(1, 0.3) < size.high
    assert size.value == pytest.approx(0.96, abs=0.35)


def test_new_groups_may_be_singles_and_nothing_is_found_where_nothing_is() -> None:
    rng = np.random.default_rng(2)
    found = [energy_test(made(rng, 20, 6), made(rng, 40, 1), QUICK).p < 0.05 for _ in range(40)]
    assert np.mean(found) <= 0.15


def test_one_new_group_has_no_lower_p_than_it_can_have() -> None:
    rng = np.random.default_rng(3)

    found = energy_test(made(rng, 9, 5), made(rng, 1, 30, off=30.0), QUICK)

    assert found.least_p == pytest.approx(0.1)
    assert found.p >= 0.05
    assert (found.coefficient.low, found.coefficient.high) == (0.0, 1.0)


def test_sets_that_are_the_same_have_a_coefficient_of_nothing() -> None:
    one = made(np.random.default_rng(4), 20, 5)
    found = energy_test(one, one, QUICK)
    assert found.coefficient.value == 0.0
    assert found.p > 0.5


def test_a_measure_that_does_not_vary_in_training_is_cut_off() -> None:
    train = Grouped(np.full((20, 1), 5.0), np.arange(20), 20)
    new = Grouped(np.full((20, 1), 9.0), np.arange(20), 20)

    assert standardised(train, new, 0, QUICK).value == 20.0
    assert energy_test(train, new, QUICK).p == pytest.approx(0.005)
    assert standardised(train, train, 0, QUICK).value == 0.0


def test_each_group_counts_the_same() -> None:
    values = np.array([[0.0]] * 50 + [[4.0]])
    train = Grouped(np.array([[0.0], [2.0]]), np.arange(2), 2)
    new = Grouped(values, np.array([0] * 50 + [1]), 2)
    # Means over groups are 1 and 2; the spread of training pictures is 1.
    assert standardised(train, new, 0, QUICK).value == pytest.approx(1.0)


def test_a_seed_gives_the_same_numbers_and_another_others() -> None:
    rng = np.random.default_rng(5)
    sets = made(rng, 12, 4), made(rng, 12, 4, off=0.4)
    first, again = (energy_test(*sets, QUICK) for _ in range(2))
    other = energy_test(*sets, Draws(permutations=199, resamples=100, seed=1))
    assert first == again
    assert other.coefficient.high != first.coefficient.high


def test_unknown_measures_take_their_pictures_out_and_groups_without_any() -> None:
    values = np.array([[1.0, np.nan], [2.0, 3.0], [4.0, 5.0]])
    left = Grouped(values, np.array([0, 1, 1]), 2).known([0, 1])
    assert (left.number, left.place.tolist(), len(left.values)) == (1, [0, 0], 2)


def test_adjusted_p_values_never_fall_as_p_values_rise() -> None:
    assert holm({"a": 0.2, "b": 0.01, "c": 0.02, "d": 0.9}) == pytest.approx(
        {"a": 0.4, "b": 0.04, "c": 0.06, "d": 0.9}
    )


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(SettingError, match="10 permutations"):
        Draws(permutations=10)


def test_a_group_alone_is_held_against_distances_of_its_own_pairs() -> None:
    train = Grouped(np.array([[0.0], [2.0]]), np.arange(2), 2)
    new = Grouped(np.array([[10.0], [12.0]]), np.zeros(2, np.int64), 1)
    # Across 10 on average, within each 2: (2 * 10 - 2 - 2) / (2 * 10).
    assert energy_test(train, new, QUICK).coefficient.value == pytest.approx(0.8)

"""Random streams: one for each purpose, and the same numbers for ever."""

from __future__ import annotations

import random

import numpy as np

from papscope.seeds import key, stream


def test_the_numbers_of_a_seed_and_purpose_never_change() -> None:
    assert key(0, "split") == 4668161649679774868
    assert stream(0, "split").integers(0, 1000, 6).tolist() == [163, 847, 733, 341, 453, 957]
    assert stream(2, "bootstrap").permutation(8).tolist() == [7, 5, 6, 3, 2, 4, 0, 1]


def test_purposes_and_seeds_share_no_numbers() -> None:
    pairs = [(seed, purpose) for seed in range(50) for purpose in ("split", "bootstrap", "1:split")]
    assert len({key(*pair) for pair in pairs}) == len(pairs)


def test_a_key_fits_signed_64_bits() -> None:
    assert all(0 <= key(seed, "a") < 2**63 for seed in (-1, 0, 2**70))


def test_the_global_random_states_are_left_alone() -> None:
    random.seed(1)
    np.random.seed(1)  # the global state is what is watched here
    before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]

    stream(7, "split").permutation(100)

    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]  # type: ignore[index]

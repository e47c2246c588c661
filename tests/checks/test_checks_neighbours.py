from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from papscope.checks.neighbours import RADIUS, Words, close_pairs


def words(count: int, seed: int = 0, ways: int = 1) -> Words:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << 64, (count, ways), dtype=np.uint64)


def flipped(word: np.uint64, bits: list[int]) -> np.uint64:
    return np.uint64(int(word) ^ sum(1 << bit for bit in bits))


def test_planted_pairs_are_found_among_20000_with_few_comparisons() -> None:
    rng = np.random.default_rng(3)
    many = words(20_000)
    planted = set()
    for number in range(200):
        bits = rng.choice(64, size=number % (RADIUS + 1), replace=False).tolist()
        many[10_000 + number, 0] = flipped(many[number, 0], bits)
        planted.add((number, 10_000 + number))

    close = close_pairs(many)

    assert {(first, second) for first, second, _ in close.pairs.tolist()} == planted
    assert close.compared < 20_000 * 19_999 / 2 / 50


@pytest.mark.parametrize("seed", range(5))
def test_no_pair_within_the_radius_is_missed_or_invented(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres = words(12, seed)[:, 0]
    some = np.array(
        [
            [flipped(centres[k % 12], rng.choice(64, rng.integers(0, 8), replace=False).tolist())]
            for k in range(120)
        ],
        dtype=np.uint64,
    )
    some = np.unique(some, axis=0)  # pictures of one hash are chained, and tested below

    wanted = {
        (one, other)
        for one, other in combinations(range(len(some)), 2)
        if int(some[one, 0] ^ some[other, 0]).bit_count() <= RADIUS
    }

    assert {(first, second) for first, second, _ in close_pairs(some).pairs.tolist()} == wanted
    assert len(wanted) > 20


def test_a_turned_copy_is_found_with_its_way() -> None:
    many = words(50, ways=8)
    many[40, 0] = flipped(many[7, 5], [3, 60])

    assert close_pairs(many).pairs.tolist() == [[7, 40, 5]]


def test_thousands_of_one_hash_are_chained_and_not_compared_all_with_all() -> None:
    same = np.full((5_000, 8), 12345, dtype=np.uint64)

    close = close_pairs(same)

    assert close.compared < 20 * 5_000
    assert {second for _, second, _ in close.pairs.tolist()} == set(range(1, 5_000))


def test_two_bits_too_many_are_no_pair() -> None:
    one = np.uint64(0)
    far = np.array([[one], [flipped(one, list(range(RADIUS + 1)))]], dtype=np.uint64)

    assert close_pairs(far).pairs.tolist() == []

"""Dealing blocks to parts: shares kept, nothing depends on order, and the same for ever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papscope.parts.balance import balance

CLASS_PURE = [[n % 5 + 1, 0] for n in range(20)] + [[0, n % 3 + 1] for n in range(15)]


def names(count: int) -> list[str]:
    return [f"block {n}" for n in range(count)]


def shares(counts: list[list[int]], parts: tuple[int, ...], how_many: int) -> np.ndarray:
    """Give (p, c), the share of each class's images in each part."""
    table = np.array(counts)
    held = np.stack([table[np.array(parts) == p].sum(axis=0) for p in range(how_many)])
    return np.asarray(held / table.sum(axis=0))


@pytest.mark.parametrize("seed", range(10))
def test_every_class_keeps_its_shares_to_the_image(seed: int) -> None:
    parts = balance(np.array(CLASS_PURE), [3, 1, 1], names(35), seed)

    found = shares(CLASS_PURE, parts, 3)

    wanted = np.array([[0.6], [0.2], [0.2]])
    assert np.abs(found - wanted).max() <= 0.5 / 30


def test_a_seed_of_nothing_is_a_seed_and_another_seed_deals_otherwise() -> None:
    dealt = {seed: balance(np.array(CLASS_PURE), [3, 1, 1], names(35), seed) for seed in (0, 1, 0)}
    assert dealt[0] == balance(np.array(CLASS_PURE), [3, 1, 1], names(35), 0)
    assert dealt[0] != dealt[1]


def test_blocks_of_every_size_can_land_in_the_test_part() -> None:
    sizes = [[100, 1]] + [[10, 1]] * 30
    found = {balance(np.array(sizes), [1, 1], names(31), seed)[0] for seed in range(20)}
    assert found == {0, 1}


def test_a_known_deal_never_changes() -> None:
    parts = balance(np.array(CLASS_PURE), [3, 1, 1], names(35), seed=7)
    assert "".join(map(str, parts)) == "11200000200201100200020020000020111"


def test_a_rare_class_reaches_every_part_even_at_the_cost_of_its_share() -> None:
    counts = [[9, 0]] * 30 + [[1, 40], [1, 1], [1, 1]]
    for seed in range(10):
        parts = balance(np.array(counts), [8, 1, 1], names(33), seed)
        assert {parts[30], parts[31], parts[32]} == {0, 1, 2}


def test_no_blocks_give_no_parts() -> None:
    assert balance(np.zeros((0, 2), dtype=np.int64), [1, 1], [], 0) == ()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=25),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_blocks_does_not_matter(
    blocks: list[tuple[int, int]], shuffled: object
) -> None:
    order = list(range(len(blocks)))
    shuffled.shuffle(order)  # type: ignore[attr-defined]
    straight = balance(np.array(blocks), [2, 1], names(len(blocks)), 3)

    mixed = balance(
        np.array([blocks[n] for n in order]), [2, 1], [names(len(blocks))[n] for n in order], 3
    )

    assert [straight[n] for n in order] == list(mixed)

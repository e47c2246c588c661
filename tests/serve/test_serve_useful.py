"""The order of what to read next: doubtful first, each unlike those before, the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from papscope.seeds import stream
from papscope.serve.useful import Probabilities, most_useful

NONE = np.zeros((0, 3))


def drawn(count: int, classes: int = 3) -> Probabilities:
    return stream(1, "test/useful").dirichlet(np.full(classes, 0.7), size=count)


def nearest(rows: Probabilities, chosen: list[int]) -> float:
    """The mean distance of every row to the nearest that was chosen."""
    roots = np.sqrt(rows)
    return float(np.sqrt(np.maximum(0, 1 - roots @ roots[chosen].T)).min(axis=1).mean())


def test_the_doubtful_come_before_the_sure() -> None:
    rows = np.array([[0.98, 0.01, 0.01], [0.4, 0.35, 0.25], [0.01, 0.98, 0.01]])

    assert most_useful(rows, NONE)[0] == 1


def test_what_is_like_a_picture_that_was_read_waits() -> None:
    doubtful, other = [0.5, 0.45, 0.05], [0.05, 0.45, 0.5]
    rows = np.array([doubtful, other])

    assert most_useful(rows, np.array([doubtful])) == [1, 0]
    assert most_useful(rows, np.array([other])) == [0, 1]


def test_the_first_few_are_doubtful_and_cover_more_than_the_most_doubtful_alone() -> None:
    rows = drawn(400)
    two = np.sort(rows, axis=1)[:, -2:]
    by_doubt = np.argsort(two[:, 1] - two[:, 0])

    chosen = most_useful(rows, NONE, first=20)[:20]

    margins = two[chosen, 1] - two[chosen, 0]
    assert nearest(rows, chosen) < 0.8 * nearest(rows, by_doubt[:20].tolist())
    assert margins.mean() < 0.7 * (two[:, 1] - two[:, 0]).mean()


def test_a_common_class_does_not_fill_the_list() -> None:
    common = np.clip(stream(2, "test/common").normal([0.5, 0.4, 0.1], 0.02, (200, 3)), 0.01, 1)
    rare = np.clip(stream(3, "test/rare").normal([0.1, 0.4, 0.5], 0.02, (10, 3)), 0.01, 1)
    rows = np.concatenate([common, rare])
    rows /= rows.sum(axis=1, keepdims=True)

    chosen = most_useful(rows, NONE, first=10)[:10]

    assert 3 <= sum(place >= 200 for place in chosen) <= 7


@pytest.mark.parametrize("first", [None, 0, 7, 500])
def test_every_picture_has_one_place_whatever_is_asked_for_first(first: int | None) -> None:
    rows = np.concatenate([drawn(60), np.full((5, 3), 1 / 3), np.eye(3)])

    order = most_useful(rows, drawn(4), first=first)

    assert sorted(order) == list(range(68))
    assert order == most_useful(rows, drawn(4), first=first)
    asked = 68 if first is None else first
    assert order[:asked] == most_useful(rows, drawn(4))[:asked]


def test_nothing_to_read_is_no_error() -> None:
    assert most_useful(NONE, drawn(3)) == []
    assert most_useful(np.ones((2, 1)), np.zeros((0, 1))) == [0, 1]

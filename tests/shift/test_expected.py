"""The expected drop: right where sureness means the same, and never told as if it were known."""

from __future__ import annotations

import numpy as np
import pytest

from papscope.shift.expected import Answered, expected
from papscope.shift.testing import Draws
from papscope.taxonomy import named

QUICK = Draws(permutations=99, resamples=200)


def answered(rng: np.random.Generator, n: int, sure: float) -> Answered:
    """Calibrated answers: as often right as they are sure."""
    chance = np.clip(rng.normal(sure, 0.12, n), 0.51, 0.999)
    called = rng.integers(0, 2, n)
    right = rng.random(n) < chance
    rows = np.column_stack([chance, 1 - chance])
    rows[called == 1] = rows[called == 1][:, ::-1]
    groups = [f"slide {place // 10}" for place in range(n)]
    return Answered(rows, groups, np.where(right, called, 1 - called))


def test_on_the_very_same_pictures_nothing_is_lost() -> None:
    held = answered(np.random.default_rng(0), 400, 0.8)

    found = expected(held, held, QUICK)

    assert found.true is not None
    assert found.thresholded.value == pytest.approx(found.held_out.value, abs=0.005)
    assert found.by_difference.value == pytest.approx(found.held_out.value)
    assert found.true.value == pytest.approx(found.held_out.value)
    assert found.thresholded_drop.low < 0 < found.thresholded_drop.high


def test_where_sureness_keeps_its_meaning_the_drop_is_foreseen() -> None:
    rng = np.random.default_rng(1)
    held, new = answered(rng, 1500, 0.9), answered(rng, 1500, 0.7)

    found = expected(held, new, QUICK)

    assert found.true_drop is not None
    assert found.true_drop.low > 0.1
    assert found.by_difference_drop.value == pytest.approx(found.true_drop.value, abs=0.03)
    assert found.thresholded_drop.low > 0.05


def test_labels_of_new_pictures_change_no_estimate() -> None:
    rng = np.random.default_rng(2)
    held, new = answered(rng, 300, 0.9), answered(rng, 300, 0.7)
    assert new.truth is not None
    turned = Answered(new.probabilities, new.groups, 1 - new.truth)
    bare = Answered(new.probabilities, new.groups)

    found = [expected(held, one, QUICK) for one in (new, turned, bare)]

    assert len({(one.thresholded, one.by_difference) for one in found}) == 1
    assert found[2].true is None
    assert found[0].true != found[1].true


def test_only_labelled_pictures_are_measured() -> None:
    rng = np.random.default_rng(3)
    held, new = answered(rng, 100, 0.9), answered(rng, 100, 0.9)
    assert new.truth is not None
    some = Answered(new.probabilities, new.groups, np.where(np.arange(100) < 30, new.truth, -1))

    found = expected(held, some, QUICK)

    assert found.true is not None
    assert found.true.n == 30
    assert found.thresholded.n == 100


def test_classes_are_merged_to_normal_and_abnormal() -> None:
    classes = named(["a", "b", "c"], abnormal=["b", "c"])
    one = Answered(np.array([[0.4, 0.3, 0.3]]), [None])

    assert one.merged(classes).probabilities.tolist() == [[0.4, pytest.approx(0.6)]]
    with pytest.raises(ValueError, match="not every class"):
        one.merged(named(["a", "b", "c"], abnormal=["a", "b", "c"]))

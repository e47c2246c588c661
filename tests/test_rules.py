"""A set holds what its limits let in, and a cell is referred for the reasons that hold of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from papscope import quality
from papscope.errors import BundleError
from papscope.rules import (
    NO_RULES,
    REASONS,
    SCORES,
    Rules,
    Score,
    SetRule,
    held,
    reasons,
    rules_to_json,
    strangeness,
)

SETS = {"score": "lac", "coverage": 0.9, "limits": [0.5, 0.75, None]}


def test_a_class_is_strange_by_all_that_are_likelier_and_the_later_the_more_so() -> None:
    row = np.array([[0.25, 0.5, 0.0625, 0.1875]])

    found = {one: strangeness(row, one)[0] for one in SCORES}

    assert found["lac"].tolist() == [0.75, 0.5, 0.9375, 0.8125]
    assert found["aps"].tolist() == [0.75, 0.5, 1.0, 0.9375]
    assert np.allclose(found["raps"], [0.85, 0.5, 1.3, 1.1375])


def test_each_class_is_held_up_to_its_own_limit_and_one_without_a_limit_always() -> None:
    rule = SetRule(score="lac", coverage=0.9, limits=(0.5, 0.75, np.inf))

    found = held(np.array([[0.5, 0.25, 0.25], [0.49, 0.24, 0.27], [0.0, 1.0, 0.0]]), rule)

    assert found.tolist() == [[True, True, True], [False, False, True], [False, True, True]]


@pytest.mark.parametrize("score", SCORES)
def test_rows_are_judged_one_by_one(score: Score) -> None:
    rows = np.random.default_rng(0).dirichlet(np.full(5, 0.4), 100)

    alone = np.vstack([strangeness(row[None], score) for row in rows])

    assert np.array_equal(strangeness(rows, score), alone)


def test_rules_come_back_from_a_bundle_as_they_went_in() -> None:
    rule = SetRule(score="raps", coverage=0.8, limits=(0.125, 1.0, np.inf))

    found = Rules.from_json({"sets": {**rules_to_json(rule), "by": "class"}}, 3)

    assert found == Rules(sets=rule)
    assert rules_to_json(rule)["limits"] == [0.125, 1.0, None]
    assert Rules.from_json({}, 3) == NO_RULES
    assert not NO_RULES.any
    assert found.any
    assert Rules(abnormal=0.0).any


@pytest.mark.parametrize(
    "told",
    [
        {"sets": {**SETS, "limits": [0.5, 0.75]}},
        {"sets": {**SETS, "limits": [0.5, 0.75, -0.1]}},
        {"sets": {**SETS, "limits": [0.5, 0.75, float("nan")]}},
        {"sets": {**SETS, "limits": [0.5, 0.75, "wide"]}},
        {"sets": {**SETS, "limits": 0.5}},
        {"sets": {**SETS, "score": "other"}},
        {"sets": {**SETS, "coverage": 1.0}},
        {"sets": {"score": "lac", "coverage": 0.9}},
        {"refer": {"sensitivity": 0.95}},
        {"refer": {"abnormal": 1.5}},
        {"refer": {"abnormal": float("nan")}},
        {"refer": 0.5},
    ],
)
def test_rules_that_mean_nothing_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="rules for 3 classes are damaged"):
        Rules.from_json(told, 3)


@pytest.mark.parametrize(
    ("labels", "abnormal", "faults", "found"),
    [
        (("a",), 0.49, (), ()),
        (("a",), 0.5, (), ("abnormal",)),
        ((), 0.1, (), ("no-class",)),
        (("a", "b"), 0.9, (), ("several-classes", "abnormal")),
        (None, None, (), ()),
        (("a",), 0.1, ("saturated", "blurred"), ("blurred", "saturated")),
        (("a",), None, ("blurred",), ("blurred",)),
    ],
)
def test_a_cell_is_referred_for_every_reason_that_holds_in_a_fixed_order(
    labels: tuple[str, ...] | None,
    abnormal: float | None,
    faults: tuple[str, ...],
    found: tuple[str, ...],
) -> None:
    assert reasons(labels, abnormal, faults, Rules(abnormal=0.5)) == found


def test_without_a_threshold_nothing_is_referred_for_being_abnormal() -> None:
    assert reasons(("a",), 1.0, (), NO_RULES) == ()


def test_every_fault_that_a_picture_may_have_and_pass_has_its_sentence() -> None:
    worst = quality.Quality(spread=99.0, sharpness=0.0, clipped=1.0)

    assert set(quality.faults(worst)) == {"blurred", "saturated"} <= set(REASONS)

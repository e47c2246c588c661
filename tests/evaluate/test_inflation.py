"""The inflation of a split is a difference with an interval, and says what the interval holds."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from papscope.errors import MeasureError
from papscope.evaluate.compare import Compared
from papscope.evaluate.inflation import Inflation, difference
from papscope.evaluate.intervals import Undefined
from papscope.files import canonical_json
from papscope.scores import Scores
from papscope.taxonomy import CellClass

CLASSES = (CellClass("calm", "normal"), CellClass("odd", "abnormal"))


def answers(right: Sequence[bool], first: int = 0) -> Scores:
    """Answers for images `first`, `first` + 1, ...; two images a group, classes in turn."""
    n = len(right)
    truth = np.arange(n) % 2
    sure = np.where(np.eye(2)[truth] == np.array(right)[:, None], 0.9, 0.1)
    return Scores(
        ids=tuple(f"{first + place}" for place in range(n)),
        groups=tuple(f"group {(first + place) // 2:03}" for place in range(n)),
        truth=truth,
        probabilities=sure,
        classes=CLASSES,
        paths=tuple(f"{first + place}.png" for place in range(n)),
        boxes=(None,) * n,
    )


def mixed(right: int, n: int = 40, first: int = 0) -> Scores:
    """Answers of which so many are right, spread over the groups."""
    order = np.random.default_rng(1).permutation(n)
    return answers([bool(place < right) for place in order], first)


def inflation(clean: Scores, given: Scores) -> Inflation:
    measures, paired = difference(clean, given, resamples=500)
    return Inflation(
        how="parts",
        measures=measures,
        paired=paired,
        n=(len(clean), len(given)),
        groups=(20, 20),
        training=(60, 60),
        resamples=500,
        settings={"epochs": 2},
    )


def accuracy(one: Inflation) -> Compared:
    found = one.measures["accuracy"]
    assert isinstance(found, Compared)
    return found


def test_it_is_the_given_split_less_the_clean_one() -> None:
    found = inflation(mixed(20), mixed(32, first=100))

    assert accuracy(found).difference.value == pytest.approx(0.3)
    assert found.sentence().startswith(
        "accuracy 0.800 on the given split, 0.500 on the clean one: inflation +0.300 (95 % interval"
    )
    assert not found.paired
    assert "The two test sets differ" in found.meaning()
    assert found.meaning().startswith("In accuracy and macro F1 the leak shows. Believe the clean")


def test_answers_for_the_same_images_are_paired() -> None:
    found = inflation(mixed(20), mixed(32))
    assert found.paired
    assert "Both answer the same images" in found.meaning()


def test_two_test_sets_are_drawn_each_by_itself() -> None:
    """The same answers to other images: paired draws would show no spread at all."""
    same = accuracy(inflation(mixed(20), mixed(20))).difference
    apart = accuracy(inflation(mixed(20), mixed(20, first=100))).difference

    assert (same.low, same.high) == (0, 0)
    assert apart.low < -0.1
    assert apart.high > 0.1


def test_what_cannot_be_shown_is_not_called_nothing() -> None:
    told = inflation(mixed(20), mixed(21, first=100)).meaning()
    assert told.startswith("These images cannot show how much the leak is worth")


def test_a_clean_split_that_comes_out_better_is_told() -> None:
    told = inflation(mixed(36), mixed(12, first=100)).meaning()
    assert told.startswith("In accuracy and macro F1 the clean split came out better.")


def test_other_classes_cannot_be_compared() -> None:
    other = mixed(20, first=100)
    strange = Scores(
        ids=other.ids,
        groups=other.groups,
        truth=other.truth,
        probabilities=other.probabilities,
        classes=(CellClass("a"), CellClass("b")),
        paths=other.paths,
        boxes=other.boxes,
    )
    with pytest.raises(MeasureError, match="their classes differ"):
        difference(mixed(20), strange, resamples=500)


def test_the_json_form_has_numbers_and_says_what_they_are() -> None:
    told = json.loads(canonical_json(inflation(mixed(20), mixed(32, first=100)).to_json()))

    assert told["measures"]["accuracy"]["difference"]["value"] == pytest.approx(0.3)
    assert (told["paired"], told["how"], told["n"]) == (False, "parts", [40, 40])


def test_a_measure_that_does_not_exist_is_told_and_not_shown() -> None:
    found = inflation(mixed(20), mixed(32, first=100))
    assert isinstance(found.measures["kappa_quadratic"], Undefined)
    assert found.sentence("kappa_quadratic").endswith("the classes have no order of severity")

"""An answer says what the probabilities say, and no more than is known of the classes."""

from __future__ import annotations

import numpy as np
import pytest

from papscope.decision import answers
from papscope.taxonomy import CellClass, classes_of, named

BETHESDA = classes_of("cric-4")


def test_the_likeliest_class_is_the_label_with_its_probability() -> None:
    found = answers(np.array([[0.1, 0.2, 0.6, 0.1], [0.7, 0.1, 0.1, 0.1]]), BETHESDA)

    assert [(one.label, one.probability) for one in found] == [("HSIL", 0.6), ("NILM", 0.7)]


def test_all_classes_are_told_in_the_models_order() -> None:
    (one,) = answers(np.array([[0.1, 0.2, 0.3, 0.4]]), BETHESDA)

    assert list(one.probabilities.items()) == [
        ("NILM", 0.1), ("LSIL", 0.2), ("HSIL", 0.3), ("SCC", 0.4),
    ]  # fmt: skip


def test_the_abnormal_probability_is_the_sum_over_the_abnormal_classes() -> None:
    (one,) = answers(np.array([[0.4, 0.3, 0.2, 0.1]]), BETHESDA)

    assert one.label == "NILM"
    assert one.abnormal == pytest.approx(0.6)


def test_the_abnormal_probability_never_leaves_its_range() -> None:
    ill = list("abcde")
    draws = np.random.default_rng(0).dirichlet(np.ones(5), 1000)
    rows = np.hstack([draws, np.zeros((1000, 1))])
    assert any(sum(row.tolist()) > 1 for row in rows), "no sum is rounded up: nothing is shown"

    found = [one.abnormal for one in answers(rows, named([*ill, "f"], abnormal=ill))]

    assert all(one is not None and 0 <= one <= 1 for one in found)


@pytest.mark.parametrize(
    "classes",
    [
        named(["a", "b"]),
        (CellClass("a", "normal"), CellClass("b")),
        (CellClass("a", "abnormal"), CellClass("b", "abnormal")),
    ],
)
def test_without_two_known_sides_nothing_is_called_abnormal(classes: tuple[CellClass, ...]) -> None:
    (one,) = answers(np.array([[0.5, 0.5]]), classes)

    assert (one.label, one.abnormal) == ("a", None)


def test_no_row_gives_no_answer_and_a_wrong_shape_is_a_mistake() -> None:
    assert answers(np.zeros((0, 4)), BETHESDA) == ()
    with pytest.raises(ValueError, match=r"\(1, 3\) probabilities for 4 classes"):
        answers(np.zeros((1, 3)), BETHESDA)

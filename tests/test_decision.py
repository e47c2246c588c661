"""An answer says what the probabilities say, and no more than is known of the classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from papscope.decision import Answer, answers, calibrated, four_grades
from papscope.errors import BundleError
from papscope.rules import Rules, SetRule
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


WARM = {"method": "temperature", "temperature": 2.0}
SIX = classes_of("cric")


def drawn(n: int, c: int) -> np.ndarray:
    return np.random.default_rng(1).dirichlet(np.full(c, 0.3), n)


def test_without_a_calibration_no_bit_of_a_probability_changes() -> None:
    rows = drawn(50, 4)

    assert calibrated(rows, {}) is rows


def test_a_temperature_cools_every_row_and_changes_no_call() -> None:
    rows = drawn(200, 4)

    found = calibrated(rows, WARM)

    assert np.allclose(found.sum(axis=1), 1, atol=1e-12)
    assert np.array_equal(found.argmax(axis=1), rows.argmax(axis=1))
    assert np.all(found.max(axis=1) < rows.max(axis=1))
    wanted = np.sqrt(rows) / np.sqrt(rows).sum(axis=1, keepdims=True)
    assert np.allclose(found, wanted, atol=1e-12)


def test_a_bias_shifts_the_odds_of_a_class_by_its_power_of_e() -> None:
    found = calibrated(
        np.array([[0.5, 0.5]]),
        {"method": "temperature", "temperature": 1.0, "bias": [np.log(3.0), 0.0]},
    )

    assert np.allclose(found, [[0.75, 0.25]])


def test_a_row_is_calibrated_alike_in_any_company_and_a_probability_of_0_stays_a_number() -> None:
    rows = np.vstack([drawn(37, 6), [[1.0, 0, 0, 0, 0, 0]]])

    every = calibrated(rows, WARM)
    alone = np.vstack([calibrated(row[None], WARM) for row in rows])

    assert np.array_equal(every, alone)
    assert np.all(np.isfinite(every))
    assert every[-1, 0] == pytest.approx(1.0)


VECTOR = {"method": "vector", "scale": [1.0, 0.5, 2.0, 1.5], "bias": [0.1, 0.0, -0.3, 0.2]}
MATRIX = {
    "method": "dirichlet",
    "matrix": (np.eye(4) + 0.1 * np.arange(16).reshape(4, 4)).tolist(),
    "bias": [0.3, 0.0, 0.0, -0.3],
}


def test_a_vector_raises_each_probability_to_its_power_and_a_bias_shifts_it() -> None:
    found = calibrated(
        np.array([[0.5, 0.25, 0.25]]),
        {"method": "vector", "scale": [1.0, 2.0, 0.5], "bias": [0.0, np.log(4.0), 0.0]},
    )

    assert np.allclose(found, np.array([[0.5, 0.25, 0.5]]) / 1.25)


def test_a_matrix_lets_each_class_speak_for_the_others_by_rows() -> None:
    found = calibrated(
        np.array([[0.5, 0.25, 0.25]]),
        {"method": "dirichlet", "matrix": [[1, 1, 0], [0, 1, 0], [0, 0, 1]]},
    )

    assert np.allclose(found, np.array([[0.125, 0.25, 0.25]]) / 0.625)


@pytest.mark.parametrize("calibration", [VECTOR, MATRIX])
def test_weighed_classes_are_calibrated_alike_in_any_company(calibration: dict[str, Any]) -> None:
    rows = np.vstack([drawn(61, 4), [[1.0, 0.0, 0.0, 0.0]]])

    every = calibrated(rows, calibration)

    alone = np.vstack([calibrated(row[None], calibration) for row in rows])
    assert np.array_equal(every, alone)
    assert np.allclose(every.sum(axis=1), 1)


@pytest.mark.parametrize("calibration", [VECTOR, MATRIX])
def test_below_a_ten_millionth_a_probability_says_no_more(calibration: dict[str, Any]) -> None:
    rows = np.array([[0.5, 0.5 - 1e-12, 1e-12, 0.0], [0.5, 0.5, 1e-7, 1e-8]])

    found = calibrated(rows, calibration)

    assert np.allclose(found[0], found[1], rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("calibration", "told"),
    [
        ({"method": "isotonic"}, "calibrated by 'isotonic', which this papscope does not know"),
        ({"temperature": 1.0}, "calibrated by 'none'"),
        ({**WARM, "temperature": 0}, "is damaged: temperature 0, bias None"),
        ({**WARM, "temperature": float("nan")}, "is damaged: temperature nan"),
        ({**WARM, "temperature": "hot"}, "is damaged: temperature 'hot'"),
        ({**WARM, "bias": [0.0, 1.0]}, "calibration of 4 classes is damaged"),
        ({**WARM, "bias": [0.0, 1.0, float("inf"), 0.0]}, "is damaged"),
        ({**WARM, "bias": "no"}, "is damaged"),
        ({**WARM, "temperature": -1.0}, "is damaged: temperature -1.0"),
        ({"method": "vector", "scale": [1.0, 1.0]}, r"is damaged: scale \[1.0, 1.0\]"),
        ({"method": "vector"}, "is damaged: scale None"),
        ({"method": "vector", "scale": 1.0}, "is damaged: scale 1.0"),
        ({"method": "vector", "scale": [1.0, 1.0, 1.0, "x"]}, "is damaged"),
        ({"method": "vector", "scale": [1.0, 1.0, 1.0, float("nan")]}, "is damaged"),
        ({"method": "dirichlet", "matrix": [[1.0] * 4] * 3}, "is damaged: matrix"),
        ({"method": "dirichlet", "matrix": [[1.0] * 4, [1.0]]}, "is damaged: matrix"),
    ],
)
def test_a_calibration_that_means_nothing_is_refused(
    calibration: dict[str, object], told: str
) -> None:
    with pytest.raises(BundleError, match=told):
        calibrated(drawn(3, 4), calibration)


def test_the_four_grades_are_the_other_columns_scaled_to_sum_to_1() -> None:
    rows = drawn(100, 6)

    found = four_grades(rows, SIX)

    assert found is not None
    assert np.allclose(found.sum(axis=1), 1)
    assert np.allclose(
        found * rows[:, [0, 2, 4, 5]].sum(axis=1, keepdims=True), rows[:, [0, 2, 4, 5]]
    )


def test_a_row_that_is_all_doubt_favours_no_grade() -> None:
    found = four_grades(np.array([[0, 0.5, 0, 0.5, 0, 0]]), SIX)

    assert found is not None
    assert found.tolist() == [[0.25] * 4]


def test_the_columns_are_found_by_name_whatever_their_order() -> None:
    rows = drawn(20, 6)
    order = [5, 3, 1, 0, 2, 4]

    shuffled = four_grades(rows[:, order], [SIX[place] for place in order])

    wanted = four_grades(rows, SIX)
    assert shuffled is not None
    assert wanted is not None
    assert np.allclose(shuffled, wanted)


def test_a_cell_called_doubtful_has_a_grade_all_the_same() -> None:
    (one,) = answers(np.array([[0.1, 0.5, 0.3, 0.05, 0.04, 0.01]]), SIX)

    assert (one.label, one.grade) == ("ASC-US", "LSIL")
    assert one.grades is not None
    assert list(one.grades) == ["NILM", "LSIL", "HSIL", "SCC"]
    assert one.grades["LSIL"] == pytest.approx(0.3 / 0.45)


@pytest.mark.parametrize("dataset", ["cric-4", "sipakmed", "herlev"])
def test_other_classes_have_no_grades(dataset: str) -> None:
    classes = classes_of(dataset)

    (one,) = answers(np.full((1, len(classes)), 1 / len(classes)), classes)

    assert (one.grade, one.grades) == (None, None)


SETS = SetRule(score="lac", coverage=0.9, limits=(0.5, 0.75, 0.75, 0.75))


def test_a_set_holds_classes_in_the_models_order_and_the_cell_is_referred_with_reasons() -> None:
    rows = np.array([[0.9, 0.1, 0, 0], [0.25, 0.3, 0.45, 0], [0.4, 0.2, 0.2, 0.2]])

    found = answers(rows, BETHESDA, Rules(sets=SETS, abnormal=0.1), [(), ("blurred",), ()])

    assert [one.labels for one in found] == [("NILM",), ("LSIL", "HSIL"), ()]
    assert [one.refer for one in found] == [
        ("abnormal",),
        ("several-classes", "abnormal", "blurred"),
        ("no-class", "abnormal"),
    ]


def test_without_rules_there_is_no_set_and_nobody_says_who_is_referred() -> None:
    (one,) = answers(np.array([[0.9, 0.1, 0, 0]]), BETHESDA, faults=[("blurred",)])

    assert (one.labels, one.refer) == (None, None)
    plain = Answer("a", 0.5, None, {"a": 0.5, "b": 0.5})
    assert (plain.labels, plain.refer) == (None, None)


def test_sets_alone_refer_what_is_not_one_class_and_nothing_else() -> None:
    one, two = answers(np.array([[0.1, 0.9, 0, 0], [0.5, 0.5, 0, 0]]), BETHESDA, Rules(sets=SETS))

    assert (one.labels, one.refer) == (("LSIL",), ())
    assert two.refer == ("several-classes",)


def test_where_no_class_has_a_side_nothing_is_referred_for_being_abnormal() -> None:
    (one,) = answers(np.array([[0.5, 0.5]]), named(["a", "b"]), Rules(abnormal=0.0))

    assert (one.abnormal, one.refer) == (None, ())

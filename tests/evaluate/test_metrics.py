"""Every formula against scikit-learn, on scores with and without ties."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics as theirs

from papscope.evaluate import metrics
from papscope.evaluate.calibration import CalibrationError, bins_of, reliability
from papscope.evaluate.intervals import Groups
from papscope.evaluate.ranking import Ranking, auroc_and_average_precision

Ints = npt.NDArray[np.int64]


def made_calls(seed: int, n: int = 120, classes: int = 5) -> tuple[Ints, Ints]:
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, classes, n)
    guess = draw.integers(0, classes, n)
    return truth, np.where(draw.random(n) < 0.5, truth, guess)


def made_scores(seed: int, decimals: int | None) -> tuple[npt.NDArray[np.float64], Ints]:
    draw = np.random.default_rng(seed)
    meant = draw.integers(0, 2, 90)
    score = draw.normal(size=90) + meant
    return (score if decimals is None else score.round(decimals)), meant


def matrix(truth: Ints, called: Ints, classes: int = 5) -> npt.NDArray[np.float64]:
    return metrics.confusion(truth, called, classes).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_confusion_has_truth_in_rows(seed: int) -> None:
    truth, called = made_calls(seed)
    theirs_ = theirs.confusion_matrix(truth, called, labels=range(5))
    assert metrics.confusion(truth, called, 5).tolist() == theirs_.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_accuracies_agree_with_scikit_learn(seed: int) -> None:
    truth, called = made_calls(seed)
    made = matrix(truth, called)
    assert metrics.accuracy(made) == pytest.approx(theirs.accuracy_score(truth, called))
    wanted = theirs.balanced_accuracy_score(truth, called)
    assert metrics.balanced_accuracy(made) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(5))
def test_precision_recall_and_f1_of_each_class_agree_with_scikit_learn(seed: int) -> None:
    truth, called = made_calls(seed)
    made = matrix(truth, called)

    wanted = theirs.precision_recall_fscore_support(truth, called, labels=range(5))

    for ours, right in zip((metrics.precision, metrics.recall, metrics.f1), wanted, strict=False):
        assert ours(made).tolist() == pytest.approx(right.tolist())


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("case", ["all", "never called", "no image", "neither", "called only"])
def test_averages_agree_with_scikit_learn_where_classes_are_missing(
    case: str, average: metrics.Average
) -> None:
    truth, called = made_calls(3)
    if case in ("never called", "neither"):
        called = np.where(called == 4, 0, called)
    if case in ("no image", "neither", "called only"):
        truth = np.where(truth == 4, 1, truth)
    assert ((called == 4).any(), (truth == 4).any()) == {
        "all": (True, True),
        "never called": (False, True),
        "no image": (True, False),
        "neither": (False, False),
        "called only": (True, False),
    }[case]
    made = matrix(truth, called)

    for ours, right in (
        (metrics.precision, theirs.precision_score),
        (metrics.recall, theirs.recall_score),
        (metrics.f1, theirs.f1_score),
    ):
        wanted = right(truth, called, average=average, zero_division=0)
        assert metrics.averaged(ours(made), made, average) == pytest.approx(wanted)


def test_balanced_accuracy_leaves_out_classes_without_images_as_scikit_learn_does() -> None:
    truth, called = made_calls(3)
    truth = np.where(truth == 4, 1, truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        wanted = theirs.balanced_accuracy_score(truth, called)
    assert metrics.balanced_accuracy(matrix(truth, called)) == pytest.approx(wanted)


def test_what_has_no_denominator_is_not_a_number_rather_than_zero() -> None:
    made = np.array([[3.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])

    assert np.isnan(metrics.precision(made)).tolist() == [False, True, True]
    assert np.isnan(metrics.recall(made)).tolist() == [False, False, True]
    assert np.isnan(metrics.f1(made)).tolist() == [False, False, True]
    assert np.isnan(metrics.accuracy(np.zeros((2, 2))))
    assert np.isnan(metrics.sensitivity(made, [False, False, True]))


@pytest.mark.parametrize("grades", [(0, 1, 2, 3, 4), (2, 0, 0, 1, 3), (0, 0, 9, 9, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_quadratic_kappa_agrees_with_scikit_learn_over_the_order_of_grades(
    seed: int, grades: tuple[int, ...]
) -> None:
    truth, called = made_calls(seed)
    place = np.unique(np.array(grades), return_inverse=True)[1]

    wanted = theirs.cohen_kappa_score(place[truth], place[called], weights="quadratic")

    assert metrics.quadratic_kappa(matrix(truth, called), grades) == pytest.approx(wanted)


def test_quadratic_kappa_of_a_single_grade_does_not_exist() -> None:
    made = np.array([[3.0, 2.0, 0.0], [1.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
    assert np.isnan(metrics.quadratic_kappa(made, [0, 0, 1]))


@pytest.mark.parametrize("seed", range(3))
def test_sensitivity_and_specificity_count_any_class_of_the_right_side(seed: int) -> None:
    truth, called = made_calls(seed)
    abnormal = [True, False, True, False, False]
    side = np.array(abnormal)

    made = matrix(truth, called)

    wanted = theirs.recall_score(side[truth], side[called])
    assert metrics.sensitivity(made, abnormal) == pytest.approx(wanted)
    wanted = theirs.recall_score(~side[truth], ~side[called])
    assert metrics.specificity(made, abnormal) == pytest.approx(wanted)


@pytest.mark.parametrize("decimals", [None, 1, 0])
@pytest.mark.parametrize("seed", range(4))
def test_auroc_and_average_precision_agree_with_scikit_learn_with_ties_and_weights(
    seed: int, decimals: int | None
) -> None:
    score, meant = made_scores(seed, decimals)
    counts = np.random.default_rng(seed).integers(0, 4, size=(6, len(score)))
    counts[0] = 1

    ranking = Ranking.of(score, meant.astype(bool), np.arange(len(score)))
    areas, averages = auroc_and_average_precision(ranking, counts)

    for row, area, average in zip(counts, areas, averages, strict=True):
        wanted = theirs.roc_auc_score(meant, score, sample_weight=row)
        assert area == pytest.approx(wanted)
        wanted = theirs.average_precision_score(meant, score, sample_weight=row)
        assert average == pytest.approx(wanted)


def test_ranking_does_not_depend_on_the_order_of_the_rows() -> None:
    score, meant = made_scores(0, 0)
    order = np.random.default_rng(1).permutation(len(score))

    found = [
        auroc_and_average_precision(
            Ranking.of(score[rows], meant[rows].astype(bool), rows), np.ones((1, 90), np.int64)
        )
        for rows in (np.arange(90), order)
    ]

    assert found[0][0] == pytest.approx(found[1][0], abs=1e-12)
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-12)


@pytest.mark.parametrize("meant", [[True, True, True], [False, False, False]])
def test_ranking_of_one_kind_alone_does_not_exist(meant: list[bool]) -> None:
    ranking = Ranking.of(np.array([0.1, 0.5, 0.5]), np.array(meant), np.arange(3))
    area, average = auroc_and_average_precision(ranking, np.ones((2, 3), np.int64))
    assert np.isnan(area).all()
    assert np.isnan(average).all()


def test_reliability_bins_hold_all_images_in_rising_order_and_equal_numbers() -> None:
    draw = np.random.default_rng(0)
    chance = draw.random(1000)

    bins = reliability(chance, draw.random(1000) < chance)

    assert [one.n for one in bins] == [100] * 10
    assert [one.probability for one in bins] == sorted(one.probability for one in bins)
    assert all(abs(one.share - one.probability) < 0.15 for one in bins)


def test_images_of_equal_probability_share_a_bin() -> None:
    chance = np.random.default_rng(0).integers(0, 4, 200) / 4
    place = bins_of(chance)
    assert len({(float(p), int(k)) for p, k in zip(chance, place, strict=True)}) == 4


def test_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    draw = np.random.default_rng(0)
    chance, hit = draw.random(300), draw.random(300) < 0.4
    groups = Groups.of([f"g{k % 17}" for k in range(300)])

    found = CalibrationError.of(chance, hit, groups)(np.ones((1, 17), np.int64))[0]

    wanted = sum(one.n * abs(one.share - one.probability) for one in reliability(chance, hit))
    assert found == pytest.approx(wanted / 300)
    assert found > 0.1

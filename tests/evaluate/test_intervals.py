"""Intervals: the fast resampling against a slow loop, their coverage, and their edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as theirs

from papscope.evaluate.intervals import (
    Bounds,
    Estimate,
    Groups,
    Undefined,
    interval,
    resamples_of,
)
from papscope.evaluate.sample import Sample
from papscope.scores import Scores
from papscope.taxonomy import classes_of

UNIT = Bounds(lowest=0.0, highest=1.0, groups=40)


def made(seed: int, n: int = 80, groups: int = 15, decimals: int = 1) -> Scores:
    """Scores of CRIC's six classes, with ties, in groups of unequal size."""
    draw = np.random.default_rng(seed)
    classes = classes_of("cric")
    truth = draw.integers(0, len(classes), n)
    weight = draw.random((n, len(classes))).round(decimals) + 0.1
    weight[np.arange(n), truth] += draw.integers(0, 2, n)
    return Scores(
        ids=tuple(str(k) for k in range(n)),
        groups=tuple(f"g{k}" if k else None for k in draw.integers(0, groups, n)),
        truth=truth,
        probabilities=weight / weight.sum(axis=1, keepdims=True),
        classes=classes,
        paths=("x.png",) * n,
        boxes=(None,) * n,
    )


def drawn_rows(scores: Scores, counts: list[int]) -> list[int]:
    """The rows of one resample, written out, some of them several times."""
    place = Groups.of(scores.groups).place
    return [row for row in range(len(scores)) for _ in range(counts[place[row]])]


def test_each_resample_draws_as_many_groups_as_there_are() -> None:
    blocks = list(resamples_of(7, resamples=50, seed=1))
    counts = np.concatenate(blocks)
    assert counts.shape == (50, 7)
    assert set(counts.sum(axis=1).tolist()) == {7}
    assert abs(counts.mean() - 1) < 1e-12
    assert counts.max() > 2


def test_the_size_of_blocks_changes_no_number() -> None:
    whole = np.concatenate(list(resamples_of(7, resamples=50, seed=1)))
    blocks = list(resamples_of(7, resamples=50, seed=1, width=1 << 18))
    assert len(blocks) > 3
    assert np.array_equal(np.concatenate(blocks), whole)


def test_the_draws_of_a_known_seed_never_change() -> None:
    counts = np.concatenate(list(resamples_of(4, resamples=3, seed=0)))
    assert counts.tolist() == [[0, 1, 3, 0], [1, 0, 3, 0], [2, 1, 0, 1]]


@pytest.mark.filterwarnings("ignore:Only one class is present")
@pytest.mark.parametrize("seed", range(3))
def test_resampling_by_weights_equals_a_slow_loop_over_copied_rows(seed: int) -> None:
    scores = made(seed)
    sample = Sample.of(scores)
    counts = np.concatenate(list(resamples_of(sample.groups.number, resamples=12, seed=seed)))

    fast = sample.measured(counts)

    names = list(range(6))
    abnormal = np.array([False, True, True, True, True, True])
    for place, row in enumerate(counts.tolist()):
        rows = drawn_rows(scores, row)
        truth, called = scores.truth[rows], scores.called[rows]
        chance = scores.probabilities[rows]
        each = theirs.precision_recall_fscore_support(
            truth, called, labels=names, zero_division=np.nan
        )
        slow = {
            "accuracy": theirs.accuracy_score(truth, called),
            "macro_f1": theirs.f1_score(truth, called, average="macro", zero_division=0),
            "weighted_f1": theirs.f1_score(truth, called, average="weighted", zero_division=0),
            "kappa_quadratic": theirs.cohen_kappa_score(
                truth, called, weights="quadratic", labels=names
            ),
            "abnormal_auroc": theirs.roc_auc_score(abnormal[truth], chance[:, 1:].sum(axis=1)),
            "abnormal_sensitivity": theirs.recall_score(abnormal[truth], abnormal[called]),
        }
        for key, value in slow.items():
            assert fast[key][place] == pytest.approx(value, nan_ok=True), key
        np.testing.assert_allclose(fast["precision"][place], each[0])
        np.testing.assert_allclose(fast["recall"][place], each[1])
        for k in set(truth.tolist()):
            wanted = theirs.roc_auc_score(truth == k, chance[:, k])
            assert fast["auroc"][place, k] == pytest.approx(wanted)
            wanted = theirs.average_precision_score(truth == k, chance[:, k])
            assert fast["average_precision"][place, k] == pytest.approx(wanted)


def test_measures_are_undefined_in_resamples_that_lack_a_class() -> None:
    scores = made(0)
    sample = Sample.of(scores)
    counts = np.zeros((1, sample.groups.number), np.int64)
    lonely = int(sample.groups.place[np.flatnonzero(scores.truth == 2)[0]])
    counts[0, lonely] = 1
    present = set(scores.truth[sample.groups.place == lonely].tolist())
    assert len(present) < 6

    found = sample.measured(counts)

    assert np.isnan(found["macro_auroc"][0])
    assert {k for k in range(6) if not np.isnan(found["recall"][0, k])} == present


def test_an_interval_is_the_middle_95_percent_of_the_defined_resamples() -> None:
    values = np.concatenate([np.linspace(0.2, 0.6, 401), np.full(50, np.nan)])
    assert interval(0.4, values, UNIT) == pytest.approx((0.21, 0.59))


def test_an_interval_that_no_error_was_seen_in_is_not_a_point() -> None:
    low, high = interval(1.0, np.ones(200), Bounds(lowest=0.0, highest=1.0, groups=40))
    assert [low, high] == pytest.approx([0.025 ** (1 / 40), 1.0])

    low, high = interval(0.0, np.zeros(200), Bounds(lowest=0.0, highest=1.0, groups=40))
    assert [low, high] == pytest.approx([0.0, 1 - 0.025 ** (1 / 40)])


@pytest.mark.parametrize("groups", [0, 1])
def test_one_group_leaves_the_whole_range_open(groups: int) -> None:
    bounds = Bounds(lowest=-1.0, highest=1.0, groups=groups)
    assert interval(0.4, np.full(100, 0.4), bounds) == (-1.0, 1.0)


def test_no_defined_resample_leaves_the_whole_range_open() -> None:
    assert interval(0.4, np.full(100, np.nan), UNIT) == (0.0, 1.0)


def test_a_reflected_interval_lies_where_the_upward_push_is_taken_back_and_holds_the_value() -> (
    None
):
    bounds = Bounds(lowest=0.0, highest=1.0, groups=40, reflect=True)
    assert interval(0.05, np.linspace(0.04, 0.09, 1001), bounds) == pytest.approx(
        (0.01125, 0.05875)
    )
    assert interval(0.02, np.linspace(0.04, 0.09, 1001), bounds) == (0.0, 0.02)


def test_an_estimate_outside_its_interval_or_without_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0.9 is not within 0.1 to 0.5"):
        Estimate(0.9, 0.1, 0.5, 3)
    with pytest.raises(ValueError, match="nan is not within"):
        Estimate(float("nan"), 0.0, 1.0, 3)


def test_json_tells_estimates_from_undefined_measures() -> None:
    assert Estimate(1 / 3, 0.0, 1.0, 3).to_json() == {
        "value": 0.333333333333,
        "low": 0.0,
        "high": 1.0,
        "n": 3,
    }
    assert Undefined("no image", 0).to_json() == {"undefined": "no image", "n": 0}


def test_images_of_unknown_group_stand_alone() -> None:
    groups = Groups.of(["b", None, "a", "", "b"])
    assert groups.number == 4
    assert groups.alone == 2
    assert len(set(groups.place[[1, 3]].tolist()) | {0, 1}) == 4
    assert groups.place[0] == groups.place[4]


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_intervals_cover_the_true_value_about_95_times_in_100_with_40_groups(
    spread: float,
) -> None:
    """Accuracy of 40 slides whose own accuracy varies; the true mean is known."""
    draw = np.random.default_rng(7)
    grid = 1 / (1 + np.exp(-1 - spread * np.random.default_rng(8).normal(size=400_000)))
    true = float(grid.mean())
    hits = 0
    for seed in range(400):
        chance = 1 / (1 + np.exp(-1 - spread * draw.normal(size=40)))
        sizes = draw.integers(5, 15, size=40)
        right = draw.binomial(sizes, chance)
        counts = next(resamples_of(40, resamples=500, seed=seed))
        values = (counts @ right) / (counts @ sizes)
        low, high = interval(right.sum() / sizes.sum(), values, UNIT)
        hits += low <= true <= high
    assert 0.90 <= hits / 400 <= 0.98

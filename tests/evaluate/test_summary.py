"""A summary tells everything with its interval, or says why it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as theirs

from papscope.errors import MeasureError, SettingError
from papscope.evaluate.intervals import Estimate, Measure, Undefined
from papscope.evaluate.sample import Sample
from papscope.evaluate.summary import (
    CLASS_KEYS,
    METRICS,
    OVERALL_KEYS,
    PUSHED_UP,
    Summary,
    summarise,
)
from papscope.files import canonical_json
from papscope.scores import Scores
from papscope.split import LEAKS
from papscope.taxonomy import CellClass, classes_of, named

PAGE = Path(__file__).parents[2] / "docs/reference/measures.md"


def made(
    truth: Sequence[int],
    called: Sequence[int],
    groups: Sequence[str | None] | None = None,
    classes: Sequence[CellClass] = classes_of("cric"),
    **about: Any,
) -> Scores:
    """Scores in which each image is called as told, with probability 0.7."""
    n, c = len(truth), len(classes)
    chances = np.full((n, c), 0.3 / (c - 1))
    chances[np.arange(n), list(called)] = 0.7
    return Scores(
        ids=tuple(str(k) for k in range(n)),
        groups=tuple(groups) if groups else (None,) * n,
        truth=np.array(truth, dtype=np.int64),
        probabilities=chances,
        classes=tuple(classes),
        paths=("x.png",) * n,
        boxes=(None,) * n,
        about=about,
    )


def random(seed: int, n: int = 300, groups: int = 30, dataset: str = "cric") -> Scores:
    draw = np.random.default_rng(seed)
    classes = classes_of(dataset)
    truth = draw.integers(0, len(classes), n)
    weight = draw.random((n, len(classes)))
    weight[np.arange(n), truth] += 0.5
    plain = made(truth.tolist(), truth.tolist(), [f"g{k % groups}" for k in range(n)], classes)
    return replace(plain, probabilities=weight / weight.sum(axis=1, keepdims=True))


def value(measure: Measure) -> Estimate:
    assert isinstance(measure, Estimate)
    return measure


def why(measure: Measure) -> str:
    assert isinstance(measure, Undefined)
    return measure.why


def width(summary: Summary, key: str) -> float:
    one = value(summary.overall[key])
    return one.high - one.low


def test_values_are_those_of_scikit_learn() -> None:
    scores = random(0)
    found = summarise(scores, resamples=100)
    truth, called, chances = scores.truth, scores.called, scores.probabilities
    abnormal = np.array([False, True, True, True, True, True])

    wanted = {
        "accuracy": theirs.accuracy_score(truth, called),
        "balanced_accuracy": theirs.balanced_accuracy_score(truth, called),
        "macro_precision": theirs.precision_score(truth, called, average="macro"),
        "macro_recall": theirs.recall_score(truth, called, average="macro"),
        "macro_f1": theirs.f1_score(truth, called, average="macro"),
        "weighted_precision": theirs.precision_score(truth, called, average="weighted"),
        "weighted_recall": theirs.recall_score(truth, called, average="weighted"),
        "weighted_f1": theirs.f1_score(truth, called, average="weighted"),
        "kappa_quadratic": theirs.cohen_kappa_score(truth, called, weights="quadratic"),
        "macro_auroc": theirs.roc_auc_score(truth, chances, multi_class="ovr"),
        "macro_average_precision": theirs.average_precision_score(truth, chances),
        "abnormal_sensitivity": theirs.recall_score(abnormal[truth], abnormal[called]),
        "abnormal_specificity": theirs.recall_score(~abnormal[truth], ~abnormal[called]),
        "abnormal_auroc": theirs.roc_auc_score(abnormal[truth], chances[:, 1:].sum(axis=1)),
        "log_loss": theirs.log_loss(truth, chances),
        "brier": theirs.brier_score_loss(truth, chances, scale_by_half=False),
    }
    for key, right in wanted.items():
        assert value(found.overall[key]).value == pytest.approx(right), key
    assert set(found.overall) == set(OVERALL_KEYS) == {*wanted, *PUSHED_UP}
    assert found.confusion.tolist() == theirs.confusion_matrix(truth, called).tolist()


@pytest.mark.parametrize("dataset", ["sipakmed", "herlev", "cric", "cric-4"])
def test_every_measure_lies_in_its_interval_and_its_range(dataset: str) -> None:
    found = summarise(random(1, dataset=dataset), resamples=200)
    each = {(key, ""): one for key, one in found.overall.items()}
    each |= {(key, name): one[key] for name, one in found.per_class.items() for key in CLASS_KEYS}

    for (key, name), one in each.items():
        if isinstance(one, Undefined):
            assert (key, name, dataset) == ("kappa_quadratic", "", "sipakmed")
            continue
        lowest, highest = METRICS[key].lowest, METRICS[key].highest
        assert lowest <= one.low <= one.value <= one.high <= highest, (key, name)
        assert one.high - one.low > 0, (key, name)


def test_n_is_the_number_of_images_that_a_measure_speaks_of() -> None:
    scores = made([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0], ["a", "b", "c", "a", "b", "a"])

    found = summarise(scores, resamples=100)

    first = found.per_class["NILM"]
    assert first["support"] == {"n": 3, "groups": 3}
    assert (first["precision"].n, first["recall"].n, first["f1"].n) == (3, 3, 4)
    assert first["auroc"].n == 6
    assert found.overall["abnormal_sensitivity"].n == 3
    assert found.overall["abnormal_specificity"].n == 3
    assert (found.n, found.groups) == (6, 3)


def test_identical_seeds_give_identical_json_and_others_do_not() -> None:
    texts = [canonical_json(summarise(random(0), resamples=100, seed=s).to_json()) for s in (0, 0)]
    assert texts[0] == texts[1]
    one, other = (summarise(random(0), resamples=100, seed=s).overall["accuracy"] for s in (0, 1))
    assert value(one).value == value(other).value
    assert (value(one).low, value(one).high) != (value(other).low, value(other).high)


def test_intervals_are_wider_over_groups_than_over_images_when_cells_of_a_group_agree() -> None:
    draw = np.random.default_rng(0)
    truth = np.repeat(draw.integers(0, 2, 25), 20)
    right = np.repeat(draw.random(25) < 0.7, 20)
    called = np.where(right, truth, 1 - truth)
    groups = [f"g{k // 20}" for k in range(500)]

    by_group = summarise(made(truth.tolist(), called.tolist(), groups), resamples=500)
    by_image = summarise(made(truth.tolist(), called.tolist()), resamples=500)

    for key in ("accuracy", "abnormal_sensitivity", "abnormal_auroc"):
        assert width(by_group, key) > 3 * width(by_image, key)
        assert value(by_group.overall[key]).value == value(by_image.overall[key]).value


def test_a_perfect_model_on_few_groups_is_not_called_certain() -> None:
    truth = [0, 1, 2, 3, 4, 5] * 5
    found = summarise(made(truth, truth, [f"g{k // 6}" for k in range(30)]), resamples=100)

    one = value(found.overall["accuracy"])

    assert (one.value, one.high) == (1.0, 1.0)
    assert one.low == pytest.approx(0.025 ** (1 / 5))


def test_a_class_that_is_never_called_has_no_precision_and_it_is_told() -> None:
    found = summarise(made([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 0, 1]), resamples=100)

    one = found.per_class["LSIL"]

    assert one["precision"] == Undefined("no image was called this class", 0)
    assert value(one["recall"]).value == 0
    assert value(one["f1"]).value == 0
    assert any("no image was called LSIL: its precision is undefined" in w for w in found.warnings)
    wanted = (2 / 3 + 2 / 3 + 0) / 3
    assert value(found.overall["macro_precision"]).value == pytest.approx(wanted)


def test_a_class_without_images_is_undefined_everywhere_and_never_zero() -> None:
    found = summarise(made([0, 0, 1, 1, 2], [0, 0, 1, 1, 3]), resamples=100)

    lone = found.per_class["SCC"]

    assert lone["recall"] == Undefined("no image is of this class", 0)
    assert lone["precision"] == Undefined("no image was called this class", 0)
    assert lone["f1"] == Undefined("no image is of this class or was called it", 0)
    assert why(lone["auroc"]) == why(lone["average_precision"]) == "no image is of this class"
    assert lone["support"] == {"n": 0, "groups": 0}
    lacking = "no image is of ASC-H or HSIL or SCC"
    assert why(found.overall["macro_auroc"]) == lacking
    assert why(found.overall["macro_average_precision"]) == lacking
    assert "no image is of SCC: it is left out of the averages" in found.warnings
    assert any(w.startswith("no image is of ASC-H: it is left out of balanced accuracy, and counts")
               for w in found.warnings)  # fmt: skip


def test_measures_of_sides_need_a_map_and_both_sides() -> None:
    unmapped = summarise(made([0, 1], [0, 1], classes=named("ab")), resamples=100)
    for key in ("abnormal_sensitivity", "abnormal_specificity", "abnormal_auroc"):
        assert "nobody has said" in why(unmapped.overall[key])
    assert unmapped.sides is None
    assert unmapped.to_json()["sides"] is None

    healthy = summarise(made([0, 0, 0], [0, 1, 0]), resamples=100)
    assert healthy.overall["abnormal_sensitivity"] == Undefined("no image is abnormal", 0)
    assert why(healthy.overall["abnormal_auroc"]) == "no image is abnormal"
    assert value(healthy.overall["abnormal_specificity"]).value == pytest.approx(2 / 3)
    assert healthy.sides is not None
    assert healthy.sides["SCC"] == "abnormal"


def test_kappa_needs_an_order_and_more_than_one_grade() -> None:
    unordered = summarise(random(0, dataset="sipakmed"), resamples=100)
    assert why(unordered.overall["kappa_quadratic"]) == "the classes have no order of severity"
    assert unordered.grades is None

    normal = made([0, 1, 2, 0], [1, 1, 2, 0], classes=classes_of("herlev"))
    found = summarise(normal, resamples=100)
    assert why(found.overall["kappa_quadratic"]) == "all images and all calls are of one grade"


def test_a_leaking_split_stamps_the_summary() -> None:
    found = summarise(made([0, 1], [0, 1], protocol={"by": "image", "leaks": LEAKS}), resamples=100)
    assert found.leaks == LEAKS
    assert found.warnings[0].startswith(LEAKS)
    assert found.to_json()["leaks"] == LEAKS

    assert summarise(made([0, 1], [0, 1]), resamples=100).leaks is None


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        (["a"] * 12, "all images are of one group"),
        (["a", "b", "c"] * 4, "there are only 3 groups: the intervals are rough"),
        ([*"abcdefghijk", None], "1 of 12 images have no known group"),
        (None, "no group is known"),
    ],
)
def test_the_reader_is_warned_of_groups(groups: list[str | None] | None, told: str) -> None:
    truth = [0, 1, 2, 3, 4, 5] * 2
    assert any(told in one for one in summarise(made(truth, truth, groups), resamples=100).warnings)


def test_the_reader_is_warned_of_small_classes_and_lacking_resamples() -> None:
    truth = [0] * 40 + [1] * 40 + [2]
    groups = [f"g{k % 20}" for k in range(81)]
    scores = made(truth, truth, groups, classes_of("cric")[:3])

    warned = summarise(scores, resamples=400).warnings

    assert "LSIL has 1 image from 1 group: little is known" in warned
    assert not any("NILM" in one for one in warned)
    lacking = [one for one in warned if one.startswith("recall of LSIL is undefined in ")]
    assert len(lacking) == 1
    assert 30 < int(lacking[0].split(" in ")[1].split("%")[0]) < 42  # (1 - 1/20) ** 20 is 36 %


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"part": "train"}, "the images of train, which the model learned from"),
        ({"part": "val"}, "the images of val, which the model was chosen by"),
        ({"part": None, "model": {}}, "no split was given"),
    ],
)
def test_the_reader_is_warned_of_images_that_the_model_knows(
    about: dict[str, Any], told: str
) -> None:
    truth = [0, 1, 2, 3, 4, 5] * 2
    assert any(
        told in one for one in summarise(made(truth, truth, **about), resamples=100).warnings
    )
    tested = summarise(made(truth, truth, part="test", model={}), resamples=100).warnings
    assert not any(told in one for one in tested)


def test_one_group_leaves_every_interval_open() -> None:
    found = summarise(made([0, 1, 1, 0], [0, 1, 0, 0], ["a"] * 4), resamples=100)
    one = value(found.overall["accuracy"])
    assert (one.low, one.value, one.high) == (0.0, 0.75, 1.0)


def test_each_class_has_the_interval_of_its_own_resamples() -> None:
    scores = random(3)
    found = summarise(scores, resamples=200)
    drawn = Sample.of(scores).resampled(resamples=200, seed=0)
    for place, one in enumerate(found.per_class.values()):
        for key in CLASS_KEYS:
            ends = np.quantile(drawn[key][:, place], [0.025, 0.975])
            assert [value(one[key]).low, value(one[key]).high] == pytest.approx(ends.tolist())


def test_two_kinds_are_compared_by_the_groups_of_the_rarer_kind() -> None:
    truth = [0] * 12 + [1] * 3
    groups = [f"g{k}" for k in range(12)] + ["last"] * 3
    called = [0] * 9 + [1] * 5 + [0]

    found = summarise(made(truth, called, groups), resamples=200)

    for one in (found.per_class["NILM"]["auroc"], found.overall["abnormal_auroc"]):
        assert (value(one).low, value(one).high) == (0.0, 1.0)
    assert value(found.per_class["NILM"]["recall"]).low > 0.3


def test_a_class_of_many_images_from_few_groups_is_warned_of() -> None:
    truth = [0, 1] * 50
    groups = [f"g{k}" if k % 2 == 0 else f"h{k % 3}" for k in range(100)]
    warned = summarise(made(truth, truth, groups), resamples=100).warnings
    assert "ASC-US has 50 images from 3 groups: little is known" in warned


def test_the_interval_of_the_calibration_error_is_mirrored() -> None:
    scores = random(3)
    one = value(summarise(scores, resamples=200).overall["calibration_error"])
    drawn = Sample.of(scores).resampled(resamples=200, seed=0)["calibration_error"]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert [one.low, one.high] == pytest.approx([2 * one.value - high, 2 * one.value - low])


def test_no_image_and_too_few_resamples_are_refused() -> None:
    with pytest.raises(MeasureError, match="there is no image to measure"):
        summarise(made([], []))
    with pytest.raises(SettingError, match="20 resamples are too few"):
        summarise(made([0], [0]), resamples=20)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_missing_each_measure_is_a_number_or_says_why(seed: int) -> None:
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, 8))
    truth, called = draw.integers(0, 6, (2, n)).tolist()
    groups = [None if k == 3 else f"g{k}" for k in draw.integers(0, 4, n)]

    found = summarise(made(truth, called, groups), resamples=100)

    canonical_json(found.to_json())  # refuses NaN
    for one in found.per_class.values():
        assert isinstance(one["recall"], Undefined) == (one["support"]["n"] == 0)


def test_every_measure_stands_in_the_page_of_measures_by_key_and_title() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for key, metric in METRICS.items():
        assert f"`{key}`" in page, key
        assert metric.title in page, key


def test_a_single_class_has_no_area_under_a_curve() -> None:
    scores = Scores(
        ids=("a", "b"),
        groups=("s", "t"),
        truth=np.array([0, 0]),
        probabilities=np.ones((2, 1)),
        classes=(CellClass("only"),),
        paths=("a.png", "b.png"),
        boxes=(None, None),
    )

    found = summarise(scores, resamples=100).overall["macro_auroc"]

    assert isinstance(found, Undefined)
    assert found.why == "every image is of this class"

"""Sets and referral are counted as they are, each share with its interval over groups."""

from __future__ import annotations

import numpy as np
import pytest

from papscope.evaluate.coverage import (
    SET_TITLES,
    abnormal_flags,
    measure_referral,
    measure_sets,
    referred,
    worst_flags,
)
from papscope.evaluate.intervals import Estimate, Groups, Measure, Undefined
from papscope.evaluate.ratios import Ratio, each_group_alike, measured
from papscope.rules import Rules, SetRule
from papscope.scores import Scores
from papscope.taxonomy import CellClass, classes_of, named

FOUR = classes_of("cric-4")
RULE = SetRule(score="lac", coverage=0.9, limits=(0.5, 0.75, 0.75, 0.75))


def scores_of(
    rows: list[list[float]],
    truth: list[int],
    groups: list[str | None],
    classes: tuple[CellClass, ...] = FOUR,
) -> Scores:
    n = len(rows)
    return Scores(
        ids=tuple(f"c{i}" for i in range(n)),
        groups=tuple(groups),
        truth=np.array(truth, dtype=np.int64),
        probabilities=np.array(rows, dtype=np.float64),
        classes=classes,
        paths=("x.png",) * n,
        boxes=(None,) * n,
    )


SCORES = scores_of(
    [
        [0.9, 0.1, 0.0, 0.0],  # {NILM}
        [0.9, 0.1, 0.0, 0.0],  # {NILM}
        [0.5, 0.3, 0.2, 0.0],  # {NILM, LSIL}
        [0.1, 0.6, 0.3, 0.0],  # {LSIL, HSIL}
        [0.4, 0.2, 0.2, 0.2],  # {}
        [0.0, 0.0, 0.9, 0.1],  # {HSIL}
    ],
    [0, 1, 1, 2, 0, 2],
    ["a", "a", "a", "b", "b", "c"],
)


def value(one: Measure) -> float:
    assert isinstance(one, Estimate)
    assert one.low <= one.value <= one.high
    return one.value


def test_sets_are_counted_by_what_they_hold() -> None:
    found = measure_sets(SCORES, RULE, resamples=200, seed=0)

    assert found.promised == 0.9
    assert value(found.coverage) == pytest.approx(4 / 6)
    assert value(found.coverage_of_groups) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert value(found.size) == pytest.approx(7 / 6)
    assert value(found.single) == pytest.approx(3 / 6)
    assert value(found.empty) == pytest.approx(1 / 6)
    assert value(found.right_when_single) == pytest.approx(2 / 3)
    each = [value(found.per_class[name]) for name in ("NILM", "LSIL", "HSIL")]
    assert each == pytest.approx([1 / 2, 1 / 2, 1.0])
    none = found.per_class["SCC"]
    assert isinstance(none, Undefined)
    assert none.why == "no image is of this class"
    told = found.to_json()
    assert set(told) == {"promised", "per_class", *SET_TITLES}
    assert told["per_class"]["SCC"] == {"undefined": "no image is of this class", "n": 0}


def test_cells_are_referred_by_set_or_by_threshold() -> None:
    rows = SCORES.probabilities

    both = referred(rows, FOUR, Rules(sets=RULE, abnormal=0.95))

    assert both.tolist() == [False, False, True, True, True, True]
    assert referred(rows, FOUR, Rules(sets=RULE)).tolist() == [
        False,
        False,
        True,
        True,
        True,
        False,
    ]
    assert referred(rows, FOUR, Rules(abnormal=0.6)).tolist() == [False] * 3 + [True] * 3
    assert not referred(rows, named(list("abcd")), Rules(abnormal=0.0)).any()


def test_who_is_referred_is_told_of_all_of_the_abnormal_and_of_the_worst() -> None:
    flags = np.array([False, False, True, True, True, False])

    found = measure_referral(SCORES, flags, resamples=200, seed=0)

    assert value(found.referred) == pytest.approx(3 / 6)
    assert value(found.abnormal) == pytest.approx(2 / 4)
    assert value(found.worst) == pytest.approx(1 / 2)
    assert value(found.right_when_kept) == pytest.approx(2 / 3)
    everybody = measure_referral(SCORES, np.ones(6, dtype=bool), resamples=200, seed=0)
    assert everybody.right_when_kept == Undefined("every image is referred", 0)
    plain = measure_referral(
        scores_of([[0.5, 0.5]], [0], [None], named(["a", "b"])),
        np.ones(1, dtype=bool),
        resamples=200,
        seed=0,
    )
    assert plain.abnormal == Undefined("no image is known to be abnormal", 0)
    assert plain.worst == Undefined("no image is HSIL or worse", 0)


def test_an_interval_is_over_groups_and_not_over_cells() -> None:
    part = np.repeat([1.0, 0.0, 1.0, 0.0], 50)
    every = np.ones(200, dtype=bool)
    grouped = Groups.of([str(i // 50) for i in range(200)])
    apart = Groups.of([None] * 200)

    wide, narrow = (
        measured({"x": Ratio.of(part, every, "")}, one, resamples=1000, seed=0)["x"]
        for one in (grouped, apart)
    )

    assert isinstance(wide, Estimate)
    assert isinstance(narrow, Estimate)
    assert wide.value == narrow.value == 0.5
    assert wide.high - wide.low > 4 * (narrow.high - narrow.low)


def test_groups_that_count_alike_share_their_weight_among_their_images() -> None:
    weights = each_group_alike(Groups.of(["a", "b", "a", None, "a"]))

    assert weights.tolist() == pytest.approx([1 / 3, 1.0, 1 / 3, 1.0, 1 / 3])


@pytest.mark.parametrize(
    ("dataset", "worst"),
    [
        ("cric", ["HSIL", "SCC"]),
        ("herlev", ["moderate_dysplastic", "severe_dysplastic", "carcinoma_in_situ"]),
        ("sipakmed", None),
    ],
)
def test_the_worst_are_those_whose_bethesda_category_is_hsil_or_scc(
    dataset: str, worst: list[str] | None
) -> None:
    classes = classes_of(dataset)

    flags = worst_flags(classes)

    names = None if flags is None else [c.name for c, f in zip(classes, flags, strict=True) if f]
    assert names == worst


def test_where_all_are_worst_or_nobody_knows_a_side_there_is_no_such_question() -> None:
    assert worst_flags((FOUR[2], FOUR[3])) is None
    assert abnormal_flags(named(["a", "b"])) is None
    assert abnormal_flags(FOUR) is not None

"""Promises to new groups are kept, also where cells of a group are much alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from papscope.errors import MeasureError, SettingError
from papscope.evaluate.conformal import Wanted, fit_rules, group_quantile, groups_needed
from papscope.rules import Rules, held
from papscope.scores import Scores
from papscope.taxonomy import CellClass, classes_of, named


def scores_of(
    rows: np.ndarray, truth: np.ndarray, groups: np.ndarray, classes: tuple[CellClass, ...]
) -> Scores:
    n = len(rows)
    return Scores(
        ids=tuple(f"c{i}" for i in range(n)),
        groups=tuple(f"g{one}" for one in groups),
        truth=truth.astype(np.int64),
        probabilities=rows,
        classes=classes,
        paths=("x.png",) * n,
        boxes=(None,) * n,
    )


def grouped(groups: int, each: int, seed: int, *, alike: float = 1.5) -> Scores:
    """Answers of four classes, whose errors are shared by all cells of a group."""
    draw = np.random.default_rng(seed)
    place = np.repeat(np.arange(groups), each)
    truth = draw.integers(0, 4, groups * each)
    hard = draw.normal(0, alike, groups)[place]
    logits = draw.normal(0, 1, (groups * each, 4))
    logits[np.arange(len(truth)), truth] += 2 + hard
    raised = np.exp(logits)
    rows = raised / raised.sum(axis=1, keepdims=True)
    return scores_of(rows, truth, place, classes_of("cric-4"))


def cell_quantile(values: np.ndarray, level: float) -> float:
    """The usual limit, for which every cell is one of its own."""
    return float(np.sort(values)[int(np.ceil((len(values) + 1) * level)) - 1])


@pytest.mark.parametrize(("level", "needed"), [(0.9, 9), (0.8, 4), (0.5, 1), (0.95, 19)])
def test_with_fewer_groups_than_needed_nothing_is_promised(level: float, needed: int) -> None:
    assert groups_needed(level) == needed
    for n in (needed - 1, needed):
        found = group_quantile(np.arange(float(n)), np.arange(n), level)
        assert np.isfinite(found) == (n >= needed)


def test_with_one_cell_a_group_the_limit_is_the_usual_one() -> None:
    for n in (9, 10, 19, 37, 100):
        values = np.random.default_rng(n).normal(size=n)

        assert group_quantile(values, np.arange(n), 0.9) == cell_quantile(values, 0.9)


def test_a_group_weighs_the_same_however_many_cells_it_has() -> None:
    values = np.array([1.0, 2.0, 3.0])
    groups = np.array([0, 1, 2])

    many = group_quantile(np.repeat(values, [1, 50, 7]), np.repeat(groups, [1, 50, 7]), 0.5)

    assert many == group_quantile(values, groups, 0.5) == 2.0


def test_the_order_of_the_cells_changes_no_limit() -> None:
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), np.arange(1, 13))
    values = draw.normal(size=len(groups)) + groups / 4
    order = draw.permutation(len(groups))

    for level in (0.3, 0.6, 0.9):
        found = group_quantile(values, groups, level)
        shares = [float((values[groups == one] <= found).mean()) for one in range(12)]
        assert sum(shares) / 13 >= level - 1e-9
        below = [float((values[groups == one] < found).mean()) for one in range(12)]
        assert sum(below) / 13 < level
        assert group_quantile(values[order], groups[order], level) == found


def test_new_groups_get_what_was_promised_and_the_usual_limit_promises_too_much() -> None:
    draw, level = np.random.default_rng(0), 0.9
    kept, usual = [], []
    for _ in range(4000):
        middle = draw.normal(size=13)
        values = np.repeat(middle[:12], 20) + draw.normal(0, 0.05, 240)
        new = middle[12] + draw.normal(0, 0.05)
        kept.append(new <= group_quantile(values, np.repeat(np.arange(12), 20), level))
        usual.append(new <= cell_quantile(values, level))

    # Of 13 groups alike the new one is the worst with 1 / 13: 12 / 13 = 0.923 is kept.
    assert np.mean(kept) == pytest.approx(12 / 13, abs=0.015)
    assert np.mean(usual) < 0.86


@pytest.mark.parametrize("by_class", [True, False])
def test_sets_hold_the_class_of_cells_of_new_groups_as_often_as_promised(by_class: bool) -> None:
    wanted = Wanted(coverage=0.8, by_class=by_class)
    held_of_groups = []
    for seed in range(60):
        rules = fit_rules(grouped(20, 12, seed), wanted).rules
        rule = Rules.from_json(rules, 4).sets
        assert rule is not None
        new = grouped(40, 12, 1000 + seed)
        found = held(new.probabilities, rule)[np.arange(len(new)), new.truth]
        held_of_groups.append(found.mean())

    assert 0.795 < np.mean(held_of_groups) < 0.87


def test_a_class_that_is_hard_has_a_limit_of_its_own() -> None:
    easy, hard = np.array([0.98, 0.02]), np.array([0.7, 0.3])
    rows = np.tile(np.vstack([easy, hard]), (20, 1))
    scores = scores_of(
        rows, np.tile([0, 1], 20), np.repeat(np.arange(20), 2), named(["a", "b"], abnormal=["b"])
    )

    by_class = fit_rules(scores, Wanted()).rules["sets"]
    together = fit_rules(scores, Wanted(by_class=False))

    assert by_class["limits"] == pytest.approx([0.02, 0.7])
    assert by_class["by"] == "class"
    assert together.rules["sets"]["limits"] == pytest.approx([0.7, 0.7])
    assert together.rules["sets"]["by"] == "all"
    assert together.warnings[0].startswith("the coverage is promised for all cells together")


def test_a_class_of_too_few_groups_gets_the_loosest_limit_of_the_others_and_is_named() -> None:
    scores = grouped(30, 8, 3)
    rare = (scores.truth != 3) | (np.arange(len(scores)) < 16)  # two groups keep class 3
    places = np.flatnonzero(rare)
    some = scores_of(
        scores.probabilities[places],
        scores.truth[places],
        places // 8,
        scores.classes,
    )

    found = fit_rules(some, Wanted())

    limits = found.rules["sets"]["limits"]
    assert found.rules["sets"]["without_promise"] == ["SCC"]
    assert limits[3] == max(limits[:3])
    assert len(set(limits)) == 3
    assert "SCC: fewer than 9 groups show it" in found.warnings[0]


def test_where_no_class_has_groups_enough_it_is_refused_with_how_many_are_needed() -> None:
    with pytest.raises(MeasureError, match=r"coverage of 0.9: 9 are needed"):
        fit_rules(grouped(8, 10, 0), Wanted())


def test_abnormal_cells_of_new_groups_are_referred_as_often_as_promised() -> None:
    wanted = Wanted(coverage=0.8, sensitivity=0.9)
    found = []
    for seed in range(60):
        fitted = fit_rules(grouped(25, 10, seed), wanted)
        threshold = fitted.rules["refer"]["abnormal"]
        assert fitted.rules["refer"]["groups"] == 25
        new = grouped(40, 10, 2000 + seed)
        ill = new.truth > 0
        found.append((new.probabilities[ill, 1:].sum(axis=1) >= threshold).mean())

    assert 0.895 < np.mean(found) < 0.95


def test_the_threshold_refers_the_very_cell_that_it_was_taken_from() -> None:
    scores = grouped(40, 5, 9)

    threshold = fit_rules(scores, Wanted()).rules["refer"]["abnormal"]

    assert threshold in scores.probabilities[scores.truth > 0][:, 1:].sum(axis=1)


def test_too_few_groups_of_abnormal_cells_give_no_threshold_and_a_warning() -> None:
    found = fit_rules(grouped(18, 30, 0), Wanted())

    assert "refer" not in found.rules
    assert "18 groups with abnormal cells are too few" in found.warnings[-1]
    assert "which needs 19" in found.warnings[-1]


def test_without_sides_there_is_no_threshold_and_nothing_to_warn_of() -> None:
    scores = grouped(30, 10, 0)

    found = fit_rules(replace(scores, classes=named(["a", "b", "c", "d"])), Wanted())

    assert "refer" not in found.rules
    assert found.warnings == ()


@pytest.mark.parametrize("wrong", [{"coverage": 1.0}, {"coverage": 0.0}, {"sensitivity": 1.0}])
def test_what_cannot_be_promised_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingError, match="sets of score 'lac'"):
        Wanted(**wrong)  # type: ignore[arg-type]  # the values are those that are refused


def test_a_threshold_is_fitted_alone_where_no_sets_are_wanted() -> None:
    scores = grouped(30, 10, 0)

    alone = fit_rules(scores, Wanted(coverage=None))

    assert "sets" not in alone.rules
    assert alone.rules["refer"] == fit_rules(scores, Wanted()).rules["refer"]
    assert Rules.from_json(alone.rules, 4).abnormal == alone.rules["refer"]["abnormal"]


def test_a_threshold_alone_that_cannot_be_promised_is_refused() -> None:
    with pytest.raises(MeasureError, match="18 groups with abnormal cells are too few"):
        fit_rules(grouped(18, 30, 0), Wanted(coverage=None))
    unknown = replace(grouped(30, 10, 0), classes=named(["a", "b", "c", "d"]))
    with pytest.raises(MeasureError, match="nobody has said which classes are"):
        fit_rules(unknown, Wanted(coverage=None))

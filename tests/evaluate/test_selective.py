"""What may be set aside, and how wrong the surest answers are, against counts by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from papscope.evaluate.intervals import Estimate, Undefined
from papscope.evaluate.selective import ANSWERED, risk_coverage, set_aside
from papscope.scores import Scores
from papscope.taxonomy import CellClass, classes_of, named

TWO = (CellClass("NILM", "normal", "NILM"), CellClass("HSIL", "abnormal", "HSIL"))


def scores_of(
    chance: np.ndarray, truth: np.ndarray, classes: tuple[CellClass, ...] = TWO, groups: int = 20
) -> Scores:
    """Answers of two classes, `chance` that of the second."""
    n = len(chance)
    return Scores(
        ids=tuple(f"c{i}" for i in range(n)),
        groups=tuple(f"g{i % groups}" for i in range(n)),
        truth=truth.astype(np.int64),
        probabilities=np.stack([1 - chance, chance], axis=1),
        classes=classes,
        paths=("x.png",) * n,
        boxes=(None,) * n,
    )


def test_cells_below_the_threshold_that_keeps_the_sensitivity_are_set_aside() -> None:
    # 40 abnormal ones at 0.505 to 0.7, of which 2 may be missed; 60 normal ones at 0.2 to 0.495.
    truth = np.repeat([0, 1], [60, 40])
    scores = scores_of(0.2 + 0.005 * np.arange(100), truth)

    worst, ill = set_aside(scores, resamples=300, seed=0)

    assert (worst.target, ill.target) == ("HSIL or worse", "abnormal")
    assert isinstance(worst.share, Estimate)
    assert worst.share.value == pytest.approx(0.62)
    assert worst.share.low < 0.62 <= worst.share.high
    assert (worst.n_target, worst.n_aside, worst.missed) == (40, 62, 2)
    assert worst.threshold == pytest.approx(0.2 + 0.005 * 62)
    low, high = worst.share.low, worst.share.high
    assert ill.sentence() == (
        "at 95% sensitivity for abnormal, 62% of cells can be set aside, interval "
        f"{low:.0%} to {high:.0%}"
    )
    assert worst.to_json()["missed"] == 2


def test_cells_of_equal_probability_are_set_aside_together_or_not_at_all() -> None:
    chance = np.array([0.1] * 5 + [0.3] * 10 + [0.9] * 20)
    truth = np.array([0] * 5 + [1] * 2 + [0] * 8 + [1] * 20)

    (found, _) = set_aside(scores_of(chance, truth), resamples=200, seed=0)

    # The two abnormal ones at 0.3 are more than a twentieth of 22.
    assert (found.n_aside, found.missed, found.threshold) == (5, 0, 0.3)


def test_other_abnormal_cells_among_those_set_aside_are_told() -> None:
    classes = classes_of("cric-4")
    rows = np.full((60, 4), 0.02)
    truth = np.repeat([0, 1, 2], 20)
    rows[np.arange(60), truth] = 0.94
    scores = replace(
        scores_of(np.full(60, 0.5), truth * 0, TWO),
        truth=truth,
        probabilities=rows,
        classes=classes,
    )

    worst, _ = set_aside(scores, resamples=200, seed=0)

    assert (worst.n_aside, worst.missed, worst.abnormal_aside) == (40, 0, 20)
    assert worst.sentence().endswith("; 20 of these 40 are abnormal otherwise")


def test_without_a_cell_of_the_target_nothing_is_said() -> None:
    scores = scores_of(np.linspace(0.1, 0.9, 10), np.zeros(10))

    for one in set_aside(scores, resamples=200, seed=0):
        assert one.share == Undefined(f"no image is {one.target}", 10)
        assert "nothing can be said: no image is" in one.sentence()


def test_classes_without_sides_have_no_targets() -> None:
    scores = scores_of(np.full(4, 0.4), np.zeros(4), named(["a", "b"]))

    assert set_aside(scores, resamples=100, seed=0) == ()


def test_the_interval_of_what_is_set_aside_holds_what_new_groups_show() -> None:
    def drawn(seed: int) -> Scores:
        draw = np.random.default_rng(seed)
        shift = np.repeat(draw.normal(0, 0.7, 40), 10)
        truth = draw.integers(0, 2, 400)
        logit = draw.normal(0, 1, 400) + 2.5 * truth - 1.2 + shift
        one = scores_of(1 / (1 + np.exp(-logit)), truth)
        return replace(one, groups=tuple(f"g{i // 10}" for i in range(400)))

    truth = np.mean([_share(drawn(seed)) for seed in range(1000, 1200)])
    found = [set_aside(drawn(seed), resamples=200, seed=0)[0].share for seed in range(40)]

    inside = [one for one in found if isinstance(one, Estimate) and one.low <= truth <= one.high]
    assert len(inside) > 0.85 * len(found)


def _share(scores: Scores) -> float:
    """The share below the twentieth part of the abnormal ones, counted plainly."""
    chance = scores.probabilities[:, 1]
    abnormal = np.sort(chance[scores.truth == 1])
    return float((chance < abnormal[int(0.05 * len(abnormal))]).mean())


def test_the_risk_is_the_share_of_wrong_calls_among_the_surest() -> None:
    # Sure to unsure: right, right, wrong, right, wrong, ...
    confidence = np.linspace(0.99, 0.6, 10)
    right = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 0], dtype=bool)
    scores = scores_of(confidence, right)

    found = risk_coverage(scores, resamples=200, seed=0)

    wanted = np.cumsum(~right) / np.arange(1, 11)
    assert np.allclose(found.curve, wanted)
    values = [one.value for one in found.risks.values() if isinstance(one, Estimate)]
    assert values == pytest.approx([wanted[9], wanted[8], wanted[7], wanted[6], wanted[4]])
    assert tuple(found.risks) == ANSWERED
    assert isinstance(found.area, Estimate)
    assert found.area.value == pytest.approx(wanted.mean())
    assert [one.n for one in found.risks.values()] == [10, 9, 8, 7, 5]
    assert set(found.to_json()["risk"]) == {"1", "0.9", "0.8", "0.7", "0.5"}


def test_a_drawn_group_counts_as_often_as_it_was_drawn() -> None:
    draw = np.random.default_rng(1)
    chance, truth = draw.uniform(0.5, 1, 300), draw.integers(0, 2, 300)
    scores = scores_of(chance, truth, groups=300)

    found = risk_coverage(scores, resamples=500, seed=0).risks[1.0]

    error = float((truth == 0).mean())
    half = 1.96 * np.sqrt(error * (1 - error) / 300)
    assert isinstance(found, Estimate)
    assert found.low == pytest.approx(error - half, abs=0.012)
    assert found.high == pytest.approx(error + half, abs=0.012)

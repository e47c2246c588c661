"""Choices take the best mean, repeats are measured together, and settings are told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from papscope.evaluate.folds import (
    CHOICES,
    Choice,
    Tried,
    differing_settings,
    point,
    spread_of,
)
from papscope.evaluate.intervals import Estimate
from papscope.evaluate.summary import summarise
from papscope.scores import Scores
from papscope.taxonomy import classes_of, named
from papscope.train.settings import TrainSettings


def made(seed: int, n: int = 120) -> Scores:
    draw = np.random.default_rng(seed)
    truth = np.arange(n) % 4
    weight = draw.random((n, 4)) + 0.7 * np.eye(4)[truth]
    return Scores(
        ids=tuple(str(k) for k in range(n)),
        groups=tuple(f"g{k // 6}" for k in range(n)),
        truth=truth.astype(np.int64),
        probabilities=weight / weight.sum(axis=1, keepdims=True),
        classes=classes_of("cric-4"),
        paths=("x.png",) * n,
        boxes=(None,) * n,
    )


def test_the_best_mean_is_chosen_and_of_losses_the_least() -> None:
    tried = (Tried("a", (0.5, 0.9)), Tried("b", (0.6, 0.6)), Tried("c", (0.8, 0.6)))

    assert Choice("macro_f1", tried).name == "a"  # the first of equal ones
    assert Choice("log_loss", tried).name == "b"


@pytest.mark.parametrize("key", [key for key in CHOICES if key != "log_loss"])
def test_what_is_chosen_by_is_what_is_reported(key: str) -> None:
    measure = summarise(made(1), resamples=100).overall[key]
    assert isinstance(measure, Estimate)
    assert point(made(1), key) == pytest.approx(measure.value)


def test_a_measure_that_does_not_exist_is_no_number() -> None:
    assert np.isnan(point(replace(made(1), classes=named("abcd")), "abnormal_auroc"))


def test_the_mean_of_repeats_is_known_better_than_one_and_holds_their_mean() -> None:
    repeats = [made(seed) for seed in range(4)]

    found = spread_of(repeats, resamples=400, seed=0)["accuracy"]

    alone = summarise(repeats[0], resamples=400).overall["accuracy"]
    assert isinstance(alone, Estimate)
    assert found.values[0] == alone.value
    assert found.mean.value == pytest.approx(np.mean(found.values))
    assert found.deviation == pytest.approx(np.std(found.values, ddof=1))
    assert found.mean.high - found.mean.low < alone.high - alone.low


def test_a_repeat_with_itself_has_its_interval_and_no_deviation() -> None:
    found = spread_of([made(1), made(1)], resamples=200, seed=0)["macro_f1"]
    alone = summarise(made(1), resamples=200).overall["macro_f1"]
    assert (found.mean, found.deviation) == (alone, 0.0)


def test_only_settings_that_differ_are_told() -> None:
    plain = TrainSettings(size=96)
    turned = replace(plain, lr=0.1, augment=replace(plain.augment, rotation=15.0))

    assert differing_settings({"plain": plain, "turned": turned}) == {
        "plain": {"lr": 0.001, "augment.rotation": 0.0},
        "turned": {"lr": 0.1, "augment.rotation": 15.0},
    }

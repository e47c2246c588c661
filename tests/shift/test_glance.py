"""The line told while predicting: silent on slides of the same source, loud on other pictures."""

from __future__ import annotations

import numpy as np
from made_smears import drawn

from papscope.appearance import NAMES, appearance
from papscope.gate.detectors import levelled
from papscope.gate.reference import Reference
from papscope.shift.glance import LIMIT, Glance, Usual, sentence

SLIDES, CELLS = 20, 4


def reference(*, carried: bool = True) -> Reference:
    """What a model would carry of cells of twenty slides."""
    rng = np.random.default_rng(0)
    stains = np.repeat(rng.normal(0, 6, SLIDES), CELLS)
    looks = np.stack([levelled(appearance(drawn(rng, stain))) for stain in stains])
    n, k = looks.shape
    single = np.float32
    return Reference(
        looks_centre=looks.mean(axis=0).astype(single),
        looks_whitening=np.eye(k, dtype=single),
        centre=np.zeros(3, single),
        axes=np.eye(2, 3, dtype=single),
        spread=np.ones(2, single),
        class_means=np.zeros((2, 2), single),
        whitening=np.eye(2, dtype=single),
        cells=np.tile(np.array([1.0, 0.0], single), (n, 1)),
        labels=(np.arange(n) % 2).astype(np.int32),
        groups=np.repeat(np.arange(SLIDES), CELLS).astype(np.int32),
        ids=tuple(f"cell {one}" for one in range(n)),
        cell_looks=looks.astype(np.float16).astype(single) if carried else None,
    )


def line(glance: Glance, pictures: int, **how: float) -> str | None:
    """What is told of pictures of one new slide."""
    rng = np.random.default_rng(7)
    squares = [drawn(rng, **{"stain": 4.0, **how}) for _ in range(pictures)]
    chances = np.tile([0.9, 0.1], (pictures, 1))
    for start in range(0, pictures, 8):
        glance(squares[start : start + 8], chances[start : start + 8])
    return glance.line(2)


def test_a_new_slide_of_the_same_source_is_like_those_learned_from() -> None:
    told = line(Glance.among(24, reference()), 24)
    assert told == "these pictures look like those it learned from"


def test_dark_pictures_and_blurred_ones_are_told_by_these_words() -> None:
    dark = line(Glance.among(24, reference()), 24, stain=-70.0)
    soft = line(Glance.among(24, reference()), 24, blur=2.0)

    assert dark is not None
    assert "unlike those it learned from" in dark
    assert "darker" in dark
    assert soft is not None
    assert "unlike" in soft
    assert any(word in soft for word in ("blurred", "softer", "smoother"))


def test_few_pictures_and_bundles_without_looks_are_passed_over() -> None:
    assert line(Glance.among(19, reference()), 19) is None
    assert line(Glance.among(24, reference(carried=False)), 24) is None


def test_of_many_pictures_a_hundred_at_most_are_measured() -> None:
    glance = Glance.among(1001, reference())
    square = drawn(np.random.default_rng(0), 0.0)
    for _ in range(1001):
        glance([square], np.array([[0.2, 0.8]]))
    assert (len(glance.squares), glance.seen, set(glance.called)) == (91, 1001, {1})


def test_the_mean_of_a_new_group_rarely_lies_far_out() -> None:
    rng = np.random.default_rng(1)

    def groups(number: int, each: int) -> np.ndarray:
        middles = rng.normal(0, 2, (number, 4))
        return np.repeat(middles, each, axis=0) + rng.normal(0, 1, (number * each, 4))

    usual = Usual.of(groups(60, 5), [0] * 300, np.repeat(np.arange(60), 5).tolist(), 1)
    away = np.array([usual.away(groups(1, 30), [0] * 30) for _ in range(300)])

    assert np.allclose(usual.between, 4, rtol=0.5)
    assert np.allclose(usual.within, 1, rtol=0.3)
    assert (np.abs(away) > LIMIT).mean() < 0.02
    assert 0.7 < away.std() < 1.4


def test_classes_in_other_shares_are_no_difference() -> None:
    rng = np.random.default_rng(2)
    labels = np.arange(400) % 2
    looks = rng.normal(0, 1, (400, 2)) + 5.0 * labels[:, None]
    usual = Usual.of(looks, labels.tolist(), (np.arange(400) // 10).tolist(), 2)

    away = usual.away(rng.normal(5.0, 1, (50, 2)), [1] * 50)

    assert np.abs(away).max() < LIMIT


def test_no_more_than_three_words_are_told() -> None:
    told = sentence(np.full(10, -9.0))
    assert told.partition(": ")[2].startswith("darker, greener and bluer; ")
    assert len(NAMES) > 10

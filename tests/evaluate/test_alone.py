"""What a model may be left to do alone is told whole, with rules and without."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from papscope.errors import BundleError
from papscope.evaluate.alone import left_alone
from papscope.evaluate.coverage import measure_referral, measure_sets, referred
from papscope.files import canonical_json
from papscope.rules import Rules
from papscope.scores import Scores
from papscope.taxonomy import CellClass, classes_of, named

RULES: dict[str, Any] = {
    "sets": {"score": "lac", "coverage": 0.9, "limits": [0.5, 0.8, 0.8, None]},
    "refer": {"abnormal": 0.25, "sensitivity": 0.95},
}


def drawn(classes: tuple[CellClass, ...], **about: Any) -> Scores:
    draw, n = np.random.default_rng(0), 120
    rows = draw.dirichlet(np.full(4, 0.5), n)
    return Scores(
        ids=tuple(f"c{i}" for i in range(n)),
        groups=tuple(f"g{i % 12}" for i in range(n)),
        truth=np.array([draw.choice(4, p=row) for row in rows]),
        probabilities=rows,
        classes=classes,
        paths=("x.png",) * n,
        boxes=(None,) * n,
        about=about,
    )


def test_the_rules_that_the_scores_tell_of_are_the_ones_that_are_measured() -> None:
    scores = drawn(classes_of("cric-4"), model={"rules": RULES})
    rules = Rules.from_json(RULES, 4)
    assert rules.sets is not None

    found = left_alone(scores, resamples=200, seed=3)

    assert found.sets == measure_sets(scores, rules.sets, resamples=200, seed=3)
    flags = referred(scores.probabilities, scores.classes, rules)
    assert found.referral == measure_referral(scores, flags, resamples=200, seed=3)
    assert [one.target for one in found.aside] == ["HSIL or worse", "abnormal"]
    told = list(found.sentences())
    assert told[0] == found.aside[0].sentence()
    assert any(line.startswith("wrong among the 80% surest answers: ") for line in told)
    assert any("promised: 90%" in line for line in told)
    assert "  of SCC: 100.0% [" in "\n".join(told)
    assert told[-2].startswith("referred to a person: ")
    assert told[-1].startswith("called rightly, of those not referred: ")


@pytest.mark.parametrize("about", [{}, {"model": None}, {"model": {}}, {"model": {"rules": {}}}])
def test_without_rules_there_are_no_sets_and_no_referral(about: dict[str, Any]) -> None:
    found = left_alone(drawn(classes_of("cric-4"), **about), resamples=100)

    assert (found.sets, found.referral) == (None, None)
    assert not any("set" in line.split()[:2] for line in found.sentences())


def test_a_threshold_alone_is_measured_without_sets() -> None:
    scores = drawn(classes_of("cric-4"), model={"rules": {"refer": RULES["refer"]}})

    found = left_alone(scores, resamples=100)

    assert found.sets is None
    assert found.referral is not None


def test_the_json_form_is_whole_and_never_nan() -> None:
    for classes in (classes_of("cric-4"), named(list("abcd"))):
        for model in ({}, {"rules": RULES}):
            scores = drawn(classes, model=model)
            canonical_json(left_alone(scores, resamples=100).to_json())
            one = replace(scores, truth=np.zeros(120, dtype=np.int64))
            canonical_json(left_alone(one, resamples=100).to_json())


def test_rules_of_other_classes_are_refused() -> None:
    wrong = {"sets": {**RULES["sets"], "limits": [0.5]}}
    scores = drawn(classes_of("cric-4"), model={"rules": wrong})

    with pytest.raises(BundleError, match="rules for 4 classes are damaged"):
        left_alone(scores, resamples=100)

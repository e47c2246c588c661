"""A shipped model's card tells its numbers with intervals, its data's terms and its failures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from papscope.bundle import Description
from papscope.claims import claims
from papscope.errors import MeasureError
from papscope.evaluate.intervals import measure_from_json
from papscope.evaluate.release import measured
from papscope.evaluate.summary import summarise
from papscope.evaluate.tables import said
from papscope.preprocess import Preprocess
from papscope.readings import reading_of
from papscope.report.card import NOT_FOR, calibration_section, card, with_calibration
from papscope.scores import Scores
from papscope.split import Protocol
from papscope.taxonomy import classes_of, named

CALIBRATION = {
    "method": "temperature", "temperature": 1.25, "fitted_on": "90 images of cric",
    "log_loss_before": 0.5, "log_loss_after": 0.4, "ece_before": 0.1, "ece_after": 0.02,
}  # fmt: skip


def scores(dataset: str = "cric", **about: Any) -> Scores:
    classes = classes_of(dataset)
    n, c = 15 * len(classes), len(classes)
    truth = np.arange(n) % c
    rows = np.random.default_rng(0).dirichlet(np.full(c, 0.5), n) + np.eye(c)[truth]
    protocol = Protocol(by="group", seed=0, shares={}, folds=5, group_is="field").to_json()
    return Scores(
        ids=tuple(f"c{i}" for i in range(n)),
        groups=tuple(f"f{i % 12}" for i in range(n)),
        truth=truth,
        probabilities=rows / rows.sum(axis=1, keepdims=True),
        classes=classes,
        paths=("x.jpg",) * n,
        boxes=(None,) * n,
        about={"protocol": protocol, "part": "test", **about},
    )


def described(**told: Any) -> Description:
    classes = classes_of("cric")
    counts = {one.name: {"cells": 1000, "groups": 90} for one in classes}
    counts["SCC"] = {"cells": 65, "groups": 11}
    counts["ASC-H"] = {"cells": 77, "groups": 12}
    return Description(
        classes=classes,
        preprocess=Preprocess(size=96),
        backbone="tf_efficientnet_lite0",
        provenance={
            "dataset": "cric",
            "manifest_sha256": "0123456789abcdef",
            "licence": "CC BY 4.0",
            "citation": "Rezende MT et al. Scientific Data 8, 151 (2021).",
            "weights": "weights: packaged",
            "training": {"settings": {"epochs": 7, "batch_size": 32, "seed": 0}},
            "shipped": {
                "purpose": "cells in six categories",
                "expects": "Squares of 112 px.",
                "licence": "Apache-2.0",
                "start": "Its start weights are Apache-2.0.",
                "group_is": "field",
                "groups": 183,
                "counts": counts,
                "failures": ["one laboratory's stain"],
                **told,
            },
        },
        metrics=measured(scores(), resamples=100),
        calibration=CALIBRATION,
    )


def test_the_numbers_are_those_of_the_summary_for_six_classes_four_grades_and_two_sides() -> None:
    found = measured(scores(), resamples=100)

    whole = summarise(scores(), resamples=100)
    assert list(found["sets"]) == ["6 classes", "4 grades", "normal or abnormal"]
    assert found["sets"]["6 classes"]["accuracy"] == whole.overall["accuracy"].to_json()
    assert found["sets"]["4 grades"]["accuracy"]["n"] == 60
    assert "abnormal_auroc" in found["sets"]["normal or abnormal"]
    assert found["per_class"]["SCC"]["support"] == {"n": 15, "groups": 2}
    assert (found["n"], found["groups"]) == (90, 12)
    assert "5 folds, cut by field" in found["part"]


def test_classes_without_grades_or_sides_have_the_numbers_that_exist() -> None:
    four = measured(scores("cric-4"), resamples=100)
    plain = measured(replace(scores("cric-4"), classes=named("abcd")), resamples=100)

    assert list(four["sets"]) == ["4 classes", "normal or abnormal"]
    assert list(plain["sets"]) == ["4 classes"]


@pytest.mark.parametrize("about", [{"leaks": "leaks: all of them"}, {"part": "train"}])
def test_numbers_of_images_that_were_learned_from_are_refused(about: dict[str, str]) -> None:
    with pytest.raises(MeasureError, match=r"that were learned from: (leaks|part train)"):
        measured(scores(**about), resamples=100)


def test_the_card_says_all_that_a_reader_must_know() -> None:
    about = described()

    text = " ".join(card("cells", about).split())

    for wanted in (
        "# cells: cells in six categories",
        "**Research use only. Not a medical device.**",
        "| SCC | abnormal | 65 | 11 |",
        "Squares of 112 px. Each is brought to 96 x 96 px.",
        "4142 cells of cric, in 183 fields",
        "Licence of the data: CC BY 4.0",
        "Attribution: Rezende MT et al. Scientific Data 8, 151 (2021).",
        "7 epochs of batches of 32, seed 0",
        "few cells to learn from: ASC-H (77 cells in 12 fields) and SCC (65 cells in 11 fields)",
        "One laboratory's stain.",
        "Temperature 1.250, fitted on 90 images of cric.",
        "log-loss 0.500 before, 0.400 after; calibration error 0.100 before, 0.020 after",
        "The weights: Apache-2.0. Its start weights are Apache-2.0.",
        "each on images of groups that it never saw",
        "ASC-US and ASC-H are a cytologist's doubt and no grade",
        "papscope predict --model cells",
    ):
        assert wanted.lower() in text.lower(), wanted
    for misuse in NOT_FOR:
        assert misuse[1:] in text


def test_no_number_stands_on_the_card_without_its_interval() -> None:
    about = described()

    text = card("cells", about)

    for measures in about.metrics["sets"].values():
        for key, number in measures.items():
            assert said(measure_from_json(number)) in text, key
    rows = [line for line in text.splitlines() if line.startswith("| SCC | 15 | 2 |")]
    assert len(rows) == 1
    assert rows[0].count("[") == 3


def test_a_class_with_enough_cells_is_no_failure() -> None:
    counts = {one.name: {"cells": 100, "groups": 9} for one in classes_of("cric")}

    assert "few cells" not in card("cells", described(counts=counts))


def test_a_calibration_is_put_in_the_place_of_an_older_one_and_nothing_else_moves() -> None:
    text = card("cells", described())
    newer = {**CALIBRATION, "temperature": 2.0, "bias": [0.1, -0.1]}

    changed = with_calibration(text, newer)
    back = with_calibration(changed, CALIBRATION)

    assert "Temperature 2.000 and a shift for each class" in changed
    assert changed.count("## Calibration") == 1
    assert back == text


def test_a_card_without_a_calibration_gets_one_at_its_end() -> None:
    assert with_calibration("# Mine\n", CALIBRATION).startswith("# Mine\n\n## Calibration\n\nTemp")
    assert with_calibration("", {}).startswith("## Calibration\n\nNone")
    assert calibration_section({"temperature": 1.0}, {}).endswith("images that are not named.")


def test_classes_are_told_by_what_cells_are_consistent_with() -> None:
    text = card("cric-9", described())

    for one in classes_of("cric"):
        assert f"| {reading_of(one, 'cric').whole} |" in text
    assert "cells consistent with ASC-US" in text
    denied = {f"- {one[0].upper()}{one[1:]}." for one in NOT_FOR}
    assert {one.sentence for one in claims(text)} <= denied

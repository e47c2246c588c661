"""Only answers for images that were not learned from may say how sure a model may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from papscope.bundle import Bundle, Description
from papscope.decision import calibrated
from papscope.errors import MeasureError
from papscope.evaluate.calibrating import calibrate, pooled
from papscope.evaluate.summary import summarise
from papscope.preprocess import Preprocess
from papscope.scores import Scores
from papscope.split import Protocol
from papscope.taxonomy import classes_of

PREPROCESS = Preprocess(size=32)


def bundle(digest: str = "mine", **changes: Any) -> Bundle:
    about = Description(classes=classes_of("cric-4"), preprocess=PREPROCESS, backbone="made")
    return Bundle(replace(about, **changes), {}, digest)


def answered(by: str, *, n: int = 80, seed: int = 0, **about: Any) -> Scores:
    draw = np.random.default_rng(seed)
    model = {"bundle_sha256": by, "backbone": "made", "preprocess": PREPROCESS.to_json()}
    return Scores(
        ids=tuple(f"{seed}-{i}" for i in range(n)),
        groups=tuple(f"{seed}-{i % 8}" for i in range(n)),
        truth=np.arange(n) % 4,
        probabilities=draw.dirichlet(np.full(4, 0.2), n),
        classes=classes_of("cric-4"),
        paths=("x.png",) * n,
        boxes=(None,) * n,
        about={"dataset": "cells", "part": "test", "leaks": None, "model": model, **about},
    )


def test_a_bundles_own_answers_for_other_images_calibrate_it() -> None:
    done = calibrate(bundle(), [answered("mine")])

    told = done.bundle.description.calibration
    assert told["fitted_on"] == (
        "80 images of cells in 8 groups, answered by this model, which had not learned from them"
    )
    assert told["uncalibrated_sha256"] == "mine"
    assert told["temperature"] == done.scaling.temperature > 1
    assert np.allclose(done.scores.probabilities, calibrated(answered("mine").probabilities, told))
    assert done.warnings == ()


def test_the_answers_of_sister_models_out_of_fold_are_pooled_and_told() -> None:
    folds = [answered(f"sister {k}", seed=k) for k in range(5)]

    done = calibrate(bundle(), folds)

    told = done.bundle.description.calibration
    assert (told["n"], told["groups"]) == (400, 40)
    assert "answered by sister models (out of fold)" in told["fitted_on"]
    mixed = calibrate(bundle(), [*folds, answered("mine", seed=9)])
    assert "by this model and sister" in mixed.bundle.description.calibration["fitted_on"]


def test_scores_that_name_no_model_are_not_said_to_be_a_sisters() -> None:
    done = calibrate(bundle(), [answered("x", model={})])

    told = done.bundle.description.calibration["fitted_on"]
    assert told.endswith("answered by models that the scores do not name")


def test_the_pooled_answers_of_a_cross_validation_are_out_of_fold() -> None:
    model = {"networks": 5, "backbone": "made", "preprocess": PREPROCESS.to_json()}

    done = calibrate(bundle(), [answered("", model=model)])

    assert "sister models (out of fold)" in done.bundle.description.calibration["fitted_on"]
    assert done.warnings == ()


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"part": "train"}, "the scores are of the training part"),
        ({"leaks": "leaks: of 80 images, the model was trained on 80"}, "trained on 80"),
        ({"protocol": {"leaks": "leaks: cells of one slide"}}, "leaks: cells of one slide"),
        ({"model": {"calibration": {"method": "temperature"}}}, "are calibrated already"),
    ],
)
@pytest.mark.parametrize("by", ["mine", "a sister"])
def test_answers_that_tell_nothing_are_refused_whoever_gave_them(
    about: dict[str, Any], told: str, by: str
) -> None:
    good, bad = answered(by), answered(by, seed=1, **about)

    with pytest.raises(MeasureError, match=told):
        calibrate(bundle(), [good, bad])


def test_other_classes_and_no_scores_are_refused() -> None:
    scores = answered("mine")
    other = replace(scores, classes=tuple(reversed(scores.classes)))

    with pytest.raises(MeasureError, match="the scores' are SCC, HSIL, LSIL, NILM"):
        calibrate(bundle(), [other])
    with pytest.raises(MeasureError, match="scores of NILM, LSIL, HSIL, SCC and of SCC"):
        pooled([scores, other])
    with pytest.raises(MeasureError, match="there are no scores"):
        calibrate(bundle(), [])


def test_validation_may_calibrate_and_it_is_told_that_the_epoch_was_chosen_on_it() -> None:
    done = calibrate(bundle(), [answered("mine", part="val")])

    assert done.bundle.description.calibration["fitted_on"].endswith("its epoch was chosen")


def test_a_calibrated_bundle_is_calibrated_anew_from_what_it_said_before() -> None:
    first = calibrate(bundle(), [answered("mine")])
    written = replace(first.bundle, digest="calibrated")

    second = calibrate(written, [answered("mine")])

    assert second.bundle.description.calibration == first.bundle.description.calibration


def test_what_differs_between_the_models_is_warned_of() -> None:
    unknown = answered("x", seed=2, model={})
    other = answered("y", seed=1)

    done = calibrate(bundle(backbone="larger", preprocess=Preprocess(size=64)), [other, unknown])

    assert done.warnings == (
        "the scores are of a made, the model is a larger",
        "the scores are of a model that sees pictures otherwise (size, fit or colours)",
        "the scores do not say which model answered",
    )


def test_pooled_scores_are_of_all_folds_and_say_so() -> None:
    shares = {"train": 0.7, "val": 0.1, "test": 0.2}
    folds = [
        answered(
            f"sister {k}",
            seed=k,
            protocol=Protocol(
                by="group", seed=0, shares=shares, folds=2, fold=k, group_is="field"
            ).to_json(),
        )
        for k in range(2)
    ]

    every = pooled(folds)

    assert every.ids == folds[0].ids + folds[1].ids
    assert np.array_equal(every.probabilities[80:], folds[1].probabilities)
    protocol = Protocol.from_json(summarise(every, resamples=100).protocol or {})
    assert protocol.sentence().startswith("2 folds, cut by field")
    assert pooled(folds[:1]).about == folds[0].about

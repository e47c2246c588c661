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
from papscope.evaluate.conformal import Wanted, fit_rules
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
    assert told["temperature"] == done.scaling.temperature
    assert told["temperature"] > 1
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


def many(seed: int = 0, groups: int = 25) -> Scores:
    one = answered("mine", n=groups * 10, seed=seed)
    return replace(one, groups=tuple(f"g{i % groups}" for i in range(len(one))))


def test_rules_are_fitted_where_asked_and_say_on_what() -> None:
    done = calibrate(bundle(), [many()], rules=Wanted(coverage=0.8))

    about = done.bundle.description
    assert about.rules["sets"]["coverage"] == 0.8
    assert about.rules["fitted_on"] == about.calibration["fitted_on"]
    assert (
        about.rules["sets"] == fit_rules(done.scaling.held_out, Wanted(coverage=0.8)).rules["sets"]
    )
    assert calibrate(bundle(), [many()]).bundle.description.rules == {}


def test_older_rules_do_not_outlive_the_calibration_that_they_were_fitted_to() -> None:
    first = calibrate(bundle(), [many()], rules=Wanted()).bundle

    again = calibrate(replace(first, digest="new"), [replace(many(seed=1), about=many().about)])

    assert first.description.rules
    assert again.bundle.description.rules == {}


def test_what_rules_cannot_promise_is_warned_of() -> None:
    done = calibrate(bundle(), [many(groups=13)], rules=Wanted())

    assert any("13 groups with abnormal cells are too few" in one for one in done.warnings)


def test_the_method_asked_for_is_the_one_that_the_bundle_carries() -> None:
    done = calibrate(bundle(), [many()], method="vector")

    assert done.bundle.description.calibration["method"] == "vector"
    assert len(done.bundle.description.calibration["scale"]) == 4

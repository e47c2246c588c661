"""Every measure of a set of scores, each with its interval, its n, or the reason it has none.

Takes   `Scores`, the number of resamples and a seed
Gives   a frozen `Summary`, the same from the same scores and seed
Never   sees a network or an image, and never gives 0 for what is undefined
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from papscope.errors import MeasureError, SettingError
from papscope.evaluate.calibration import Bin, reliability
from papscope.evaluate.cautions import cautions, told_protocol
from papscope.evaluate.intervals import (
    LEVEL,
    Bounds,
    Estimate,
    Measure,
    Undefined,
    Values,
    interval,
)
from papscope.evaluate.metrics import confusion
from papscope.evaluate.proper import HIGHEST
from papscope.evaluate.reasons import Scope, scope_of_all, scope_of_class
from papscope.evaluate.sample import Sample
from papscope.scores import Scores
from papscope.taxonomy import CellClass, Side, sides

FORMAT = 1

ClassKey = Literal["precision", "recall", "f1", "auroc", "average_precision"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What a measure is called and what it means."""

    title: str
    meaning: str
    """One sentence; the formula and its source are in docs/reference/measures.md."""
    lowest: float = 0.0
    highest: float = 1.0
    best: float = 1.0


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("Accuracy", "Share of the images that were called what they are."),
    "balanced_accuracy": Metric(
        "Balanced accuracy", "Mean recall of the classes, each counting the same."
    ),
    "macro_precision": Metric(
        "Precision, macro", "Mean precision of the classes, each counting the same."
    ),
    "macro_recall": Metric("Recall, macro", "Mean recall of the classes, each counting the same."),
    "macro_f1": Metric("F1, macro", "Mean F1 of the classes, each counting the same."),
    "weighted_precision": Metric(
        "Precision, weighted", "Mean precision of the classes, each counting by its images."
    ),
    "weighted_recall": Metric(
        "Recall, weighted", "Mean recall of the classes by their images: the accuracy again."
    ),
    "weighted_f1": Metric("F1, weighted", "Mean F1 of the classes, each counting by its images."),
    "kappa_quadratic": Metric(
        "Quadratic kappa",
        "Agreement beyond chance on the order of severity; far misses count more than near ones.",
        lowest=-1.0,
    ),
    "macro_auroc": Metric("AUROC, macro", "Mean over the classes of the AUROC against the rest."),
    "macro_average_precision": Metric(
        "Average precision, macro", "Mean over the classes of the average precision."
    ),
    "abnormal_sensitivity": Metric(
        "Sensitivity for abnormal", "Share of the abnormal images that were called abnormal."
    ),
    "abnormal_specificity": Metric(
        "Specificity for abnormal", "Share of the normal images that were called normal."
    ),
    "abnormal_auroc": Metric(
        "AUROC for abnormal",
        "Chance that an abnormal image gets a higher probability of abnormal than a normal one.",
    ),
    "calibration_error": Metric(
        "Calibration error",
        "Mean gap between the probability of the called class and how often it was right.",
        best=0.0,
    ),
    "classwise_calibration_error": Metric(
        "Calibration error, classes",
        "Mean over the classes of the gap between a class's probability and its share of images.",
        best=0.0,
    ),
    "log_loss": Metric(
        "Log-loss",
        "Mean of minus the logarithm of the true class's probability; lower is better.",
        highest=HIGHEST["log_loss"],
        best=0.0,
    ),
    "brier": Metric(
        "Brier score",
        "Mean squared gap between probabilities and what came true; lower is better.",
        highest=HIGHEST["brier"],
        best=0.0,
    ),
    "precision": Metric("Precision", "Share of the images called this class that are of it."),
    "recall": Metric("Recall", "Share of this class's images that were called it."),
    "f1": Metric("F1", "Harmonic mean of precision and recall."),
    "auroc": Metric(
        "AUROC", "Chance that an image of the class gets a higher probability of it than another."
    ),
    "average_precision": Metric(
        "Average precision", "Mean precision over the class's images, from likeliest to least."
    ),
}
"""Every key of `Summary.overall`, and of each class's measures, in the order of tables."""

CLASS_KEYS: tuple[ClassKey, ...] = ("precision", "recall", "f1", "auroc", "average_precision")
"""The measures that each class has."""

PUSHED_UP = ("calibration_error", "classwise_calibration_error")
"""Measures that chance pushes upwards, and resampling pushes up again."""

OVERALL_KEYS: tuple[str, ...] = tuple(key for key in METRICS if key not in CLASS_KEYS)


class Support(TypedDict):
    """How many images a class has, and from how many groups."""

    n: int
    groups: int


class ClassMeasures(TypedDict):
    """What is known of one class."""

    precision: Measure
    recall: Measure
    f1: Measure
    auroc: Measure
    average_precision: Measure
    support: Support


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Summary:
    """What was measured, on how much, and what a reader must be warned of."""

    n: int
    groups: int
    """Groups that were resampled; an image of unknown group is one of its own."""
    ungrouped: int
    """Images whose group is not known."""
    resamples: int
    seed: int
    level: float
    classes: tuple[CellClass, ...]
    overall: Mapping[str, Measure]
    """By the keys of `OVERALL_KEYS`."""
    per_class: Mapping[str, ClassMeasures]
    confusion: npt.NDArray[np.int64]
    """(c, c), images; rows are the truth, columns what was called."""
    reliability: Mapping[str, tuple[Bin, ...]]
    """By class: its probability against the share of images that are of it."""
    sides: Mapping[str, Side] | None
    """By class; None where nobody has said which are abnormal."""
    grades: Mapping[str, int] | None
    """By class; None where the classes have no order of severity."""
    protocol: Mapping[str, Any] | None
    """How the images were divided; None where no split was used or known."""
    leaks: str | None
    """The stamp of a split that divides groups."""
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form: the same for the same scores and seed, and never NaN."""
        return {
            "papscope": "metrics",
            "format": FORMAT,
            "n": self.n,
            "groups": self.groups,
            "ungrouped": self.ungrouped,
            "resamples": self.resamples,
            "seed": self.seed,
            "level": self.level,
            "classes": [one.to_json() for one in self.classes],
            "overall": {key: one.to_json() for key, one in self.overall.items()},
            "per_class": {name: _json_of(one) for name, one in self.per_class.items()},
            "confusion": self.confusion.tolist(),
            "reliability": {
                name: [one.to_json() for one in bins] for name, bins in self.reliability.items()
            },
            "sides": dict(self.sides) if self.sides else None,
            "grades": dict(self.grades) if self.grades else None,
            "protocol": dict(self.protocol) if self.protocol else None,
            "leaks": self.leaks,
            "warnings": list(self.warnings),
        }


def _json_of(one: ClassMeasures) -> dict[str, Any]:
    return {**{key: one[key].to_json() for key in CLASS_KEYS}, "support": dict(one["support"])}


def summarise(scores: Scores, *, resamples: int = 2000, seed: int = 0) -> Summary:
    """Measure scores, with 95 % intervals from resampled groups.

    Args:
        scores: of one or more labelled images.
        resamples: how many times to draw the groups anew, 100 or more.
        seed: of the draws.

    Raises:
        MeasureError: there is no image to measure.
        SettingError: there are too few resamples for an interval.
    """
    if not len(scores):
        raise MeasureError("there is no image to measure", hint="evaluate a part that has images")
    if resamples < 100:
        raise SettingError(
            f"{resamples} resamples are too few for an interval", hint="use 100 or more"
        )
    sample, c = Sample.of(scores), len(scores.classes)
    value, drawn = sample.as_is(), sample.resampled(resamples=resamples, seed=seed)
    scopes = {key: scope_of_all(key, sample, scores.class_names) for key in OVERALL_KEYS}
    overall = {key: _measure(key, value, drawn, scopes[key]) for key in OVERALL_KEYS}
    protocol = told_protocol(scores)
    return Summary(
        n=len(scores),
        groups=sample.groups.number,
        ungrouped=sample.groups.alone,
        resamples=resamples,
        seed=seed,
        level=LEVEL,
        classes=scores.classes,
        overall=overall,
        per_class={
            name: _of_class(place, sample, value, drawn)
            for place, name in enumerate(scores.class_names)
        },
        confusion=confusion(sample.truth, sample.called, c),
        reliability={
            name: reliability(scores.probabilities[:, place], sample.truth == place)
            for place, name in enumerate(scores.class_names)
        },
        sides=sides(scores.classes),
        grades=dict(zip(scores.class_names, sample.grades, strict=True)) if sample.grades else None,
        protocol=protocol,
        leaks=scores.leaks,
        warnings=cautions(scores, sample, drawn),
    )


def _measure(
    key: str, value: Mapping[str, Values], drawn: Mapping[str, Values], scope: Scope
) -> Measure:
    if scope.why is not None:
        return Undefined(scope.why, scope.n)
    return _estimate(key, float(value[key]), drawn[key], scope)


def _estimate(key: str, value: float, drawn: Values, scope: Scope) -> Estimate:
    bounds = Bounds(
        lowest=METRICS[key].lowest,
        highest=METRICS[key].highest,
        groups=scope.groups,
        reflect=key in PUSHED_UP,
    )
    return Estimate(value, *interval(value, drawn, bounds), scope.n)


def _of_class(
    place: int, sample: Sample, value: Mapping[str, Values], drawn: Mapping[str, Values]
) -> ClassMeasures:
    """Gather what is known of the class at one place."""
    here: dict[str, Values] = {key: np.asarray(value[key][place]) for key in CLASS_KEYS}
    again: dict[str, Values] = {key: drawn[key][:, place] for key in CLASS_KEYS}
    found = {
        key: _measure(key, here, again, scope_of_class(key, sample, place)) for key in CLASS_KEYS
    }
    support = scope_of_class("recall", sample, place)
    return ClassMeasures(
        precision=found["precision"],
        recall=found["recall"],
        f1=found["f1"],
        auroc=found["auroc"],
        average_precision=found["average_precision"],
        support=Support(n=support.n, groups=support.groups),
    )

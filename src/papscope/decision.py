"""What probabilities amount to, as an answer that a person can read.

Takes   a network's probabilities, a bundle's calibration, and what is known of the classes
Gives   calibrated probabilities, those of the four grades, and frozen `Answer`s
Never   knows a network, a file or a picture

Source of the calibration: C. Guo et al., ICML 2017, 1321-1330 (temperature and vector scaling).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.errors import BundleError
from papscope.taxonomy import GRADED, CellClass, graded_places, sides

_LEAST = float(np.finfo(np.float64).tiny)
"""Stands for a probability of 0, whose logarithm is no number."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one picture; of a cell, never of a patient."""

    label: str
    """The likeliest class; the first of the model's order where two are equally likely."""
    probability: float
    """Of that class, 0..1, as the network and the bundle's calibration give it."""
    abnormal: float | None
    """The probabilities of all abnormal classes together, 0..1; None unless every class is known
    to be normal or abnormal, and both occur."""
    probabilities: Mapping[str, float]
    """Of every class, in the model's order; they sum to 1."""
    grade: str | None = None
    """The likeliest of the four grades NILM, LSIL, HSIL and SCC; None unless the classes are
    Bethesda's six categories."""
    grades: Mapping[str, float] | None = None
    """Of the four grades, mild first; they sum to 1. None as above."""


def temperature_and_bias(
    calibration: Mapping[str, Any], classes: int
) -> tuple[float, npt.NDArray[np.float64]]:
    """Read a calibration: the temperature, and what is added to each class's logit, (c,).

    Raises:
        BundleError: its method is unknown, or its numbers mean nothing for so many classes.

    >>> temperature_and_bias({"method": "temperature", "temperature": 1.5}, 2)
    (1.5, array([0., 0.]))
    """
    method = calibration.get("method", "none") if calibration else "temperature"
    if method != "temperature":
        raise BundleError(
            f"the bundle is calibrated by {method!r}, which this papscope does not know",
            hint="update papscope to the release that wrote it",
        )
    try:
        temperature = float(calibration.get("temperature", 1.0))
        bias = np.array(calibration.get("bias") or [0.0] * classes, dtype=np.float64)
    except (TypeError, ValueError):
        temperature, bias = 0.0, np.zeros(0)
    right = isfinite(temperature) and temperature > 0 and bias.shape == (classes,)
    if not right or not np.all(np.isfinite(bias)):
        raise BundleError(
            f"the bundle's calibration of {classes} classes is damaged: temperature "
            f"{calibration.get('temperature')!r}, bias {calibration.get('bias')!r}",
            hint="calibrate the bundle again with `papscope calibrate`",
        )
    return temperature, bias


def calibrated(
    probabilities: npt.NDArray[np.float64], calibration: Mapping[str, Any]
) -> npt.NDArray[np.float64]:
    """Scale a network's probabilities as its bundle says: softmax(log(p) / T + bias).

    A temperature T above 1 makes a network less sure of itself and never changes what it calls a
    picture; a bias may. Each row is scaled by itself.

    Args:
        probabilities: (n, c), each row sums to 1.
        calibration: a bundle's; `{}` leaves the probabilities as they are, to the bit.

    Raises:
        BundleError: its method is unknown, or its numbers mean nothing for c classes.

    >>> rows = np.array([[0.9, 0.1]])
    >>> calibrated(rows, {"method": "temperature", "temperature": 2.0}).round(6).tolist()
    [[0.75, 0.25]]
    """
    if not calibration:
        return probabilities
    temperature, bias = temperature_and_bias(calibration, probabilities.shape[1])
    logits = np.log(np.maximum(probabilities, _LEAST)) / temperature + bias
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def four_grades(
    probabilities: npt.NDArray[np.float64], classes: Sequence[CellClass]
) -> npt.NDArray[np.float64] | None:
    """Give the probabilities of NILM, LSIL, HSIL and SCC, if the cell is one of these.

    ASC-US and ASC-H are a cytologist's doubt and no grade: their columns are left out, and the
    rest is scaled to sum to 1. Where nothing is left of a row, all four are equally likely.

    Args:
        probabilities: (n, c), each row sums to 1.
        classes: in the order of the columns.

    Returns:
        (n, 4), each row sums to 1; None unless the classes are Bethesda's six categories.

    >>> from papscope.taxonomy import classes_of
    >>> rows = np.array([[0.25, 0.5, 0.125, 0.125, 0.0, 0.0]])
    >>> four_grades(rows, classes_of("cric")).round(3).tolist()
    [[0.667, 0.333, 0.0, 0.0]]
    """
    places = graded_places(classes)
    if places is None:
        return None
    kept = probabilities[:, list(places)]
    total = kept.sum(axis=1, keepdims=True)
    shares = np.full_like(kept, 1 / len(places))
    np.divide(kept, total, out=shares, where=total > 0)
    return shares


def answers(
    probabilities: npt.NDArray[np.float64], classes: Sequence[CellClass]
) -> tuple[Answer, ...]:
    """Turn probabilities into answers.

    Args:
        probabilities: (n, c), each row sums to 1.
        classes: the model's, in the order of the columns.

    >>> classes = (CellClass("NILM", "normal"), CellClass("LSIL", "abnormal"))
    >>> (one,) = answers(np.array([[0.25, 0.75]]), classes)
    >>> one.label, one.probability, one.abnormal
    ('LSIL', 0.75, 0.75)
    """
    if probabilities.ndim != 2 or probabilities.shape[1] != len(classes):
        raise ValueError(f"{probabilities.shape} probabilities for {len(classes)} classes")
    names = tuple(one.name for one in classes)
    known = sides(classes)
    graded = four_grades(probabilities, classes)
    found = []
    for place, row in enumerate(probabilities):
        each = dict(zip(names, row.tolist(), strict=True))
        label = names[int(np.argmax(row))]
        ill = None if known is None else [each[name] for name in names if known[name] == "abnormal"]
        abnormal = None if ill is None else min(1.0, float(sum(ill)))
        grades = None if graded is None else dict(zip(GRADED, graded[place].tolist(), strict=True))
        grade = None if grades is None else max(grades, key=lambda name: grades[name])
        found.append(Answer(label, each[label], abnormal, each, grade, grades))
    return tuple(found)

"""What probabilities amount to, as an answer that a person can read.

Takes   a network's probabilities, a bundle's calibration and rules, and what its classes mean
Gives   calibrated probabilities, those of the four grades, and frozen `Answer`s
Never   knows a network, a file or a picture

Sources of the calibration: C. Guo et al., ICML 2017, 1321-1330 (temperature and vector scaling);
M. Kull et al., NeurIPS 2019, 12295-12305 (Dirichlet calibration).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.errors import BundleError
from papscope.rules import NO_RULES, Rules, held, reasons
from papscope.taxonomy import GRADED, CellClass, graded_places, sides

_LEAST = float(np.finfo(np.float64).tiny)
"""Stands for a probability of 0, whose logarithm is no number."""

LEAST_WEIGHED = 1e-7
"""Smaller probabilities count as this one where classes are weighed against each other: how close
to 0 a network's answer is there tells of rounding and not of the cell."""


MOST_STRANGE = 1.0
"""The most strangeness with which a picture passes a bundle's gate."""


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
    labels: tuple[str, ...] | None = None
    """The prediction set, in the model's order: the classes among which the right one is found as
    often as the bundle promises. It may be empty; None where the bundle has no rule for sets."""
    refer: tuple[str, ...] | None = None
    """Why a person must see the cell, as keys of `rules.REASONS`; empty where no rule asks for
    that, None where the bundle has no rules and its gate, if it has one, lets the picture pass."""
    strangeness: float | None = None
    """How unlike all that the model learned from the picture is: 0 or more, and above 1 it is for a
    person, whatever else is told of it; None where the bundle has no gate."""


def scales_and_bias(
    calibration: Mapping[str, Any], classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Read a calibration: what logarithms are scaled by, and what is added to each class's.

    Returns:
        The temperature as (), one factor for each class (c,), or a matrix (c, c); the bias (c,).

    Raises:
        BundleError: its method is unknown, or its numbers mean nothing for so many classes.

    >>> scales_and_bias({"method": "temperature", "temperature": 2.0}, 2)
    (array(2.), array([0., 0.]))
    """
    method = calibration.get("method", "none") if calibration else "temperature"
    if method not in _SHAPES:
        raise BundleError(
            f"the bundle is calibrated by {method!r}, which this papscope does not know",
            hint="update papscope to the release that wrote it",
        )
    key, dimensions = _SHAPES[method]
    try:
        scales = np.array(calibration.get(key, 1.0 if not dimensions else None), dtype=np.float64)
        bias = np.array(calibration.get("bias") or [0.0] * classes, dtype=np.float64)
    except (TypeError, ValueError):
        scales, bias = np.array(np.nan), np.zeros(0)
    right = scales.shape == (classes,) * dimensions and bias.shape == (classes,)
    finite = bool(np.all(np.isfinite(scales)) and np.all(np.isfinite(bias)))
    if not right or not finite or (not dimensions and scales <= 0):
        raise BundleError(
            f"the bundle's calibration of {classes} classes is damaged: {key} "
            f"{calibration.get(key)!r}, bias {calibration.get('bias')!r}",
            hint="calibrate the bundle again with `papscope calibrate`",
        )
    return scales, bias


_SHAPES: Mapping[str, tuple[str, int]] = {
    "temperature": ("temperature", 0),
    "vector": ("scale", 1),
    "dirichlet": ("matrix", 2),
}
"""By method: under which key a calibration carries its factors, and in how many dimensions."""


def calibrated(
    probabilities: npt.NDArray[np.float64], calibration: Mapping[str, Any]
) -> npt.NDArray[np.float64]:
    """Scale a network's probabilities as its bundle says, by the calibration's method.

    `temperature`: softmax(log(p) / T + bias). A temperature T above 1 makes a network less sure of
    itself and never changes what it calls a picture; a bias may. `vector`: softmax(scale * log(p) +
    bias), class by class. `dirichlet`: softmax(matrix @ log(p) + bias). Each row is scaled by
    itself.

    Args:
        probabilities: (n, c), each row sums to 1.
        calibration: a bundle's; `{}` leaves the probabilities as they are, to the bit.

    Raises:
        BundleError: its method is unknown, or its numbers mean nothing for c classes.

    >>> rows = np.array([[0.9, 0.1]])
    >>> calibrated(rows, {"method": "temperature", "temperature": 2.0}).round(6).tolist()
    [[0.75, 0.25]]
    >>> calibrated(rows, {"method": "dirichlet", "matrix": [[0, 1], [1, 0]]}).round(6).tolist()
    [[0.1, 0.9]]
    """
    if not calibration:
        return probabilities
    scales, bias = scales_and_bias(calibration, probabilities.shape[1])
    if not scales.ndim:
        logits = np.log(np.maximum(probabilities, _LEAST)) / scales + bias
    else:
        logs = np.log(np.maximum(probabilities, LEAST_WEIGHED))
        # A matrix product may round a row by its neighbours; a sum along each row does not.
        weighed = (logs[:, None, :] * scales).sum(axis=2) if scales.ndim == 2 else logs * scales
        logits = weighed + bias
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
    probabilities: npt.NDArray[np.float64],
    classes: Sequence[CellClass],
    rules: Rules | None = None,
    faults: Sequence[Sequence[str]] | None = None,
    strange: Sequence[float] | None = None,
) -> tuple[Answer, ...]:
    """Turn probabilities into answers.

    Args:
        probabilities: (n, c), calibrated; each row sums to 1.
        classes: the model's, in the order of the columns.
        rules: the bundle's; None where it has none.
        faults: of each picture, as `quality.faults` names them; None where they were not looked
            for.
        strange: of each picture, as the bundle's gate tells it; None where it has none. It changes
            neither a label nor a probability.

    >>> classes = (CellClass("NILM", "normal"), CellClass("LSIL", "abnormal"))
    >>> (one,) = answers(np.array([[0.25, 0.75]]), classes, Rules(abnormal=0.5))
    >>> one.label, one.probability, one.abnormal, one.refer
    ('LSIL', 0.75, 0.75, ('abnormal',))
    """
    if probabilities.ndim != 2 or probabilities.shape[1] != len(classes):
        raise ValueError(f"{probabilities.shape} probabilities for {len(classes)} classes")
    names = tuple(one.name for one in classes)
    known = sides(classes)
    graded = four_grades(probabilities, classes)
    told = NO_RULES if rules is None else rules
    sets = None if told.sets is None else held(probabilities, told.sets)
    found = []
    for place, row in enumerate(probabilities):
        each = dict(zip(names, row.tolist(), strict=True))
        label = names[int(np.argmax(row))]
        ill = None if known is None else [each[name] for name in names if known[name] == "abnormal"]
        abnormal = None if ill is None else min(1.0, float(sum(ill)))
        grades = None if graded is None else dict(zip(GRADED, graded[place].tolist(), strict=True))
        grade = None if grades is None else max(grades, key=lambda name: grades[name])
        labels = None if sets is None else _chosen(names, sets[place])
        wrong = () if faults is None else faults[place]
        odd = None if strange is None else float(strange[place])
        unlike = odd is not None and odd > MOST_STRANGE
        asked = told.any or unlike
        refer = reasons(labels, abnormal, wrong, told, unlike=unlike) if asked else None
        found.append(Answer(label, each[label], abnormal, each, grade, grades, labels, refer, odd))
    return tuple(found)


def _chosen(names: Sequence[str], flags: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, is_held in zip(names, flags, strict=True) if is_held)

"""What probabilities amount to, as an answer that a person can read.

Takes   probabilities and what is known of the classes
Gives   frozen `Answer`s
Never   knows a network, a file or a picture
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from papscope.taxonomy import CellClass, sides


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one picture; of a cell, never of a patient."""

    label: str
    """The likeliest class; the first of the model's order where two are equally likely."""
    probability: float
    """Of that class, 0..1, as the network gives it."""
    abnormal: float | None
    """The probabilities of all abnormal classes together, 0..1; None unless every class is known
    to be normal or abnormal, and both occur."""
    probabilities: Mapping[str, float]
    """Of every class, in the model's order; they sum to 1."""


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
    found = []
    for row in probabilities:
        each = dict(zip(names, row.tolist(), strict=True))
        label = names[int(np.argmax(row))]
        ill = None if known is None else [each[name] for name in names if known[name] == "abnormal"]
        abnormal = None if ill is None else min(1.0, float(sum(ill)))
        found.append(Answer(label, each[label], abnormal, each))
    return tuple(found)

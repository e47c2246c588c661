"""Which images a measure speaks of, and why it does not exist where it does not.

Takes   the key of a measure and the images
Gives   how many images and groups it rests on, and the reason where it is undefined
Never   computes a measure
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from papscope.evaluate.sample import Sample

Flags = npt.NDArray[np.bool_]

NO_SIDES = "nobody has said which classes are normal and which abnormal"
NO_ORDER = "the classes have no order of severity"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a measure rests on."""

    n: int
    """Images that it speaks of."""
    groups: int
    """Groups that they come from; of the rarer kind, where two kinds are compared."""
    why: str | None = None
    """The reason why it is undefined; None where it is defined."""


def scope_of_class(key: str, sample: Sample, place: int) -> Scope:
    """Give the scope of one class's measure."""
    of_it, called_it = sample.truth == place, sample.called == place
    if key == "precision":
        return _scope(sample, called_it, "no image was called this class")
    if key == "recall":
        return _scope(sample, of_it, "no image is of this class")
    if key == "f1":
        return _scope(sample, of_it | called_it, "no image is of this class or was called it")
    return _compared(sample, of_it, "no image is of this class", "every image is of this class")


def scope_of_all(key: str, sample: Sample, names: Sequence[str]) -> Scope:
    """Give the scope of a measure of all classes together."""
    every = Scope(len(sample.truth), sample.groups.number)
    if key in ("macro_auroc", "macro_average_precision"):
        missing = [name for k, name in enumerate(names) if not np.any(sample.truth == k)]
        why = f"no image is of {' or '.join(missing)}" if missing else None
        if len(names) == 1:
            why = "every image is of this class"
        return Scope(every.n, every.groups, why)
    if key == "kappa_quadratic":
        return Scope(every.n, every.groups, _no_kappa(sample))
    if key.startswith("abnormal_"):
        return _scope_of_sides(key, sample)
    return every


def _no_kappa(sample: Sample) -> str | None:
    if sample.grades is None:
        return NO_ORDER
    grade = np.array(sample.grades)
    found = np.unique(np.concatenate([grade[sample.truth], grade[sample.called]]))
    return "all images and all calls are of one grade" if found.size < 2 else None


def _scope_of_sides(key: str, sample: Sample) -> Scope:
    if sample.abnormal is None:
        return Scope(len(sample.truth), sample.groups.number, NO_SIDES)
    abnormal = np.array(sample.abnormal)[sample.truth]
    if key == "abnormal_sensitivity":
        return _scope(sample, abnormal, "no image is abnormal")
    if key == "abnormal_specificity":
        return _scope(sample, ~abnormal, "no image is normal")
    return _compared(sample, abnormal, "no image is abnormal", "no image is normal")


def _scope(sample: Sample, chosen: Flags, why: str) -> Scope:
    n = int(chosen.sum())
    return Scope(n, sample.groups.touched(chosen), None if n else why)


def _compared(sample: Sample, chosen: Flags, none: str, all_: str) -> Scope:
    groups = min(sample.groups.touched(chosen), sample.groups.touched(~chosen))
    why = none if not chosen.any() else all_ if chosen.all() else None
    return Scope(len(chosen), groups, why)

"""A gate's numbers: what was learned from, how strange genuine cells are, and how much passes.

Takes   looks and features of cells that were learned from, and of cells that were not
Gives   a `Reference`, and the measure and threshold of its detectors
Never   sees an outlier: a gate is fitted on genuine cells alone, and judged on outliers elsewhere

The threshold is that of `conformal`: a genuine cell of a *new* group passes with the wanted
probability, each group weighing the same. The cells that set it must be of groups that were not
learned from: on its own training cells a network is at home as on no others.

Source of the covariances: O. Ledoit and M. Wolf, J. Multivar. Anal. 88 (2004), 365-411.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from papscope.errors import MeasureError, SettingError
from papscope.evaluate.conformal import group_quantile, groups_needed
from papscope.gate.detectors import (
    DETECTORS,
    Strange,
    direction,
    levelled,
    of_features,
    of_looks,
    unit,
)
from papscope.gate.judging import combined, gate_to_json
from papscope.gate.reference import Reals, Reference
from papscope.seeds import stream

AXES = 64
"""Principal axes at most: what lies beyond is the detector `outside`."""

MOST_CELLS = 1000
"""Training cells that a reference is fitted on and carries."""

HEARD: tuple[str, ...] = ("looks", "class", "outside")
"""The detectors that have a say: chosen on genuine cells of groups left out and on outliers made
for it (noise of several colours, gratings, drawn shapes, text, cells inverted, in grey, in wrong
colours or in pieces), of which the other two found none that these missed."""

_LEAST_CELLS = 20

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Genuine cells, as the network and `appearance` see them."""

    looks: Matrix
    """(n, k), as `appearance` gives."""
    features: Reals
    """(n, 1 + d), energy first."""
    labels: npt.NDArray[np.int64]
    """(n,), places among the bundle's classes."""
    groups: tuple[str, ...]
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


def dealt(labels: Sequence[int], groups: Sequence[str], most: int, seed: int = 0) -> list[int]:
    """Choose cells of every class and of as many groups as can be, the same ones each time.

    Classes take turns, and within a class its groups do.

    Args:
        labels: (n,), the class of each cell.
        groups: (n,), the group of each.
        most: how many to choose; all where there are fewer.
        seed: of the order within a group.

    Returns:
        Their places, in order.

    >>> dealt([0, 0, 0, 0, 1], ["a", "a", "a", "b", "c"], 3)[-2:]
    [3, 4]
    """
    order = stream(seed, "gate cells").permutation(len(labels)).tolist()
    within: dict[tuple[int, str], int] = {}
    rank: dict[int, int] = {}
    for place in order:
        key = (int(labels[place]), groups[place])
        rank[place] = within[key] = within.get(key, -1) + 1
    turns: dict[int, int] = {}
    turn: dict[int, int] = {}
    for place in sorted(order, key=lambda one: rank[one]):
        label = int(labels[place])
        turn[place] = turns[label] = turns.get(label, -1) + 1
    return sorted(sorted(turn, key=lambda one: (turn[one], labels[one]))[:most])


def fit_reference(cells: Cells, classes: int) -> Reference:
    """Say in numbers what was learned from.

    Args:
        cells: that the model learned from.
        classes: of the model.

    Raises:
        MeasureError: there are too few cells, or none of some class.
    """
    from sklearn.covariance import LedoitWolf

    counts = np.bincount(cells.labels, minlength=classes)
    if len(cells) < _LEAST_CELLS or counts.min() < 1:
        raise MeasureError(
            f"{len(cells)} training cells, {counts.min()} of the rarest class, say too little of "
            "what was learned from",
            hint=f"give {_LEAST_CELLS} or more, and some of each class",
        )
    looks = levelled(cells.looks)
    units = np.stack([unit(row) for row in cells.features[:, 1:]]).astype(np.float64)
    centre = units.mean(axis=0)
    _, lengths, axes = np.linalg.svd(units - centre, full_matrices=False)
    count = min(AXES, len(cells) // 2, int((lengths > 1e-6 * lengths[0]).sum()))
    axes = axes[:count]
    axes *= np.sign(axes[np.arange(count), np.abs(axes).argmax(axis=1)])[:, None]
    axes = axes.astype(np.float16).astype(np.float64)  # as they will be stored
    along = (units - centre) @ axes.T
    means = np.stack([along[cells.labels == one].mean(axis=0) for one in range(classes)])
    _, numbers = np.unique(cells.groups, return_inverse=True)
    single = np.float32
    return Reference(
        looks_centre=looks.mean(axis=0).astype(single),
        looks_whitening=_whitening(LedoitWolf().fit(_scaled(looks)).covariance_, looks),
        centre=centre.astype(single),
        axes=axes.astype(single),
        spread=along.std(axis=0).astype(single),
        class_means=means.astype(single),
        whitening=_whitening(
            LedoitWolf(assume_centered=True).fit(_scaled(along - means[cells.labels])).covariance_,
            along - means[cells.labels],
        ),
        cells=direction(along.astype(single)).astype(np.float16).astype(single),
        labels=cells.labels.astype(np.int32),
        groups=numbers.astype(np.int32),
        ids=cells.ids,
        cell_looks=looks.astype(np.float16).astype(single),
    )


def _scaled(rows: Matrix) -> Matrix:
    """Divide each column by its spread, so that shrinkage treats all alike."""
    return rows / _spreads(rows)


def _spreads(rows: Matrix) -> Matrix:
    return np.asarray(np.maximum(rows.std(axis=0), 1e-6))


def _whitening(covariance: Matrix, rows: Matrix) -> Reals:
    """Give the inverse root of a covariance of scaled rows, for rows that are not scaled."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors / np.sqrt(np.maximum(values, 1e-9))
    return np.asarray(root / _spreads(rows)[:, None], dtype=np.float32)


def measured(reference: Reference, cells: Cells) -> Strange:
    """Give what every detector says of cells, (n, 5)."""
    rest = np.array([of_features(reference, row) for row in cells.features])
    return np.column_stack([of_looks(reference, cells.looks), rest])


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What the detectors said of genuine cells of groups that were not learned from."""

    strange: Strange
    """(n, 5), by one model and its reference."""
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """How detectors are brought to one measure, and how much of it passes."""

    middle: Matrix
    width: Matrix
    threshold: float
    accept: float
    """The share of genuine cells of a new group that shall pass."""
    n: int
    groups: int

    def to_json(self) -> dict[str, object]:
        """Give the form in which a bundle carries it."""
        told = {"accept": self.accept, "n": self.n, "groups": self.groups}
        return {**gate_to_json(self.middle, self.width, self.threshold), **told}


def fit_measure(
    parts: Sequence[HeldOut], accept: float = 0.95, heard: Sequence[str] = HEARD
) -> Measure:
    """Fit the measure and the threshold.

    Args:
        parts: by each model that answered: one for a validation part, one for each fold of a
            cross-validation. Every part is brought to its own measure before they are put together,
            and the measure of a model that learned from all is the mean of theirs.
        accept: the share of genuine cells of a new group that shall pass, 0..1.
        heard: the detectors that have a say.

    Raises:
        SettingError: the share is not between 0 and 1.
        MeasureError: there are too few groups to promise it.
    """
    if not 0 < accept < 1:
        raise SettingError(f"accept is {accept:g}", hint="give a share between 0 and 1, as 0.95")
    own = [_scale(one.strange, heard) for one in parts]
    found = np.concatenate(
        [combined(one.strange, *scale) for one, scale in zip(parts, own, strict=True)]
    )
    names = np.array([name for one in parts for name in one.groups])
    groups = len(set(names.tolist()))
    threshold = group_quantile(found, names, accept)
    if not np.isfinite(threshold):
        raise MeasureError(
            f"{groups} groups are too few to promise that {accept:.0%} of a new group's cells pass",
            hint=f"give {groups_needed(accept)} groups or more, or promise less by --accept",
        )
    middle = np.mean([scale[0] for scale in own], axis=0)
    width = np.mean([scale[1] for scale in own], axis=0)
    return Measure(middle, width, max(threshold, 1e-6), accept, len(found), groups)


def _scale(found: Strange, heard: Sequence[str]) -> tuple[Matrix, Matrix]:
    middle, most = np.quantile(found, (0.5, 0.95), axis=0)
    width = np.maximum(most - middle, 1e-6)
    silent = np.array([name not in heard for name in DETECTORS])
    return np.where(silent, 0.0, middle), np.where(silent, np.inf, width)

"""What a head learns from: features, classes, weights and inner folds, side by side.

Takes   features of training images in one orientation or eight
Gives   a frozen `Sample`, and parts of it
Never   lets two orientations of one image lie in different folds
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from papscope.errors import SplitError, TrainingError
from papscope.fusing.settings import Balance
from papscope.manifest import Manifest, Row
from papscope.parts.dealing import dealt
from papscope.seeds import key
from papscope.split import Split

Numbers = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]
Chances = npt.NDArray[np.float64]

_POWER: dict[Balance, float] = {"none": 0.0, "root": 0.5, "full": 1.0}


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Training images as numbers."""

    features: Numbers
    """(o, n, d): o orientations."""
    truth: Places
    """(n,), places of the classes."""
    fold: Places
    """(n,), the inner fold of each image."""
    weights: Chances
    """(n,), how much each image counts; 1 on average."""
    classes: int

    @property
    def upright(self) -> Sample:
        """The same images in their first orientation alone."""
        return replace(self, features=self.features[:1])

    @property
    def folds(self) -> tuple[int, ...]:
        """The inner folds' numbers."""
        return tuple(sorted(set(self.fold.tolist())))

    def part(self, keep: npt.NDArray[np.bool_]) -> Sample:
        """Give some of the images, (n,) of yes or no."""
        return replace(
            self,
            features=self.features[:, keep],
            truth=self.truth[keep],
            fold=self.fold[keep],
            weights=self.weights[keep],
        )

    def columns(self, keep: slice) -> Sample:
        """Give some of the features."""
        return replace(self, features=self.features[:, :, keep])

    def laid_out(self) -> tuple[Numbers, Places, Chances]:
        """Give features (o n, d), classes and weights, each orientation counting 1 / o."""
        count = len(self.features)
        flat = self.features.reshape(-1, self.features.shape[2])
        return flat, np.tile(self.truth, count), np.tile(self.weights / count, count)


def balanced(truth: Places, classes: int, balance: Balance) -> Chances:
    """Give each image's weight, 1 on average: its class's frequency to the power -1, -0.5 or 0.

    >>> balanced(np.array([0, 0, 0, 1]), 2, "full").round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    """
    counts = np.bincount(truth, minlength=classes)
    raised = np.maximum(counts, 1).astype(np.float64) ** -_POWER[balance]
    return np.asarray(raised[truth] / raised[truth].mean())


def inner_folds(
    manifest: Manifest, split: Split, rows: Sequence[Row], folds: int, seed: int
) -> Places:
    """Deal training rows to inner folds as the split was cut: no group is divided.

    Raises:
        SplitError: a class has too few groups.
    """
    by = "group" if split.protocol.by == "given" else split.protocol.by
    shares = {str(fold): 1 / folds for fold in range(folds)}
    try:
        part_of = dealt(manifest, rows, by, shares, key(seed, "inner folds"))
    except SplitError as problem:
        raise SplitError(
            f"the training part cannot be cut into {folds} inner folds: {problem}",
            hint="ask for fewer --inner-folds, or train the head mlp, which needs none",
        ) from None
    return np.array([int(part_of[row.id]) for row in rows], dtype=np.int64)


def check_measured(sample: Sample, names: Sequence[str]) -> None:
    """Refuse a sample in which a class has no image, or images in a single fold alone.

    Raises:
        TrainingError: says which class.
    """
    for place, name in enumerate(names):
        if len(set(sample.fold[sample.truth == place].tolist())) < 2:
            raise TrainingError(
                f"too few training images of {name} have a mask to learn cell shape from",
                hint="leave --shape out, or use images with masks",
            )

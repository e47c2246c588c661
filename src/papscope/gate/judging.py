"""The gate that a bundle carries: which pictures are unlike anything that the model learned from.

Takes   a bundle, and squares with what its engine tells of them
Gives   how strange each is, where 1 is the most that passes, and the training cells most like it
Never   changes a label or a probability, or fits a number (`evaluate.gating` does)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.bundle import Bundle
from papscope.errors import BundleError
from papscope.gate.detectors import DETECTORS, Strange, likeness, strange, unit
from papscope.gate.reference import Reals, Reference
from papscope.image import Pixels

_DAMAGED = "fit it again with `papscope gate`"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The training cells that a picture is most like, the nearest first."""

    ids: tuple[str, ...]
    """As the manifest that was learned from names them."""
    labels: tuple[str, ...]
    """The names of their classes."""
    groups: tuple[int, ...]
    """A number for each group: the same for cells of one group."""
    distances: tuple[float, ...]
    """One less the cosine between the features, seen from their mean: 0 the same way, 2 opposite;
    in no unit, and of no meaning between models."""


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """What a picture must be like to be answered for."""

    reference: Reference
    middle: npt.NDArray[np.float64]
    """(5,), of each detector: its median on genuine cells of groups not learned from."""
    width: npt.NDArray[np.float64]
    """(5,), of each detector: from there to the 95 % quantile; infinite where it has no say."""
    threshold: float
    """The most strangeness that passes, as `combined` gives it; more than 0."""
    classes: tuple[str, ...]
    """The names of the bundle's classes."""

    def strangeness(
        self, squares: Sequence[Pixels] | npt.NDArray[np.uint8], features: Reals
    ) -> npt.NDArray[np.float64]:
        """Say how strange pictures are.

        Args:
            squares: (n, s, s, 3), RGB, 0..255, as the network takes them.
            features: (n, 1 + d), as the engine tells them.

        Returns:
            (n,), 0 or more; more than 1 is unlike anything that was learned from.

        Raises:
            BundleError: the features are not those that the gate was fitted for.
        """
        try:
            found = strange(self.reference, squares, features)
        except ValueError as wrong:
            raise BundleError(f"the gate is another model's: {wrong}", hint=_DAMAGED) from None
        return np.maximum(0.0, combined(found, self.middle, self.width) / self.threshold)

    def neighbours(self, features: Reals, count: int) -> tuple[Neighbours, ...]:
        """Find the training cells that each picture is most like.

        Args:
            features: (n, 1 + d), as the engine tells them.
            count: how many to give for each; all where there are fewer.

        Raises:
            BundleError: the features are not those that the gate was fitted for.
        """
        own = self.reference
        if features.ndim != 2 or features.shape[1] != 1 + own.centre.size:
            raise BundleError(f"the gate is another model's: {features.shape}", hint=_DAMAGED)
        return tuple(self._nearest(row, count) for row in features)

    def _nearest(self, row: Reals, count: int) -> Neighbours:
        own = self.reference
        near = likeness(own, own.axes @ (unit(row[1:]) - own.centre))
        order = np.argsort(-near, kind="stable")[:count].tolist()
        return Neighbours(
            ids=tuple(own.ids[one] for one in order),
            labels=tuple(self.classes[own.labels[one]] for one in order),
            groups=tuple(int(own.groups[one]) for one in order),
            distances=tuple(float(1.0 - near[one]) for one in order),
        )


def combined(
    found: Strange, middle: npt.NDArray[np.float64], width: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Bring detectors to one measure, and give what the strictest of them says.

    Args:
        found: (n, 5), as `detectors.strange` gives.
        middle: (5,), what is subtracted.
        width: (5,), what the rest is divided by; infinite for a detector that has no say.

    Returns:
        (n,); 1 where the strictest detector is at the 95 % quantile of genuine cells.

    >>> rows = np.array([[2.0, 0, 0, 0, 0], [0, 0, 0, 0, -9]])
    >>> combined(rows, np.zeros(5), np.full(5, 4.0)).tolist()
    [0.5, 0.0]
    """
    return np.asarray(((found - middle) / width).max(axis=1))


def gate_of(bundle: Bundle) -> Gate | None:
    """Read the gate that a bundle carries; None where it carries none.

    Raises:
        BundleError: it is damaged, or a part of it is missing.
    """
    told = bundle.description.gate
    if not told and not bundle.reference:
        return None
    if not told or not bundle.reference:
        raise BundleError("the bundle carries half a gate", hint=_DAMAGED)
    names = tuple(one.name for one in bundle.description.classes)
    reference = Reference.from_tensors(bundle.reference, len(names))
    return Gate(reference, *_numbers(told), names)


def gate_to_json(
    middle: npt.NDArray[np.float64], width: npt.NDArray[np.float64], threshold: float
) -> dict[str, Any]:
    """Give the form in which a bundle carries the numbers; a detector without a say is left out."""
    numbers = zip(DETECTORS, middle.tolist(), width.tolist(), strict=True)
    heard = {name: [m, w] for name, m, w in numbers if np.isfinite(w)}
    return {"detectors": heard, "threshold": float(threshold)}


def _numbers(
    told: Mapping[str, Any],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    try:
        heard = dict(told["detectors"])
        threshold = float(told["threshold"])
        pairs = [heard.pop(name, (0.0, np.inf)) for name in DETECTORS]
        middle, width = np.array(pairs, dtype=np.float64).T
    except (KeyError, TypeError, ValueError) as wrong:
        raise BundleError(f"the bundle's gate is damaged: {wrong}", hint=_DAMAGED) from None
    right = np.isfinite(middle).all() and (width > 0).all() and 0 < threshold < np.inf
    if heard or not right or not np.isfinite(width).any():
        raise BundleError("the bundle's gate is damaged, or of a later papscope", hint=_DAMAGED)
    return middle, width, threshold

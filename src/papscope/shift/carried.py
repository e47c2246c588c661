"""The training pictures that a bundle carries as numbers, as one side of a comparison.

Takes   a bundle's reference, and what was found of new pictures
Gives   both sides in the same measures
Never   holds a picture: only what was measured of some

A reference holds cells of all classes in turn. So of each class as many are taken as the model's
calls of the new pictures make up: otherwise what differs would be the classes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from papscope.bundle import Bundle
from papscope.errors import BundleError, MeasureError
from papscope.gate.detectors import direction
from papscope.gate.reference import Reference
from papscope.seeds import stream
from papscope.shift.given import Given
from papscope.shift.measures import NAMES
from papscope.shift.measuring import Looked

_LEAST = 20


def reference_of(bundle: Bundle, name: str) -> Reference:
    """Read what a bundle carries of its training pictures.

    Raises:
        BundleError: nothing, or no looks of single cells.
    """
    hint = "fit it with `papscope gate`, or give the manifest of the training images"
    if not bundle.reference:
        raise BundleError(f"{name} carries no numbers of what it learned from", hint=hint)
    found = Reference.from_tensors(bundle.reference, len(bundle.description.classes))
    if found.cell_looks is None:
        raise BundleError(f"{name} carries no looks of its training cells", hint=hint)
    return found


def both(reference: Reference, bundle: Bundle, new: Looked, seed: int) -> tuple[Looked, Looked]:
    """Give training and new pictures in the measures that a reference has.

    Args:
        reference: of the bundle.
        bundle: that answered for the new pictures.
        new: looked at with the bundle's eyes.
        seed: of the cells that are drawn.

    Raises:
        MeasureError: the reference has too few cells of the classes that the new ones are called.
    """
    assert reference.cell_looks is not None
    assert new.probabilities is not None
    classes = bundle.description.classes
    called = np.bincount(new.probabilities.argmax(axis=1), minlength=len(classes))
    places = _matched(reference.labels, called / called.sum(), seed)
    looks = np.full((len(reference.ids), len(NAMES)), np.nan)
    looks[:, : reference.cell_looks.shape[1]] = np.sinh(reference.cell_looks.astype(np.float64))
    given = Given(
        name="the model's training cells",
        sources=(),
        groups=tuple(str(one) for one in reference.groups.tolist()),
        classes=classes,
        of=len(reference.ids),
    )
    train = Looked(given.chosen(places), looks[places], reference.cells[places])
    if new.features is None:
        return replace(train, features=None), new
    along = (new.features - reference.centre) @ reference.axes.T
    return train, replace(new, features=direction(along.astype(np.float32)))


def _matched(
    labels: npt.NDArray[np.int32], shares: npt.NDArray[np.float64], seed: int
) -> list[int]:
    """Choose as many cells as can be with the wanted share of each class."""
    counts = np.bincount(labels, minlength=len(shares))
    asked = shares > 0
    most = float((counts[asked] / shares[asked]).min())
    if most < _LEAST:
        raise MeasureError(
            f"{most:.0f} training cells of what it calls the new pictures are too few to compare",
            hint="give the manifest of the training images",
        )
    order = stream(seed, "shift, reference").permutation(len(labels))
    chosen: list[int] = []
    for one in np.flatnonzero(asked):
        of_class = order[labels[order] == one]
        chosen.extend(int(place) for place in of_class[: round(most * shares[one])])
    return sorted(chosen)

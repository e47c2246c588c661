"""What a model learned from, in numbers: as a bundle carries it.

Takes   named arrays, as `reference.safetensors` holds them
Gives   a frozen `Reference`, or the arrays again
Never   fits a number (`evaluate.gating` does), or holds a picture
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.appearance import NAMES
from papscope.errors import BundleError

Reals: TypeAlias = npt.NDArray[np.float32]

_CELLS = "cells.looks"
_LOOKS = np.array("\n".join(NAMES).encode())


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Where the pictures lie that a model learned from, and some of its cells."""

    looks_centre: Reals
    """(k,), the mean of what `appearance` measures, after `levelled`."""
    looks_whitening: Reals
    """(k, k): what is multiplied by it varies by 1 in every direction."""
    centre: Reals
    """(d,), the mean of the features."""
    axes: Reals
    """(p, d), the principal axes, each of length 1."""
    spread: Reals
    """(p,), the standard deviation along each axis."""
    class_means: Reals
    """(c, p), of the classes, along the axes."""
    whitening: Reals
    """(p, p), for what is left when a cell's class mean is taken off."""
    cells: Reals
    """(b, p), directions of training cells from the centre, each of length 1; see `direction`."""
    labels: npt.NDArray[np.int32]
    """(b,), of these cells, as places among the bundle's classes."""
    groups: npt.NDArray[np.int32]
    """(b,), a number for each group: the same for cells of one group."""
    ids: tuple[str, ...]
    """Of these cells, as the manifest names them."""
    cell_looks: Reals | None = None
    """(b, k), what `appearance` measures of these cells, after `levelled`; None where the bundle
    does not carry it."""

    def to_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Give the arrays that a bundle carries; what is large in numbers of 16 bits."""
        text = "\n".join(self.ids).encode()
        return {
            "looks.names": np.frombuffer(_LOOKS.item(), dtype=np.uint8),
            "looks.centre": self.looks_centre,
            "looks.whitening": self.looks_whitening,
            "features.centre": self.centre,
            "features.axes": self.axes.astype(np.float16),
            "features.spread": self.spread,
            "features.class_means": self.class_means,
            "features.whitening": self.whitening,
            "cells.directions": self.cells.astype(np.float16),
            "cells.labels": self.labels,
            "cells.groups": self.groups,
            "cells.ids": np.frombuffer(text, dtype=np.uint8),
            **({} if self.cell_looks is None else {_CELLS: self.cell_looks.astype(np.float16)}),
        }

    @classmethod
    def from_tensors(cls, told: Mapping[str, npt.NDArray[Any]], classes: int) -> Reference:
        """Read the arrays that a bundle carries.

        Args:
            told: as `to_tensors` gives.
            classes: of the bundle.

        Raises:
            BundleError: some are missing, of the wrong shape, or no numbers; or they were fitted
                by a papscope that measured pictures otherwise.
        """
        try:
            if told["looks.names"].tobytes() != _LOOKS.item():
                raise ValueError("pictures were measured otherwise")
            found = cls(
                **{name: _reals(told[key]) for name, key in _REALS.items()},
                labels=np.asarray(told["cells.labels"], dtype=np.int32),
                groups=np.asarray(told["cells.groups"], dtype=np.int32),
                ids=tuple(told["cells.ids"].tobytes().decode().split("\n")),
                cell_looks=_reals(told[_CELLS]) if _CELLS in told else None,
            )
            found._check(classes)
        except (KeyError, ValueError, TypeError, AttributeError) as wrong:
            raise BundleError(
                f"what the bundle carries of its training cells is damaged, or of another "
                f"papscope: {wrong}",
                hint="fit it again with `papscope gate`",
            ) from None
        return found

    def _check(self, classes: int) -> None:
        k, d = self.looks_centre.size, self.centre.size
        p, b = self.spread.size, len(self.ids)
        wanted = {
            "looks_centre": (len(NAMES),),
            "looks_whitening": (k, k),
            "centre": (d,),
            "axes": (p, d),
            "spread": (p,),
            "class_means": (classes, p),
            "whitening": (p, p),
            "cells": (b, p),
            "labels": (b,),
            "groups": (b,),
            **({} if self.cell_looks is None else {"cell_looks": (b, k)}),
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} is {getattr(self, name).shape}; want {shape}")
        if b and not (self.labels.min() >= 0 and self.labels.max() < classes):
            raise ValueError(f"cells of classes beyond the {classes} of the bundle")


_REALS: Mapping[str, str] = {
    "looks_centre": "looks.centre",
    "looks_whitening": "looks.whitening",
    "centre": "features.centre",
    "axes": "features.axes",
    "spread": "features.spread",
    "class_means": "features.class_means",
    "whitening": "features.whitening",
    "cells": "cells.directions",
}


def _reals(values: npt.NDArray[Any]) -> Reals:
    found = np.asarray(values, dtype=np.float32)
    if not np.isfinite(found).all():
        raise ValueError("a number is infinite or none")
    return found

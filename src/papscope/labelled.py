"""The rows of a manifest as what a network is asked and what it should answer.

Takes   a manifest and rows of it
Gives   where their pictures lie, and the places of their classes
Never   opens a picture, or needs torch
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from papscope.manifest import Manifest, Row
from papscope.preprocess import Source


def sources_of(manifest: Manifest, rows: Sequence[Row]) -> list[Source]:
    """Say where the rows' pictures lie."""
    return [Source(manifest.file_of(row), row.box) for row in rows]


def targets(manifest: Manifest, rows: Sequence[Row]) -> npt.NDArray[np.int64]:
    """Give each row's class as its place among the manifest's classes, (n,)."""
    place = {name: index for index, name in enumerate(manifest.class_names)}
    return np.array([place[row.label] for row in rows if row.label is not None], dtype=np.int64)

"""Outlines of cells and nuclei, as SIPaKMeD writes them: one `x,y` pair a line.

Takes   a `.dat` file
Gives   (p, 2) points in pixels of the image, origin top left; the polygon is not closed
Never   mends a damaged file
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
"""(p, 2): x, y in pixels."""


def read_outline(path: Path) -> Points:
    """Read one outline.

    Raises:
        ValueError: the file is no list of at least three pairs of numbers.
        OSError: the file cannot be read.
    """
    lines = path.read_bytes().replace(b",", b" ").splitlines()
    pairs = [pair for line in lines if (pair := line.split())]
    if len(pairs) < 3 or any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"{path.name} is no list of three or more x, y pairs")
    points = np.array(pairs, dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("a coordinate is not a number")
    return points


def reaches_out(points: Points, width: int, height: int) -> bool:
    """Whether an outline leaves its image.

    >>> reaches_out(np.array([[0.0, 0.0], [9.5, 3.0]]), width=10, height=10)
    False
    """
    return bool((points < 0).any() or (points > (width, height)).any())

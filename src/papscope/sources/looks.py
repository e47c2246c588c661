"""What a drawn cell of each class looks like, in numbers, and how these vary.

Takes   a class's name, how far cells stray, and a random stream
Gives   the look of one cell
Never   draws; never claims to be measured: the numbers are chosen by eye

The five looks follow the words in which Plissiti et al., ICIP 2018, describe SIPaKMeD's classes.
Classes overlap on purpose: some cells stand between two classes, as in life.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Look:
    """One cell's look. Densities are optical densities: 1 lets a tenth of the light through."""

    radius: float
    """Of the cell, where 1 is half a crop's side."""
    stretch: float
    """Long axis over short axis."""
    corners: float
    """0 is round, 1 is a polygon."""
    ragged: float
    """How far the outline strays, as a share of the radius."""
    ink: float
    """Density of the cytoplasm."""
    eosin: float
    """Share of the cytoplasm's colour that is pink; what eosin and orange leave is blue-green."""
    orange: float
    """Share of the cytoplasm's colour that is orange: keratin."""
    halo: float
    """How empty the space around the nucleus is, 0..1."""
    nucleus: float
    """Radius of the nucleus, as a share of the cell's."""
    nucleus_stretch: float
    """Long axis over short axis."""
    nucleus_ink: float
    """Density of the nucleus."""
    chromatin: float
    """How coarse the nucleus is, 0..1."""
    offset: float
    """How far from the middle the nucleus lies, as a share of the cell's radius."""
    second: float
    """How probable a second nucleus is, 0..1."""


MEANS: Mapping[str, Look] = {
    # Many orange cells with dark, shrunken nuclei; often elongated.
    "Dyskeratotic": Look(
        0.62, 1.45, 0.55, 0.06, 0.52, 0.42, 0.42, 0.10, 0.30, 1.35, 0.98, 0.45, 0.15, 0.15
    ),
    # A cleared space around an enlarged nucleus, a dense rim, often two nuclei.
    "Koilocytotic": Look(
        0.74, 1.25, 0.50, 0.05, 0.42, 0.40, 0.10, 0.75, 0.25, 1.30, 0.80, 0.50, 0.15, 0.30
    ),
    # Medium, dense, mostly rounded.
    "Metaplastic": Look(
        0.62, 1.15, 0.30, 0.03, 0.52, 0.22, 0.05, 0.10, 0.32, 1.20, 0.70, 0.35, 0.15, 0.03
    ),
    # Small and round, with a large nucleus.
    "Parabasal": Look(
        0.52, 1.12, 0.12, 0.02, 0.40, 0.25, 0.03, 0.06, 0.42, 1.15, 0.66, 0.25, 0.12, 0.02
    ),
    # Large, thin, many-cornered, with a small dark nucleus.
    "Superficial-Intermediate": Look(
        0.84, 1.15, 0.85, 0.05, 0.24, 0.50, 0.05, 0.12, 0.17, 1.20, 0.95, 0.20, 0.08, 0.02
    ),
}
"""The look that a class's cells vary around, by the class's name."""

SPREAD = Look(0.07, 0.11, 0.15, 0.02, 0.07, 0.12, 0.08, 0.12, 0.035, 0.12, 0.12, 0.13, 0.08, 0.0)
"""Standard deviation of each number from cell to cell."""

LEAST = Look(0.30, 1.0, 0.0, 0.0, 0.10, 0.0, 0.0, 0.0, 0.10, 1.0, 0.35, 0.0, 0.0, 0.0)
MOST = Look(1.00, 2.2, 1.0, 0.12, 1.00, 0.9, 0.9, 1.0, 0.60, 2.0, 1.50, 1.0, 0.40, 1.0)

RESEMBLES: Mapping[str, tuple[str, ...]] = {
    "Dyskeratotic": ("Koilocytotic", "Superficial-Intermediate", "Metaplastic"),
    "Koilocytotic": ("Superficial-Intermediate", "Dyskeratotic", "Metaplastic"),
    "Metaplastic": ("Parabasal", "Koilocytotic", "Superficial-Intermediate"),
    "Parabasal": ("Metaplastic", "Koilocytotic"),
    "Superficial-Intermediate": ("Koilocytotic", "Metaplastic"),
}
"""The classes that a class is taken for."""


def vary(name: str, spread: float, between: float, rng: np.random.Generator) -> Look:
    """Give the look of one cell of a class.

    Args:
        name: a key of `MEANS`.
        spread: by how much the variation from cell to cell is multiplied; 0 gives the mean.
        between: share of the cells, 0..1, that stand on the way to another class; half of the way
            at most, so that the label stays right.
        rng: the cell's own random stream.

    >>> vary("Parabasal", 0.0, 0.0, np.random.default_rng(1)) == MEANS["Parabasal"]
    True
    """
    mean = np.array(astuple(MEANS[name]))
    chance, way = rng.random(), rng.uniform(0.2, 0.5)
    other = RESEMBLES[name][int(rng.integers(len(RESEMBLES[name])))]
    if chance < between:
        mean = (1 - way) * mean + way * np.array(astuple(MEANS[other]))
    stray = rng.normal(size=mean.size) * np.array(astuple(SPREAD)) * spread
    kept = np.clip(mean + stray, astuple(LEAST), astuple(MOST))
    return Look(*(float(value) for value in kept))

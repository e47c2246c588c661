"""The proof that an exported model answers as the model that it was exported from.

Takes   two engines, and pictures or none
Gives   how far their answers are apart
Never   decides whether that is near enough
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from papscope.export.images import squares_at
from papscope.predict.engine import Engine
from papscope.predict.sources import below
from papscope.preprocess import Preprocess, Source, Squares
from papscope.progress import Tell, silent
from papscope.sources.synthetic import SyntheticSettings, draw

MOST = 256
"""More pictures than this are thinned out evenly."""

_DRAWN = SyntheticSettings(slides_per_class=2, cells_per_slide=4)
_SEED = 0


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the answers of two engines are apart."""

    images: int
    largest_difference: float
    """Of any class's probability for any picture, 0..1."""
    other_classes: int
    """How many pictures the two engines take for different classes."""


def compare(one: Engine, other: Engine, squares: Squares, tell: Tell = silent) -> Parity:
    """Ask two engines about the same squares (n, s, s, 3)."""
    unit = max(one.at_once, other.at_once)
    apart, differing = 0.0, 0
    for start in range(0, len(squares), unit):
        some = squares[start : start + unit]
        here, there = one.probabilities(some), other.probabilities(some)
        apart = max(apart, float(np.abs(here - there).max()))
        differing += int((here.argmax(axis=1) != there.argmax(axis=1)).sum())
        tell("comparing answers", start + len(some), len(squares))
    return Parity(len(squares), apart, differing)


def squares_of(sources: Sequence[Source], settings: Preprocess) -> Squares:
    """Prepare pictures to compare by; where none are given, of cells drawn from a fixed seed.

    Args:
        sources: the pictures; of many, every so manieth is taken.
        settings: the model's preprocessing.

    Returns:
        (n, s, s, 3), RGB, 0..255.

    Raises:
        ImageError: a picture cannot be read.
    """
    if sources:
        chosen = np.linspace(0, len(sources) - 1, min(MOST, len(sources))).round().astype(int)
        return squares_at([sources[place] for place in chosen], settings)
    with TemporaryDirectory(prefix="papscope-") as place:
        root = Path(place) / "drawn"
        draw(root, _DRAWN, _SEED)
        cells = [Source(file) for file in below(root) if file.parent.name == "CROPPED"]
        return squares_at(cells, settings)

"""What answers for squares, whatever it runs on.

Takes   squares
Gives   probabilities
Never   knows a file, a picture's size, or what made the model
"""

from __future__ import annotations

from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from papscope.preprocess import Squares
from papscope.scores import Probabilities
from papscope.shape.measures import Measured

Features: TypeAlias = npt.NDArray[np.float32]


class Engine(Protocol):
    """A model made ready to answer; the same square gets the same answer in any company."""

    @property
    def at_once(self) -> int:
        """How many squares keep it busy; it is best given this many, or a multiple."""

    def probabilities(self, squares: Squares) -> Probabilities:
        """Answer for one or more squares (n, s, s, 3) with probabilities (n, c)."""


@runtime_checkable
class MeasuringEngine(Protocol):
    """An engine that can also be told what was measured of the cells."""

    def measured(self, squares: Squares, measures: Measured) -> Probabilities:
        """Answer for squares and measures (n, k), NaN for a cell that was not measured."""


@runtime_checkable
class FeaturingEngine(Protocol):
    """An engine that can also tell what an answer rests on."""

    def featured(
        self, squares: Squares, measures: Measured | None = None
    ) -> tuple[Probabilities, Features | None]:
        """Answer for squares with probabilities (n, c), the very ones that it gives otherwise.

        Returns:
            These, and features (n, 1 + d): the energy (logarithm of the sum of exponentials of the
            logits), then what the network's last layer takes. None where the model tells none:
            one exported by an early papscope.
        """


def featured(
    engine: Engine, squares: Squares, measures: Measured | None = None
) -> tuple[Probabilities, Features | None]:
    """Let an engine answer, and tell its features if it can."""
    if isinstance(engine, FeaturingEngine):
        return engine.featured(squares, measures)
    return answered(engine, squares, measures), None


def answered(engine: Engine, squares: Squares, measures: Measured | None) -> Probabilities:
    """Let an engine answer, by measures too where there are any and it takes them."""
    if measures is not None and isinstance(engine, MeasuringEngine):
        return engine.measured(squares, measures)
    return engine.probabilities(squares)

"""What answers for squares, whatever it runs on.

Takes   squares
Gives   probabilities
Never   knows a file, a picture's size, or what made the model
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from papscope.preprocess import Squares
from papscope.scores import Probabilities
from papscope.shape.measures import Measured


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


def answered(engine: Engine, squares: Squares, measures: Measured | None) -> Probabilities:
    """Let an engine answer, by measures too where there are any and it takes them."""
    if measures is not None and isinstance(engine, MeasuringEngine):
        return engine.measured(squares, measures)
    return engine.probabilities(squares)

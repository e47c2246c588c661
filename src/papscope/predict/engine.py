"""What answers for squares, whatever it runs on.

Takes   squares
Gives   probabilities
Never   knows a file, a picture's size, or what made the model
"""

from __future__ import annotations

from typing import Protocol

from papscope.preprocess import Squares
from papscope.scores import Probabilities


class Engine(Protocol):
    """A model made ready to answer; the same square gets the same answer in any company."""

    @property
    def at_once(self) -> int:
        """How many squares keep it busy; it is best given this many, or a multiple."""

    def probabilities(self, squares: Squares) -> Probabilities:
        """Answer for one or more squares (n, s, s, 3) with probabilities (n, c)."""

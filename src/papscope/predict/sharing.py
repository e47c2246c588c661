"""Pictures shared out among threads, each picture by itself.

Takes   squares and what answers for one
Gives   the answers in order
Never   lets a picture's answer depend on its company or on the number of threads
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.predict.engine import Features
from papscope.preprocess import Squares
from papscope.scores import Probabilities, softmax

One: TypeAlias = tuple[npt.NDArray[np.float64], Features | None]
"""Logits (1, c), and features (1, 1 + d) where the model tells them."""


def shared_out(
    one: Callable[[Squares], One], squares: Squares, workers: int
) -> tuple[Probabilities, Features | None]:
    """Answer for squares, each by itself.

    Args:
        one: answers for a single square (1, s, s, 3).
        squares: (n, s, s, 3), RGB, 0..255; one or more.
        workers: how many are worked on at once.

    Returns:
        Probabilities (n, c), and features (n, 1 + d) or None.
    """
    if not len(squares):
        raise ValueError("there is no square to answer for")
    each = (squares[place : place + 1] for place in range(len(squares)))
    if min(workers, len(squares)) == 1:
        found = list(map(one, each))
    else:
        with ThreadPoolExecutor(workers, "papscope-answer") as pool:
            found = list(pool.map(one, each))
    features = [told for _, told in found if told is not None]
    probabilities = softmax(np.concatenate([logits for logits, _ in found]))
    return probabilities, np.concatenate(features) if features else None

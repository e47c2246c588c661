"""What a map is, and what all ways of making one share.

Takes   probabilities, squares
Gives   the number that maps explain, and the picture without detail that they are measured against
Never   knows a network, or imports torch

A map says of each pixel how much of the answer rests on it. What is explained is the log-odds of
one class, log p - log(1 - p): unlike the probability, it still moves where a network is sure.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from papscope.image import Pixels
from papscope.scores import Probabilities

Map: TypeAlias = npt.NDArray[np.float32]
"""(s, s); above 0 speaks for the class, below 0 against it. Only ratios within a map matter."""

Method = Literal["grad-cam++", "layer-cam", "integrated-gradients", "occlusion"]

METHODS: tuple[Method, ...] = get_args(Method)

FADE = 1 / 8
"""Standard deviation of the blur that takes detail away, as a share of the side."""

_LEAST = 1e-12


class MapMaker(Protocol):
    """One way of making maps, ready for one model."""

    def __call__(self, square: Pixels, place: int) -> Map:
        """Explain the log-odds of the class at a place, for a square (s, s, 3), RGB, 0..255."""


def log_odds(probabilities: Probabilities, place: int) -> npt.NDArray[np.float64]:
    """Give log p - log(1 - p) of one class.

    1 - p is summed from the other classes, so that nothing is lost where p is nearly 1.

    Args:
        probabilities: (n, c), each row sums to 1.
        place: of the class.

    Returns:
        (n,).

    >>> log_odds(np.array([[0.25, 0.75], [0.5, 0.5]]), 1).round(3).tolist()
    [1.099, 0.0]
    """
    rest = np.delete(probabilities, place, axis=1).sum(axis=1)
    return np.asarray(
        np.log(np.maximum(probabilities[:, place], _LEAST)) - np.log(np.maximum(rest, _LEAST))
    )


def faded(square: Pixels) -> Pixels:
    """Take all detail out of a square and leave its colours: a Gaussian blur of an eighth of it.

    This stands for "nothing here" in every method and check, as it does for insertion in V. Petsiuk
    et al., RISE, BMVC 2018: a black or grey patch would be something that no cell's picture has.

    Args:
        square: (s, s, 3), RGB, 0..255.

    >>> dot = np.zeros((16, 16, 3), dtype=np.uint8)
    >>> dot[8, 8] = 255
    >>> int(faded(dot).max()) < 30
    True
    """
    blur = ImageFilter.GaussianBlur(len(square) * FADE)
    return np.array(Image.fromarray(square).filter(blur), dtype=np.uint8)

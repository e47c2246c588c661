"""What sets of pictures look like, and what a model makes of them.

Takes   pictures, and the preprocessing or the model whose eyes are looked through
Gives   measures, features and probabilities, one row a picture, and those that cannot be used
Never   compares, or holds more than a few pictures at a time
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import log2, sqrt
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from papscope import quality
from papscope.appearance import appearance
from papscope.bundle import Bundle
from papscope.decision import calibrated
from papscope.errors import ImageError, SettingError
from papscope.image import Pixels, facts, pixels_of
from papscope.predict.engine import Engine, featured
from papscope.preprocess import Preprocess, Source, prepare
from papscope.progress import Tell, silent
from papscope.scores import Probabilities
from papscope.shift.given import Given
from papscope.shift.nucleus import nucleus_share

Looks: TypeAlias = npt.NDArray[np.float64]

PLAIN = Preprocess(size=128)
"""The square on which pictures are measured where no model is named."""

_CHUNK = 32


@dataclass(frozen=True, slots=True)
class Eyes:
    """What pictures are looked at with."""

    preprocess: Preprocess = PLAIN
    model: Bundle | None = None
    engine: Engine | None = None
    """Of the model; None where there is none."""
    threads: int = 2
    """How many pictures are decoded at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What was found of a set of pictures."""

    given: Given
    """Only those that could be used, in the order of the rows."""
    looks: Looks
    """(n, k), in the order of `measures.NAMES`; NaN where a nucleus was not found."""
    features: npt.NDArray[np.float32] | None = None
    """(n, d), of length 1, without the energy; None without a model, or where it tells none."""
    probabilities: Probabilities | None = None
    """(n, c), calibrated; None without a model."""
    failures: tuple[tuple[str, ImageError], ...] = ()
    """Name and reason of what could not be used."""

    def __len__(self) -> int:
        return len(self.looks)


def look(given: Given, eyes: Eyes, *, what: str = "pictures", tell: Tell = silent) -> Looked:
    """Measure pictures, and let a model answer for them.

    Args:
        given: the pictures.
        eyes: the square they are brought to, and a model.
        what: they are, for `tell`.
        tell: hears how far it is.

    Raises:
        SettingError: not one of them can be used.
    """
    looks: list[Looks] = []
    features: list[npt.NDArray[np.float32]] = []
    chances: list[Probabilities] = []
    used: list[int] = []
    failures: list[tuple[str, ImageError]] = []
    ready = enumerate(_prepared(given, eyes))
    done = 0
    while chunk := list(islice(ready, _CHUNK)):
        good = [(place, *one) for place, one in chunk if not isinstance(one, ImageError)]
        for place, one in chunk:
            if isinstance(one, ImageError):
                failures.append((given.sources[place].called, one))
        if good:
            used.extend(place for place, _, _ in good)
            squares = np.stack([square for _, square, _ in good])
            looks.extend(measured(square, side) for _, square, side in good)
            if eyes.engine is not None and eyes.model is not None:
                said, rests_on = featured(eyes.engine, squares)
                chances.append(calibrated(said, eyes.model.description.calibration))
                if rests_on is not None:
                    features.append(directed(rests_on))
        done += len(chunk)
        tell(f"measuring {what}", done, len(given.sources))
    if not used:
        raise SettingError(
            f"not one picture of {given.name} can be used: {failures[0][1]}",
            hint=failures[0][1].hint,
        )
    return Looked(
        given.chosen(used),
        np.stack(looks),
        np.concatenate(features) if features else None,
        np.concatenate(chances) if chances else None,
        tuple(failures),
    )


def directed(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give which features a picture excites and not how much of them, (n, d), of length 1.

    The energy, how sure the network is, is left out: it differs between pictures that a network
    learned from and others of the same kind.

    Args:
        features: (n, 1 + d), as engines tell them.
    """
    length = np.linalg.norm(features[:, 1:], axis=1, keepdims=True)
    return np.asarray(features[:, 1:] / np.maximum(length, 1e-6), dtype=np.float32)


def measured(square: Pixels, side: float) -> Looks:
    """Give the measures of one picture, (k,), in the order of `measures.NAMES`.

    Args:
        square: (s, s, 3), RGB, 0..255, as a network sees it.
        side: geometric mean of the picture's sides as it came, in pixels.
    """
    share = nucleus_share(square)
    return np.array([*appearance(square), log2(side), np.log2(share * side), np.log2(share)])


def _prepared(given: Given, eyes: Eyes) -> Iterator[tuple[Pixels, float] | ImageError]:
    """Give each picture's square and side, or why there is none."""
    asked: deque[Source] = deque()

    def noted() -> Iterator[Source]:
        for source in given.sources:
            asked.append(source)
            yield source

    ready = prepare(
        noted(), eyes.preprocess, threads=eyes.threads, ahead=2 * _CHUNK, refuse=quality.refuse
    )
    for square in ready:
        source = asked.popleft()
        yield square if isinstance(square, ImageError) else (square, _side(source))


def _side(source: Source) -> float:
    if source.box is not None:
        return sqrt(source.box.width * source.box.height)
    if isinstance(source.picture, Path | bytes):
        known = facts(source.picture)
        return sqrt(known.width * known.height)
    height, width = pixels_of(source.picture, source.called).shape[:2]
    return sqrt(width * height)

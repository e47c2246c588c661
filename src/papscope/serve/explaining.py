"""Maps of what an answer rests on, made one at a time beside the service's other work.

Takes   a picture that was answered, and the model that answered
Gives   the map laid over the picture, or the reason why none is shown
Never   shows a map that fails its check, keeps predictions waiting, or writes a picture to the disk

A map is made by covering parts of the picture and asking again, some hundred times. Then what it
points at first is removed, to see whether the answer rests on that more than on anything else. Few
squares are asked about at a time, and none while pictures of requests wait.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

import numpy as np

from papscope import quality
from papscope.errors import Busy, ImageError
from papscope.image import Pixels
from papscope.predict.engine import Engine, featured
from papscope.preprocess import Source, Squares, prepare
from papscope.scores import Probabilities
from papscope.serve.batching import Batcher
from papscope.serve.images import ImageStore
from papscope.serve.models import Model

_REMEMBERED = 64
"""Explanations that are held in memory; each is some hundred kilobytes."""
_WAITING = 4
"""That may wait for their turn; more are told to come back."""
_NEAREST = 5
_PAUSE = 0.01
"""Seconds to wait while pictures of requests are answered."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be explained: a class, as a model saw it in a picture."""

    digest: str
    model: Model
    label: str

    @property
    def tag(self) -> str:
        """What the explanation depends on, and nothing else does."""
        return f"{self.digest}-{self.model.digest}-{self.model.classes.index(self.label)}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What came of it."""

    png: bytes | None
    why_not: str = ""
    """Why there is no map."""


class _Patient:
    """An engine that lets pictures of requests go first, and stops when its time is over."""

    def __init__(self, engine: Engine, batcher: Batcher, end: float) -> None:
        self._engine, self._batcher, self._end = engine, batcher, end

    @property
    def at_once(self) -> int:
        """How many squares keep it busy."""
        return self._engine.at_once

    def probabilities(self, squares: Squares) -> Probabilities:
        """Answer for squares (n, s, s, 3), a few at a time, as the engine does."""
        step = self.at_once
        parts = [squares[start : start + step] for start in range(0, len(squares), step)]
        return np.concatenate([self._few(one) for one in parts])

    def _few(self, squares: Squares) -> Probabilities:
        while True:
            if time.monotonic() > self._end:
                raise Busy(
                    "the explanation takes too long, or too many ask for predictions",
                    hint="ask again when the service has less to do",
                    retry_after=30,
                )
            if not self._batcher.waiting("request"):
                return self._engine.probabilities(squares)
            time.sleep(_PAUSE)


@dataclass(frozen=True, slots=True)
class Near:
    """A training cell that a picture is like, to the network that answered."""

    label: str
    distance: float
    """One less the cosine of the features, 0..2; of no meaning between models."""


class Explainer:
    """Makes explanations and remembers the last ones; safe to use from several threads."""

    def __init__(self, images: ImageStore, batcher: Batcher, seconds: float) -> None:
        """Make ready.

        Args:
            images: the pictures.
            batcher: whose requests go first.
            seconds: that one explanation may take.
        """
        self._images, self._batcher, self._seconds = images, batcher, seconds
        self._known: OrderedDict[str, Explanation] = OrderedDict()
        self._lock, self._waiting = Lock(), 0

    def known(self, asked: Asked) -> Explanation | None:
        """Give an explanation that was made already; None where it was not."""
        with self._lock:
            found = self._known.get(asked.tag)
            if found is not None:
                self._known.move_to_end(asked.tag)
            return found

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep a place among those that wait.

        Raises:
            Busy: too many wait already.
        """
        with self._lock:
            if self._waiting >= _WAITING:
                raise Busy(
                    f"{self._waiting} explanations are waited for already",
                    hint="ask again in a few seconds",
                    retry_after=5,
                )
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def explained(self, asked: Asked) -> Explanation:
        """Explain an answer; the caller sees to it that one is made at a time.

        Raises:
            Busy: it takes too long.
            NotFound: the picture is gone.
            ImageError: the picture cannot be used.
        """
        found = self.known(asked) or self._made(asked)
        with self._lock:
            self._known[asked.tag] = found
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def nearest(self, asked: Asked) -> tuple[Near, ...]:
        """Give the training cells that a picture is most like; none where the model carries none.

        Raises:
            NotFound: the picture is gone.
            ImageError: the picture cannot be used.
        """
        predictor = asked.model.predictor
        if predictor.gate is None:
            return ()
        _, features = featured(predictor.engine, self._square(asked)[None])
        if features is None:
            return ()
        (found,) = predictor.gate.neighbours(features, _NEAREST)
        return tuple(Near(*one) for one in zip(found.labels, found.distances, strict=True))

    def _made(self, asked: Asked) -> Explanation:
        # Imported here: it takes a while, and not every service is ever asked for a map.
        from papscope.explain.judging import Judged, fault_of_map
        from papscope.explain.occlusion import occlusion_map
        from papscope.explain.overlay import overlay
        from papscope.explain.removing import areas, random_areas

        predictor, place = asked.model.predictor, asked.model.classes.index(asked.label)
        square = self._square(asked)
        engine = _Patient(predictor.engine, self._batcher, time.monotonic() + self._seconds)
        found = occlusion_map(engine, square, place)
        judged = Judged(
            areas(engine, square, place, found), random_areas(engine, square, place, found)
        )
        why_not = fault_of_map(judged)
        return Explanation(None, why_not) if why_not else Explanation(overlay(square, found))

    def _square(self, asked: Asked) -> Pixels:
        """Give the picture as the network saw it."""
        data = self._images.path(asked.digest).read_bytes()
        settings = asked.model.predictor.about.preprocess
        (square,) = prepare([Source(data, name="the picture")], settings, refuse=quality.refuse)
        if isinstance(square, ImageError):
            raise square
        return square

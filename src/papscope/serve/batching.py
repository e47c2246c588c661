"""Many requests, one model at work: what waits is answered together, and nobody waits for company.

Takes   pictures from requests, which somebody sits before, and from jobs
Gives   futures of what the model says of each
Never   lets jobs wait for ever, works for somebody who has gone, or takes on more than agreed

One thread asks the models, which use the processor's cores themselves. It takes whatever waits at
that moment: while it works, the next ones gather, so that there is nothing to be won by waiting.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from threading import Condition, Thread
from typing import Literal, TypeAlias

import numpy as np

from papscope.errors import Busy
from papscope.predict.predictor import Outcome
from papscope.preprocess import Source
from papscope.serve.metrics import Metrics
from papscope.serve.models import Model
from papscope.serve.settings import Limits

Lane = Literal["request", "job"]

Answers: TypeAlias = "Future[Outcome]"

_TOGETHER = 32
"""Pictures of requests that are answered at once at most; a job's are taken in smaller steps, so
that a request that comes meanwhile does not wait long."""
_IN_A_ROW = 4
"""Steps for requests, one after the other, after which a job that waits has its turn."""
_HELD_BYTES = 512_000_000
"""Of pictures of requests that wait for the model; who brings more waits to hand it in."""
_FIRST_GUESS = 10.0
"""Pictures a second, before anything was measured."""
_PATIENCE = 60
"""Seconds after which a sender is told to come back, at most."""

_log = logging.getLogger("papscope.serve")


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    source: Source
    model: Model
    lane: Lane
    future: Answers = field(default_factory=Future)

    @property
    def size(self) -> int:
        picture = self.source.picture
        return picture.nbytes if isinstance(picture, np.ndarray) else 0


class Batcher:
    """Answers for pictures by one thread; safe to use from all others."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        """Start the thread.

        Args:
            limits: `waiting` bounds what is taken on for requests.
            metrics: hears of each answer, and is asked to show what waits.
        """
        self._most = limits.waiting
        self._metrics = metrics
        self._lanes: dict[Lane, deque[_Asked]] = {"request": deque(), "job": deque()}
        self._changed = Condition()
        self._promised = 0
        self._bytes = 0
        self._in_a_row = 0
        self._rate = _FIRST_GUESS
        self._closed = False
        metrics.watch_queue(self.waiting)
        self._thread = Thread(target=self._work, name="papscope-batcher", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread works."""
        return self._thread.is_alive()

    @property
    def rate(self) -> float:
        """Pictures a second that were answered lately, while there was work."""
        return self._rate

    def waiting(self, lane: Lane) -> int:
        """Say how many pictures wait; for requests, those that were promised an answer too."""
        with self._changed:
            return self._promised if lane == "request" else len(self._lanes["job"])

    @contextmanager
    def place(self, count: int) -> Iterator[Place]:
        """Promise to answer for so many pictures of a request; what is left at the end is dropped.

        Raises:
            Busy: too many wait already.
        """
        with self._changed:
            if self._promised and self._promised + count > self._most:
                raise self._busy()
            self._promised += count
        place = Place(self)
        try:
            yield place
        finally:
            place.leave()
            with self._changed:
                self._promised -= count
                self._changed.notify_all()

    def ask_for_job(self, model: Model, sources: Sequence[Source]) -> list[Answers]:
        """Ask for pictures of a job; whoever asks sees to it that they are few.

        Raises:
            Busy: the service is being stopped.
        """
        asked = [_Asked(source, model, "job") for source in sources]
        self._hand_in(*asked)
        return [one.future for one in asked]

    def step(self, model: Model) -> int:
        """Say how many pictures of a job are best asked for at once."""
        return 2 * model.predictor.engine.at_once

    def close(self) -> None:
        """End the step that is at work, let what waits go, and stop; it may be called twice."""
        with self._changed:
            self._closed = True
            left = [one for lane in self._lanes.values() for one in lane]
            for lane in self._lanes.values():
                lane.clear()
            self._changed.notify_all()
        for one in left:
            if one.future.set_running_or_notify_cancel():
                one.future.set_exception(_stopping())
        self._thread.join()

    def _busy(self) -> Busy:
        seconds = min(_PATIENCE, max(1, ceil(self._promised / self._rate)))
        return Busy(
            f"{self._promised} pictures wait for the model, and {self._most} may",
            hint=f"ask again in {seconds} s, or send a job, which waits for you",
            retry_after=seconds,
        )

    def _hand_in(self, *asked: _Asked) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < _HELD_BYTES or self._closed)
            if self._closed:
                raise _stopping()
            for one in asked:
                self._lanes[one.lane].append(one)
                self._bytes += one.size
            self._changed.notify_all()

    def _work(self) -> None:
        while batch := self._next():
            begun = time.monotonic()
            live = [one for one in batch if one.future.set_running_or_notify_cancel()]
            if live:
                self._answer(live)
                speed = len(live) / max(time.monotonic() - begun, 1e-6)
                self._rate = 0.8 * self._rate + 0.2 * speed

    def _next(self) -> list[_Asked]:
        """Wait for work and take some; nothing when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or any(self._lanes.values()))
            if self._closed:
                return []
            taken = self._chosen()
            self._bytes -= sum(one.size for one in taken)
            self._changed.notify_all()
            return taken

    def _chosen(self) -> list[_Asked]:
        requests, jobs = self._lanes["request"], self._lanes["job"]
        if not requests or (jobs and self._in_a_row >= _IN_A_ROW):
            self._in_a_row = 0
            model = jobs[0].model
            return _taken(jobs, model, self.step(model))
        self._in_a_row += 1
        model = requests[0].model
        unit = model.predictor.engine.at_once
        taken = _taken(requests, model, max(unit, _TOGETHER // unit * unit))
        # Cores that would have nothing to do work for a job.
        return taken + _taken(jobs, model, -len(taken) % unit)

    def _answer(self, batch: Sequence[_Asked]) -> None:
        try:
            self._stream(batch)
        except Exception as problem:  # one picture must not spoil it for the others
            _log.error("a batch of %d pictures failed", len(batch), exc_info=problem)
            for one in batch:
                if not one.future.done():
                    self._alone(one)

    def _alone(self, one: _Asked) -> None:
        try:
            self._stream([one])
        except Exception as problem:  # told to whoever asked
            one.future.set_exception(problem)

    def _stream(self, batch: Sequence[_Asked]) -> None:
        sources = [one.source for one in batch]
        outcomes = batch[0].model.predictor.stream(sources, batch_size=len(batch))
        for one, outcome in zip(batch, outcomes, strict=True):
            self._metrics.answered(one.lane, outcome)
            one.future.set_result(outcome)


def _stopping() -> Busy:
    return Busy("the service is being stopped", hint="ask again when it runs", retry_after=5)


def _taken(lane: deque[_Asked], model: Model, most: int) -> list[_Asked]:
    """Take up to so many pictures for one model out of a lane, the first ones first."""
    taken = [one for one in lane if one.model is model][:most]
    if taken == list(lane)[: len(taken)]:  # as nearly always: there is one model
        for _ in taken:
            lane.popleft()
    else:
        left = [one for one in lane if one not in taken]
        lane.clear()
        lane.extend(left)
    return taken


class Place:
    """What one request asks of the batcher; see `Batcher.place`."""

    def __init__(self, batcher: Batcher) -> None:
        """Begin with nothing asked."""
        self._batcher = batcher
        self._futures: list[Answers] = []
        self.left = False
        """Whether nobody waits for the answers any more."""

    def ask(self, model: Model, source: Source) -> Answers:
        """Hand a picture in; waits where very much lies there already.

        Raises:
            Busy: the service is being stopped.
        """
        asked = _Asked(source, model, "request")
        self._futures.append(asked.future)
        self._batcher._hand_in(asked)
        return asked.future

    def leave(self) -> None:
        """Let all go that is not at work yet."""
        self.left = True
        for one in self._futures:
            one.cancel()

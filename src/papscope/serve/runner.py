"""The thread that works through jobs, for as long as the service runs.

Takes   open jobs from the database, each in its turn
Gives   answers, written down a few at a time
Never   loses a job or answers a picture twice, whenever it is stopped, killed, or left without a
        database

All that it knows lies in the database: which pictures are open is read there, and an answer is
there together with the mark that it is. So a start after a crash goes on where the last
transaction ended, and what was being answered then is answered anew.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, Thread

from papscope.errors import Busy, Conflict, NotFound, StoreError
from papscope.predict.predictor import Outcome
from papscope.preprocess import Source
from papscope.serve.batching import Answers, Batcher
from papscope.serve.clock import Clock
from papscope.serve.images import ImageStore
from papscope.serve.job_work import Item, Refusal, Work, next_work, tell_stranded, write
from papscope.serve.models import Models
from papscope.serve.store.database import Database

_AHEAD = 2
"""Steps at work at once: while one is written down, the model has the next."""
_SHORTEST, _LONGEST = 0.2, 15.0
"""Seconds to wait when the database is gone; each time twice as long."""
_LOOK = 30.0
"""Seconds after which it looks for work that nobody told it of, such as after a restore."""
_REMEMBERED = 10_000

_log = logging.getLogger("papscope.serve")


@dataclass(frozen=True, slots=True)
class _Step:
    work: Work
    asked: dict[str, Answers | Refusal]


class Runner:
    """Works through jobs in a thread of its own."""

    def __init__(
        self, database: Database, images: ImageStore, models: Models, batcher: Batcher, clock: Clock
    ) -> None:
        """Make ready; `start` begins."""
        self._database, self._images, self._models = database, images, models
        self._batcher, self._clock = batcher, clock
        self._steps: deque[_Step] = deque()
        self._last = 0
        self._told = Condition()
        self._woken = True
        self._taking_in: set[str] = set()
        self._versions: OrderedDict[str, int] = OrderedDict()
        self._count = 0
        self.stopping = False
        """Whether the service is being stopped; who follows a job's events goes then."""
        self.trouble: str | None = None
        """What keeps jobs from going on; None if nothing does."""
        self._thread = Thread(target=self._run, name="papscope-runner", daemon=True)

    def start(self) -> None:
        """Go on with all jobs that are open."""
        self._thread.start()

    def wake(self) -> None:
        """Tell that there is work."""
        with self._told:
            self._woken = True
            self._told.notify_all()

    def changed(self, job_id: str) -> None:
        """Tell that something has become of a job."""
        with self._told:
            self._count += 1
            self._versions[job_id] = self._count
            self._versions.move_to_end(job_id)
            if len(self._versions) > _REMEMBERED:
                self._versions.popitem(last=False)

    def version(self, job_id: str) -> int:
        """Give a number that is another one whenever something has become of a job."""
        with self._told:
            return self._versions.get(job_id, 0)

    @contextmanager
    def alone(self, key: str | None) -> Iterator[None]:
        """Let one upload of a key in at a time.

        Raises:
            Conflict: another one is being taken in.
        """
        with self._told:
            if key is not None and key in self._taking_in:
                raise Conflict(
                    "an upload with this key is being taken in", hint="ask again in a moment"
                )
            if key is not None:
                self._taking_in.add(key)
        try:
            yield
        finally:
            with self._told:
                self._taking_in.discard(key or "")

    def stop_soon(self) -> None:
        """Begin nothing new."""
        with self._told:
            self.stopping = True
            self._told.notify_all()

    def close(self) -> None:
        """Write down what is at work, and end; the batcher must still be there."""
        self.stop_soon()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause, looked = _SHORTEST, False
        while not self.stopping or self._steps:
            try:
                if not looked:
                    tell_stranded(self._database, self._models)
                    looked = True
                busy = self._turn()
            except Exception as problem:  # whatever it is: the next try may do better
                self._note(problem)
                if self.stopping:
                    return  # what is at work was not written, and is answered after the next start
                self._rest(pause)
                pause = min(_LONGEST, 2 * pause)
                continue
            self.trouble, pause = None, _SHORTEST
            if not busy:
                self._wait()

    def _note(self, problem: Exception) -> None:
        if isinstance(problem, StoreError):
            self.trouble = "the database does not do its work"
            _log.warning("jobs wait: %s", problem)
        elif not isinstance(problem, Busy):
            self.trouble = "something that papscope did not foresee: see the log"
            _log.error("a step of a job failed", exc_info=problem)

    def _rest(self, seconds: float) -> None:
        with self._told:
            self._told.wait_for(lambda: self.stopping, seconds)

    def _wait(self) -> None:
        with self._told:
            self._told.wait_for(lambda: self._woken or self.stopping, _LOOK)
            self._woken = False

    def _turn(self) -> bool:
        """Ask for what there is room for, and write the oldest step down; False without work."""
        while len(self._steps) < _AHEAD and not self.stopping:
            at_work = {(step.work.job_id, one) for step in self._steps for one in step.asked}
            work = next_work(self._database, self._models, self._last, at_work)
            if work is None:
                break
            self._last = work.number
            self._steps.append(_Step(work, self._asked(work)))
        if not self._steps:
            return False
        # It stays in its place until it is written: futures keep their answers.
        step = self._steps[0]
        said = {image: _said(answer) for image, answer in step.asked.items()}
        write(self._database, step.work, said, self._clock())
        self._steps.popleft()
        self.changed(step.work.job_id)
        return True

    def _asked(self, work: Work) -> dict[str, Answers | Refusal]:
        found = [(one, self._read(one)) for one in work.items]
        sources = [Source(data, name=one.name) for one, data in found if isinstance(data, bytes)]
        answers = iter(self._batcher.ask_for_job(work.model, sources))
        return {
            one.image_id: next(answers) if isinstance(data, bytes) else data for one, data in found
        }

    def _read(self, item: Item) -> bytes | Refusal:
        try:
            data = self._images.path(item.digest).read_bytes()
        except (NotFound, OSError):
            return "missing", f"{item.name} is not on the service's disk any more"
        if self._images.digest_of(data) != item.digest:
            return "unreadable", f"{item.name} was changed on the service's disk"
        return data


def _said(answer: Answers | Refusal) -> Outcome | Refusal:
    if isinstance(answer, tuple):
        return answer
    problem = answer.exception()
    if isinstance(problem, Busy):
        raise problem  # the service is being stopped
    if problem is not None:
        return "internal", "the model failed at this picture; the service's log has it"
    return answer.result()

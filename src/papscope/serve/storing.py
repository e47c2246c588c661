"""Files as they were sent, turned into pictures on the disk.

Takes   an upload's files: pictures, and archives of them
Gives   what was kept of them, in order, and what was not and why
Never   holds more than a few pictures at a time, or drops the good for the bad
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from papscope.errors import ImageError, PapscopeError
from papscope.serve.arrivals import Arrivals
from papscope.serve.intake.names import shown
from papscope.serve.intake.uploads import Sent, taken_in
from papscope.serve.services import Services

_AT_ONCE = 3
"""Pictures that are read at a time: one waits while the two decoders work."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that is on the disk."""

    name: str
    """As it is shown."""
    digest: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class NotKept:
    """A file that was not taken in."""

    name: str
    code: str
    """A finding's, as `truncated`, or an error's."""
    reason: str


Stored: TypeAlias = Kept | NotKept


def stored(
    services: Services, arrivals: Arrivals, files: Iterable[tuple[str, BinaryIO]]
) -> Iterator[Stored]:
    """Read an upload's files and write their pictures, in order.

    Raises:
        DiskError: the disk is full or cannot be written.
        UploadError: the upload as a whole cannot be taken.
    """
    waiting: deque[Future[Stored]] = deque()
    with ThreadPoolExecutor(_AT_ONCE, "papscope-storing") as pool:
        try:
            for sent in taken_in(files, services.settings.limits):
                waiting.append(pool.submit(_stored, services, arrivals, sent))
                if len(waiting) > _AT_ONCE:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()


def _stored(services: Services, arrivals: Arrivals, sent: Sent) -> Stored:
    name = shown(sent.name)
    if sent.data is None:
        assert sent.error is not None  # one of the two is there
        return _refused(name, sent.error)
    try:
        cleaned = services.decoders.clean(sent.data, name)
    except ImageError as problem:
        return _refused(name, problem)
    return Kept(name, arrivals.put(cleaned.png), cleaned.width, cleaned.height)


def _refused(name: str, problem: PapscopeError) -> NotKept:
    code = str(getattr(problem, "reason", problem.code))
    return NotKept(name, code, f"{problem}; {problem.hint}")

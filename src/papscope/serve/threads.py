"""Rooms of threads for slow work, so that one kind of it cannot take the threads of another.

Takes   work that waits for a disk, a database or a processor
Gives   what comes of it, to a coroutine
Never   leaves work behind that still uses what its caller has closed: it is always waited for
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")


class Room:
    """So many threads and no more, in each event loop."""

    def __init__(self, name: str, threads: int) -> None:
        """Give a room a name of its own."""
        self._threads = threads
        self._limiter: RunVar[CapacityLimiter] = RunVar(f"papscope-{name}")

    async def run(self, work: Callable[[], T]) -> T:
        """Wait for a thread, and for the work; a caller that is cancelled meanwhile waits too."""
        try:
            limiter = self._limiter.get()
        except LookupError:
            limiter = CapacityLimiter(self._threads)
            self._limiter.set(limiter)
        return await to_thread.run_sync(work, limiter=limiter)


READING = Room("reading", 16)
"""Where pictures of requests are read, whose sender waits."""

EXPLAINING = Room("explaining", 1)
"""Where maps of what answers rest on are made, one after the other."""

UPLOADS = Room("uploads", 4)
"""Where uploads are taken in: each may take minutes."""

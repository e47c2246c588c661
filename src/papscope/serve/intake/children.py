"""One process that decodes, as the service sees it.

Takes   a picture's bytes
Gives   its pixels, or why not
Never   waits longer than it may: a process that does not answer in time is ended
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Timer
from typing import BinaryIO, cast

from papscope.errors import ImageError
from papscope.image import Pixels
from papscope.serve.intake import frames
from papscope.serve.settings import Limits

START_SECONDS = 60.0
"""Within which a process must be ready, on however busy a machine."""

PROGRAM = "papscope.serve.intake.confined"

_GIVEN = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL")
"""All that a process learns of the environment, in which there may be passwords."""


class Late(Exception):
    """There was no answer in time; the process has been ended."""


class Gone(Exception):
    """The process ended, or answered what cannot be and has been ended."""


class NotStarted(Gone):
    """The process ended before it was asked anything, or was not ready in time."""


def memory_for(limits: Limits) -> int:
    """Say how many bytes of address space a process may have.

    Pillow holds 4 bytes a pixel, and laying an opacity channel over white takes five such copies
    and two of 3 bytes; the file itself is there twice; a bare process maps a third of the rest.
    """
    return (384 << 20) + 28 * limits.pixels + 2 * limits.file_bytes


class Child:
    """A process that decodes; used by one thread at a time, ended by any."""

    def __init__(self, limits: Limits) -> None:
        """Start it, without waiting until it is ready."""
        self.turns = 0
        self._limits = limits
        self._ready = False
        self._lock = Lock()
        self._overdue = False
        self._turn = 0
        numbers = (limits.pixels, memory_for(limits), limits.decode_seconds)
        given = {name: os.environ[name] for name in _GIVEN if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603  (our own module, and three numbers)
            [sys.executable, "-P", "-m", PROGRAM, *map(str, numbers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**given, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._into = cast("BinaryIO", self._process.stdin)
        self._from = cast("BinaryIO", self._process.stdout)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def ask(self, data: bytes, name: str) -> Pixels | ImageError:
        """Let it decode a picture.

        Raises:
            Late, Gone: there is no answer; the process must be replaced.
        """
        if not self._ready:
            self._await_ready()
        self.turns += 1
        with self._within(self._limits.decode_seconds):
            frames.write_request(self._into, data, name)
            return frames.read_answer(self._from, self._limits.pixels)

    def _await_ready(self) -> None:
        try:
            with self._within(START_SECONDS):
                word = self._from.read(len(frames.READY))
        except (Late, Gone):
            word = b""
        if word != frames.READY:
            self.end()
            raise NotStarted(f"a decoder did not start (exit {self._process.returncode})")
        self._ready = True

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        turn = self._turn
        timer = Timer(seconds, self._expire, (turn,))
        timer.daemon = True
        timer.start()
        try:
            yield
        except (OSError, ValueError, frames.Garbled) as problem:
            late = self._overdue
            self.end()
            raise (Late if late else Gone)(str(problem)) from None
        finally:
            timer.cancel()
            with self._lock:  # a timer that is just going off must not hit the next turn
                self._turn += 1
        if self._overdue:  # it answered in the very last moment, and has been ended
            self.end()

    def _expire(self, turn: int) -> None:
        with self._lock:
            if turn == self._turn:
                self._overdue = True
                self._process.kill()

    def end(self) -> None:
        """End it at once, and leave nothing of it; more than once does no harm."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._into, self._from):
            with suppress(OSError, ValueError):  # what is still in a buffer has no reader
                pipe.close()

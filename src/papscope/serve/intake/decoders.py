"""Pictures from strangers, decoded out of harm's way and written anew.

Takes   bytes that claim to be a picture
Gives   its pixels, and the simplest PNG that holds them and nothing else
Never   decodes in this process, believes a name, or keeps what was beside the pixels: places,
        times, cameras, patients' names, small copies, whatever follows the picture's end
"""

from __future__ import annotations

from dataclasses import dataclass
from queue import LifoQueue
from threading import Lock

from papscope.errors import Busy, ImageError
from papscope.image import Pixels
from papscope.serve.intake.children import Child, Gone, Late, NotStarted
from papscope.serve.intake.names import shown
from papscope.serve.intake.png import encoded
from papscope.serve.settings import Limits

TURNS = 2_000
"""Pictures after which a process is replaced, so that no library's leak can grow."""


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """A picture, without anything that came with it."""

    png: bytes
    """The same for the same pixels, so its digest names the picture."""
    width: int
    height: int
    pixels: Pixels
    """(height, width, 3), RGB, 0..255, upright."""


class Decoders:
    """Processes that decode; safe to use from several threads."""

    def __init__(self, limits: Limits, workers: int = 2) -> None:
        """Make ready to start so many processes, each when it is first needed."""
        self._limits = limits
        self._idle: LifoQueue[Child | None] = LifoQueue()
        for _ in range(max(1, workers)):
            self._idle.put(None)
        self._lock = Lock()
        self._living: set[Child] = set()
        self._closed = False

    def clean(self, data: bytes, name: str) -> Cleaned:
        """Decode a picture, upright, and write it anew; waits while all processes are busy.

        Args:
            data: a file's bytes; what they are is found out from themselves.
            name: what to call it in errors, as its sender does.

        Raises:
            ImageError: it is no picture that `image.decode` takes, has more pixels or bytes than
                the limits, takes too long (`too-slow`) or makes its decoder end (`crashed`).
            Busy: the service is stopping.
            RuntimeError: no decoder can be started, as in a broken installation.
        """
        called = shown(name)
        if len(data) > self._limits.file_bytes:
            raise ImageError(
                f"{called} is too large: {len(data):,} bytes",
                hint=f"send pictures of at most {self._limits.file_bytes:,} bytes",
                reason="too-large",
            )
        pixels = self._decoded(data, called)
        height, width = pixels.shape[:2]
        return Cleaned(encoded(pixels), width, height, pixels)

    def start(self) -> None:
        """Start a process ahead of the first picture, without waiting for it."""
        child = self._idle.get()
        self._idle.put(child if child is not None else self._started())

    def pids(self) -> tuple[int, ...]:
        """The numbers of the processes that run."""
        with self._lock:
            return tuple(sorted(child.pid for child in self._living))

    def close(self) -> None:
        """End all processes, also those that are at work; more than once does no harm."""
        with self._lock:
            self._closed = True
            living = tuple(self._living)
            self._living.clear()
        for child in living:
            child.end()

    def _decoded(self, data: bytes, name: str) -> Pixels:
        try:
            answer = self._asked(data, name)
        except Gone:  # perhaps by another's hand, as when memory runs short: ask once more
            try:
                answer = self._asked(data, name)
            except NotStarted as problem:
                raise RuntimeError(str(problem)) from None
            except Gone:
                raise ImageError(
                    f"{name} made its decoder end",
                    hint="open it in an image program and save it as PNG",
                    reason="crashed",
                ) from None
        if isinstance(answer, ImageError):
            raise answer
        return answer

    def _asked(self, data: bytes, name: str) -> Pixels | ImageError:
        child = self._idle.get()
        try:
            if child is None or not child.alive or child.turns >= TURNS:
                self._forget(child)
                child = None
                child = self._started()
            return child.ask(data, name)
        except Late:
            seconds = self._limits.decode_seconds
            return ImageError(
                f"{name} was not decoded within {seconds:g} s",
                hint="open it in an image program and save it as PNG",
                reason="too-slow",
            )
        finally:
            if child is not None and not child.alive:
                self._forget(child)
                child = None
            self._idle.put(child)

    def _started(self) -> Child:
        with self._lock:
            if self._closed:
                raise Busy("the service is stopping", hint="send it again later", retry_after=5)
            child = Child(self._limits)
            self._living.add(child)
            return child

    def _forget(self, child: Child | None) -> None:
        if child is not None:
            with self._lock:
                self._living.discard(child)
            child.end()

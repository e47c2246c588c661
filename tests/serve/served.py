"""A real server in a process of its own, to be asked, stopped and killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx

PATIENCE = 60.0
"""Seconds that a busy machine is given; nothing is measured by it."""


class Served:
    """A server, started again as often as it is killed."""

    def __init__(self, home: Path, *more: str) -> None:
        self.home = home
        self.words = ["--home", str(home), "--port", "0", "--threads", "1", *more]
        self.told: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Start, and wait until it answers."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "papscope", "serve", *self.words],
            stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        error = self.process.stderr
        assert error is not None
        begun = len(self.told)
        Thread(target=lambda: self.told.extend(error), daemon=True).start()
        until(
            lambda: self._address(begun) or self.process is None or self.process.poll() is not None
        )
        self.url = self._address(begun) or ""
        assert self.url, "\n".join(self.told)

    def _address(self, begun: int) -> str | None:
        found = re.search(r"https?://\S+", "".join(self.told[begun:]))
        return found[0] if found else None

    def kill(self) -> None:
        """Kill it, as a power failure would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop, and give its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def asking(self) -> httpx.Client:
        """Somebody who asks it."""
        return httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)


@contextmanager
def serving(home: Path, *more: str) -> Iterator[Served]:
    """Run a server for as long as the block takes."""
    server = Served(home, *more)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()


def until(what: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait until something is so."""
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it never came to be so"
        time.sleep(0.02)


def files(pictures: Sequence[bytes]) -> list[tuple[str, tuple[str, bytes, str]]]:
    """The form's files of some pictures."""
    return [
        ("files", (f"cell-{place:03}.png", picture, "image/png"))
        for place, picture in enumerate(pictures)
    ]

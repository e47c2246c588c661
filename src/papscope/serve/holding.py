"""One service for one home: whoever serves from it, or exchanges what is in it, holds it alone.

Takes   the service's home
Gives   the right to be the one that takes pictures out of it, for as long as a process lives
Never   outlives its process: the operating system lets go of what a killed one held
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from papscope.errors import Conflict
from papscope.files import told_of_disk

LOCK = "serving.lock"


@contextmanager
def holding(home: Path) -> Iterator[None]:
    """Hold a home alone.

    Raises:
        Conflict: another process holds it.
        DiskError: the home cannot be written.
    """
    place = home / LOCK
    with told_of_disk(place):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = place.open("a+b", buffering=0)
    with file:
        if not _locked(file):
            file.seek(1)
            holder = file.read(20).decode("ascii", "replace").strip()
            raise Conflict(
                f"another papscope serves from {home} (process {holder or 'unknown'})",
                hint="stop it first, or give each service a --home of its own",
            )
        with told_of_disk(place):  # the first byte is what is locked
            file.truncate(0)
            file.write(f" {os.getpid()}\n".encode())
        yield


def _locked(file: IO[bytes]) -> bool:
    """Lock a file until it is closed, if nobody has."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

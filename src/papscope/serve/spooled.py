"""The files of one upload, which lie one after the other in a spooled file.

Takes   a file, and where in it each part begins and how long it is
Gives   each part as a file of its own that can be read and sought, from any thread
Never   copies a part, or opens one by its name
"""

from __future__ import annotations

import errno
import io
import os
from dataclasses import dataclass, field
from threading import Lock
from typing import IO, BinaryIO, cast


@dataclass(slots=True)
class Spool:
    """What an upload has brought."""

    file: IO[bytes]
    fields: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, BinaryIO]] = field(default_factory=list)
    """Names as they were sent, and contents."""
    _lock: Lock = field(default_factory=Lock)

    def add(self, name: str, start: int, length: int) -> None:
        """Tell that a file was sent which lies from a place on."""
        window = _Window(self.file, self._lock, start, length)
        self.files.append((name, cast("BinaryIO", io.BufferedReader(window))))


class _Window(io.RawIOBase):
    """A stretch of a file, as a file."""

    def __init__(self, file: IO[bytes], lock: Lock, start: int, length: int) -> None:
        super().__init__()
        self._file, self._lock = file, lock
        self._start, self._length = start, length
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._length}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "a file has nothing before its beginning")
        self._place = base + offset
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # no others
        count = max(0, min(len(buffer), self._length - self._place))
        with self._lock:
            self._file.seek(self._start + self._place)
            data = self._file.read(count)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


def size_of(file: BinaryIO) -> int:
    """Give a file's length in bytes, and go to its beginning."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    return length

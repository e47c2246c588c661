"""An archive that is sent while it is made, so that no size of it fills memory or the disk.

Takes   names, with bytes or with files on the disk
Gives   a ZIP file in pieces, the same bytes each time
Never   compresses: pictures are compressed already
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_PIECE = 1 << 18
_MADE = (1980, 1, 1, 0, 0, 0)
"""The first moment that ZIP knows: an archive of the same content has the same bytes."""


class _Outgoing(io.RawIOBase):
    """What has been written and not yet sent."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        """Say that it can be written to; it cannot be read or rewound."""
        return True

    def write(self, data: object) -> int:
        """Hold what is to be sent next."""
        piece = bytes(memoryview(data))  # type: ignore[arg-type]  # what zipfile writes is a buffer
        self._held += piece
        return len(piece)

    def taken(self) -> bytes:
        """Give what is held, once."""
        piece = bytes(self._held)
        self._held.clear()
        return piece


def zipped(entries: Iterable[tuple[str, bytes | Path]]) -> Iterator[bytes]:
    """Give an archive in pieces.

    Args:
        entries: the name in the archive, and the content or the file that has it.
    """
    out = _Outgoing()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries:
            about = zipfile.ZipInfo(name, _MADE)
            about.external_attr = 0o644 << 16
            with archive.open(about, "w", force_zip64=True) as entry:
                for piece in _pieces(content):
                    entry.write(piece)
                    yield out.taken()
            yield out.taken()
    yield out.taken()


def _pieces(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece

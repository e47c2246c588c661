"""Read 7z archives.

Takes   an archive
Gives   what it holds, and its files in a folder
Never   decides what may be written: `unpack` has looked at every name before
"""

from __future__ import annotations

import stat
from pathlib import Path

import py7zr
from py7zr.callbacks import ExtractCallback

from papscope.progress import Tell
from papscope.sources.members import Member, refusal


class SevenZip:
    """An open 7z archive."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._file = py7zr.SevenZipFile(archive, "r")

    def members(self) -> list[Member]:
        """Give all that it holds.

        Raises:
            DownloadError: it is encrypted.
        """
        if self._file.needs_password():
            raise refusal(self._archive.name, "it is encrypted")
        found = []
        for one in self._file.files:
            # The upper half of 7z's attributes is a Unix mode, where a Unix wrote the archive.
            kind = stat.S_IFMT(int(one.file_properties().get("attributes") or 0) >> 16)
            link = bool(one.is_symlink or one.is_junction or stat.S_ISLNK(kind))
            size = int(one.uncompressed or 0)
            found.append(Member(str(one.filename), size, kind, link, bool(one.is_directory)))
        return found

    def into(self, draft: Path, limit: int, tell: Tell) -> None:
        """Unpack all; py7zr stops where more than `limit` bytes come out."""
        listener = _Counting(tell, len(self._file.files))
        with py7zr.SevenZipFile(self._archive, "r", max_extract_size=limit) as file:
            file.extractall(draft.resolve(), callback=listener)

    def close(self) -> None:
        """Close the archive."""
        self._file.close()


class _Counting(ExtractCallback):
    """Counts the files that py7zr has unpacked; of its events only that one is told."""

    def __init__(self, tell: Tell, total: int) -> None:
        self._tell, self._total, self._done = tell, total, 0

    def report_end(self, *_: str) -> None:
        self._done += 1
        self._tell("files unpacked", self._done, self._total)

    def report_start_preparation(self) -> None: ...
    def report_start(self, *_: str) -> None: ...
    def report_update(self, *_: str) -> None: ...
    def report_warning(self, *_: str) -> None: ...
    def report_postprocess(self) -> None: ...

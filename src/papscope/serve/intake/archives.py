"""Zips from strangers, read member by member, with nothing written to the disk.

Takes   a file that begins as a zip does
Gives   each member that may be a picture, or why it is none
Never   believes a size that a header tells; lets one bad member take the others with it; follows a
        link; opens an archive within the archive
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO, BinaryIO, TypeAlias, cast

from papscope.errors import ImageError, PapscopeError, UploadError, UploadTooLarge
from papscope.serve.intake import sniffing
from papscope.serve.intake.names import shown
from papscope.serve.settings import Limits

RATIO = 100
"""Times the size of what was sent that its content may have: pictures are packed to a half or a
tenth, a bomb to a thousandth."""

SMALL = 100_000_000
"""Bytes of content that are no bomb, whatever the ratio."""

Member: TypeAlias = tuple[str, bytes | PapscopeError]
"""A name to show, and the bytes or the reason why there are none."""

_PIECE = 1 << 20
_HEADER = 30
"""Bytes of a member's own header, its name left out."""

_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Allowance:
    """The bytes that all archives of one upload may still unpack to."""

    def __init__(self, limits: Limits, sent: int) -> None:
        """Start with what the limits and the size of what was sent allow."""
        self._most = self._left = min(limits.unpacked_bytes, max(SMALL, RATIO * sent))

    def spend(self, count: int, where: str) -> None:
        """Count bytes that were unpacked.

        Raises:
            UploadTooLarge: they are more than there may be.
        """
        self._left -= count
        if self._left < 0:
            raise UploadTooLarge(
                f"{where} unpacks to more than {self._most / 1e6:,.0f} MB, as a bomb would",
                hint="send an ordinary zip of pictures, or several smaller ones",
            )


class Archive:
    """A zip whose list of contents has been read, and nothing else."""

    def __init__(self, file: BinaryIO, name: str, limits: Limits) -> None:
        """Read the list.

        Raises:
            UploadError: there is none that makes sense.
        """
        self.name = shown(name)
        self.size = file.seek(0, os.SEEK_END)
        """Bytes, packed."""
        self._limits = limits
        longest = (1 << 20) + 512 * limits.files
        try:
            self._zip = zipfile.ZipFile(cast("IO[bytes]", _Sparing(file, longest)))
        except Exception as problem:  # zipfile raises many kinds on hostile bytes
            raise UploadError(
                f"{self.name} is damaged or cut short ({_words(problem)})",
                hint="pack it again as an ordinary zip",
            ) from None
        self.members: Sequence[zipfile.ZipInfo] = [
            one
            for one in self._zip.infolist()
            if not one.is_dir() and not sniffing.is_litter(one.filename)
        ]
        """All but folders and what systems leave beside files."""

    def read(self, allowance: Allowance) -> Iterator[Member]:
        """Unpack one member after the other, in the archive's order, as each is asked for.

        Raises:
            UploadTooLarge: the archive is a bomb.
        """
        names: set[str] = set()
        shared = self._sharing()
        for info in self.members:
            name = shown(info.filename)
            problem = _reason_against(info, name)
            if problem is None and name in names:
                problem = _bad(name, "is there twice")
            if problem is None and id(info) in shared:
                problem = _bad(name, "shares its bytes with another file, as in a bomb")
            names.add(name)
            yield name, problem or self._unpacked(info, name, allowance)

    def _unpacked(
        self, info: zipfile.ZipInfo, name: str, allowance: Allowance
    ) -> bytes | PapscopeError:
        try:
            with self._zip.open(info) as member:
                return self._content(member, name, allowance)
        except PapscopeError:
            raise
        except Exception as problem:  # zipfile raises many kinds on hostile bytes
            return ImageError(
                f"{name} is damaged in the archive ({_words(problem)})",
                hint="pack it again",
                reason="unreadable",
            )

    def _content(self, member: IO[bytes], name: str, allowance: Allowance) -> bytes | PapscopeError:
        head = member.read(sniffing.HEAD)
        if not sniffing.begins_as_picture(head):
            return not_a_picture(name, head)
        pieces, size = [head], len(head)
        allowance.spend(size, self.name)
        while piece := member.read(_PIECE):
            allowance.spend(len(piece), self.name)
            size += len(piece)
            if size > self._limits.file_bytes:
                return too_large(name, self._limits)
            pieces.append(piece)
        return b"".join(pieces)

    def _sharing(self) -> set[int]:
        """Give the identities of members whose bytes begin within those of an earlier one.

        A member's own header is counted without its name, so that a few bytes may be shared; a
        bomb shares nearly all.
        """
        found, reached = set(), 0
        for info in sorted(self.members, key=lambda one: one.header_offset):
            if info.header_offset < reached:
                found.add(id(info))
            reached = max(reached, info.header_offset + _HEADER + info.compress_size)
        return found


class _Sparing:
    """A file of which at most so many bytes are read at once, whatever a header asks for."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most = file, most
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, count: int = -1) -> bytes:
        if count > self._most:
            raise zipfile.BadZipFile("its list of contents is far too long")
        return self._file.read(count if count >= 0 else self._most)


def _reason_against(info: zipfile.ZipInfo, name: str) -> PapscopeError | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    plain = info.filename.replace("\\", "/")
    if info.flag_bits & 0x41:
        return _bad(name, "is encrypted")
    if stat.S_ISLNK(kind):
        return _bad(name, "is a link")
    if kind not in (0, stat.S_IFREG):
        return _bad(name, "is a device, not a file")
    if plain.startswith("/") or plain[1:2] == ":" or ".." in plain.split("/"):
        return _bad(name, "has a name that leads out of the archive")
    if info.compress_type not in _PACKED:
        return _bad(name, "is packed in an unusual way")
    return None


def _bad(name: str, why: str) -> UploadError:
    return UploadError(f"{name} {why}", hint="pack the pictures themselves into an ordinary zip")


def too_large(name: str, limits: Limits) -> ImageError:
    """Say that a file has more bytes than a picture may have."""
    return ImageError(
        f"{name} is too large: over {limits.file_bytes / 1e6:,.0f} MB",
        hint="save it as PNG, or cut it into fields",
        reason="too-large",
    )


def not_a_picture(name: str, head: bytes) -> ImageError:
    """Say that a file is none, by its first bytes."""
    if not head:
        what, hint = f"{name} is empty", "copy it again from where it came from"
    elif sniffing.begins_as_archive(head):
        what, hint = f"{name} is an archive, not a picture", "send it by itself"
    else:
        what, hint = f"{name} is not a picture", "send BMP, JPEG, PNG, TIFF or WebP"
    return ImageError(what, hint=hint, reason="not-an-image")


def _words(problem: Exception) -> str:
    """Give an error's words, in which there may be a member's name, so that they can be shown."""
    return shown(str(problem) or type(problem).__name__)

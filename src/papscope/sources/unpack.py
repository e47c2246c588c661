"""Unpack zip and 7z archives without ever leaving the folder, or half-way.

Takes   an archive that anybody may have written, and the folder that it becomes
Gives   the folder, whole
Never   writes outside it; never makes a link or a device; never fills the disk; never runs code

All names are looked at before anything is written. The archive is unpacked into a sibling folder,
which takes the wanted name only when all of it is there.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from papscope.errors import DiskError, DownloadError, PapscopeError
from papscope.files import free_bytes, told_of_disk
from papscope.progress import Tell, silent
from papscope.sources.members import Member, parts_of, reason_against, refusal

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive of pictures stays below, and a bomb does not."""

    bytes: int = 60_000_000_000
    files: int = 200_000
    ratio: float = 100.0
    """Times the archive's own size; pictures are packed to a half or a tenth."""
    small: int = 100_000_000
    """Bytes that are never a bomb, whatever the ratio."""

    def most(self, archive: Path) -> int:
        """Give the bytes that an archive may unpack to."""
        return min(self.bytes, max(self.small, int(self.ratio * archive.stat().st_size)))


def unpack(archive: Path, folder: Path, limits: Limits | None = None, tell: Tell = silent) -> int:
    """Unpack an archive into a new folder, and give the number of its files.

    A single folder of the same name at the archive's top is not doubled.

    Args:
        archive: a .zip or .7z file.
        folder: must not exist.
        limits: against bombs.
        tell: told of the files unpacked.

    Raises:
        DownloadError: it is no such archive, is damaged or encrypted, is a bomb, or holds
            something that could reach outside the folder; nothing is left of it then.
        DiskError: there is too little room, or the folder cannot be written.
    """
    if folder.exists():
        raise DownloadError(
            f"{folder} is there already, and was not unpacked by this command",
            hint="move it away, and run the command again",
        )
    limit = (limits or Limits()).most(archive)
    with _told_of_archive(archive), _opened(archive) as opened:
        members = opened.members()
        _refuse_bad(members, archive.name, limit, (limits or Limits()).files)
        _need_room(folder, sum(member.size for member in members))
        draft = folder.with_name(f".{folder.name}.unpacking")
        with told_of_disk(folder):
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            try:
                opened.into(draft, limit, tell)
                count = _settled(draft, archive.name)
                _whole(draft, folder.name).rename(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return count


class _Archive(Protocol):
    def members(self) -> list[Member]: ...
    def into(self, draft: Path, limit: int, tell: Tell) -> None: ...
    def close(self) -> None: ...


class _Zip:
    def __init__(self, archive: Path) -> None:
        self._name = archive.name
        self._file = zipfile.ZipFile(archive)

    def members(self) -> list[Member]:
        found = []
        for info in self._file.infolist():
            if info.flag_bits & 1:
                raise refusal(self._name, f"{info.filename} is encrypted")
            kind = stat.S_IFMT(info.external_attr >> 16)
            found.append(
                Member(info.filename, info.file_size, kind, stat.S_ISLNK(kind), info.is_dir())
            )
        return found

    def into(self, draft: Path, limit: int, tell: Tell) -> None:
        infos = self._file.infolist()
        written = 0
        for done, info in enumerate(infos, start=1):
            place = draft.joinpath(*parts_of(info.filename))
            if info.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open(info) as source, place.open("xb") as target:
                while piece := source.read(_PIECE):
                    written += len(piece)
                    if written > limit:
                        raise _bomb(self._name, limit)
                    target.write(piece)
            tell("files unpacked", done, len(infos))

    def close(self) -> None:
        self._file.close()


@contextmanager
def _opened(archive: Path) -> Iterator[_Archive]:
    with archive.open("rb") as file:
        start = file.read(6)
    if start == b"7z\xbc\xaf\x27\x1c":
        from papscope.sources.sevenzip import SevenZip

        opened: _Archive = SevenZip(archive)
    elif zipfile.is_zipfile(archive):
        opened = _Zip(archive)
    else:
        raise refusal(archive.name, "it is neither zip nor 7z")
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def _told_of_archive(archive: Path) -> Iterator[None]:
    try:
        yield
    except PapscopeError:
        raise
    except Exception as problem:  # a decoder may raise anything on hostile bytes
        words = str(problem) or type(problem).__name__
        raise refusal(archive.name, f"it is damaged ({words})") from problem


def _refuse_bad(members: Sequence[Member], archive: str, limit: int, most_files: int) -> None:
    """Look at all that an archive says it holds, before any of it is written."""
    if len(members) > most_files:
        raise refusal(archive, f"it holds {len(members)} files, more than {most_files}")
    if sum(member.size for member in members) > limit:
        raise _bomb(archive, limit)
    seen: set[tuple[str, ...]] = set()
    for member in members:
        reason = reason_against(member)
        parts = tuple(part.casefold() for part in parts_of(member.name))
        if reason is None and not member.folder and parts in seen:
            reason = "is there twice"
        if reason is not None:
            raise refusal(archive, f"{member.name!r} {reason}")
        if not member.folder:
            seen.add(parts)


def _settled(draft: Path, archive: str) -> int:
    """Count the files, make sure once more that nothing is a link, and make all readable."""
    count = 0
    for path in sorted(draft.rglob("*")):
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise refusal(archive, f"{path.name!r} is a link or a device")
        path.chmod(0o755 if stat.S_ISDIR(mode) else 0o644)
        count += stat.S_ISREG(mode)
    return count


def _whole(draft: Path, name: str) -> Path:
    """Give the folder to keep: the only one inside, where it has the wanted name."""
    inside = list(draft.iterdir())
    if len(inside) == 1 and inside[0].is_dir() and inside[0].name == name:
        return inside[0]
    return draft


def _need_room(folder: Path, needed: int) -> None:
    free = free_bytes(folder)
    if needed > free:
        raise DiskError(
            f"{needed / 1e9:.2f} GB are needed to unpack {folder}, but only {free / 1e9:.2f} GB "
            "are free",
            hint="free some space, or name a folder on another disk",
        )


def _bomb(archive: str, limit: int) -> DownloadError:
    return refusal(archive, f"it would unpack to more than {limit / 1e9:.1f} GB, as a bomb would")

"""What holds the audit log from outside the database: a key, and the last entry that was noted.

Takes   the service's home
Gives   seals that only the holder of the key can make, and how far the log had come at the least
Never   puts the key into the database or a backup, or notes an entry before it is committed

Two files lie in the home, readable by its owner alone. `audit.key` holds the key (HMAC-SHA256,
RFC 2104) and where it begins to count: the entries before it were sealed by another, and are bound
by the hash that is written beside it. `audit.head` tells the number and hash of the last entry that
was noted, in two places that are written in turn, so that a power failure spoils one at most.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock

from papscope.errors import AuditError
from papscope.files import told_of_disk

FIRST = "0" * 64
"""Stands for the hash before the first entry."""

_SLOT = 512
"""Bytes of each of the two places: what a disk writes whole or not at all."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a log, or one that it had once."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


class Seal:
    """The key of one log, and the file that tells how far the log has come."""

    def __init__(self, home: Path, key: bytes, after: Head) -> None:
        """Use a key that seals the entries after one.

        Args:
            home: where `audit.head` lies.
            key: 32 bytes.
            after: the last entry that this key has not sealed; number 0 where it sealed all.
        """
        self.after = after
        self.place = home / "audit.head"
        self._key = key
        self._writing = Lock()

    def of_entry(self, entry_hash: str) -> str:
        """Give the seal of an entry by its hash."""
        return self._made("entry", entry_hash)

    def of_backup(self, digest: str) -> str:
        """Give the seal of a backup by the digest of its list."""
        return self._made("backup", digest)

    def _made(self, of: str, text: str) -> str:
        return hmac.new(self._key, f"papscope {of}\n{text}".encode(), sha256).hexdigest()

    def note(self, head: Head) -> None:
        """Write down that the log has come so far; call it once that is committed.

        A file that cannot be written stays behind, and loses nothing: the next call makes up.

        Raises:
            DiskError: the file cannot be written.
        """
        with self._writing, told_of_disk(self.place):
            places = self._places()
            last = max(places, key=lambda one: one.number if one else -1)
            if last is not None and last.number >= head.number:
                return
            self._write(head, 1 if places[0] is last else 0)

    def reset(self, head: Head) -> None:
        """Write down that the log ends here, though it had come further; for restoring alone.

        Raises:
            DiskError: the file cannot be written.
        """
        with self._writing, told_of_disk(self.place):
            self.place.unlink(missing_ok=True)
            self._write(head, 0)

    def noted(self) -> Head | None:
        """Give the last entry that was noted; None where none ever was.

        Raises:
            AuditError: the file is there, but nothing in it was written with this key.
        """
        with told_of_disk(self.place):
            if not self.place.exists():
                return None
            found = [one for one in self._places() if one is not None]
        if not found:
            raise AuditError(
                f"{self.place} was not written with the key that lies beside it",
                hint="put the file back from a copy of the home, or look who had access to it",
            )
        return max(found, key=lambda one: one.number)

    def _places(self) -> list[Head | None]:
        data = self.place.read_bytes() if self.place.exists() else b""
        return [self._read(data[start : start + _SLOT]) for start in (0, _SLOT)]

    def _read(self, data: bytes) -> Head | None:
        try:
            told = json.loads(data)
            head = Head(int(told["number"]), str(told["hash"]))
            given = str(told["seal"])
        except (ValueError, TypeError, KeyError):
            return None
        return head if hmac.compare_digest(given, self._made("head", str(head))) else None

    def _write(self, head: Head, place: int) -> None:
        seal = self._made("head", str(head))
        text = json.dumps({"number": head.number, "hash": head.hash, "seal": seal})
        handle = os.open(self.place, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            if os.fstat(handle).st_size != 2 * _SLOT:
                os.ftruncate(handle, 2 * _SLOT)
            os.lseek(handle, place * _SLOT, os.SEEK_SET)
            os.write(handle, f"{text:<{_SLOT - 1}}\n".encode())
        finally:
            os.close(handle)


def key_file(home: Path) -> Path:
    """Give the place of the key."""
    return home / "audit.key"


def found_seal(home: Path) -> Seal | None:
    """Give the seal of the log whose home this is; None where there is no key.

    Raises:
        AuditError: the key is there and cannot be used.
    """
    place = key_file(home)
    try:
        told = json.loads(place.read_bytes())
        key = bytes.fromhex(told["key"])
        after = Head(int(told["after"]), str(told["hash"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise AuditError(
            f"the key of the audit log, {place}, cannot be read ({type(problem).__name__})",
            hint="run this as the service's user; or put the key back from a copy",
        ) from None
    return Seal(home, key, after)


def made_seal(home: Path, after: Head, *, key: bytes | None = None, anew: bool = False) -> Seal:
    """Make a key, if there is none, that seals the entries after one; and give what is there then.

    Args:
        home: where the key is to lie.
        after: the last entry that another key has sealed; number 0 for a new log.
        key: to go on with instead of a new one.
        anew: whether to take the place of a key that is there.

    Raises:
        DiskError: it cannot be written.
        AuditError: there is one, and it cannot be used.
    """
    text = json.dumps(
        {
            "what": "the key of papscope's audit log: keep a copy elsewhere, show it to nobody",
            "key": (key or secrets.token_bytes(32)).hex(),
            "after": after.number,
            "hash": after.hash,
        },
        indent=1,
    )
    place = key_file(home)
    draft = place.with_name(f".{place.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    with told_of_disk(place):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write_private(draft, text)
            _put(draft, place, anew=anew)
        finally:
            draft.unlink(missing_ok=True)
    found = found_seal(home)
    assert found is not None  # it was written, or was there
    return found


def _write_private(place: Path, text: str) -> None:
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _put(draft: Path, place: Path, *, anew: bool) -> None:
    """Let of two services that start at once only the first one's key stand."""
    if anew:
        draft.replace(place)
        return
    link: Callable[[Path, Path], None] = os.link
    try:
        link(draft, place)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not place.exists():
            draft.replace(place)

"""The file that a backup is: an ordinary zip with a list of what is in it.

Takes   such a file, and the key of this service's audit log where there is one
Gives   what it says of itself, once every byte in it has been found to be what its list says
Never   unpacks by a name that is not a table's or a picture's

    images/ab/abcd….png     each picture, named by its SHA-256
    tables/cases.jsonl      each table, a row a line, under a line with the columns' names
    manifest.json           the SHA-256 of all of them, the layout, the audit log's end
    manifest.seal           made of the list with the key of the service's audit log
"""

from __future__ import annotations

import hmac
import io
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from papscope.errors import AuditError, BackupError
from papscope.progress import Tell, silent
from papscope.serve.audit import Entry
from papscope.serve.auditing import Known, Verified, checked
from papscope.serve.backup.tables import rows
from papscope.serve.sealing import Head, Seal

FORMAT = 1
LIST, SEAL = "manifest.json", "manifest.seal"
_TABLE = re.compile(r"tables/([a-z_]{1,60})\.jsonl")
_PICTURE = re.compile(r"images/([0-9a-f]{2})/(\1[0-9a-f]{62})\.png")
_AGAIN = "take another backup, or another copy of this one"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a backup says of itself."""

    release: str
    """Of papscope, that took it."""
    layout: str
    made_at: str
    """ISO 8601, in UTC."""
    database: str
    """`sqlite` or `postgresql`: where it came from."""
    audit_number: int
    audit_hash: str
    tables: Mapping[str, int]
    """Rows of each."""
    counters: Mapping[str, int]
    """See `tables.counters`."""
    missing: tuple[str, ...]
    """Digests of pictures that were missing or damaged in the home already."""
    files: Mapping[str, str]
    """SHA-256 of each file in it."""

    @property
    def audit(self) -> Head:
        """The end of its audit log."""
        return Head(self.audit_number, self.audit_hash)

    @property
    def pictures(self) -> int:
        """Of files in it, those that are pictures."""
        return sum(name.startswith("images/") for name in self.files)

    def to_json(self) -> str:
        """Give the list as it is written."""
        told = {"papscope": "backup", "format": FORMAT, **asdict(self)}
        return json.dumps(told, sort_keys=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: bytes) -> About:
        """Read the list.

        Raises:
            BackupError: it is none, or of a newer format.
        """
        try:
            told: dict[str, Any] = json.loads(text)
            kind, version = told.pop("papscope"), told.pop("format")
            if kind == "backup" and version == FORMAT:
                return cls(**{**told, "missing": tuple(told["missing"])})
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BackupError("its list cannot be read", hint=_AGAIN) from None
        raise BackupError(
            f"its list is of a {kind} of format {version}; this release reads backups of {FORMAT}",
            hint="use the papscope release that took it",
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that was looked through."""

    about: About
    digest: str
    """SHA-256 of its list, and so of all that is in it."""
    sealed: bool | None
    """Whether this service's key sealed it; None where there is no key to tell."""
    log: Verified
    """What looking through its audit log came to."""


class Archive:
    """A backup's file, opened for reading."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        """Read its list.

        Raises:
            BackupError: it has none.
        """
        self._file = file
        if LIST not in file.namelist():
            raise BackupError("it has no list of what is in it", hint="give a papscope backup")
        self._list = file.read(LIST)
        self.about = About.from_json(self._list)

    @property
    def digest(self) -> str:
        """SHA-256 of the list."""
        return sha256(self._list).hexdigest()

    def unpacked_bytes(self) -> int:
        """Say how much room everything in it takes."""
        return sum(one.file_size for one in self._file.infolist())

    def table(self, name: str) -> Iterator[str]:
        """Give a table's lines."""
        with self._file.open(f"tables/{name}.jsonl") as file:
            yield from io.TextIOWrapper(file, encoding="utf-8")

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Give each picture's digest and bytes.

        Raises:
            BackupError: one is not what its name says.
        """
        for name in sorted(self.about.files):
            if (found := _PICTURE.fullmatch(name)) is not None:
                data = self._file.read(name)
                if sha256(data).hexdigest() != found[2]:
                    raise BackupError(f"{name} is damaged", hint=_AGAIN)
                yield found[2], data

    def check(self, seal: Seal | None, tell: Tell = silent) -> Checked:
        """Look through everything.

        Raises:
            BackupError: something is damaged, missing, or was put in.
        """
        self._check_names()
        for done, (name, digest) in enumerate(sorted(self.about.files.items()), 1):
            total = sha256()
            with self._file.open(name) as file:
                while piece := file.read(1 << 20):
                    total.update(piece)
            if total.hexdigest() != digest:
                raise BackupError(f"{name} is damaged or was changed", hint=_AGAIN)
            if (found := _PICTURE.fullmatch(name)) is not None and found[2] != digest:
                raise BackupError(f"{name} is not the picture of that name", hint=_AGAIN)
            tell("files", done, len(self.about.files))
        self._check_pictures()
        given = self._file.read(SEAL).decode("ascii", "replace").strip()
        sealed = hmac.compare_digest(given, seal.of_backup(self.digest)) if seal else None
        return Checked(self.about, self.digest, sealed, self._log(seal if sealed else None, tell))

    def _check_names(self) -> None:
        names = Counter(self._file.namelist())
        listed = {*self.about.files, LIST, SEAL}
        odd = next((name for name, times in names.items() if times > 1 or name not in listed), None)
        if odd is not None:
            raise BackupError(f"{odd[:100]!r} is in it, but not once in its list", hint=_AGAIN)
        gone = min(listed - set(names), default=None)
        if gone is not None:
            raise BackupError(f"{gone[:100]!r} is in its list, but not in it", hint=_AGAIN)
        for name in self.about.files:
            if not (_TABLE.fullmatch(name) or _PICTURE.fullmatch(name)):
                raise BackupError(f"{name[:100]!r} is no table and no picture", hint=_AGAIN)

    def _check_pictures(self) -> None:
        there = set(self.about.missing)
        for name in self.about.files:
            if (found := _PICTURE.fullmatch(name)) is not None:
                there.add(found[2])
        for row in rows("images", self.table("images")):
            if row.get("digest") not in there:
                raise BackupError(f"the picture {row.get('digest')} is not in it", hint=_AGAIN)

    def _log(self, seal: Seal | None, tell: Tell) -> Verified:
        if seal is not None and seal.after.number > self.about.audit_number:
            seal = None  # the key has begun to count later
        try:
            log = (Entry(**row) for row in rows("audit", self.table("audit")))
            end = self.about.audit
            known = Known(
                seal=seal, ends=(("the backup's list", end),) if end.number else (), last=end
            )
            return checked(log, known, tell)
        except TypeError:
            raise BackupError("its audit log is of another kind", hint=_AGAIN) from None


@contextmanager
def opened_archive(place: Path) -> Iterator[Archive]:
    """Open a backup for reading.

    Raises:
        BackupError: there is none, it cannot be read, is cut short or damaged.
    """
    try:
        with zipfile.ZipFile(place) as file:
            yield Archive(file)
    except FileNotFoundError:
        raise BackupError(f"there is no file {place}", hint="give a backup's path") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError) as problem:
        raise BackupError(
            f"{place} is cut short, damaged, or no backup ({problem})", hint=_AGAIN
        ) from None
    except OSError as problem:
        raise BackupError(
            f"{place} cannot be read ({problem.strerror})", hint="check its permissions"
        ) from None
    except BackupError as problem:
        raise BackupError(f"{place}: {problem}", hint=problem.hint) from None


def check(place: Path, seal: Seal | None, tell: Tell = silent) -> Checked:
    """Look through a backup.

    Raises:
        BackupError: it is damaged, cut short, changed, or none.
        AuditError: its audit log is broken.
    """
    with opened_archive(place) as archive:
        found = archive.check(seal, tell)
    if found.log.broken is not None:
        raise AuditError(
            f"{place}: entry {found.log.broken.number} of its audit log is the first wrong one: "
            f"{found.log.broken.why}",
            hint="see how-to/backup: what to do with a log that was broken before",
        )
    return found

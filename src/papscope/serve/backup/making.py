"""A backup taken, while the service goes on.

Takes   a home and its database, of this release's layout or an older one
Gives   one file of all tables, as they were at one moment, and all their pictures
Never   leaves half a file, overwrites one, or waits for who uploads

The pictures are written first and the tables last; where a picture that the tables name was deleted
in between, the tables are taken anew, so that both are of one moment.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import text

from papscope import __version__
from papscope.errors import AuditError, Conflict, SettingError, StoreError
from papscope.files import digest_of, told_of_disk
from papscope.progress import Tell, silent
from papscope.serve.arrivals import is_kept_by
from papscope.serve.audit import Event, record
from papscope.serve.auditing import one_state
from papscope.serve.backup.archive import LIST, SEAL, About
from papscope.serve.backup.tables import counters, dump, rows
from papscope.serve.clock import Clock, utc_now
from papscope.serve.opening import must_be_there
from papscope.serve.people import LOCAL
from papscope.serve.sealing import Seal, found_seal
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.upgrade import known_layout, layout_of, newest_layout

_ROUNDS = 10
"""Of taking the tables anew because a picture was deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was taken."""

    place: Path
    digest: str
    """SHA-256 of the file."""
    size: int
    """Bytes."""
    about: About


@dataclass(slots=True)
class _Files:
    """What is in the file already."""

    zip: zipfile.ZipFile
    digests: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, png: bytes) -> None:
        """Add a picture, which cannot be made smaller."""
        self.zip.writestr(_named(name, zipfile.ZIP_STORED), png)
        self.digests[name] = sha256(png).hexdigest()

    def put_table(self, name: str, source: Path) -> None:
        """Add a table from its file."""
        about, total = _named(name, zipfile.ZIP_DEFLATED), sha256()
        with source.open("rb") as file, self.zip.open(about, "w", force_zip64=True) as there:
            while piece := file.read(1 << 20):
                total.update(piece)
                there.write(piece)
        self.digests[name] = total.hexdigest()


def _named(name: str, packing: int) -> zipfile.ZipInfo:
    about = zipfile.ZipInfo(name)  # with no date: the same content gives the same bytes
    about.compress_type = packing
    about.external_attr = 0o600 << 16
    return about


def make_backup(
    settings: ServeSettings, target: Path, *, clock: Clock = utc_now, tell: Tell = silent
) -> Made:
    """Take a backup.

    Args:
        settings: of the service, which may be running.
        target: a file that is not there yet; or a folder, in which it is named by the time.
        clock: gives the time.
        tell: listens to how far it is.

    Raises:
        StoreError: the database cannot be used, has no layout, or is of a newer release.
        AuditError: the home has no key of the log.
        SettingError: the target is neither a folder that is there nor a zip's name.
        Conflict: the file is there already.
        DiskError: it cannot be written; there is no file then.
    """
    must_be_there(settings)
    seal, at = found_seal(settings.home), clock()
    database = Database(settings.url_of_database, seal=seal)
    try:
        layout = _layout(database)
        if seal is None:
            raise AuditError(
                f"{settings.home} has no key of the audit log", hint="give the service's --home"
            )
        place = _place(target, at)
        with _whole(place) as (draft, folder):
            source = _Source(settings, database, seal, layout, at.isoformat())
            about = _write(draft, folder, source, tell)
        found = Made(place, digest_of(place), place.stat().st_size, about)
        if layout == newest_layout():
            with database.transaction() as session:
                told = {"sha256": found.digest, "number": about.audit_number}
                record(session, at, Event(what="backup-made", who=LOCAL, details=told))
    finally:
        database.close()
    return found


def _place(target: Path, at: datetime) -> Path:
    if target.is_dir():
        target = target / f"papscope-{at:%Y%m%dT%H%M%SZ}.zip"
    if target.exists():
        raise Conflict(f"{target} is there already", hint="name another file")
    if target.suffix.lower() != ".zip":  # as of a disk that is not mounted, or a folder misspelt
        raise SettingError(
            f"there is no folder {target}", hint="make it first, or name a file that ends in .zip"
        )
    return target


def _layout(database: Database) -> str:
    layout = layout_of(database)
    if layout is None:
        raise StoreError(
            f"there is nothing in {database.url.render_as_string()}",
            hint="give the service's --home and --database-url",
        )
    known_layout(layout)
    return layout


@contextmanager
def _whole(place: Path) -> Iterator[tuple[Path, Path]]:
    """Give a draft that becomes the file at the end, and a folder to work in that goes."""
    with told_of_disk(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as name:
            draft = Path(name) / "draft.zip"
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            yield draft, Path(name)
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            draft.replace(place)


@dataclass(frozen=True, slots=True)
class _Source:
    settings: ServeSettings
    database: Database
    seal: Seal
    layout: str
    made_at: str


def _write(draft: Path, folder: Path, source: _Source, tell: Tell) -> About:
    with zipfile.ZipFile(draft, "w", allowZip64=True) as file:
        files = _Files(file)
        for _ in range(_ROUNDS):
            tables, last = _dumped(source.database, folder)
            missing, deleted = _pictures(files, source, folder, tell)
            if not deleted:
                break
        else:
            raise StoreError(
                "pictures are being deleted faster than they can be copied",
                hint="take the backup when fewer cases are deleted",
            )
        for name in sorted(tables):
            files.put_table(f"tables/{name}.jsonl", folder / f"{name}.jsonl")
        about = _about(source, folder, files, (tables, last, missing))
        text_of_list = about.to_json()
        file.writestr(_named(LIST, zipfile.ZIP_DEFLATED), text_of_list)
        digest = sha256(text_of_list.encode()).hexdigest()
        file.writestr(_named(SEAL, zipfile.ZIP_STORED), source.seal.of_backup(digest) + "\n")
    return about


def _about(
    source: _Source,
    folder: Path,
    files: _Files,
    found: tuple[dict[str, int], dict[str, int], set[str]],
) -> About:
    tables, last, missing = found
    head = next(_rows(folder, "audit_head"))
    return About(
        release=__version__,
        layout=source.layout,
        made_at=source.made_at,
        database="sqlite" if source.database.is_sqlite else "postgresql",
        audit_number=int(str(head["number"])),
        audit_hash=str(head["hash"]),
        tables=tables,
        counters=last,
        missing=tuple(sorted(missing)),
        files=files.digests,
    )


def _dumped(database: Database, folder: Path) -> tuple[dict[str, int], dict[str, int]]:
    with database.reading() as session:
        one_state(session)
        if not database.is_sqlite:
            session.execute(text("SET TRANSACTION READ ONLY"))
        return dump(session, folder), counters(session)


def _rows(folder: Path, table: str) -> Iterator[dict[str, object]]:
    with (folder / f"{table}.jsonl").open(encoding="utf-8") as lines:
        yield from rows(table, lines)


def _pictures(files: _Files, source: _Source, folder: Path, tell: Tell) -> tuple[set[str], bool]:
    """Copy the pictures that the tables name; tell which are missing, and whether one was deleted.

    A picture that is not what its name says is as good as missing.
    """
    is_kept = is_kept_by(source.database)
    missing: set[str] = set()
    for done, row in enumerate(_rows(folder, "images"), 1):
        digest = str(row["digest"])
        name = f"images/{digest[:2]}/{digest}.png"
        if name in files.digests or digest in missing:
            continue
        place = source.settings.images / digest[:2] / f"{digest}.png"
        try:
            png = place.read_bytes()
        except FileNotFoundError:
            if not is_kept(digest):
                return missing, True
            png = b""
        if sha256(png).hexdigest() == digest:
            files.put(name, png)
        else:
            missing.add(digest)
        tell("pictures", done, None)
    return missing, False

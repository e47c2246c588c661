"""Fetch a public data set: list, download, verify, unpack.

Takes   a data set's name and a folder
Gives   the folder, ready for `papscope import`
Never   accepts anybody's terms: whoever calls this has

`fetched.json` in the folder says which archives were unpacked, so that they are neither fetched
nor unpacked again, even where they were removed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from papscope.files import write_json
from papscope.progress import Tell, silent
from papscope.sources.catalogue import Published, Remote, published
from papscope.sources.download import Fetcher, Patience, fetch_all, fetching
from papscope.sources.listing import cric_files, mendeley_files
from papscope.sources.unpack import Limits, unpack

RECORD = "fetched.json"
_ARCHIVES = frozenset({".7z", ".zip"})
_LISTINGS = {"cric": cric_files, "mendeley": mendeley_files}


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How a data set is fetched."""

    base_url: str | None = None
    """Of a mirror; None for the published address."""
    keep_archives: bool = True
    """Whether archives stay once they are unpacked."""
    patience: Patience = field(default_factory=Patience)
    limits: Limits = field(default_factory=Limits)


def fetch(name: str, root: Path, settings: FetchSettings, tell: Tell = silent) -> tuple[str, ...]:
    """Fetch a data set, or what is still missing of it.

    Args:
        name: a key of `catalogue.PUBLISHED`.
        root: the data set's folder.
        settings: from where, and how patiently.
        tell: told of files listed, bytes fetched and files unpacked.

    Returns:
        Notes that a user should read.

    Raises:
        SettingError: the name is not known.
        DownloadError: a file cannot be had, is not what was published, or cannot be unpacked.
        DiskError: there is too little room, or the folder cannot be written.
    """
    what = published(name)
    unpacked = _record(root)
    with fetching(settings.patience) as fetcher:
        files = _listed(what, settings.base_url, fetcher, tell)
        missing = [file for file in files if not _is_unpacked(file, root, unpacked)]
        archives = [file for file in missing if file.path.suffix in _ARCHIVES]
        fetch_all(fetcher, missing, root, tell, room=what.unpacked if archives else 0)
    for file in archives:
        unpack(root / file.path, _folder_of(file, root), settings.limits, tell)
        unpacked[file.path.name] = _identity(file)
        write_json(root / RECORD, unpacked)
    if not settings.keep_archives:
        for file in files:
            if _is_unpacked(file, root, unpacked):
                (root / file.path).unlink(missing_ok=True)
    return _notes(what, files)


def _listed(
    what: Published, base_url: str | None, fetcher: Fetcher, tell: Tell
) -> tuple[Remote, ...]:
    listing = _LISTINGS.get(what.name)
    if listing is not None:
        return listing(fetcher.json, base_url or what.base_url, tell)
    if base_url is None:
        return what.files
    base = base_url.rstrip("/")
    return tuple(replace(file, url=f"{base}/{file.path.as_posix()}") for file in what.files)


def _notes(what: Published, files: Sequence[Remote]) -> tuple[str, ...]:
    notes = []
    without = [file.path.name for file in files if file.digest is None]
    if without and not what.caution:
        notes.append(f"{len(without)} files have no published digest; only their size was verified")
    if what.name == "cric" and not any(file.path.suffix == ".csv" for file in files):
        notes.append(
            "the listing has no classifications.csv: get it from "
            "https://database.cric.com.br/downloads and put it into the folder"
        )
    return tuple(notes)


def _folder_of(archive: Remote, root: Path) -> Path:
    return (root / archive.path).with_suffix("")


def _identity(archive: Remote) -> str:
    if archive.digest is not None:
        return f"{archive.digest.algorithm}:{archive.digest.value}"
    return "no digest published"


def _is_unpacked(file: Remote, root: Path, unpacked: dict[str, str]) -> bool:
    if file.path.suffix not in _ARCHIVES:
        return False
    return unpacked.get(file.path.name) == _identity(file) and _folder_of(file, root).is_dir()


def _record(root: Path) -> dict[str, str]:
    """Read which archives were unpacked; a damaged record only means that it is done again."""
    try:
        value = json.loads((root / RECORD).read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): str(one) for key, one in value.items()} if isinstance(value, dict) else {}

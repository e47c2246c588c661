"""Lay a split out as folders, for tools that want `train/<class>/<image>`.

Takes   a manifest and a split of it
Gives   a new folder of hard links or copies; cells that are part of an image are cut out as PNG
Never   moves, changes or removes an image of the user's, or leaves half a tree behind
"""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal

from PIL import Image

from papscope.errors import DiskError, ImageError, SettingError
from papscope.files import free_bytes, told_of_disk, write_bytes
from papscope.image import Pixels, cut, decode
from papscope.manifest import Manifest, Row
from papscope.progress import Tell, silent
from papscope.split import Split, part_rows

How = Literal["link", "copy"]

_CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})
"""What a system answers where a hard link cannot be, but a copy can."""
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_LONGEST = 120
"""Bytes of a name, without what makes it unique; every file system takes this many."""


def materialise(
    manifest: Manifest, split: Split, folder: Path, *, how: How = "link", tell: Tell = silent
) -> int:
    """Write `folder/<part>/<class>/<image>` for every image of a split.

    A hard link is a second name of the very same file: it takes no room, and changing the one
    changes the other. Where links cannot be (another disk), copies are made.

    Args:
        manifest: the one that was divided.
        split: the part of each image.
        folder: a new or empty folder.
        how: `link` or `copy`.
        tell: told of each image.

    Returns:
        How many images were laid out.

    Raises:
        SettingError: the folder holds something.
        SplitError: the split was made for another manifest.
        ImageError: an image is missing or cannot be cut.
        DiskError: there is no room, or the place cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingError(f"{folder} is there already and is not empty", hint="name a new folder")
    places = _places(manifest, split)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    with told_of_disk(folder):
        shutil.rmtree(draft, ignore_errors=True)  # of a killed process that had this one's number
        draft.mkdir(parents=True)
        try:
            _refuse_full(manifest, list(places), draft, how)
            for done, (row, pixels) in enumerate(_each(manifest, list(places)), start=1):
                target = draft / places[row]
                target.parent.mkdir(parents=True, exist_ok=True)
                if pixels is None:
                    _put(manifest.file_of(row), target, how)
                else:
                    write_bytes(target, _png(pixels))
                tell("laying out images", done, len(places))
            if folder.exists():
                folder.rmdir()
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return len(places)


def _places(manifest: Manifest, split: Split) -> dict[Row, str]:
    """Give each row its place below the folder: safe on every system, and unique."""
    folders = unique_names({name: safe_name(name) for name in manifest.class_names})
    places: dict[Row, str] = {}
    for part in split.parts:
        rows = sorted(part_rows(split, manifest, part), key=lambda row: row.id)
        for label, group in groupby(
            sorted(rows, key=lambda row: str(row.label)), key=lambda row: row.label
        ):
            of_class = list(group)
            names = unique_names({row.id: _name(row) for row in of_class})
            for row in of_class:
                places[row] = f"{safe_name(part)}/{folders[str(label)]}/{names[row.id]}"
    return places


def _name(row: Row) -> str:
    return safe_name(row.path.name if row.box is None else f"{row.path.stem}_{row.id}.png")


def safe_name(name: str) -> str:
    """Turn any text into a name that every file system takes.

    >>> safe_name("ASC-US / a?"), safe_name("../.."), safe_name("con.png")
    ('ASC-US _ a_', '_', '_con.png')
    >>> safe_name("ü" * 200 + ".png")[-8:], len(safe_name("ü" * 200 + ".png").encode())
    ('üüüü.png', 120)
    """
    plain = _UNSAFE.sub("_", name).strip(". ") or "_"
    if len(plain.encode()) > _LONGEST:
        end = Path(plain).suffix[:10]
        start = plain.encode()[: _LONGEST - len(end.encode())]
        plain = start.decode(errors="ignore") + end
    return f"_{plain}" if _RESERVED.match(plain) else plain


def unique_names(names: Mapping[str, str]) -> dict[str, str]:
    """Number names that are the same, also where a system takes large and small letters alike."""
    taken: set[str] = set()
    found = {}
    for key, name in names.items():
        path, free, number = Path(name), name, 1
        while free.casefold() in taken:
            number += 1
            free = f"{path.stem}-{number}{path.suffix}"
        taken.add(free.casefold())
        found[key] = free
    return found


def _refuse_full(manifest: Manifest, rows: Sequence[Row], draft: Path, how: How) -> None:
    """Refuse before anything is written where there is no room."""
    device = draft.stat().st_dev
    need = 0
    for row in rows:
        file = manifest.file_of(row)
        if row.box is not None:
            need += 3 * row.box.width * row.box.height
        elif file.is_file() and (how == "copy" or file.stat().st_dev != device):
            need += file.stat().st_size
    if need > (room := free_bytes(draft)):
        raise DiskError(
            f"the images take {need // 1_000_000} MB and the disk has {room // 1_000_000} MB",
            hint="free some space, or write to another disk",
        )


def _each(manifest: Manifest, rows: Iterable[Row]) -> Iterator[tuple[Row, Pixels | None]]:
    """Give each row with its pixels where it is cut out; an image is decoded once for its cells."""
    by_file = sorted(rows, key=lambda row: (row.path, row.id))
    for path, group in groupby(by_file, key=lambda row: row.path):
        whole: Pixels | None = None
        for row in group:
            if row.box is None:
                yield row, None
                continue
            if whole is None:
                whole = decode(manifest.root / path)
            yield row, cut(whole, row.box)


def _put(source: Path, target: Path, how: How) -> None:
    if not source.is_file():
        raise ImageError(
            f"there is no file {source}", hint="import the images again", reason="missing"
        )
    if how == "link":
        try:
            os.link(source.resolve(), target)
            return
        except OSError as problem:
            if problem.errno not in _CANNOT_LINK:
                raise
    shutil.copyfile(source, target)


def _png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()

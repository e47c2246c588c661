"""Make the images of one file's rows, or keep those that an earlier run made.

Takes   a file, its rows, and where the copies of each go
Gives   PNG files, and a short record of each
Never   leaves half a file, or draws a number that depends on another image
"""

from __future__ import annotations

import io
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from PIL import Image

from papscope.augment.changes import Change
from papscope.augment.children import Kind
from papscope.errors import ImageError
from papscope.files import write_bytes
from papscope.image import Pixels, cut, decode
from papscope.manifest import Row
from papscope.seeds import stream


@dataclass(frozen=True, slots=True)
class Job:
    """One file and what is made of it."""

    file: Path
    cells: tuple[tuple[Row, tuple[Path, ...]], ...]
    """Rows that speak of the file, and where the copies of each go."""
    kind: Kind
    seed: int


@dataclass(frozen=True, slots=True)
class Made:
    """One image that is there now."""

    parent: str
    number: int
    """Counted from 1."""
    sha256: str
    width: int
    height: int
    kept: bool
    """Whether an earlier run had made it."""


def changes_of(kind: Kind) -> tuple[Change, ...]:
    """Give the fourteen changes of a set."""
    if kind == "gentle":
        from papscope.augment.gentle import GENTLE

        return GENTLE
    from papscope.augment.original import ORIGINAL

    return ORIGINAL


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that handed out the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def make_all(jobs: Sequence[Job]) -> list[Made]:
    """Do several jobs; for a worker."""
    return [made for job in jobs for made in make(job)]


def make(job: Job) -> list[Made]:
    """Make all images of one file, decoding it once and only if one is missing.

    Raises:
        ImageError: the file cannot be decoded, or is not the one that was imported.
        DiskError: an image cannot be written.
    """
    whole: Pixels | None = None
    found = []
    for row, targets in job.cells:
        for number, target in enumerate(targets, start=1):
            made = _kept(row, number, target)
            if made is None:
                whole = _decoded(job.file, row) if whole is None else whole
                made = _new(row, number, target, whole, job)
            found.append(made)
    return found


def _new(row: Row, number: int, target: Path, whole: Pixels, job: Job) -> Made:
    pixels = whole if row.box is None else cut(whole, row.box)
    random = stream(job.seed, f"augment {row.id} {number}")
    changed = changes_of(job.kind)[number - 1](pixels, random)
    digest = write_bytes(target, _png(changed), durable=False)
    height, width = changed.shape[:2]
    return Made(row.id, number, digest, width, height, kept=False)


def _kept(row: Row, number: int, target: Path) -> Made | None:
    """Give an image that is there already and whole; each piece of a PNG carries its checksum."""
    try:
        data = target.read_bytes()
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            width, height = picture.size
            picture.verify()
    except Exception:  # a decoder may raise anything, and whatever is wrong, it is made again
        return None
    return Made(row.id, number, sha256(data).hexdigest(), width, height, kept=True)


def _decoded(file: Path, row: Row) -> Pixels:
    try:
        data = file.read_bytes()
    except OSError as problem:
        raise ImageError(
            f"{file} cannot be read: {problem.strerror}", hint="check the file, then go on"
        ) from None
    if row.sha256 and sha256(data).hexdigest() != row.sha256:
        raise ImageError(
            f"{file} has other bytes than when it was imported",
            hint="put the file back, or import and split again",
            reason="changed",
        )
    return decode(data, str(file))


def _png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()

"""What one picture file, and each cell cut from it, looks like to a careful person.

Takes   a file and the rows that speak of it
Gives   the findings about the file and its cells, and what is kept to find copies
Never   decodes a file twice, or keeps its pixels
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from papscope.checks.codes import CODES
from papscope.checks.findings import Finding, finding
from papscope.checks.likeness import Likeness, likeness
from papscope.checks.masks import is_mask
from papscope.errors import ImageError
from papscope.files import digest_of
from papscope.image import Facts, Pixels, cut, decode, facts
from papscope.manifest import Row
from papscope.quality import Quality, Thresholds, faults, measure


@dataclass(frozen=True, slots=True)
class Look:
    """What is kept of one row's picture."""

    id: str
    content: str
    """SHA-256 of what the row shows: of the file's bytes, or of the pixels in its box."""
    likeness: Likeness | None
    """None where the picture is blank or a mask: such pictures are all alike."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one file came to."""

    findings: tuple[Finding, ...]
    looks: tuple[Look, ...]
    """One for each row whose picture could be decoded, in the order of the rows."""


def see(file: Path, rows: Sequence[Row], thresholds: Thresholds) -> Seen:
    """Read one file, once, and look at it and at each box that is cut from it.

    Args:
        file: the picture.
        rows: all that the manifest says of it; one at least.
        thresholds: where a measure becomes a fault.
    """
    ids = tuple(row.id for row in rows)
    where = str(rows[0].path)
    findings = []
    try:
        digest = _digest(file, where)
        if any(row.sha256 not in ("", digest) for row in rows):
            what = f"{where} has other bytes than when it was imported"
            findings.append(finding("changed", ids, what, where))
        header = facts(file, where)
        pixels = decode(file, where)
    except ImageError as problem:
        reason = problem.reason if problem.reason in CODES else "unreadable"
        return Seen((*findings, finding(reason, ids, str(problem), where)), ())
    if header.alpha:
        what = f"{where} has an opacity channel ({header.mode})"
        findings.append(finding("alpha", ids, what, where))
    looks = []
    for row in rows:
        found, look = _look(row, pixels, digest, thresholds)
        findings += found + _outside(row, header)
        looks.append(look)
    return Seen(tuple(findings), tuple(looks))


def _digest(file: Path, where: str) -> str:
    try:
        return digest_of(file)
    except FileNotFoundError:
        raise ImageError(f"there is no file {where}", hint="import", reason="missing") from None
    except OSError as problem:
        what = f"{where} cannot be read ({problem.strerror})"
        raise ImageError(what, hint="check the file", reason="unreadable") from None


def _look(
    row: Row, pixels: Pixels, digest: str, thresholds: Thresholds
) -> tuple[list[Finding], Look]:
    shown = pixels if row.box is None else cut(pixels, row.box)
    content = (
        digest
        if row.box is None
        else sha256(repr(shown.shape).encode() + shown.tobytes()).hexdigest()
    )
    quality = measure(shown)
    faulty = faults(quality, thresholds)
    mask = "blank" not in faulty and is_mask(shown)
    codes = ("mask",) if mask else faulty
    if row.made:  # changed on purpose, and only a picture of nothing is a fault
        codes = tuple(code for code in codes if code == "blank")
    found = [finding(code, (row.id,), _measured(code, quality)) for code in codes]
    alike = None if mask or "blank" in faulty else likeness(shown)
    return found, Look(row.id, content, alike)


def _digest_of_pixels(pixels: Pixels) -> str:
    return sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def _measured(code: str, quality: Quality) -> str:
    return {
        "blank": f"the colours' standard deviation is {quality.spread:.1f} of 255",
        "blurred": f"the sharpness is {quality.sharpness:.2f}",
        "saturated": f"{quality.clipped:.0%} of the pixels are burnt out or black",
        "mask": "the picture consists of a few pure colours",
    }[code]


def _outside(row: Row, header: Facts) -> list[Finding]:
    box = row.box
    if box is None:
        return []
    across, down = box.left + box.width / 2, box.top + box.height / 2
    if 0 <= across <= header.width and 0 <= down <= header.height:
        return []
    size = f"{header.width} x {header.height}"
    return [finding("box-outside", (row.id,), f"{across:g}, {down:g} is not in {size} pixels")]

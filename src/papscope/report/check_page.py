"""A check's findings as one HTML file with small pictures of what was found.

Takes   a check's report and the manifest that was checked
Gives   a page that needs nothing else: no network, no other file, no script
Never   shows an unbounded number of pictures, or a folder of this machine
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from papscope import __version__
from papscope.checks.codes import CODES, Code
from papscope.checks.findings import Finding, Report
from papscope.errors import ImageError
from papscope.files import write_text
from papscope.image import cut, decode
from papscope.manifest import Manifest, Row
from papscope.progress import Tell, silent

MOST_SHOWN = 12
"""Findings of one code that are shown; the JSON output has all of them."""

MOST_PICTURES = 4
"""Pictures of one finding that are shown."""

THUMBNAIL = 112
"""Longer side of a small picture, in pixels."""


@dataclass(frozen=True, slots=True)
class Thumb:
    """One image of a finding."""

    id: str
    label: str
    group: str
    data: str | None
    """A data URI; None where the picture cannot be shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One finding with its pictures."""

    finding: Finding
    thumbs: tuple[Thumb, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """All findings of one code."""

    code: str
    kind: Code
    count: int
    shown: tuple[Shown, ...]


def write_check_page(
    path: Path, report: Report, manifest: Manifest, *, tell: Tell = silent
) -> Path:
    """Write the page in one step; the same report and images give the same bytes.

    Args:
        path: of the HTML file.
        report: what the check came to.
        manifest: the manifest that was checked; its images are read again for small pictures, at
            most 12 x 4 for each code.
        tell: told as codes are done.

    Returns:
        The path.

    Raises:
        DiskError: the disk is full, or the place cannot be written.
    """
    rows = {row.id: row for row in manifest.rows}
    sections = []
    found = report.by_code()
    for done, (code, some) in enumerate(found.items(), start=1):
        shown = tuple(_shown(one, manifest, rows) for one in some[:MOST_SHOWN])
        sections.append(Section(code, CODES[code], len(some), shown))
        tell("drawing findings", done, len(found))
    text = (
        _environment()
        .get_template("check.html.j2")
        .render(report=report, sections=sections, manifest=manifest, version=__version__)
    )
    write_text(path, text)
    return path


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("papscope.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(one: Finding, manifest: Manifest, rows: Mapping[str, Row]) -> Shown:
    return Shown(one, tuple(_thumb(manifest, rows[id_]) for id_ in one.rows[:MOST_PICTURES]))


def _thumb(manifest: Manifest, row: Row) -> Thumb:
    try:
        pixels = decode(manifest.file_of(row), str(row.path))
    except ImageError:
        data = None
    else:
        data = _data_uri(Image.fromarray(pixels if row.box is None else cut(pixels, row.box)))
    return Thumb(row.id, row.label or "no label", row.group or "no group", data)


def _data_uri(picture: Image.Image) -> str:
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"

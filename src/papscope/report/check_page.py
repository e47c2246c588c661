"""A check's findings as one HTML file with small pictures of what was found.

Takes   a check's report and the manifest that was checked
Gives   a page that needs nothing else: no network, no other file, no script
Never   shows an unbounded number of pictures, or a folder of this machine
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from papscope import __version__
from papscope.checks.codes import CODES, Code
from papscope.checks.findings import Finding, Report
from papscope.files import write_text
from papscope.manifest import Manifest, Row
from papscope.progress import Tell, silent
from papscope.report.thumbs import Thumb, thumb

MOST_SHOWN = 12
"""Findings of one code that are shown; the JSON output has all of them."""

MOST_PICTURES = 4
"""Pictures of one finding that are shown."""


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
    return Shown(one, tuple(thumb(manifest, rows[id_]) for id_ in one.rows[:MOST_PICTURES]))

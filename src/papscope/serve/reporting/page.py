"""A case's report as one HTML file that holds all it needs.

Takes   the content, and the pictures' store
Gives   HTML with its style and pictures within, and the policy that it is to be shown under
Never   holds a script, or an address of anything outside the file
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined

from papscope.errors import NotFound
from papscope.serve.images import ImageStore
from papscope.serve.reporting import told
from papscope.serve.reporting.content import CaseReport

SIDE = 256
"""Of the pictures in a report, in pixels."""


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A report as HTML."""

    html: str
    policy: str
    """The `Content-Security-Policy` that lets it show itself and nothing else."""


def as_html(report: CaseReport, images: ImageStore) -> ReportPage:
    """Make a report's page."""
    room, style = _room(), _style()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    html = room.get_template("case.html.j2").render(
        report=report,
        style=style,
        policy=policy,
        pictures={one.id: _picture(images, one.digest) for one in report.gallery},
        told=told,
    )
    return ReportPage(html, f"{policy}; frame-ancestors 'none'")


@cache
def _room() -> Environment:
    return Environment(
        loader=PackageLoader("papscope.serve.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _style() -> str:
    room = _room()
    assert room.loader is not None  # it was made with one
    return room.loader.get_source(room, "case.css")[0]


def _hash(style: str) -> str:
    return base64.b64encode(sha256(style.encode()).digest()).decode()


def _picture(images: ImageStore, digest: str) -> str | None:
    """Give a small copy as a data URL; None where the picture has gone meanwhile."""
    try:
        data = images.smaller(digest, SIDE).read_bytes()
    except (NotFound, FileNotFoundError):
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"

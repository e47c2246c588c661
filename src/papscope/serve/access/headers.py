"""What every answer tells a browser that it must not do with it.

Takes   the path that was asked for, and the headers of the answer
Gives   the headers with those for security
Never   lets a page run or load what this service does not hand out itself
"""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.types import Scope

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Scripts and styles come as files of this service, never within a page."""

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Permitted-Cross-Domain-Policies": "none",
}

_KEPT = re.compile(r"/static/.+|/v1/images/[0-9a-f]{32}/(picture|smaller)")
"""What browsers may keep: it ships with papscope, or is a picture under its digest."""

_TWO_YEARS = 63_072_000


def add_headers(scope: Scope, status: int, headers: MutableHeaders) -> None:
    """Add what browsers have to know to the headers of an answer.

    An endpoint may give a narrower `Content-Security-Policy` of its own, as one document needs.
    """
    for name, value in _ALWAYS.items():
        headers[name] = value
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("Referrer-Policy", "no-referrer")
    _keep(scope["path"], status, headers)
    if scope.get("scheme") == "https":
        headers["Strict-Transport-Security"] = f"max-age={_TWO_YEARS}"
    if "server" in headers:
        del headers["server"]


def _keep(path: str, status: int, headers: MutableHeaders) -> None:
    """Let nothing be kept, in any cache, but what may be, and that by the browser alone."""
    if status not in (200, 206, 304) or not _KEPT.fullmatch(path):
        headers["Cache-Control"] = "no-store"
    elif path.startswith("/static/"):
        headers.setdefault("Cache-Control", "no-cache")
    elif "private" not in headers.get("Cache-Control", ""):
        headers["Cache-Control"] = "private, max-age=86400"

"""Where a browser is led: to the page for signing in, and back.

Takes   the address that was asked for
Gives   an address of this service
Never   leads to another host, whatever a link says
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from fastapi import Request

SIGN_IN = "/sign-in"
HOME = "/"


def wants_page(request: Request) -> bool:
    """Tell whether somebody looks at the answer: a browser that opens an address."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")


def sign_in_address(request: Request) -> str:
    """Give the address of the page for signing in, which leads back to what was asked for."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{SIGN_IN}?next={quote(asked, safe='')}"


def led_back(asked: str) -> str:
    r"""Give the address to go on to, if it is one of this service; else the first page.

    >>> led_back("/cases/3f?order=risk")
    '/cases/3f?order=risk'
    >>> [led_back(one) for one in ("https://evil.example", "//evil.example", "/\\evil.example")]
    ['/', '/', '/']
    """
    if not asked.startswith("/") or asked.startswith(("//", SIGN_IN)) or "\\" in asked:
        return HOME
    if any(ord(sign) <= 32 or ord(sign) == 127 for sign in asked):  # browsers take tabs out
        return HOME
    try:
        parts = urlsplit(asked)
    except ValueError:
        return HOME
    return HOME if parts.scheme or parts.netloc else asked

"""Changes that another site makes a browser send, known and refused.

Takes   a request and who sent it
Gives   leave, or why not; and the word that our own pages send with each change
Never   lets a browser change anything without that word, or asks programs for it

A browser tells of itself: it sends `Origin` with every request that is no GET or HEAD (Fetch
standard, 3.2.5), `Sec-Fetch-Site` to https and to loopback, and the cookies that it has; a page
cannot leave these out. What brings none of them is a program, which no other site can steer.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from fastapi import Request

from papscope.errors import Forged
from papscope.serve.access.who import Sender
from papscope.serve.access.words import same

HEADER = "x-csrf-token"
FIELD = "csrf"
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))

_MARKS = ("origin", "referer", "cookie", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")

_SECRET = secrets.token_bytes(32)
"""For pages that nobody has signed in to; of this process, so that a restart asks for a reload."""


def word_for(sender: Sender) -> str:
    """Give the word that a page's changes must bring: bound to the sign-in, of no use elsewhere."""
    key = sender.word.encode() if sender.word is not None else _SECRET
    return hmac.new(key, b"papscope: a change that our page sent", sha256).hexdigest()


def is_browser(request: Request) -> bool:
    """Tell whether a request may come from a browser."""
    return any(mark in request.headers for mark in _MARKS)


def refuse_reading_from_elsewhere(request: Request) -> None:
    """Refuse that another site's page embeds or fetches anything; links to pages are followed.

    Raises:
        Forged: another site asks.
    """
    site = request.headers.get("sec-fetch-site", "none")
    if site in ("cross-site", "same-site") and not _is_followed_link(request):
        raise Forged("another site asks", hint="open the service itself in the browser")


def refuse_forged(request: Request, sender: Sender, field: str | None) -> None:
    """Refuse a change that a browser sends and that our own page did not ask for.

    Args:
        request: of an unsafe method.
        sender: who sent it.
        field: what a form brings as `csrf`, if it is one.

    Raises:
        Forged: another site made the browser send it, or the word is missing or wrong.
    """
    if sender.how == "token" or not is_browser(request):
        return
    _refuse_elsewhere(request)
    brought = request.headers.get(HEADER) or field or ""
    if not same(brought, word_for(sender)):
        raise Forged(
            "the request does not bring this page's word against forgery",
            hint="reload the page and try again; programs send a token and no cookies",
        )


def _refuse_elsewhere(request: Request) -> None:
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}".lower()
    from_elsewhere = site is not None and site != "same-origin"
    # A page that hides its address sends `null`; whether it is ours, Sec-Fetch-Site tells.
    if origin is not None and not (origin == "null" and site == "same-origin"):
        from_elsewhere |= origin.lower() != own
    if from_elsewhere:
        raise Forged(
            "another site made the browser send this",
            hint="use the service's own page; behind a proxy, start with --behind-proxy",
        )


def _is_followed_link(request: Request) -> bool:
    mode, to = (request.headers.get(f"sec-fetch-{one}") for one in ("mode", "dest"))
    return request.method in ("GET", "HEAD") and mode == "navigate" and to == "document"

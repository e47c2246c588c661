"""The cookie that a sign-in lives in.

Takes   a request, and the answer to it
Gives   the answer with the cookie, or with an order to forget it
Never   lets a script read it, or another site make a browser send it
"""

from __future__ import annotations

from fastapi import Request, Response


def cookie_name(request: Request) -> str:
    """Give the cookie's name; that for TLS cannot be set by a neighbouring host (RFC 6265bis)."""
    return "__Host-papscope" if request.url.scheme == "https" else "papscope"


def word_of(request: Request) -> str | None:
    """Give the word that a browser brings, if any."""
    return request.cookies.get(cookie_name(request)) or None


def give_cookie(request: Request, response: Response, word: str) -> None:
    """Let a browser keep a word until it is closed; the sign-in may end before."""
    response.set_cookie(
        cookie_name(request),
        word,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def take_cookie(request: Request, response: Response) -> None:
    """Let a browser forget the word, and the pictures that it has kept."""
    response.delete_cookie(
        cookie_name(request),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    response.headers["Clear-Site-Data"] = '"cache"'

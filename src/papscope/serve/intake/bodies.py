"""What a request may send, in bytes and in time, whatever it says beforehand.

Takes   an application, and the limits
Gives   the same application, behind them
Never   reads more than the limits allow, or waits for a sender longer

Time counts while a sender is waited for, not while the application is at work. A request's head is
the server's to limit (`server`): a request gets here when its head is complete.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from papscope.errors import DiskError, PapscopeError, UploadTooLarge, UploadTooSlow
from papscope.files import free_bytes
from papscope.serve.settings import Limits
from papscope.serve.told import answer

SMALL_BODY = 1_000_000
"""Bytes of a body that brings no pictures."""

UPLOADS = frozenset({"/v1/predict", "/v1/jobs"})
"""Where pictures are sent to."""

_GONE: Message = {"type": "http.disconnect"}


class BodyLimits:
    """ASGI middleware that refuses what is too much (413), too slow (408), or has no room (507).

    A refused sender's connection is closed, as what it still sends would be taken for another
    request.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        home: Path,
        uploads: Collection[str] = UPLOADS,
    ) -> None:
        """Stand before an application.

        Args:
            app: what answers.
            limits: of bytes, seconds and room.
            home: the folder on whose disk uploads will lie.
            uploads: the paths to which pictures are sent.
        """
        self._app = app
        self._limits = limits
        self._home = home
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through as far as it may go."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        large = scope["method"] == "POST" and scope["path"] in self._uploads
        most = self._limits.upload_bytes if large else SMALL_BODY
        size = _told_size(scope)
        problem: PapscopeError | None = _too_large(most) if size > most else None
        if large and problem is None:
            problem = self._no_room(size)
        body = _Body(receive, send, most, self._limits)
        if problem is None:
            problem = await body.answered_by(self._app, scope)
        if problem is not None:
            await _refuse(problem, scope, receive, send)

    def _no_room(self, size: int) -> DiskError | None:
        if free_bytes(self._home) - size >= self._limits.free_bytes:
            return None
        return DiskError(
            "there is not enough room on the service's disk for an upload",
            hint="delete cases that are done with, or ask an administrator for room",
        )


class _Body:
    """One request's body on its way to the application, and the answer on its way back."""

    def __init__(self, receive: Receive, send: Send, most: int, limits: Limits) -> None:
        self._receive = receive
        self._send = send
        self._most = most
        self._idle = limits.idle_seconds
        self._left = limits.upload_seconds
        self._count = 0
        self._complete = False
        self._answering = False
        self._problem: PapscopeError | None = None

    async def answered_by(self, app: ASGIApp, scope: Scope) -> PapscopeError | None:
        """Let the application answer, and give the reason to answer in its place, if any."""
        try:
            await app(scope, self.receive, self.send)
        except Exception:
            if self._problem is None or self._answering:
                raise  # what is refused fails for that reason alone
        return None if self._answering else self._problem

    async def receive(self) -> Message:
        """Give the next piece; to the application a refused sender is one that went away."""
        if self._complete:
            return await self._receive()
        if self._problem is not None:
            return _GONE
        began = time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), min(self._idle, self._left))
        except TimeoutError:
            self._problem = UploadTooSlow(
                "the request's body came too slowly, or stopped coming",
                hint="send less at once, or over a better line",
            )
            return _GONE
        self._left = max(0.0, self._left - (time.monotonic() - began))
        self._count += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._count > self._most:
            self._problem = _too_large(self._most)
            return _GONE
        return message

    async def send(self, message: Message) -> None:
        """Let the application's answer through, unless the request has been refused by then."""
        if self._problem is not None and not self._answering:
            return
        self._answering = True
        await self._send(message)


def _told_size(scope: Scope) -> int:
    """Give the size that a request's head tells; 0 where it tells none."""
    told = dict(scope["headers"]).get(b"content-length", b"0")
    return int(told[:20]) if told.isdigit() else 0


def _too_large(most: int) -> UploadTooLarge:
    return UploadTooLarge(
        f"the request's body has more than {most:,} bytes", hint="send less at once"
    )


async def _refuse(problem: PapscopeError, scope: Scope, receive: Receive, send: Send) -> None:
    told = answer(problem)
    told.headers["Connection"] = "close"
    await told(scope, receive, send)

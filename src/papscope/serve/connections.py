"""Connections that do not say what they want, let go.

Takes   what uvicorn does with a connection
Gives   the same, with a time within which a request's head must have come
Never   judges a request: bodies are limited by `intake.bodies`
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_SECONDS = 30.0
"""Within which a request's head must have come, counted from the end of the last answer.

uvicorn itself waits for ever for a first request, and for one that comes a byte at a time."""


class Patient(H11Protocol):
    """uvicorn's handling of HTTP/1.1, which is patient, but not for ever."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait_for_head()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all waiting."""
        self._cancel()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._cancel()
        before: RequestResponseCycle | None = self.cycle
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._check, before)

    def _check(self, before: RequestResponseCycle | None) -> None:
        # A pipelined request may have come before the last answer ended: then it is a new cycle.
        done = before is None or before.response_complete
        if self.cycle is before and done and not self.transport.is_closing():
            self.transport.close()

    def _cancel(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

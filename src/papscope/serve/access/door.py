"""The door: what every request passes before anything of it is read, and every answer after.

Takes   an ASGI application
Gives   one that answers to its own names only, refuses forged changes, and guards browsers
Never   reads a large body of somebody who is not known
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl

from anyio import fail_after
from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from papscope.errors import NotAllowed, PapscopeError, UploadTooLarge, WrongHost
from papscope.serve.access.forgery import (
    FIELD,
    SAFE,
    refuse_forged,
    refuse_reading_from_elsewhere,
)
from papscope.serve.access.headers import add_headers
from papscope.serve.access.hosts import is_ours
from papscope.serve.access.who import person_of, sender_of
from papscope.serve.services import Services
from papscope.serve.threads import Room
from papscope.serve.told import answer

PUBLIC_CHANGES = frozenset(("/sign-in", "/v1/sign-in"))
"""What is asked for before one is known."""

FORM_BYTES = 16_384
"""Of a form of our own pages; pictures come in another way."""
_FORM_SECONDS = 10.0
_LOOKING_UP = Room("door", 8)
"""So that those who come in need not wait for the threads of those who are in."""
_FORM = "application/x-www-form-urlencoded"


class GuardedApp(FastAPI):
    """An application behind the door: what it says when it breaks down passes the door too."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put the door around all else."""
        services: Services = self.state.services
        guarded: ASGIApp = _Door(super().build_middleware_stack(), services)
        if services.settings.behind_proxy:
            proxies = list(services.settings.behind_proxy)
            guarded = ProxyHeadersMiddleware(guarded, proxies)  # type: ignore[arg-type, assignment]
        return guarded


@dataclass(frozen=True, slots=True)
class _Door:
    inside: ASGIApp
    services: Services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.inside(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                add_headers(scope, message["status"], headers)
            await send(message)

        try:
            receive = await self._judged(scope, receive)
        except PapscopeError as error:
            await answer(error)(scope, receive, guarded)
        else:
            await self.inside(scope, receive, guarded)

    async def _judged(self, scope: Scope, receive: Receive) -> Receive:
        """Let a request in, or raise why not."""
        if not is_ours(scope, self.services.settings):
            raise WrongHost(
                "the service does not answer to that host name and port",
                hint="use the address it was started with; `papscope serve --name` gives others",
            )
        request = Request(scope)
        if request.method in SAFE:
            refuse_reading_from_elsewhere(request)
            return receive
        if request.url.path in PUBLIC_CHANGES:
            sender = await _LOOKING_UP.run(partial(sender_of, request, self.services))
        else:
            await _LOOKING_UP.run(partial(person_of, request, self.services))
            sender = sender_of(request, self.services)  # known by now
        field = None
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
            body = await _small_body(receive)
            field, receive = _field(body), _again(body, receive)
        refuse_forged(request, sender, field)
        return receive


async def _small_body(receive: Receive) -> bytes:
    """Read the whole of a small form.

    Raises:
        UploadTooLarge: it is none.
        NotAllowed: it does not come.
    """
    body = bytearray()
    try:
        with fail_after(_FORM_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise NotAllowed("the form was not sent whole", hint="send it again")
                body += message.get("body", b"")
                if len(body) > FORM_BYTES:
                    raise UploadTooLarge("a form is small", hint="send pictures as multipart")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise NotAllowed("the form came too slowly", hint="send it again") from None


def _again(body: bytes, receive: Receive) -> Receive:
    """Give what receives a body that was read already, once, and then whatever comes."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay


def _field(body: bytes) -> str | None:
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        return None
    return next((value for name, value in pairs if name == FIELD), None)

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import time
from collections import namedtuple
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from papscope.serve.app import create_app
from papscope.serve.intake.bodies import SMALL_BODY, UPLOADS, BodyLimits
from papscope.serve.services import opened
from papscope.serve.settings import Limits, ServeSettings

seen: list[int] = []


async def count(request: Request) -> Response:
    size = len(await request.body())
    seen.append(size)
    return PlainTextResponse(f"{size}")


async def deaf(request: Request) -> Response:
    return PlainTextResponse("I do not listen")


async def pieces(request: Request) -> Response:
    """Fails in its own way when its sender goes away, as parsers do."""
    total = 0
    try:
        async for piece in request.stream():
            total += len(piece)
    except Exception as problem:
        raise RuntimeError("the parser broke down") from problem
    return PlainTextResponse(f"{total}")


def application(limits: Limits, home: Path) -> BodyLimits:
    routes = [
        Route("/v1/jobs", count, methods=["POST"]),
        Route("/v1/predict", pieces, methods=["POST"]),
        Route("/v1/cases", count, methods=["GET", "POST", "PATCH"]),
        Route("/deaf", deaf, methods=["POST"]),
    ]
    return BodyLimits(Starlette(routes=routes), limits, home)


def asked(
    app: BodyLimits,
    path: str,
    body: Sequence[bytes | float],
    *,
    told: int | str | None = None,
    method: str = "POST",
) -> tuple[int, dict[str, str], Any]:
    """Send pieces (and wait for seconds between them), and give status, headers, answer."""
    sent: list[Message] = []
    left = list(body)

    async def receive() -> Message:
        while left and isinstance(left[0], float):
            await asyncio.sleep(left.pop(0))  # type: ignore[arg-type]  # looked at just above
        piece = left.pop(0) if left else b""
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if told is None else [(b"content-length", str(told).encode())]
    scope = {
        "type": "http", "method": method, "path": path, "headers": headers, "query_string": b"",
        "http_version": "1.1", "scheme": "http", "root_path": "", "server": ("localhost", 80),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    start, rest = sent[0], b"".join(one.get("body", b"") for one in sent[1:])
    told_headers = {key.decode(): value.decode() for key, value in start["headers"]}
    is_json = told_headers.get("content-type") == "application/json"
    return start["status"], told_headers, json.loads(rest) if is_json else rest.decode()


def refused(answer: tuple[int, dict[str, str], Any]) -> tuple[int, str]:
    status, headers, content = answer
    assert headers["connection"] == "close"
    assert set(content["error"]) == {"code", "what", "hint"}
    return status, content["error"]["code"]


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/predict"])
def test_an_upload_within_its_limits_goes_through(path: str, tmp_path: Path) -> None:
    app = application(Limits(upload_bytes=2_000_000), tmp_path)
    status, _, text = asked(app, path, [b"x" * 900_000, b"x" * 1_100_000], told=2_000_000)
    assert (status, text) == (200, "2000000")


@pytest.mark.parametrize("told", [2_000_001, 10**30])
def test_what_says_that_it_is_too_large_is_refused_unread(told: int, tmp_path: Path) -> None:
    app = application(Limits(upload_bytes=2_000_000), tmp_path)
    seen.clear()
    assert refused(asked(app, "/v1/jobs", [60.0, b"x"], told=told)) == (413, "upload-too-large")
    assert seen == []


@pytest.mark.parametrize("told", [None, 5, "junk", "-1"])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/predict"])
def test_what_says_nothing_or_something_else_is_refused_as_it_comes(
    told: int | str | None, path: str, tmp_path: Path
) -> None:
    app = application(Limits(upload_bytes=2_000_000), tmp_path)
    endless: list[bytes | float] = [*([b"x" * 500_000] * 5), 60.0, b"x"]
    seen.clear()
    assert refused(asked(app, path, endless, told=told)) == (413, "upload-too-large")
    assert seen == []


@pytest.mark.parametrize("method", ["POST", "PATCH", "GET"])
def test_a_body_that_brings_no_pictures_is_small(method: str, tmp_path: Path) -> None:
    app = application(Limits(), tmp_path)
    size = SMALL_BODY
    assert asked(app, "/v1/cases", [b"x" * size], method=method)[0] == 200
    too_large = asked(app, "/v1/cases", [b"x" * size, b"x"], method=method)
    assert refused(too_large) == (413, "upload-too-large")
    assert refused(asked(app, "/v1/cases", [b""], told=size + 1, method=method))[0] == 413


def test_only_sending_to_where_pictures_go_may_be_large(tmp_path: Path) -> None:
    app = application(Limits(), tmp_path)
    assert refused(asked(app, "/v1/jobs", [b""], told=SMALL_BODY + 1, method="GET"))[0] == 413
    assert refused(asked(app, "/v1/jobs/7", [b""], told=SMALL_BODY + 1))[0] == 413


def test_who_has_sent_all_may_listen_for_as_long_as_it_takes(tmp_path: Path) -> None:
    """As those do who follow a job's events."""

    async def events(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.3)
        await PlainTextResponse("done")(scope, receive, send)

    async def follow() -> list[Message]:
        told: list[Message] = []
        came = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            return came.pop() if came else await asyncio.Future()

        async def send(message: Message) -> None:
            told.append(message)

        limits = Limits(idle_seconds=0.05, upload_seconds=0.05)
        scope = {"type": "http", "method": "GET", "path": "/v1/jobs", "headers": []}
        await BodyLimits(events, limits, tmp_path)(scope, receive, send)
        return told

    assert asyncio.run(follow())[0]["status"] == 200


def test_a_sender_who_stops_is_not_waited_for(tmp_path: Path) -> None:
    app = application(Limits(idle_seconds=0.05), tmp_path)
    for path in ("/v1/jobs", "/v1/predict", "/v1/cases"):
        assert refused(asked(app, path, [b"x", 60.0, b"x"])) == (408, "upload-too-slow")


def test_a_sender_who_drips_is_not_waited_for_either(tmp_path: Path) -> None:
    app = application(Limits(idle_seconds=50.0, upload_seconds=0.3), tmp_path)
    drips: list[bytes | float] = [b"x", 0.05] * 2_000
    assert refused(asked(app, "/v1/jobs", drips)) == (408, "upload-too-slow")


def test_the_time_that_the_application_takes_is_not_the_sender_s(tmp_path: Path) -> None:
    async def slow(request: Request) -> Response:
        async for _ in request.stream():
            await asyncio.sleep(0.1)
        return PlainTextResponse("done")

    inner = Starlette(routes=[Route("/v1/jobs", slow, methods=["POST"])])
    app = BodyLimits(inner, Limits(idle_seconds=0.05, upload_seconds=0.05), tmp_path)
    assert asked(app, "/v1/jobs", [b"x"] * 4)[0] == 200


def test_an_answer_that_does_not_wait_for_the_body_goes_through(tmp_path: Path) -> None:
    assert asked(application(Limits(), tmp_path), "/deaf", [60.0, b"x"])[2] == "I do not listen"


def test_a_fault_of_the_application_stays_one(tmp_path: Path) -> None:
    async def faulty(request: Request) -> Response:
        await request.body()
        raise ZeroDivisionError

    inner = Starlette(routes=[Route("/v1/jobs", faulty, methods=["POST"])])
    with pytest.raises(ZeroDivisionError):
        asked(BodyLimits(inner, Limits(), tmp_path), "/v1/jobs", [b"x"])


def test_without_room_on_the_disk_no_upload_is_taken_and_all_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 1_000_000))
    app = application(Limits(free_bytes=900_000), tmp_path / "not" / "yet")
    assert asked(app, "/v1/jobs", [b"x"], told=100_000)[0] == 200
    assert refused(asked(app, "/v1/jobs", [b"x"], told=100_001)) == (507, "cannot-write")
    assert asked(app, "/v1/cases", [b"x"])[0] == 200


def test_what_is_no_request_passes(tmp_path: Path) -> None:
    with TestClient(application(Limits(), tmp_path)) as client:  # sends lifespan messages
        assert client.post("/v1/cases", content=b"abc").text == "3"


@contextmanager
def listening(app: BodyLimits) -> Iterator[int]:
    """A server in a thread; gives its port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def conversation(port: int, *sent: bytes) -> bytes:
    """Send bytes and read until the other side closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        for piece in sent:
            line.sendall(piece)
        answer = b""
        try:
            while piece := line.recv(65536):
                answer += piece
        except ConnectionResetError:
            assert answer
        return answer


def test_over_a_real_line_the_refusal_is_told_and_the_line_is_closed(tmp_path: Path) -> None:
    limits = Limits(upload_bytes=100_000, idle_seconds=0.2)
    with listening(application(limits, tmp_path)) as port:
        head = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\n"
        huge = conversation(port, head + b"Content-Length: 999999999\r\n\r\n")
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
        endless = conversation(port, chunked, b"20000\r\n" + b"x" * 0x20000 + b"\r\n")
        stalled = conversation(port, head + b"Content-Length: 100\r\n\r\nabc")
        fine = conversation(port, head + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc")
    first = [answer.split(b"\r\n")[0] for answer in (huge, endless, stalled, fine)]
    assert [line.split()[1] for line in first] == [b"413", b"413", b"408", b"200"]
    assert fine.endswith(b"3")
    assert b'"upload-too-slow"' in stalled


def test_every_endpoint_that_takes_a_form_with_files_is_known_as_one(client: TestClient) -> None:
    app = cast("FastAPI", client.app)
    taking = {
        path
        for path, methods in app.openapi()["paths"].items()
        for one in methods.values()
        if "multipart/form-data" in one.get("requestBody", {}).get("content", {})
    }
    assert taking == UPLOADS


def test_the_service_stands_behind_its_limits(settings: ServeSettings) -> None:
    strict = replace(settings, limits=Limits(upload_bytes=1_000))
    with (
        opened(strict) as services,
        TestClient(
            create_app(services), base_url="http://localhost", client=("127.0.0.1", 50000)
        ) as client,
    ):
        for path, size in (("predict", 1_001), ("jobs", 1_001), ("cases", 1_000_001)):
            answer = client.post(
                f"/v1/{path}", content=b"x" * size, headers={"Content-Type": "image/png"}
            )
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "upload-too-large")
            assert answer.headers["connection"] == "close"

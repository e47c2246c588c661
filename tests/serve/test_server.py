"""The server on the network: it starts safely, stops gently, and slow clients stop nobody."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
import uvicorn
from made_case import png
from served import Served, files, serving, until

from papscope.serve import connections
from papscope.serve.connections import Patient

CROWD = 1000


def told_by(*words: str) -> tuple[int, str]:
    """The exit status and the words of a server that does not start."""
    command = [sys.executable, "-m", "papscope", "serve", *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stderr


def line_to(server: Served) -> socket.socket:
    url = httpx.URL(server.url)
    assert url.port is not None
    return socket.create_connection((url.host, url.port))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serving") / "home") as found:
        yield found


def test_one_home_is_served_once(server: Served) -> None:
    status, words = told_by("--home", str(server.home), "--port", "0")

    assert status == 16
    assert f"another papscope serves from {server.home}" in words


def test_a_port_that_is_taken_is_told(server: Served, tmp_path: Path) -> None:
    port = str(httpx.URL(server.url).port)

    status, words = told_by("--home", str(tmp_path / "other"), "--port", port)

    assert status == 2
    assert f"port {port} cannot be used: Address already in use" in words


def test_off_this_machine_it_does_not_start_without_accounts(tmp_path: Path) -> None:
    status, words = told_by("--home", str(tmp_path), "--host", "0.0.0.0", "--port", "0")

    assert status == 2
    assert "error: " in words
    assert "papscope answers" not in words


@pytest.mark.slow
def test_a_thousand_slow_clients_stop_nobody(server: Served) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    upload = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
    form = b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disp"
    kinds = (b"", b"GET /v1/jo", upload + form)
    ended = Event()
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(line_to(server)) for _ in range(CROWD)]
        host = httpx.URL(server.url).netloc
        for place, line in enumerate(lines):
            line.sendall(kinds[place % 3].replace(b"localhost", host))

        def drip() -> None:
            while not ended.wait(0.5):
                for place, line in enumerate(lines):
                    if place % 3:
                        with contextlib.suppress(OSError):
                            line.send(b"x")

        dripping = Thread(target=drip)
        dripping.start()
        try:
            with server.asking() as asking:
                said = [asking.post("/v1/predict", files=files([png(n)])) for n in range(3)]
                well = [asking.get("/healthz") for _ in range(20)]
                job = asking.post("/v1/jobs", files=files([png(1), png(2)]))
                path = f"/v1/jobs/{job.json()['id']}"
                until(lambda: asking.get(path).json()["state"] == "done")
        finally:
            ended.set()
            dripping.join()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert [one.status_code for one in said] == [200] * 3
    assert {one.status_code for one in well} == {200}
    assert job.status_code == 202


def test_what_runs_may_end_when_the_server_is_stopped(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as stopped:
        told: list[httpx.Response] = []

        def ask() -> None:
            with stopped.asking() as asking:
                told.append(asking.post("/v1/predict", files=files([png(n) for n in range(16)])))

        with stopped.asking() as asking:
            job = asking.post("/v1/jobs", files=files([png(n) for n in range(30)])).json()
        events = httpx.stream("GET", f"{stopped.url}/v1/jobs/{job['id']}/events", timeout=60)
        with events as follows:
            until(lambda: next(follows.iter_text(), None) is not None)
            asks = Thread(target=ask)
            asks.start()
            with stopped.asking() as asking:
                until(lambda: 'waiting{lane="request"} 16.0' in asking.get("/metrics").text)
            assert stopped.stop() == 0
        asks.join()

        stopped.start()
        with stopped.asking() as asking:
            until(lambda: asking.get(f"/v1/jobs/{job['id']}").json()["state"] == "done")

    assert [one.status_code for one in told] == [200]
    assert len(told[0].json()["images"]) == 16


def test_who_does_not_say_what_it_wants_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)

    async def app(scope: object, receive: object, send: object) -> None:
        body = b"here"
        head = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"4")],
        }
        await send(head)  # type: ignore[operator]  # ASGI's three are objects here
        await send({"type": "http.response.body", "body": body})  # type: ignore[operator]

    async def tried() -> tuple[bytes, bytes, bytes]:
        config = uvicorn.Config(app, http=Patient, lifespan="off", log_level="critical", port=0)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        found = []
        for begun in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            found.append(await asyncio.wait_for(reader.read(), 30))
            writer.close()
        server.should_exit = True
        await serving
        return found[0], found[1], found[2]

    silent, slow, again = asyncio.run(tried())

    assert (silent, slow) == (b"", b"")
    assert again.endswith(b"here")

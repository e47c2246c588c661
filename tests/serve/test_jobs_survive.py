"""A job that was accepted is done, each picture once, whenever the server is killed."""

from __future__ import annotations

import socket
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from made_case import png
from postgres_here import cluster, programs
from served import Served, files, serving, until
from sqlalchemy import select

from papscope.seeds import stream
from papscope.serve.auditing import verify
from papscope.serve.opening import opened_database
from papscope.serve.settings import ServeSettings
from papscope.serve.store.tables import Answered, AuditEntry, CaseImage, Job, JobItem

pytestmark = pytest.mark.slow


def send(server: Served, key: str, pictures: list[bytes]) -> str:
    with server.asking() as asking:
        told = asking.post("/v1/jobs", files=files(pictures), headers={"Idempotency-Key": key})
    assert told.status_code == 202, told.text
    return str(told.json()["id"])


def state(server: Served, job_id: str) -> dict[str, Any]:
    with server.asking() as asking:
        return dict(asking.get(f"/v1/jobs/{job_id}").json())


def killed_while_sending(server: Served, key: str, pictures: list[bytes], after: float) -> None:
    """Send a job in, and kill the server after so many seconds, whatever it is at."""

    def attempt() -> None:
        with server.asking() as asking, suppress(httpx.HTTPError):  # nobody was told 202 then
            asking.post("/v1/jobs", files=files(pictures), headers={"Idempotency-Key": key})

    sending = Thread(target=attempt)
    sending.start()
    time.sleep(after)
    server.kill()
    sending.join()


def killed_within_a_body(server: Served, pictures: list[bytes]) -> None:
    """Send half of an upload, and kill the server then."""
    whole = httpx.Request("POST", f"{server.url}/v1/jobs", files=files(pictures))
    body = whole.read()
    lines = "".join(f"{name}: {value}\r\n" for name, value in whole.headers.items())
    host, port = whole.url.host, whole.url.port
    assert port is not None
    with socket.create_connection((host, port)) as line:
        line.sendall(f"POST /v1/jobs HTTP/1.1\r\n{lines}\r\n".encode() + body[: len(body) // 2])
        time.sleep(0.2)
        server.kill()


def test_no_picture_is_lost_or_answered_twice_whenever_the_server_is_killed(
    tmp_path: Path, database_url: str
) -> None:
    home, pictures = tmp_path / "home", [png(seed) for seed in range(12)]
    drawn = stream(0, "test/kills")
    with serving(home, "--database-url", database_url) as server:
        first = send(server, "first", pictures)  # right after the 202
        server.kill()

        server.start()
        until(lambda: state(server, first)["answered"] >= 4)  # in the middle of the work
        server.kill()

        server.start()
        killed_within_a_body(server, pictures)

        for _ in range(2):  # while it is taken in, or shortly before or after
            server.start()
            killed_while_sending(server, "second", pictures, float(drawn.uniform(0.05, 0.6)))
        server.start()
        second = send(server, "second", pictures)
        time.sleep(float(drawn.uniform(0, 0.3)))
        server.kill()

        server.start()
        jobs = [first, second]
        until(lambda: all(state(server, one)["state"] == "done" for one in jobs))
        told = [state(server, one) for one in jobs]
        assert server.stop() == 0

    assert [(one["total"], one["answered"], one["failed"]) for one in told] == [(12, 12, 0)] * 2
    check(home, database_url, set(jobs))


def check(home: Path, database_url: str, jobs: set[str]) -> None:
    settings = ServeSettings(home=home, database_url=database_url)
    with opened_database(settings) as database:
        assert verify(database).or_raise().end.number > 0
        with database.reading() as session:
            assert set(session.scalars(select(Job.id))) == jobs
            asked = Counter((one.job_id, one.image_id) for one in session.scalars(select(JobItem)))
            said = Counter((one.job_id, one.image_id) for one in session.scalars(select(Answered)))
            entries = session.scalars(select(AuditEntry).where(AuditEntry.what == "predicted"))
            digests = Counter(one.image_digest for one in entries)
            kept = Counter(session.scalars(select(CaseImage.digest)))
    assert asked == said
    assert set(said.values()) == {1}
    assert len(said) == 24
    assert digests == kept
    assert not list((home / "incoming").iterdir())


def test_a_database_server_that_goes_and_comes_again_loses_nothing(tmp_path: Path) -> None:
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    with cluster(binaries) as postgres:
        url, home = f"{postgres.url}/postgres", tmp_path / "home"
        with serving(home, "--database-url", url) as server, server.asking() as asking:
            job_id = send(server, "only", [png(seed) for seed in range(24)])
            until(lambda: state(server, job_id)["answered"] >= 4)
            postgres.stop()
            until(lambda: asking.get("/readyz").status_code == 503)
            refused = asking.post("/v1/predict", files=files([png(1)]))
            alive = asking.get("/healthz")
            postgres.start()
            until(lambda: asking.get("/readyz").status_code == 200)
            until(lambda: state(server, job_id)["state"] == "done")
            assert server.stop() == 0
        assert (refused.status_code, alive.status_code) == (503, 200)
        assert "127.0.0.1" not in refused.text
        check(home, url, {job_id})

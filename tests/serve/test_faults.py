"""Disks fill up, databases go, clocks go back: each is told, and what was accepted is kept."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from made_case import made_case, png
from served import until
from sqlalchemy import create_engine, event, func, select, text
from sqlalchemy.exc import OperationalError

from papscope.errors import AuditError, Conflict, DiskError, StoreError
from papscope.serve.access.sign_ins import SignIns
from papscope.serve.app import create_app
from papscope.serve.audit import Event, record
from papscope.serve.auditing import verify
from papscope.serve.holding import holding
from papscope.serve.opening import opened_database
from papscope.serve.retention import delete_case
from papscope.serve.server import serve
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.tables import Account, Case, CaseImage, Job

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def send(client: TestClient, count: int = 2, *, key: str | None = None) -> Any:
    pictures = [("files", (f"{number}.png", png(number), "image/png")) for number in range(count)]
    return client.post("/v1/jobs", files=pictures, headers={"Idempotency-Key": key} if key else {})


def kept(services: Services) -> tuple[int, int, int, int]:
    """How many cases, jobs, pictures and files there are."""
    with services.database.reading() as session:
        cases, jobs, images = (
            session.scalar(select(func.count()).select_from(kind)) or 0
            for kind in (Case, Job, CaseImage)
        )
    return cases, jobs, images, len(list(services.images.digests()))


def drafts(services: Services) -> list[Path]:
    return list(services.settings.home.rglob("*.part"))


@SQLITE
def test_a_disk_that_is_full_at_any_write_of_an_upload_is_told_and_nothing_is_half_kept(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush, lock = os.fsync, threading.Lock()
    for last in range(60):
        count = 0

        def full(handle: int, last: int = last) -> None:
            nonlocal count
            with lock:
                count += 1
                mine = count
            if mine > last:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            flush(handle)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            told = send(client)
        if told.status_code == 202:
            break
        assert (told.status_code, told.json()["error"]["code"]) == (507, "cannot-write")
        assert "the disk is full" in told.json()["error"]["what"]
        assert kept(services) == (0, 0, 0, 0)
        assert drafts(services) == []
    assert last >= 3  # two pictures and the folders they lie in
    assert kept(services) == (1, 1, 2, 2)


class Stops:
    """Lets the database fail from a statement on, as one whose disk is full or that is gone."""

    def __init__(self, after: int) -> None:
        self.after, self.count = after, 0

    def __call__(self, *statement: Any) -> None:
        self.count += 1
        if self.count > self.after:
            full = sqlite3.OperationalError("database or disk is full")
            raise OperationalError(str(statement[2]), {}, full)


@contextmanager
def stopping(database: Database, after: int) -> Iterator[Stops]:
    stops = Stops(after)
    event.listen(database.engine, "before_cursor_execute", stops)
    try:
        yield stops
    finally:
        event.remove(database.engine, "before_cursor_execute", stops)


def test_a_database_that_fails_at_any_statement_of_an_upload_is_told_and_keeps_all_or_nothing(
    client: TestClient, services: Services
) -> None:
    services.runner.close()  # its statements are not the upload's
    for after in range(80):
        with stopping(services.database, after):
            told = send(client, key="the same")
        if told.status_code == 202:
            break
        assert (told.status_code, told.json()["error"]["code"]) == (503, "store-failed")
        assert "is full or failing" in told.json()["error"]["what"]
        # All of it where it failed after the commit: whoever asks again then gets that very job.
        # Files go too where the database could be asked again; else the next sweep takes them.
        assert kept(services)[:3] in ((0, 0, 0), (1, 1, 2))
    assert after > 5
    assert kept(services)[:3] == (1, 1, 2)
    verify(services.database).or_raise()


def test_a_database_that_fails_at_any_statement_of_a_deletion_leaves_the_case_or_takes_it_whole(
    services: Services,
) -> None:
    case_id = made_case(services, 2)
    whole = kept(services)
    for after in range(40):
        with stopping(services.database, after):
            try:
                delete_case(services, case_id, "ada")
            except StoreError:
                pass
            else:
                break
        assert kept(services) in (whole, (0, 0, 0, 2), (0, 0, 0, 1), (0, 0, 0, 0))
        if kept(services) != whole:
            break
    assert kept(services)[:3] == (0, 0, 0)
    verify(services.database).or_raise()


@SQLITE
def test_an_sqlite_file_that_may_not_grow_is_told_as_a_full_disk(
    settings: ServeSettings,
) -> None:
    with opened_database(settings) as database:

        def no_growth(connection: Any, *_: object) -> None:
            connection.execute("PRAGMA max_page_count=1")  # SQLite takes the size it has

        event.listen(database.engine, "checkout", no_growth)
        before = 0
        with pytest.raises(StoreError, match="is full or failing"):  # noqa: PT012  # until it is
            for before in range(2000):  # noqa: B007
                with database.transaction() as session:
                    record(session, NOW, Event(what="looked", who="ada", details={"x": "y" * 900}))
        event.remove(database.engine, "checkout", no_growth)

        assert verify(database).or_raise().end.number == before


@POSTGRESQL
def test_a_database_that_goes_and_comes_back_is_told_and_then_used_again(
    client: TestClient, services: Services, postgres: str
) -> None:
    assert send(client).status_code == 202
    name = services.database.url.database
    url = postgres.replace("postgresql://", "postgresql+pg8000://") + "/postgres"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        gone = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(gone, {"name": name})

        for told in (client.get("/v1/cases"), send(client)):
            assert (told.status_code, told.json()["error"]["code"]) == (503, "store-failed")
            assert "Traceback" not in told.text
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503

        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    admin.dispose()
    assert client.get("/v1/cases").status_code == 200
    assert send(client).status_code == 202
    assert kept(services)[:3] == (2, 2, 4)
    verify(services.database).or_raise()


@SQLITE
def test_a_database_that_another_program_holds_is_told(services: Services) -> None:
    def impatient(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout=50")

    event.listen(services.database.engine, "checkout", impatient)
    other = sqlite3.connect(str(services.database.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with (
        pytest.raises(StoreError, match="is held by another for too long"),
        services.database.transaction() as session,
    ):
        record(session, NOW, Event(what="looked", who="ada"))

    other.execute("ROLLBACK")
    other.close()
    with services.database.transaction() as session:
        record(session, NOW, Event(what="looked", who="ada"))


@SQLITE
def test_a_damaged_database_is_told_and_left_as_it_is(settings: ServeSettings) -> None:
    with opened_database(settings) as database:
        file = Path(str(database.url.database))
    file.write_bytes(b"not a database " * 1000)

    with pytest.raises(StoreError, match="file is not a database"), opened_database(settings):
        pass

    assert file.read_bytes() == b"not a database " * 1000


@SQLITE
def test_a_database_that_was_removed_is_missed_and_no_empty_one_is_taken_for_it(
    settings: ServeSettings,
) -> None:
    with opened_database(settings) as database:
        file = Path(str(database.url.database))
        with database.transaction() as session:
            record(session, NOW, Event(what="looked", who="ada"))
    file.unlink()

    with (
        pytest.raises(AuditError, match="ends with entry 0, but had come to 1"),
        opened_database(settings),
    ):
        pass


def test_a_database_of_a_newer_release_is_told_before_anything_is_done(
    settings: ServeSettings,
) -> None:
    with opened_database(settings) as database, database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match="newer release"), opened_database(settings):
        pass


@SQLITE
def test_a_second_server_on_the_same_home_is_refused(settings: ServeSettings) -> None:
    with (
        holding(settings.home),
        pytest.raises(
            Conflict, match=rf"another papscope serves from .* \(process {os.getpid()}\)"
        ),
    ):
        serve(settings, print)
    with holding(settings.home):  # and the first one's end frees it
        pass


def test_a_second_home_on_the_same_database_is_refused(settings: ServeSettings) -> None:
    with opened_database(settings) as database, database.transaction() as session:
        record(session, NOW, Event(what="looked", who="ada"))
    other = replace(settings, home=settings.home.with_name("other"))

    with (
        pytest.raises(AuditError, match="has no key of it: it is another service's home"),
        opened_database(other),
    ):
        pass


@SQLITE
def test_a_home_that_cannot_be_written_is_told(tmp_path: Path, settings: ServeSettings) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = replace(settings, home=tmp_path / "file" / "home")

    with pytest.raises(DiskError, match="could not be written"), opened_database(blocked):
        pass
    with pytest.raises(DiskError, match="could not be written"), holding(blocked.home):
        pass


@SQLITE
def test_a_home_that_becomes_read_only_is_told_and_goes_on_reading(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(client).status_code == 202
    opening = Path.open

    def refuse(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if "w" in mode and services.settings.home in self.parents:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opening(self, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", refuse)
    told = client.post("/v1/jobs", files=[("files", ("x.png", png(9), "image/png"))])

    assert (told.status_code, told.json()["error"]["code"]) == (507, "cannot-write")
    assert "Read-only file system" in told.json()["error"]["what"]
    assert client.get("/v1/cases").status_code == 200
    assert kept(services) == (1, 1, 2, 2)


def test_an_upload_whose_sender_goes_away_in_the_middle_leaves_nothing(
    services: Services,
) -> None:
    services.runner.close()
    before = {one for one in services.settings.home.rglob("*") if "sqlite" not in one.name}
    body = (
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        + png(1)
        + b'\r\n--b\r\nContent-Disposition: form-data; name="files"; filename="b.png"\r\n\r\n'
        + png(2)[:500]
    )
    pieces = [body[: len(body) // 2], body[len(body) // 2 :]]

    sent = asyncio.run(half_sent(services, pieces))

    assert all(one.get("status", 400) >= 400 for one in sent)
    assert kept(services) == (0, 0, 0, 0)
    after = {one for one in services.settings.home.rglob("*") if "sqlite" not in one.name}
    assert {one for one in after - before if one.is_file()} == set()


async def half_sent(services: Services, pieces: list[bytes]) -> list[dict[str, Any]]:
    """Ask as a client that says it sends more, and goes."""
    told: list[dict[str, Any]] = []
    left = [{"type": "http.request", "body": one, "more_body": True} for one in pieces]
    left.append({"type": "http.disconnect"})

    async def receive() -> dict[str, Any]:
        return left.pop(0) if len(left) > 1 else left[0]

    async def send_back(message: Any) -> None:
        told.append(dict(message))

    headers = [
        (b"host", b"localhost"),
        (b"content-type", b"multipart/form-data; boundary=b"),
        (b"content-length", b"100000"),
    ]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/v1/jobs", "raw_path": b"/v1/jobs", "query_string": b"",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    app: Any = create_app(services)
    try:
        await app(scope, receive, send_back)
    except Exception as problem:  # whatever it is, it reaches nobody
        told.append({"status": 499, "why": repr(problem)})
    return told


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_a_clock_that_goes_back_lets_no_sign_in_last_longer(settings: ServeSettings) -> None:
    clock = Time()
    with opened_database(settings) as database:
        sign_ins = SignIns(database, clock, 12.0)
        with database.transaction() as session:
            ada = Account(name="ada", role="reader", password_hash="", created_at=NOW)
            session.add(ada)
            session.flush()
            word = sign_ins.open(ada, None, session=session).word

        assert sign_ins.person(word) is not None
        clock.now = NOW - timedelta(minutes=30)  # as a clock is set right
        assert sign_ins.person(word) is not None
        clock.now = NOW - timedelta(days=900)
        assert sign_ins.person(word) is None
        clock.now = NOW + timedelta(hours=12)
        assert sign_ins.person(word) is None


def test_jobs_and_the_log_keep_their_order_when_the_clock_goes_back(
    settings: ServeSettings,
) -> None:
    clock = Time()
    with opened(settings, clock=clock) as services:
        here = ("127.0.0.1", 50000)
        asking = TestClient(create_app(services), base_url="http://localhost", client=here)
        ids = []
        for _ in range(3):
            ids.append(send(asking, 1).json()["id"])
            clock.now -= timedelta(days=400)

        def all_done() -> bool:
            return all(asking.get(f"/v1/jobs/{one}").json()["state"] == "done" for one in ids)

        until(all_done)
        listed = [one["id"] for one in asking.get("/v1/jobs").json()["jobs"]]
        assert listed in (ids, ids[::-1])
        found = verify(services.database).or_raise()
    assert any("the clock went back" in note for note in found.notes)

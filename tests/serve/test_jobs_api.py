"""`/v1/jobs`: what is accepted is kept whole, worked through once, and told as it comes."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient
from made_case import png
from PIL import Image
from served import files, until
from sqlalchemy import func, select

from papscope.errors import DiskError, StoreError
from papscope.serve.app import create_app
from papscope.serve.auditing import verify
from papscope.serve.images import ImageStore
from papscope.serve.models import Model, Models
from papscope.serve.runner import Runner
from papscope.serve.services import Services, opened
from papscope.serve.settings import Limits, ServeSettings
from papscope.serve.store.tables import (
    Answered,
    AuditEntry,
    Case,
    CaseImage,
    Job,
    JobItem,
    Refused,
)


def archive(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as writing:
        for name, content in members.items():
            writing.writestr(f"{name}.png", content)
    return held.getvalue()


def send(client: TestClient, pictures: list[bytes], **more: Any) -> dict[str, Any]:
    told = client.post("/v1/jobs", files=files(pictures), **more)
    assert told.status_code == 202, told.text
    return dict(told.json())


def done(client: TestClient, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def ended() -> bool:
        found.update(client.get(f"/v1/jobs/{job_id}").json())
        return found["state"] not in ("waiting", "running")

    until(ended)
    return found


def count(services: Services, table: type[Any]) -> int:
    with services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def held(services: Services, monkeypatch: pytest.MonkeyPatch) -> Event:
    """Let the model answer nothing before the event is set."""
    go, answer = Event(), services.batcher._answer

    def waits(batch: Any) -> None:
        assert go.wait(60)
        answer(batch)

    monkeypatch.setattr(services.batcher, "_answer", waits)
    return go


def test_a_folder_and_a_zip_become_a_case_whose_pictures_are_all_answered(
    client: TestClient, services: Services
) -> None:
    sent = [
        ("files", ("slide 7/a.png", png(1))),
        ("files", ("more.zip", archive(b=png(2), c=png(3)))),
        ("files", ("notes.txt", b"no picture")),
    ]

    told = client.post("/v1/jobs", files=sent, data={"title": "Slide 7", "um_per_px": "0.25"})

    assert told.status_code == 202
    job = told.json()
    assert told.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["total"], [one["name"] for one in job["refused"]]) == (3, ["notes.txt"])
    ended = done(client, job["id"])
    assert (ended["state"], ended["answered"], ended["failed"]) == ("done", 3, 0)
    assert ended["refused"] == job["refused"]
    results = client.get(f"/v1/jobs/{job['id']}/results").json()["results"]
    assert [one["name"] for one in results] == ["slide 7/a.png", "more/b.png", "more/c.png"]
    with services.database.reading() as session:
        case = session.get_one(Case, job["case_id"])
    assert (case.title, case.um_per_px) == ("Slide 7", 0.25)


def test_answers_of_a_job_are_those_of_a_request(client: TestClient) -> None:
    pictures = [png(seed) for seed in range(3)]
    job = send(client, pictures)
    done(client, job["id"])

    said = client.post("/v1/predict", files=files(pictures)).json()["images"]

    results = client.get(f"/v1/jobs/{job['id']}/results").json()["results"]
    for one, other in zip(results, said, strict=True):
        assert one["probabilities"] == other["probabilities"]
        assert one["certainty"] == other["certainty"]


def test_the_log_has_each_answer_once_and_no_name(client: TestClient, services: Services) -> None:
    job = send(client, [png(1), png(2), png(1)], data={"title": "Mrs Miller"})
    done(client, job["id"])

    with services.database.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
        digests = session.scalars(select(CaseImage.digest).order_by(CaseImage.place)).all()
    assert [one.what for one in entries] == ["case-made", "job-accepted", *["predicted"] * 3]
    assert [one.image_digest for one in entries[2:]] == digests
    assert not any(word in one.details for one in entries for word in ("Miller", "cell-"))
    assert verify(services.database).or_raise()


def test_results_come_a_page_at_a_time_and_none_twice(client: TestClient) -> None:
    job = send(client, [png(seed) for seed in range(5)])
    done(client, job["id"])

    names, after, state = [], 0, ""
    while True:
        page = client.get(f"/v1/jobs/{job['id']}/results?after={after}&limit=2").json()
        if not page["results"]:
            break
        names += [one["name"] for one in page["results"]]
        after, state = page["after"], page["state"]

    assert (names, state) == ([f"cell-{place:03}.png" for place in range(5)], "done")


def test_events_tell_until_the_job_is_over(client: TestClient) -> None:
    job = send(client, [png(1), png(2)])

    told = client.get(f"/v1/jobs/{job['id']}/events").text

    *_, last = told.strip().split("\n\n")
    name, data = last.split("\n")
    assert name == "event: end"
    assert json.loads(data.removeprefix("data: "))["answered"] == 2


def test_the_same_key_gives_the_same_job(client: TestClient, services: Services) -> None:
    with_key = {"headers": {"Idempotency-Key": "upload 42"}}

    first = send(client, [png(1)], **with_key)
    again = send(client, [png(1)], **with_key)
    other = send(client, [png(1)], headers={"Idempotency-Key": "upload 43"})

    assert (first["id"] == again["id"], first["id"] == other["id"]) == (True, False)
    assert count(services, Job) == 2


def test_two_uploads_of_one_key_at_the_same_time_are_one(
    client: TestClient, services: Services
) -> None:
    with services.runner.alone("busy"), pytest.raises(Exception, match="is being taken in"):
        services.runner.alone("busy").__enter__()
    with services.runner.alone("busy"):
        pass  # and free again


def test_more_pictures_go_behind_those_of_a_case(client: TestClient, services: Services) -> None:
    first = send(client, [png(1), png(2)])
    second = send(client, [png(3)], data={"case_id": first["case_id"]})

    assert second["case_id"] == first["case_id"]
    with services.database.reading() as session:
        places = session.scalars(select(CaseImage.place).order_by(CaseImage.place)).all()
    assert places == [0, 1, 2]


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"case_id": "0" * 32}, 404, "no such case"),
        ({"model": "other"}, 404, "no model named"),
        ({"um_per_px": "wide"}, 422, "um_per_px is 'wide'"),
        ({"um_per_px": "nan"}, 422, "um_per_px is nan"),
        ({"title": "x" * 201}, 422, "201 characters"),
        ({"case_id": "0" * 32, "title": "x"}, 422, "has its title"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_kept(
    client: TestClient, services: Services, fields: dict[str, str], status: int, words: str
) -> None:
    told = client.post("/v1/jobs", files=files([png(1)]), data=fields)

    assert (told.status_code, words in told.json()["error"]["what"]) == (status, True)
    assert count(services, Job) == count(services, CaseImage) == 0
    assert not list(services.images.digests())


def test_a_closed_case_takes_no_more(client: TestClient, services: Services) -> None:
    job = send(client, [png(1)])
    with services.database.transaction() as session:
        session.get_one(Case, job["case_id"]).closed_at = services.clock()

    told = client.post("/v1/jobs", files=files([png(2)]), data={"case_id": job["case_id"]})

    assert (told.status_code, told.json()["error"]["what"]) == (409, "the case is closed")


def test_an_upload_without_any_picture_is_no_job(client: TestClient, services: Services) -> None:
    told = client.post("/v1/jobs", files=[("files", ("a.txt", b"text"))] * 2)

    assert told.status_code == 422
    assert "a.txt is not a picture" in told.json()["error"]["what"]
    assert count(services, Job) == count(services, Case) == count(services, Refused) == 0


def test_a_picture_that_the_model_cannot_answer_for_is_told(client: TestClient) -> None:
    grey = io.BytesIO()
    Image.new("RGB", (40, 40), (200, 200, 200)).save(grey, "PNG")
    job = send(client, [png(1), grey.getvalue()])

    ended = done(client, job["id"])

    assert (ended["state"], ended["answered"], ended["failed"]) == ("done", 1, 1)
    _, failed = client.get(f"/v1/jobs/{job['id']}/results").json()["results"]
    assert (failed["label"], failed["error"]["code"]) == (None, "blank")


def test_a_stored_picture_that_is_gone_or_changed_is_told_and_the_job_goes_on(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, read = Event(), Runner._read

    def waits(runner: Runner, item: Any) -> Any:
        assert go.wait(60)
        return read(runner, item)

    monkeypatch.setattr(Runner, "_read", waits)  # nothing is read ahead
    job = send(client, [png(1), png(2), png(3)])
    digests = [ImageStore.digest_of(services.decoders.clean(png(n), "x").png) for n in (1, 2)]
    services.images.path(digests[0]).unlink()
    services.images.path(digests[1]).write_bytes(b"other")
    go.set()

    ended = done(client, job["id"])

    assert (ended["answered"], ended["failed"]) == (1, 2)
    results = client.get(f"/v1/jobs/{job['id']}/results").json()["results"]
    assert [one["error"] and one["error"]["code"] for one in results] == [
        "missing",
        "unreadable",
        None,
    ]


def test_jobs_take_turns(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = held(services, monkeypatch)
    long = send(client, [png(seed) for seed in range(12)])
    short = send(client, [png(20)])
    go.set()
    done(client, short["id"])
    done(client, long["id"])

    with services.database.reading() as session:
        order = session.scalars(select(Answered.job_id).order_by(Answered.number)).all()
    assert order.index(short["id"]) < 8


def test_a_cancelled_job_keeps_what_it_has_and_answers_no_more(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = held(services, monkeypatch)
    job = send(client, [png(1), png(2), png(3)])

    cancelled = client.post(f"/v1/jobs/{job['id']}/cancel")
    go.set()
    other = done(client, send(client, [png(4)])["id"])

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert other["state"] == "done"
    again = client.get(f"/v1/jobs/{job['id']}").json()
    assert (again["state"], again["answered"]) == ("cancelled", 0)
    assert client.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
    assert client.post(f"/v1/jobs/{other['id']}/cancel").status_code == 409


def test_a_case_may_be_deleted_while_its_job_is_at_work(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = held(services, monkeypatch)
    job = send(client, [png(1), png(2), png(3)])
    with services.database.transaction() as session:
        session.delete(session.get_one(Case, job["case_id"]))
    go.set()

    assert done(client, send(client, [png(4)])["id"])["state"] == "done"
    assert client.get(f"/v1/jobs/{job['id']}").status_code == 404
    assert services.runner.trouble is None


def test_the_list_is_paged_from_the_newest_on(client: TestClient) -> None:
    jobs = [send(client, [png(seed)])["id"] for seed in range(3)]

    first = client.get("/v1/jobs?limit=2").json()
    rest = client.get(f"/v1/jobs?limit=2&before={first['next']}").json()

    assert [one["id"] for one in first["jobs"]] == [jobs[2], jobs[1]]
    assert ([one["id"] for one in rest["jobs"]], rest["next"]) == ([jobs[0]], None)


def test_too_many_open_jobs_are_told_to_come_back(settings: ServeSettings) -> None:
    limits = Limits(jobs=1)
    with opened(replace(settings, limits=limits)) as services, asking(services) as client:
        services.runner.close()  # nothing is answered
        send(client, [png(1)])

        told = client.post("/v1/jobs", files=files([png(2)]))

        assert told.status_code == 429
        assert int(told.headers["Retry-After"]) >= 1
        assert count(services, Job) == 1


@contextmanager
def asking(services: Services) -> Iterator[TestClient]:
    app = create_app(services)
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50000)) as client:
        yield client


def test_a_job_goes_on_after_a_new_start(settings: ServeSettings) -> None:
    with opened(settings) as services, asking(services) as client:
        services.runner.close()
        job = send(client, [png(1), png(2)])
    with opened(settings) as services, asking(services) as client:
        ended = done(client, job["id"])
        assert (ended["state"], ended["answered"]) == ("done", 2)


def test_a_job_waits_for_a_model_that_does_not_answer_here_any_more(
    settings: ServeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(settings) as services, asking(services) as client:
        services.runner.close()
        job = send(client, [png(1)])

    def another(_: ServeSettings) -> Models:
        model = services.models.named()
        return Models({"new": Model("new", replace(model.predictor, digest="f" * 64))})

    with monkeypatch.context() as patched:
        patched.setattr("papscope.serve.services.load_models", another)
        with opened(settings) as later, asking(later) as client:
            until(lambda: client.get(f"/v1/jobs/{job['id']}").json()["why"])
            waits = client.get(f"/v1/jobs/{job['id']}").json()
            assert done(client, send(client, [png(2)])["id"])["state"] == "done"
    assert waits["state"] == "waiting"
    assert "which does not answer here now: start the service with it" in waits["why"]

    with opened(settings) as services, asking(services) as client:
        ended = done(client, job["id"])
        assert (ended["state"], ended["why"]) == ("done", None)


def test_a_database_that_is_gone_for_a_while_is_waited_for(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = held(services, monkeypatch)
    job = send(client, [png(1), png(2)])
    transaction, reading = services.database.transaction, services.database.reading

    def gone() -> Any:
        raise StoreError("the database is away", hint="wait")

    monkeypatch.setattr(services.database, "transaction", gone)
    monkeypatch.setattr(services.database, "reading", gone)
    go.set()
    until(lambda: services.runner.trouble)
    ready = client.get("/readyz")
    alive = client.get("/healthz")
    refused = client.post("/v1/jobs", files=files([png(3)]))
    monkeypatch.setattr(services.database, "transaction", transaction)
    monkeypatch.setattr(services.database, "reading", reading)

    assert (ready.status_code, alive.status_code, refused.status_code) == (503, 200, 503)
    assert ready.json()["checks"]["database"] == "it does not answer"
    assert done(client, job["id"])["answered"] == 2
    until(lambda: client.get("/readyz").status_code == 200)


def test_an_answer_whose_commit_nobody_heard_of_is_not_given_twice(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction, lost = services.database.transaction, list[bool]()

    @contextmanager
    def forgetful() -> Iterator[Any]:
        with transaction() as session:
            yield session
        if not lost and count(services, Answered):
            lost.append(True)
            raise StoreError("the line broke after the commit", hint="wait")

    go = held(services, monkeypatch)
    job = send(client, [png(1), png(2), png(3)])
    monkeypatch.setattr(services.database, "transaction", forgetful)
    go.set()
    ended = done(client, job["id"])

    assert lost
    assert (ended["answered"], count(services, Answered)) == (3, 3)
    with services.database.reading() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.what == "predicted")).all()
    assert len(entries) == 3


def test_a_full_disk_is_told_and_nothing_is_half_kept(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, room = ImageStore.put, [2]

    def filling(store: ImageStore, data: bytes) -> str:
        if not room[0]:
            raise DiskError("the disk is full", hint="free some space")
        room[0] -= 1
        return put(store, data)

    kept = send(client, [png(1)])
    done(client, kept["id"])
    before = set(services.images.digests())
    monkeypatch.setattr(ImageStore, "put", filling)

    told = client.post("/v1/jobs", files=files([png(seed) for seed in range(1, 6)]))

    assert (told.status_code, told.json()["error"]["code"]) == (507, "cannot-write")
    assert count(services, Job) == 1
    assert set(services.images.digests()) == before  # the first was another case's too: it stays


def test_an_upload_is_spooled_without_a_name(client: TestClient, services: Services) -> None:
    noise = os.urandom(3_000_000)
    told = client.post("/v1/jobs", files=[("files", ("big.png", noise)), *files([png(1)])])

    assert told.status_code == 202
    assert [one["code"] for one in told.json()["refused"]] == ["not-an-image"]
    assert not list(services.settings.incoming.iterdir())


def test_an_archive_without_files_is_told_as_one_and_not_as_damaged(client: TestClient) -> None:
    told = client.post("/v1/jobs", files=[("files", ("none.zip", archive()))])

    assert told.status_code == 422
    assert told.json()["error"]["what"] == "nothing that was sent is a picture"


def test_what_a_job_is_not_is_told(client: TestClient) -> None:
    for path in (
        f"/v1/jobs/{'0' * 32}",
        f"/v1/jobs/{'0' * 32}/results",
        f"/v1/jobs/{'0' * 32}/events",
    ):
        told = client.get(path)
        assert (told.status_code, told.json()["error"]["code"]) == (404, "not-found")
    assert client.post(f"/v1/jobs/{'0' * 32}/cancel").status_code == 404
    assert client.get("/v1/jobs/nonsense").status_code == 422


def test_metrics_and_models_tell_of_the_service(client: TestClient, services: Services) -> None:
    done(client, send(client, [png(1)])["id"])
    client.post("/v1/predict", files={"files": b"none"})

    told = client.get("/metrics").text
    models = client.get("/v1/models").json()["models"]

    for line in (
        'papscope_pictures_answered_total{lane="job"} 1.0',
        'papscope_pictures_failed_total{lane="request",reason="not-an-image"} 1.0',
        'papscope_jobs{state="done"} 1.0',
        'papscope_requests_total{method="POST",route="/v1/jobs",status="202"} 1.0',
        'papscope_request_seconds_count{route="/v1/jobs"} 1.0',
    ):
        assert line in told
    model = services.models.named()
    assert [(one["name"], one["digest"], one["default"]) for one in models] == [
        (model.name, model.digest, True)
    ]
    assert [one["name"] for one in models[0]["classes"]] == list(model.classes)
    assert models[0]["card"].startswith("#")


def test_items_and_answers_agree(client: TestClient, services: Services) -> None:
    done(client, send(client, [png(1), png(2)])["id"])

    with services.database.reading() as session:
        assert session.scalars(select(JobItem.answered)).all() == [True, True]

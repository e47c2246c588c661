"""`POST /v1/predict` answers as `papscope predict` does, and keeps nothing but the log."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from made_case import png
from PIL import Image
from served import until
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from papscope.errors import DiskError
from papscope.predict.predictor import Prediction
from papscope.serve.app import create_app
from papscope.serve.auditing import verify
from papscope.serve.services import Services
from papscope.serve.store.tables import AuditEntry


def saved(kind: str, seed: int = 3) -> bytes:
    held = io.BytesIO()
    with Image.open(io.BytesIO(png(seed, side=80))) as picture:
        picture.save(held, kind)
    return held.getvalue()


def blank() -> bytes:
    held = io.BytesIO()
    Image.fromarray(np.full((40, 40, 3), 200, np.uint8)).save(held, "PNG")
    return held.getvalue()


def test_answers_are_those_of_papscope_predict_to_the_bit(
    client: TestClient, services: Services, tmp_path: Path
) -> None:
    kinds = ("PNG", "JPEG", "TIFF", "BMP")
    paths = [tmp_path / f"cell.{kind.lower()}" for kind in kinds]
    for path, kind in zip(paths, kinds, strict=True):
        path.write_bytes(saved(kind))
    wanted = services.models.named().predictor.predict(paths)

    told = client.post("/v1/predict", files=[("files", path.open("rb")) for path in paths])

    assert told.status_code == 200
    for one, said in zip(wanted, told.json()["images"], strict=True):
        assert isinstance(one, Prediction)
        assert said["probabilities"] == dict(one.answer.probabilities)
        assert (said["label"], said["probability"]) == (one.answer.label, one.answer.probability)
        assert (said["abnormal"], said["grade"]) == (one.answer.abnormal, one.answer.grade)


def test_bad_pictures_are_told_in_their_place_and_do_not_spoil_the_good(
    client: TestClient,
) -> None:
    sent = [("a.png", png(1)), ("b.txt", b"no picture"), ("c.png", blank()), ("d.png", png(2))]

    told = client.post("/v1/predict", files=[("files", one) for one in sent])

    assert told.status_code == 200
    said = told.json()["images"]
    assert [one["name"] for one in said] == ["a.png", "b.txt", "c.png", "d.png"]
    codes = [one["error"] and one["error"]["code"] for one in said]
    assert codes == [None, "not-an-image", "blank", None]


@pytest.mark.parametrize(("content", "code"), [(b"no picture", "not-an-image"), (blank(), "blank")])
def test_where_all_are_bad_that_is_the_answer(
    client: TestClient, content: bytes, code: str
) -> None:
    told = client.post("/v1/predict", files=[("files", ("x.png", content))] * 2)

    assert told.status_code == 415
    assert told.json()["error"]["code"] == code
    assert [one["error"]["code"] for one in told.json()["images"]] == [code, code]


def test_a_picture_may_be_the_whole_body(client: TestClient) -> None:
    as_form = client.post("/v1/predict", files={"files": png(4)}).json()
    told = client.post("/v1/predict", content=png(4), headers={"Content-Type": "image/png"})

    assert told.json()["images"][0]["probabilities"] == as_form["images"][0]["probabilities"]


def test_each_answer_is_in_the_log_and_nothing_on_the_disk(
    client: TestClient, services: Services
) -> None:
    told = client.post("/v1/predict", files=[("files", ("secret name.png", png(5)))] * 2).json()

    with services.database.reading() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.what == "predicted")).all()
    assert [one.image_digest for one in entries] == [told["images"][0]["digest"]] * 2
    assert {one.model_digest for one in entries} == {told["model_digest"]}
    assert not any("secret" in one.details for one in entries)
    assert verify(services.database).or_raise()
    assert not services.images.folder.exists()
    assert not list(services.settings.incoming.iterdir())


def test_an_answer_that_the_log_does_not_have_is_not_given(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise OperationalError("", {}, Exception("connection refused"))

    monkeypatch.setattr("papscope.serve.predicting.record", gone)

    told = client.post("/v1/predict", files={"files": png(5)})

    assert told.status_code == 503
    assert told.json()["error"]["code"] == "store-failed"


@pytest.mark.parametrize(
    ("headers", "body", "status", "words"),
    [
        ({"Content-Type": "text/plain"}, b"hello", 415, "neither a form"),
        ({"Content-Type": "image/png"}, b"", 422, "no file was sent"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"", 422, "the form is damaged"),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nhalf',
            422,
            "ends too early",
        ),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nx\r\n--b--\r\n',
            422,
            "no file was sent",
        ),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n'
            + b"x" * 5000
            + b"\r\n--b--\r\n",
            413,
            "'title' is too long",
        ),
    ],
)
def test_a_body_that_cannot_be_taken_is_told(
    client: TestClient, headers: dict[str, str], body: bytes, status: int, words: str
) -> None:
    told = client.post("/v1/predict", content=body, headers=headers)

    assert (told.status_code, words in told.json()["error"]["what"]) == (status, True)


def test_more_pictures_than_agreed_are_a_job(client: TestClient) -> None:
    told = client.post("/v1/predict", files=[("files", ("a.png", b"x"))] * 65)

    assert told.status_code == 413
    assert "more than 64 files" in told.json()["error"]["what"]


def test_a_model_that_does_not_answer_here_is_not_found(client: TestClient) -> None:
    told = client.post("/v1/predict?model=other", files={"files": png(1)})

    assert told.status_code == 404
    assert "no model named 'other'" in told.json()["error"]["what"]


def test_a_full_queue_tells_when_to_come_back(client: TestClient, services: Services) -> None:
    with services.batcher.place(256):
        told = client.post("/v1/predict", files={"files": png(1)})

    assert told.status_code == 429
    assert int(told.headers["Retry-After"]) >= 1
    assert told.json()["error"]["code"] == "too-busy"


def test_a_full_disk_is_told(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise DiskError("the disk is full: incoming", hint="free some space")

    monkeypatch.setattr("papscope.serve.sent._Taking._write", full)

    told = client.post("/v1/predict", files={"files": b"x" * 3_000_000})

    assert told.status_code == 507


def test_the_pictures_of_a_sender_who_goes_are_not_answered_for(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, answer, at_work = Event(), services.batcher._answer, list[int]()

    def waits(batch: Any) -> None:
        at_work.append(len(batch))
        assert go.wait(60)
        answer(batch)

    monkeypatch.setattr(services.batcher, "_answer", waits)
    request = httpx.Request("POST", "http://localhost/v1/predict", files=[("files", png(1))] * 40)
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/predict",
        "raw_path": b"/v1/predict", "query_string": b"", "scheme": "http", "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": ("localhost", 80), "client": ("127.0.0.1", 50000), "state": {},
    }  # fmt: skip
    body = [request.read()]
    heard: list[Any] = []

    async def receive() -> dict[str, Any]:
        if body:
            return {"type": "http.request", "body": body.pop(), "more_body": False}
        # The sender goes while pictures wait.
        await asyncio.to_thread(until, lambda: len(services.batcher._lanes["request"]) >= 8)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        heard.append(message)

    asyncio.run(create_app(services)(scope, receive, send))
    go.set()
    until(lambda: services.batcher.waiting("request") == 0)
    services.batcher.close()

    assert sum(at_work) < 40
    assert heard[0]["status"] == 499
    with services.database.reading() as session:
        assert session.scalars(select(AuditEntry)).all() == []

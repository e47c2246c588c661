"""Cases and their galleries over HTTP, on both databases."""

from __future__ import annotations

import json
from hashlib import sha256
from threading import get_ident
from typing import Any

import pytest
from fastapi.testclient import TestClient
from made_case import made_case
from made_readers import Asking, pictures, reader
from sqlalchemy import event, select

from papscope.serve import gallery
from papscope.serve.people import Person
from papscope.serve.promises import NONE
from papscope.serve.services import Services
from papscope.serve.store.tables import Answered, AuditEntry, Job


def test_a_case_is_made_named_scaled_and_listed(client: TestClient) -> None:
    made = client.post("/v1/cases", json={"title": " Slide 7 "}).json()

    changed = client.patch(f"/v1/cases/{made['id']}", json={"title": "Ü 8", "um_per_px": 0.25})

    assert made["title"] == "Slide 7"
    assert (made["state"], made["progress"], made["images"]) == ("empty", None, 0)
    assert changed.json()["title"] == "Ü 8"
    assert changed.json()["um_per_px"] == 0.25
    listed = client.get("/v1/cases").json()
    assert (listed["total"], [one["title"] for one in listed["cases"]]) == (1, ["Ü 8"])
    assert (
        client.patch(f"/v1/cases/{made['id']}", json={"um_per_px": None}).json()["um_per_px"]
        is None
    )


def test_a_body_that_is_not_said_to_be_json_is_told_which_header_is_missing(
    client: TestClient,
) -> None:
    told = client.post("/v1/cases", content='{"title": "Slide 7"}')

    assert told.status_code == 422
    assert "Content-Type: application/json" in told.json()["error"]["hint"]


def test_a_case_tells_how_far_models_and_readers_are(
    client: TestClient, services: Services
) -> None:
    case_id, model = made_case(services, 6, um_per_px=0.25), services.models.named()

    found = client.get(f"/v1/cases/{case_id}").json()

    assert (found["images"], found["answered"], found["failed"]) == (6, 6, 0)
    assert (found["state"], found["progress"]) == ("done", 1.0)
    assert sum(found["counts"].values()) == 6
    assert [one["name"] for one in found["classes"]] == list(found["counts"])
    assert all(
        one["means"].startswith(f"cells consistent with {one['name']}: ")
        for one in found["classes"]
    )
    assert found["models"] == [
        {
            "name": model.name,
            "digest": model.digest,
            "available": True,
            "promises": [NONE],
        }
    ]


def test_the_gallery_puts_the_worst_first(client: TestClient, services: Services) -> None:
    case_id = made_case(services, 30)

    found = client.get(f"/v1/cases/{case_id}/images", params={"limit": 10}).json()
    rest = client.get(f"/v1/cases/{case_id}/images", params={"limit": 500, "offset": 10}).json()

    risks = [one["answer"]["risk"] for one in found["images"] + rest["images"]]
    assert risks == sorted(risks, reverse=True)
    assert (len(risks), found["total"], sum(found["counts"].values())) == (30, 30, 30)


def test_the_gallery_is_filtered_by_class_and_certainty(
    client: TestClient, services: Services
) -> None:
    path = f"/v1/cases/{made_case(services, 40)}/images"
    every = client.get(path).json()["images"]

    two = client.get(path, params={"label": ["HSIL", "SCC"], "limit": 3}).json()
    doubtful = client.get(path, params={"certainty_below": 0.4}).json()
    sure = client.get(path, params={"certainty_above": 0.4}).json()

    wanted = [one["id"] for one in every if one["answer"]["label"] in ("HSIL", "SCC")]
    assert (two["total"], [one["id"] for one in two["images"]]) == (len(wanted), wanted[:3])
    assert all(one["answer"]["certainty"] < 0.4 for one in doubtful["images"])
    assert doubtful["total"] + sure["total"] == 40
    assert min(doubtful["total"], sure["total"]) > 0
    assert two["counts"] == doubtful["counts"]


def test_the_gallery_shows_the_newest_answer_alone_and_failures_last(
    client: TestClient, services: Services
) -> None:
    case_id = made_case(services, 3)
    first, second, _ = pictures(services, case_id)
    with services.database.transaction() as session:
        old = session.scalars(select(Answered).where(Answered.image_id == first)).one()
        model, now = services.models.named(), services.clock()
        job = Job(
            id="f" * 32, case_id=case_id, model=model.name, model_digest=model.digest,
            state="running", total=3, created_at=now, created_by=1,
        )  # fmt: skip
        session.add(job)
        session.flush()
        common = {"job_id": job.id, "answered_at": now}
        session.add(
            Answered(
                image_id=first, label="SCC", probability=0.9, abnormal=1.0, risk=1.0,
                certainty=0.9, probabilities=old.probabilities, **common,
            )
        )  # fmt: skip
        session.add(Answered(image_id=second, failure="blank", reason="it is blank", **common))

    found = client.get(f"/v1/cases/{case_id}/images").json()
    case = client.get(f"/v1/cases/{case_id}").json()

    assert [one["place"] for one in found["images"]] == [0, 2, 1]
    assert found["images"][0]["answer"]["label"] == "SCC"
    assert found["images"][2]["failure"] == {"code": "blank", "reason": "it is blank"}
    assert found["unanswered"] == 1
    none = client.get(f"/v1/cases/{case_id}/images", params={"answered": False}).json()
    assert [one["id"] for one in none["images"]] == [second]
    assert (case["state"], case["answered"], case["failed"]) == ("running", 2, 1)
    assert case["progress"] == pytest.approx(5 / 6)


def test_useful_pictures_are_those_that_the_asker_has_not_read(
    client: TestClient, services: Services
) -> None:
    case_id = made_case(services, 20)
    ada = Asking(client, services, reader(services, "ada"))
    path = f"/v1/cases/{case_id}/images"
    before = [one["id"] for one in ada.get(path, params={"order": "useful"}).json()["images"]]

    ada.says(before[0], "unsure")

    after = [one["id"] for one in ada.get(path, params={"order": "useful"}).json()["images"]]
    parts = [
        one["id"]
        for offset in range(0, 20, 7)
        for one in ada.get(path, params={"order": "useful", "offset": offset, "limit": 7}).json()[
            "images"
        ]
    ]
    assert sorted(after) == sorted(before)
    assert after[-1] == before[0]
    assert parts == after
    left = ada.get(path, params={"order": "useful", "reviewed": "not-me"}).json()
    assert [one["id"] for one in left["images"]] == after[:-1]


def test_pictures_come_in_their_own_pixels_and_are_kept_by_the_browser_alone(
    client: TestClient, services: Services
) -> None:
    (image_id,) = pictures(services, made_case(services, 1))

    whole = client.get(f"/v1/images/{image_id}/picture")
    again = client.get(
        f"/v1/images/{image_id}/picture", headers={"If-None-Match": whole.headers["etag"]}
    )
    small = client.get(f"/v1/images/{image_id}/smaller", params={"side": 128})

    assert sha256(whole.content).hexdigest() == whole.headers["etag"].strip('"')
    assert whole.headers["content-type"] == "image/png"
    assert whole.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (again.status_code, again.content) == (304, b"")
    assert small.headers["content-type"] == "image/jpeg"
    assert client.get(f"/v1/images/{image_id}/smaller", params={"side": 77}).status_code == 404


def test_roles_bound_what_may_be_done_to_a_case(client: TestClient, services: Services) -> None:
    case_id = made_case(services, 1)
    rob = Asking(client, services, reader(services, "rob", "reader"))
    rea = Asking(client, services, reader(services, "rea", "reviewer"))
    ada = Asking(client, services, reader(services, "ada", "admin"))
    path = f"/v1/cases/{case_id}"

    told = [
        rob.send("PATCH", path, {"title": "mine"}).status_code,
        rea.send("PATCH", path, {"title": "ours"}).status_code,
        rea.send("PATCH", path, {"closed": True}).status_code,
        rea.send("DELETE", path).status_code,
        rob.send("PUT", f"/v1/images/{pictures(services, case_id)[0]}/verdict", {"kind": "agree"})
        .status_code,
        rob.get(f"{path}/corrections").status_code,
        ada.send("PATCH", path, {"closed": True}).status_code,
    ]  # fmt: skip
    own = rob.send("POST", "/v1/cases", {"title": "own"}).json()

    assert told == [403, 200, 403, 403, 403, 403, 200]
    assert rob.send("PATCH", f"/v1/cases/{own['id']}", {"title": "my own"}).status_code == 200


def test_a_deleted_case_is_gone_with_its_pictures_and_the_log_names_no_title(
    client: TestClient, services: Services
) -> None:
    case_id = made_case(services, 2, title="Jane Doe")
    other = made_case(services, 1)
    (shared,) = pictures(services, other)

    client.patch(f"/v1/cases/{case_id}", json={"title": "Jane Doe 2"})
    gone = client.delete(f"/v1/cases/{case_id}")

    assert gone.status_code == 204
    assert client.get(f"/v1/cases/{case_id}").status_code == 404
    assert client.get(f"/v1/images/{shared}/picture").status_code == 200
    assert len(list(services.images.digests())) == 1
    with services.database.reading() as session:
        log = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
    assert [(one.what, one.case_id) for one in log if one.what.startswith("case")] == [
        ("case-renamed", case_id),
        ("case-deleted", case_id),
    ]
    assert not any("Jane" in one.details for one in log)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"title": " \x00 "}, "the title is empty"),
        ({"title": "x" * 201}, "201 characters"),
        ({"title": "a", "um_per_px": -1}, "is no scale"),
        ({"title": "a", "colour": "red"}, "colour"),
    ],
)
def test_a_case_without_sense_is_refused(
    client: TestClient, body: dict[str, object], why: str
) -> None:
    answer = client.post("/v1/cases", json=body)

    assert answer.status_code == 422
    assert why in answer.json()["error"]["what"]


def test_titles_lose_what_no_database_keeps_and_what_turns_text_round(client: TestClient) -> None:
    made = client.post("/v1/cases", json={"title": "a\u202eb\u0000c"})

    assert made.json()["title"] == "abc"


def test_characters_and_numbers_that_a_database_refuses_do_no_harm(
    client: TestClient, services: Services
) -> None:
    case_id = made_case(services, 1)
    (image_id,) = pictures(services, case_id)
    say = {"kind": "unsure", "note": "a\u0000\ud800b"}

    odd = client.get(f"/v1/cases/{case_id}/images", params={"label": "\x00"})
    said = client.put(
        f"/v1/images/{image_id}/verdict",
        content=json.dumps(say),
        headers={"Content-Type": "application/json"},
    )
    scale = client.patch(
        f"/v1/cases/{case_id}",
        content='{"um_per_px": NaN}',
        headers={"Content-Type": "application/json"},
    )

    assert (odd.status_code, odd.json()["total"]) == (200, 0)
    assert (said.status_code, said.json()["mine"]["note"]) == (200, "ab")
    assert scale.status_code == 422


def test_a_page_takes_as_many_questions_to_the_database_whatever_its_size(
    services: Services,
) -> None:
    case_id = made_case(services, 60)
    asked: list[str] = []
    mine = get_ident()  # jobs are looked for meanwhile, by another thread

    def hear(*told: Any) -> None:
        if get_ident() == mine:
            asked.append(told[2])

    event.listen(services.database.engine, "before_cursor_execute", hear)

    counts = []
    for limit in (5, 60):
        asked.clear()
        person = Person(1, "local", "admin")
        gallery.page(services, case_id, person, gallery.Wanted(limit=limit))
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert counts[0] < 12

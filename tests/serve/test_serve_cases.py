"""Cases and their galleries over HTTP, on both databases."""

from __future__ import annotations

from fastapi.testclient import TestClient
from made_case import made_case

from papscope.serve.services import Services


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


def test_a_case_tells_how_far_models_and_readers_are(
    client: TestClient, services: Services
) -> None:
    case_id, model = made_case(services, 6, um_per_px=0.25), services.models.named()

    found = client.get(f"/v1/cases/{case_id}").json()

    assert (found["images"], found["answered"], found["failed"]) == (6, 6, 0)
    assert (found["state"], found["progress"]) == ("done", 1.0)
    assert sum(found["counts"].values()) == 6
    assert [one["name"] for one in found["classes"]] == list(found["counts"])
    assert found["models"] == [
        {
            "name": model.name,
            "digest": model.digest,
            "available": True,
        }
    ]


def test_the_gallery_puts_the_worst_first(client: TestClient, services: Services) -> None:
    case_id = made_case(services, 30)

    found = client.get(f"/v1/cases/{case_id}/images", params={"limit": 10}).json()
    rest = client.get(f"/v1/cases/{case_id}/images", params={"limit": 500, "offset": 10}).json()

    risks = [one["answer"]["risk"] for one in found["images"] + rest["images"]]
    assert risks == sorted(risks, reverse=True)
    assert (len(risks), found["total"], sum(found["counts"].values())) == (30, 30, 30)

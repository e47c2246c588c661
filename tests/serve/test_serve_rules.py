"""What a model's rules make of its answers: in answers, jobs, galleries, reports and the log."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from made_case import made_case, make_unlike, png
from made_rules import FITTED, ruled_bundle
from PIL import Image
from served import until
from sqlalchemy import select

from papscope import shipped
from papscope.predict.predictor import Prediction
from papscope.rules import REASONS
from papscope.serve.backup.making import make_backup
from papscope.serve.backup.restoring import RestoreOptions, restore
from papscope.serve.case_list import shown_case
from papscope.serve.opening import opened_database
from papscope.serve.people import Person
from papscope.serve.promises import NONE, promises
from papscope.serve.referral import UNLIKE_SAID
from papscope.serve.reporting.content import CaseReport, gather
from papscope.serve.reporting.document import as_pdf
from papscope.serve.reporting.page import as_html
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings
from papscope.serve.store.tables import Answered, AuditEntry

ON_ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What no database has a part in."""
LOCAL = Person(1, "local", "admin")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> ServeSettings:
    """Settings of a service whose model carries rules."""
    model = ruled_bundle(tmp_path / "ruled")
    home = tmp_path / "home"
    return ServeSettings(home=home, database_url=database_url, threads=1, models=(str(model),))


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Services]:
    """A service whose model has none."""
    with opened(ServeSettings(home=tmp_path / "plain", threads=1)) as found:
        yield found


def blurred() -> bytes:
    """A picture that is out of focus."""
    small = Image.fromarray(np.array([[[90, 60, 130], [220, 200, 215]]] * 2, dtype=np.uint8))
    held = io.BytesIO()
    small.resize((64, 64), Image.Resampling.BICUBIC).save(held, "PNG")
    return held.getvalue()


@ON_ONE
def test_sets_and_reasons_are_those_of_papscope_predict(
    client: TestClient, services: Services, tmp_path: Path
) -> None:
    content = [png(seed, side=80) for seed in range(6)] + [blurred()]
    paths = [tmp_path / f"cell-{place}.png" for place in range(len(content))]
    for path, data in zip(paths, content, strict=True):
        path.write_bytes(data)
    wanted = services.models.named().predictor.predict(paths)

    told = client.post("/v1/predict", files=[("files", path.open("rb")) for path in paths])

    for one, said in zip(wanted, told.json()["images"], strict=True):
        assert isinstance(one, Prediction)
        assert said["labels"] == list(one.answer.labels or ())
        assert said["refer"] == list(one.answer.refer or ())
        assert said["reasons"] == [REASONS[code] for code in one.answer.refer or ()]
    assert "blurred" in told.json()["images"][-1]["refer"]


def test_a_job_keeps_the_same_sets_and_reasons_and_notes_them_in_the_log(
    client: TestClient, services: Services
) -> None:
    files = [("files", (f"{seed}.png", png(seed, side=80), "image/png")) for seed in range(3)]
    files.append(("files", ("blurred.png", blurred(), "image/png")))
    at_once = client.post("/v1/predict", files=files).json()["images"]
    job = client.post("/v1/jobs", files=files, data={"title": "Slide 7"}).json()
    until(lambda: client.get(f"/v1/jobs/{job['id']}").json()["state"] == "done")

    results = client.get(f"/v1/jobs/{job['id']}/results").json()["results"]
    shown = client.get(f"/v1/cases/{job['case_id']}/images", params={"order": "place"}).json()

    fields = ("labels", "refer", "reasons")
    wanted = [[one[name] for name in fields] for one in at_once]
    assert [[one[name] for name in fields] for one in results] == wanted
    assert [[one["answer"][name] for name in fields] for one in shown["images"]] == wanted
    with services.database.reading() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.what == "predicted")).all()
    details = [json.loads(one.details) for one in entries]
    assert [one["refer"] for one in details] == [one["refer"] for one in at_once] * 2
    assert [one["labels"] for one in details] == [one["labels"] for one in at_once] * 2


def test_a_model_without_rules_says_neither_and_that_it_has_none(plain: Services) -> None:
    from papscope.serve.app import create_app

    with TestClient(
        create_app(plain), base_url="http://localhost", client=("127.0.0.1", 50000)
    ) as asking:
        (said,) = asking.post("/v1/predict", files={"files": png(1)}).json()["images"]
        (model,) = asking.get("/v1/models").json()["models"]
    with plain.database.reading() as session:
        details = session.scalars(select(AuditEntry.details)).one()

    assert (said["labels"], said["refer"], said["reasons"]) == (None, None, None)
    assert (model["rules"], model["promises"]) == ({}, [NONE])
    assert set(json.loads(details)) == {"label", "probability"}


@ON_ONE
def test_a_model_tells_its_rules_and_what_they_promise(client: TestClient) -> None:
    (model,) = client.get("/v1/models").json()["models"]

    words = " ".join(model["promises"])
    assert model["rules"]["refer"]["abnormal"] == 0.9
    assert "90% of the cells of each class of a new group, but for SCC" in words
    assert "95% of the abnormal cells of a new group are left for a person" in words
    assert "5% of the abnormal cells may thus be among those that this threshold sets" in words
    assert f"Fitted on {FITTED}." in words
    assert "not for another laboratory" in words


def test_what_a_person_must_see_comes_before_what_the_rules_set_aside(
    client: TestClient, services: Services
) -> None:
    case_id = made_case(services, 40)
    make_unlike(services, case_id, 3, 4, 5)

    images = client.get(f"/v1/cases/{case_id}/images").json()["images"]

    kinds = [1 if one["answer"]["unlike"] else 0 if one["answer"]["refer"] else 2 for one in images]
    assert kinds == sorted(kinds)
    assert set(kinds) == {0, 1, 2}
    for kind in (0, 1, 2):
        risks = [
            one["answer"]["risk"] for one, is_of in zip(images, kinds, strict=True) if is_of == kind
        ]
        assert risks == sorted(risks, reverse=True)


def test_a_gallery_is_filtered_by_referral_and_by_reason(
    client: TestClient, services: Services
) -> None:
    case_id = made_case(services, 40)
    make_unlike(services, case_id, 3)
    path = f"/v1/cases/{case_id}/images"
    every = client.get(path).json()["images"]

    def found(**asked: bool | str | list[str]) -> set[str]:
        told = client.get(path, params=asked).json()
        assert told["total"] == len(told["images"])
        return {one["id"] for one in told["images"]}

    def wanted(*codes: str) -> set[str]:
        return {one["id"] for one in every if set(codes) & set(one["answer"]["refer"])}

    assert found(referred=True) | found(referred=False) == {one["id"] for one in every}
    assert found(referred=False) == {one["id"] for one in every if one["answer"]["refer"] == []}
    assert found(reason="abnormal") == wanted("abnormal")
    assert found(reason=["no-class", "several-classes"]) == wanted("no-class", "several-classes")
    assert 0 < len(wanted("abnormal")) < 40
    assert found(reason="%") == found(reason="a_normal") == set()


def test_a_case_counts_who_is_referred_and_why(client: TestClient, services: Services) -> None:
    case_id = made_case(services, 30)
    every = client.get(f"/v1/cases/{case_id}/images").json()["images"]

    told = client.get(f"/v1/cases/{case_id}").json()

    said = [one["answer"]["refer"] for one in every]
    assert told["referral"]["referred"] == sum(map(bool, said))
    assert told["referral"]["set_aside"] == sum(not one for one in said)
    assert told["referral"]["without_rules"] == 0
    for one in told["referral"]["reasons"]:
        assert one["images"] == sum(one["code"] in codes for codes in said) > 0
        assert one["what"] == REASONS[one["code"]]
    assert told["models"][0]["promises"] == list(promises(services.models.named().predictor.about))


def reported(services: Services, case_id: str) -> tuple[CaseReport, str, str]:
    """A case's report, and its words as a page and as PDF."""
    from pypdf import PdfReader

    report = gather(services, case_id, LOCAL)
    read = PdfReader(io.BytesIO(as_pdf(report, services.images)))
    pdf = " ".join(" ".join(page.extract_text().split()) for page in read.pages)
    return report, html.unescape(as_html(report, services.images).html), pdf


@ON_ONE
def test_a_report_counts_what_is_set_aside_by_which_promise_and_no_more(
    services: Services,
) -> None:
    case_id = made_case(services, 30)
    referral = shown_case(services, case_id, LOCAL).referral

    report, page, pdf = reported(services, case_id)

    assert [(one.code, one.images) for one in report.rules.reasons] == [*referral.reasons.items()]
    for text in (page, pdf):
        assert f"For a person: {referral.referred} of 30 pictures" in text
        assert f"Set aside by the rule: {referral.set_aside} of 30." in text
        for one in promises(services.models.named().predictor.about):
            assert one in text
        for code in referral.reasons:
            assert REASONS[code] in text
    assert 0 < referral.set_aside < 30


def test_a_report_of_a_model_without_rules_sets_nothing_aside(plain: Services) -> None:
    _, page, pdf = reported(plain, made_case(plain, 3))

    for text in (page, pdf):
        assert "all 3 are for a person" in text
        assert NONE in text
        assert "Set aside by the rule" not in text


@ON_ONE
def test_in_a_report_a_picture_unlike_all_has_no_class(services: Services) -> None:
    case_id = made_case(services, 4)
    make_unlike(services, case_id, 0, 1, 2, 3)

    report, page, pdf = reported(services, case_id)

    assert sum(one.model for one in report.classes) == 0
    assert report.rules.unlike == 4
    for text in (page, pdf):
        assert text.count(f". {UNLIKE_SAID}") == 4
    assert "which the model calls" not in page


def test_a_backup_keeps_sets_and_reasons(
    services: Services, settings: ServeSettings, tmp_path: Path
) -> None:
    made_case(services, 30)
    wanted = select(Answered.number, Answered.labels, Answered.refer).order_by(Answered.number)
    with services.database.reading() as session:
        before = session.execute(wanted).all()
    made = make_backup(settings, tmp_path / "kept.zip", clock=services.clock)

    target = ServeSettings(home=tmp_path / "other", threads=1)
    restore(target, made.place, RestoreOptions())

    with opened_database(target) as database, database.reading() as session:
        assert session.execute(wanted).all() == before
    assert {type(one.refer) for one in before} == {tuple}
    assert any(one.refer == () for one in before)


@ON_ONE
def test_the_model_that_ships_has_no_class_for_noise(tmp_path: Path, database_url: str) -> None:
    from papscope.serve.app import create_app

    del database_url
    whole = Path(shipped.__file__).parent / "models" / "cric-6"
    noise = np.random.default_rng(5).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    held = io.BytesIO()
    Image.fromarray(noise).save(held, "PNG")
    settings = ServeSettings(home=tmp_path / "home", threads=1, models=(str(whole),))
    with opened(settings) as found:
        app = create_app(found)
        with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50000)) as asking:
            asked = asking.post("/v1/predict", files={"files": held.getvalue()})

    (said,) = asked.json()["images"]
    assert said["refer"][0] == "unlike-training"
    assert said["strangeness"] > 1

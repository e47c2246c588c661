"""Verdicts: given, taken back, kept, and hidden from a second reader until that one has read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from made_case import made_case
from made_readers import Asking, pictures, reader
from sqlalchemy import func, select

from papscope.errors import Conflict, NotFound, SettingError
from papscope.serve import verdicts
from papscope.serve.app import create_app
from papscope.serve.people import Person, Role
from papscope.serve.services import Services
from papscope.serve.shown import ShownImage, history, shown_image
from papscope.serve.store.tables import AuditEntry, Job, Verdict
from papscope.serve.verdicts import Given


def seen(services: Services, image_id: str, person: Person) -> ShownImage:
    with services.database.reading() as session:
        return shown_image(session, image_id, person)


def mine(services: Services, image_id: str, person: Person) -> tuple[str | None, str] | None:
    """What stands of a person's own on a picture: label and note."""
    one = seen(services, image_id, person).mine
    return None if one is None else (one.label, one.note)


@pytest.fixture
def case_id(services: Services) -> str:
    return made_case(services, 4)


@pytest.fixture
def image_id(services: Services, case_id: str) -> str:
    return pictures(services, case_id)[0]


def test_agreeing_keeps_the_class_that_the_model_said_then(
    services: Services, image_id: str
) -> None:
    ada = reader(services, "ada")

    verdicts.give(services, image_id, ada, Given("agree"))

    found = seen(services, image_id, ada)
    assert found.answer is not None
    assert found.mine is not None
    assert (found.mine.kind, found.mine.label) == ("agree", found.answer.label)
    assert (found.mine.reader, found.mine.informed) == ("ada", False)


def test_undoing_goes_back_step_by_step_and_loses_nothing(
    services: Services, image_id: str
) -> None:
    ada = reader(services, "ada")
    for label in ("LSIL", "HSIL", "SCC"):
        verdicts.give(services, image_id, ada, Given("correct", label, f"note {label}"))

    stood = [mine(services, image_id, ada)]
    for _ in range(3):
        verdicts.undo(services, image_id, ada)
        stood.append(mine(services, image_id, ada))

    assert stood == [("SCC", "note SCC"), ("HSIL", "note HSIL"), ("LSIL", "note LSIL"), None]
    with pytest.raises(Conflict, match="no verdict of yours to take back"):
        verdicts.undo(services, image_id, ada)
    with services.database.reading() as session:
        every = history(session, image_id, ada).verdicts
    assert [one.label for one in every] == ["LSIL", "HSIL", "SCC", "HSIL", "LSIL"]
    assert [one.restored for one in every] == [False, False, False, True, True]
    assert all(one.withdrawn_at is not None for one in every)


def test_a_verdict_after_an_undo_goes_on_from_there(services: Services, image_id: str) -> None:
    ada = reader(services, "ada")
    verdicts.give(services, image_id, ada, Given("correct", "LSIL"))
    verdicts.give(services, image_id, ada, Given("correct", "HSIL"))
    verdicts.undo(services, image_id, ada)
    verdicts.give(services, image_id, ada, Given("unsure"))

    verdicts.undo(services, image_id, ada)

    assert mine(services, image_id, ada) == ("LSIL", "")


def test_undoing_in_a_case_takes_back_what_one_did_last_oneself(
    services: Services, case_id: str
) -> None:
    first, second, *_ = pictures(services, case_id)
    ada, eve = reader(services, "ada"), reader(services, "eve")
    verdicts.give(services, first, ada, Given("correct", "LSIL"))
    verdicts.give(services, first, ada, Given("correct", "HSIL"))
    verdicts.give(services, second, ada, Given("unsure"))
    verdicts.undo(services, first, ada)  # what is put back is older than what was said of second
    verdicts.give(services, first, eve, Given("agree"))

    undone = [verdicts.undo_last(services, case_id, ada) for _ in range(2)]

    assert undone == [second, first]
    with pytest.raises(Conflict, match="no verdict of yours"):
        verdicts.undo_last(services, case_id, ada)
    assert seen(services, first, eve).mine is not None
    with pytest.raises(NotFound, match="no such case"):
        verdicts.undo_last(services, "0" * 32, ada)


def test_the_same_verdict_again_is_no_second_one(services: Services, image_id: str) -> None:
    ada = reader(services, "ada")
    for _ in range(2):
        verdicts.give(services, image_id, ada, Given("correct", "LSIL", "a\r\nnote "))

    with services.database.reading() as session:
        assert session.scalar(select(func.count(Verdict.id))) == 1
    assert mine(services, image_id, ada) == ("LSIL", "a\nnote")


def test_what_makes_no_sense_is_refused_and_keeps_nothing(
    services: Services, case_id: str, image_id: str
) -> None:
    ada = reader(services, "ada")
    unanswered = pictures(services, case_id)[1]
    with services.database.transaction() as session:
        session.delete(session.scalars(select(Job)).one())

    with pytest.raises(SettingError, match="'fine' is none of the classes"):
        verdicts.give(services, image_id, ada, Given("correct", "fine"))
    with pytest.raises(SettingError, match="2001 characters"):
        verdicts.give(services, image_id, ada, Given("unsure", note="x" * 2001))
    with pytest.raises(SettingError, match="a label goes with `correct`"):
        Given("agree", "LSIL")
    with pytest.raises(Conflict, match="no answer to agree with"):
        verdicts.give(services, unanswered, ada, Given("agree"))
    with pytest.raises(NotFound, match="no such picture"):
        verdicts.give(services, "0" * 32, ada, Given("unsure"))
    with services.database.reading() as session:
        assert session.scalar(select(func.count(Verdict.id))) == 0
    verdicts.give(services, unanswered, ada, Given("correct", "LSIL"))


def test_the_log_tells_of_verdicts_without_notes_and_names_of_files(
    services: Services, image_id: str
) -> None:
    ada = reader(services, "ada")
    verdicts.give(services, image_id, ada, Given("correct", "LSIL", "Jane Doe"))
    verdicts.give(services, image_id, ada, Given("unsure"))
    verdicts.undo(services, image_id, ada)

    with services.database.reading() as session:
        log = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
    assert [(one.what, one.who) for one in log] == [
        ("verdict-given", "ada"),
        ("verdict-withdrawn", "ada"),
        ("verdict-given", "ada"),
        ("verdict-withdrawn", "ada"),
        ("verdict-given", "ada"),
    ]
    assert {one.model_digest for one in log} == {services.models.named().digest}
    assert {one.image_digest for one in log} == {seen(services, image_id, ada).digest}
    assert not any("Jane" in one.details or "cell-" in one.details for one in log)


def test_a_second_reader_sees_the_first_verdict_only_after_giving_one(
    services: Services, image_id: str
) -> None:
    ada, eve = reader(services, "ada"), reader(services, "eve", "admin")
    verdicts.give(services, image_id, ada, Given("correct", "LSIL"))

    before = seen(services, image_id, eve)
    verdicts.give(services, image_id, eve, Given("correct", "HSIL"))
    after = seen(services, image_id, eve)
    verdicts.undo(services, image_id, eve)
    again = seen(services, image_id, eve)

    assert (before.others, before.others_given, before.disagreement) == (None, 1, None)
    assert after.others is not None
    assert [(one.reader, one.label) for one in after.others] == [("ada", "LSIL")]
    assert after.disagreement is True
    assert again.others is None


@pytest.mark.parametrize("step", ["change", "withdraw"])
def test_a_verdict_given_after_seeing_anothers_says_so(
    services: Services, image_id: str, step: str
) -> None:
    ada, eve = reader(services, "ada"), reader(services, "eve")
    verdicts.give(services, image_id, ada, Given("correct", "LSIL"))
    verdicts.give(services, image_id, eve, Given("correct", "HSIL"))
    if step == "withdraw":
        verdicts.undo(services, image_id, eve)

    verdicts.give(services, image_id, eve, Given("correct", "LSIL"))

    one = seen(services, image_id, eve).mine
    assert one is not None
    assert one.informed
    verdicts.undo(services, image_id, eve)
    verdicts.give(services, image_id, ada, Given("unsure"))
    changed = seen(services, image_id, ada).mine
    assert changed is not None
    assert changed.informed, "ada could see eve's"


def test_changing_ones_mind_before_anybody_else_has_read_is_not_informed(
    services: Services, image_id: str
) -> None:
    ada = reader(services, "ada")
    verdicts.give(services, image_id, ada, Given("correct", "LSIL"))
    verdicts.give(services, image_id, ada, Given("correct", "HSIL"))

    one = seen(services, image_id, ada).mine
    assert one is not None
    assert not one.informed


def test_a_closed_case_is_frozen_and_open_to_all_and_whoever_reads_on_later_is_informed(
    client: TestClient, services: Services, case_id: str, image_id: str
) -> None:
    ada, bob = reader(services, "ada"), reader(services, "bob")
    verdicts.give(services, image_id, ada, Given("correct", "LSIL"))

    closed = client.patch(f"/v1/cases/{case_id}", json={"closed": True})

    assert closed.json()["closed"]
    assert seen(services, image_id, bob).others is not None
    for change in (
        lambda: verdicts.give(services, image_id, bob, Given("unsure")),
        lambda: verdicts.undo(services, image_id, ada),
        lambda: verdicts.undo_last(services, case_id, ada),
    ):
        with pytest.raises(Conflict, match="closed, and its verdicts are frozen"):
            change()
    client.patch(f"/v1/cases/{case_id}", json={"closed": False})
    assert seen(services, image_id, bob).others is None
    verdicts.give(services, image_id, bob, Given("unsure"))
    one = seen(services, image_id, bob).mine
    assert one is not None
    assert one.informed
    with services.database.reading() as session:
        told = session.scalars(select(AuditEntry.what).where(AuditEntry.case_id == case_id)).all()
    assert [what for what in told if what.startswith("case")] == ["case-closed", "case-opened"]


def test_many_at_once_leave_one_standing_verdict_of_each_and_no_error(
    services: Services, case_id: str, image_id: str
) -> None:
    people = [reader(services, name) for name in ("ada", "eve")]
    said = [(person, label) for label in ("LSIL", "HSIL", "SCC", "NILM") for person in people]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(
            lambda one: verdicts.give(services, image_id, one[0], Given("correct", one[1])), said
        ))  # fmt: skip

    with services.database.reading() as session:
        rows = session.scalars(select(Verdict)).all()
    standing = [row for row in rows if row.withdrawn_at is None]
    assert sorted(row.account_id for row in standing) == sorted(one.id for one in people)
    assert len(rows) == 8
    for person in people:
        chain = [row for row in rows if row.account_id == person.id]
        assert sorted(row.before_id or 0 for row in chain)[1:] == sorted(
            row.id for row in chain if row.withdrawn_at is not None
        )


STILL = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def stopped(services: Services) -> Services:
    """A service whose clock stands still, so that answers differ only where their content does."""
    return replace(services, clock=lambda: STILL)


@pytest.fixture
def still(stopped: Services) -> Iterator[TestClient]:
    with TestClient(
        create_app(stopped), base_url="http://localhost", client=("127.0.0.1", 50000)
    ) as asking:
        yield asking


def everything(asking: Asking, case_id: str, image_id: str, job_id: str) -> dict[str, bytes]:
    """What every endpoint that gives something tells somebody of a case."""
    paths = asking.client.get("/openapi.json").json()["paths"]
    found = {}
    for path, methods in paths.items():
        if "get" not in methods or not path.startswith("/v1/") or path.endswith("/events"):
            continue
        place = path.format_map({"case_id": case_id, "image_id": image_id, "job_id": job_id})
        for query in QUERIES.get(path, [{}]):
            asked = {**query, **({"case": case_id} if path == "/v1/corrections" else {})}
            found[f"{place} {asked}"] = asking.get(place, params=asked).content
    return found


QUERIES: dict[str, list[dict[str, str]]] = {
    "/v1/cases/{case_id}/images": [
        {"order": order, **more}
        for order in ("risk", "useful", "place")
        for more in ({}, {"reviewed": "me"}, {"reviewed": "not-me"}, {"reviewed": "disagreement"})
    ]
}


@pytest.mark.slow
@pytest.mark.parametrize("role", ["reader", "reviewer", "admin"])
def test_nothing_that_can_be_asked_for_depends_on_a_verdict_that_is_hidden(
    still: TestClient, stopped: Services, role: Role
) -> None:
    case_id = made_case(stopped, 4)
    read, hidden, *_ = pictures(stopped, case_id)
    with stopped.database.reading() as session:
        job_id = session.scalars(select(Job.id)).one()
    eve, bob = reader(stopped, "eve"), reader(stopped, "bob", role)
    asking = Asking(still, stopped, bob)
    if role != "reader":
        verdicts.give(stopped, read, bob, Given("correct", "HSIL"))
        verdicts.give(stopped, read, eve, Given("correct", "HSIL"))

    told = []
    for given in (Given("correct", "LSIL", "koilocyte"), Given("unsure")):
        verdicts.give(stopped, hidden, eve, given)
        told.append(everything(asking, case_id, hidden, job_id))
        verdicts.undo(stopped, hidden, eve)

    paths = " ".join(told[0])
    for name in ("/images", "/verdicts", "/agreement", "/corrections", "/report.pdf", "/report "):
        assert name in paths
    for path in told[0]:
        assert told[0][path] == told[1][path], path
    if role != "reader":
        verdicts.give(stopped, hidden, eve, Given("correct", "LSIL", "koilocyte"))
        verdicts.give(stopped, hidden, bob, Given("unsure"))
        assert b"koilocyte" in asking.get(f"/v1/cases/{case_id}/report.json").content

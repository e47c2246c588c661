"""No other site makes a browser change anything; programs on the machine go on unhindered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from made_people import PASSWORD, add_people, browser, program, token_for
from starlette.types import Message, Scope

from papscope.serve.access.forgery import word_for
from papscope.serve.access.who import Sender
from papscope.serve.app import create_app
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings

CASE = {"title": "Slide 7"}


@pytest.fixture(params=["people sign in", "nobody signs in"])
def services(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, cheap_hashes: None
) -> Iterator[Services]:
    settings = ServeSettings(
        home=tmp_path / "home", database_url=database_url, threads=1,
        accounts=request.param == "people sign in",
    )  # fmt: skip
    with opened(settings) as found:
        add_people(found)
        yield found


def local_word(app: FastAPI) -> str:
    return str(program(app).get("/v1/me").json()["csrf"])


def refused(status: int, told: dict[str, dict[str, str]]) -> bool:
    return status == 403 and told["error"]["code"] == "forged"


def test_a_browser_s_change_without_our_word_is_refused(services: Services) -> None:
    app = create_app(services)
    asking, other = browser(app), browser(app, "rea")
    own = asking.headers.pop("X-CSRF-Token")
    wrong = ["", "0" * 64, own.upper(), own[:-1], other.headers["X-CSRF-Token"]]
    wrong.append(word_for(Sender("nobody")))

    bare = asking.post("/v1/cases", json=CASE)
    tried = [asking.post("/v1/cases", json=CASE, headers={"X-CSRF-Token": one}) for one in wrong]
    right = asking.post("/v1/cases", json=CASE, headers={"X-CSRF-Token": own})

    assert [refused(one.status_code, one.json()) for one in (bare, *tried)] == [True] * 7
    assert right.status_code == 201


def test_the_word_ends_with_the_sign_in(services: Services) -> None:
    app = create_app(services)
    asking = browser(app)
    before = asking.headers["X-CSRF-Token"]
    asking.post("/v1/sign-out")
    again = browser(app)
    again.headers["X-CSRF-Token"] = before
    told = again.post("/v1/cases", json=CASE)
    assert refused(told.status_code, told.json())


def test_another_site_s_change_is_refused_even_with_the_word(services: Services) -> None:
    asking = browser(create_app(services))
    for name in ("Origin", "Sec-Fetch-Site"):
        del asking.headers[name]
    for sent in (
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:8001"},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": ""},
    ):
        told = asking.post("/v1/cases", json=CASE, headers=sent)
        assert refused(told.status_code, told.json()), sent


@pytest.mark.parametrize(
    "mark", ["Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Cookie"]
)
def test_each_mark_of_a_browser_makes_the_word_needed(tmp_path: Path, mark: str) -> None:
    says = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}.get(mark, "a=b")
    with opened(ServeSettings(home=tmp_path, threads=1)) as services:
        app = create_app(services)
        bare = program(app).post("/v1/cases", json=CASE, headers={mark: says})
        word = {mark: says, "X-CSRF-Token": local_word(app)}
        with_word = program(app).post("/v1/cases", json=CASE, headers=word)
    assert refused(bare.status_code, bare.json())
    assert with_word.status_code == 201


def test_programs_of_this_machine_need_no_ceremony(services: Services) -> None:
    told = program(create_app(services)).post("/v1/cases", json=CASE)
    assert told.status_code == (401 if services.settings.wants_accounts else 201)


def test_a_token_is_proof_enough_but_never_together_with_a_cookie(services: Services) -> None:
    app = create_app(services)
    header = token_for(services, "reader")
    assert program(app).post("/v1/cases", json=CASE, headers=header).status_code == 201

    asking = browser(app)
    del asking.headers["X-CSRF-Token"]
    asking.headers["Origin"] = "https://evil.example"
    no_token = asking.post("/v1/cases", json=CASE, headers={"Authorization": "Bearer x"})
    assert no_token.status_code == 401
    reader = asking.get("/v1/me", headers=header)
    assert reader.json()["name"] == "rob"  # the token's, not the cookie's


def test_another_site_cannot_sign_a_browser_in(services: Services) -> None:
    app = create_app(services)
    body = {"name": "ada", "password": PASSWORD}
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    as_json = program(app).post("/v1/sign-in", json=body, headers=evil)
    as_form = program(app).post(
        "/sign-in", data={**body, "csrf": word_for(Sender("nobody"))}, headers=evil
    )
    assert refused(as_json.status_code, as_json.json())
    assert refused(as_form.status_code, as_form.json())
    assert "set-cookie" not in {**as_json.headers, **as_form.headers}


def test_another_site_reads_and_embeds_nothing_but_is_linked_from(services: Services) -> None:
    asking = browser(create_app(services))
    evil = {"Sec-Fetch-Site": "cross-site"}
    link = {**evil, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    frame = {**evil, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    image = {**evil, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    plain = {**evil, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}

    found = [asking.get("/", headers=one).status_code for one in (link, frame, image, plain)]

    assert found == [200, 403, 403, 403]


def test_no_site_is_given_leave_to_read(services: Services) -> None:
    asking = program(create_app(services))
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answers = [asking.options("/v1/cases", headers=asked), asking.get("/healthz", headers=asked)]
    told = [name for one in answers for name in one.headers if name.startswith("access-control")]
    assert told == []
    assert answers[0].status_code == 405


def test_a_form_brings_the_word_in_a_field(services: Services) -> None:
    app = create_app(services)
    asking = browser(app)
    word = asking.headers.pop("X-CSRF-Token")
    wrong = asking.post("/account/tokens", data={"name": "mine", "csrf": "0" * 64})
    right = asking.post("/account/tokens", data={"name": "mine", "csrf": word})
    assert refused(wrong.status_code, wrong.json())
    assert right.status_code == 200
    assert "pps_" in right.text


def test_a_form_of_ours_is_small(services: Services) -> None:
    told = browser(create_app(services)).post("/account/tokens", data={"name": "x" * 20_000})
    assert (told.status_code, told.json()["error"]["code"]) == (413, "upload-too-large")


def test_an_older_browser_that_hides_its_page_is_known_by_its_word(services: Services) -> None:
    asking = browser(create_app(services))
    for name in ("Origin", "Sec-Fetch-Site"):
        del asking.headers[name]
    assert asking.post("/v1/cases", json=CASE).status_code == 201
    hidden = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert asking.post("/v1/cases", json=CASE, headers=hidden).status_code == 201


def test_nothing_of_a_stranger_s_body_is_read(services: Services) -> None:
    read, sent = [], []

    async def receive() -> Message:
        read.append(1)
        return {"type": "http.request", "body": b"x" * 1000, "more_body": len(read) < 5}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http", "method": "POST", "path": "/v1/cases", "query_string": b"",
        "scheme": "http", "server": ("localhost", 80), "client": ("192.0.2.9", 50000),
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }  # fmt: skip
    asyncio.run(create_app(services)(scope, receive, send))

    assert sent[0]["status"] == 401
    assert read == []

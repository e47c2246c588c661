"""The pages for signing in and for accounts: they work without a script, and lead nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from made_people import PASSWORD, add_people, browser, program, stop_the_clock

from papscope.serve.access.leading import led_back
from papscope.serve.app import create_app
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings

OTHER = "kettle orbit mango lamp"
FORM = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def services(tmp_path: Path, database_url: str, cheap_hashes: None) -> Iterator[Services]:
    made = ServeSettings(
        home=tmp_path / "home", database_url=database_url, threads=1, accounts=True
    )
    with opened(made) as found:
        add_people(found)
        stop_the_clock(found)
        yield found


def word_on(text: str) -> str:
    return str(re.findall(r'name="csrf" value="(\w+)"', text)[0])


def signed_in(app: FastAPI, onward: str = "/", password: str = PASSWORD) -> Any:
    """Sign in as a browser does with the page's form."""
    asking = program(app)
    shown = asking.get("/sign-in", params={"next": onward})
    data = {"name": "ada", "password": password, "csrf": word_on(shown.text), "onward": onward}
    return asking.post("/sign-in", data=data, headers=FORM)


@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\n/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "/sign-in?next=/sign-in",
        "http:evil.example",
        "/x\r\nSet-Cookie: a=b",
        "//[evil",
    ],
)
def test_nobody_is_led_to_another_host(evil: str) -> None:
    assert led_back(evil) == "/"


@pytest.mark.parametrize("place", ["/", "/cases/3f?order=risk#a", "/a//b", "/x?u=https://a.b/"])
def test_one_is_led_back_to_where_one_was(place: str) -> None:
    assert led_back(place) == place


def test_the_form_signs_in_and_goes_on_where_one_was_and_nowhere_else(services: Services) -> None:
    app = create_app(services)
    told = signed_in(app, "/cases/3f?order=risk")
    evil = signed_in(app, "//evil.example/")
    assert (told.status_code, told.headers["location"]) == (303, "/cases/3f?order=risk")
    assert "papscope=" in told.headers["set-cookie"]
    assert evil.headers["location"] == "/"


def test_the_form_says_what_is_wrong_and_keeps_the_place(services: Services) -> None:
    app = create_app(services)
    told = signed_in(app, "/cases/3f", password="wrong")
    assert told.status_code == 401
    assert "the name or the password is wrong" in told.text
    assert 'name="onward" value="/cases/3f"' in told.text
    assert "set-cookie" not in told.headers
    for _ in range(6):
        told = signed_in(app, password="wrong")
    assert (told.status_code, int(told.headers["Retry-After"]) > 0) == (429, True)


def test_what_a_link_brings_is_shown_as_text(services: Services) -> None:
    evil = '/"><script src=//evil.example>'
    told = program(create_app(services)).get("/sign-in", params={"next": evil})
    assert "<script src=//" not in told.text


def test_who_is_signed_in_goes_on_at_once(services: Services) -> None:
    told = browser(create_app(services)).get("/sign-in?next=/account")
    assert (told.status_code, told.headers["location"]) == (303, "/account")


def test_a_token_is_shown_once(services: Services) -> None:
    app = create_app(services)
    asking = browser(app, "rob")
    data = {"name": "the scanner", "csrf": asking.headers["X-CSRF-Token"]}
    made = asking.post("/account/tokens", data=data)
    word = re.findall(r"pps_[\w-]{43}", made.text)
    again = asking.get("/account").text

    assert len(word) == 1
    assert "the scanner" in again
    assert "pps_" not in again
    header = {"Authorization": f"Bearer {word[0]}"}
    revoke = {"token": asking.get("/v1/me/tokens").json()[0]["id"]}
    assert program(app).get("/v1/me", headers=header).status_code == 200
    assert asking.post("/account/tokens/revoke", data=revoke).status_code == 303
    assert program(app).get("/v1/me", headers=header).status_code == 401


def test_a_new_password_signs_out_and_holds(services: Services) -> None:
    asking = browser(create_app(services), "rea")
    weak = asking.post("/account/password", data={"current": PASSWORD, "new": "short"})
    wrong = asking.post("/account/password", data={"current": "wrong", "new": OTHER})
    right = asking.post("/account/password", data={"current": PASSWORD, "new": OTHER})
    assert [weak.status_code, wrong.status_code, right.status_code] == [422, 401, 303]
    assert "12 to 256 characters" in weak.text
    assert asking.get("/v1/me").status_code == 401
    services.gate.sign_in("rea", OTHER, address="127.0.0.1", before=None)


def test_administrators_manage_accounts_and_others_do_not_see_them(services: Services) -> None:
    app = create_app(services)
    admin, reader = browser(app), browser(app, "rob")
    new = {"name": "Eve", "role": "reviewer", "password": OTHER}

    assert admin.post("/account/people", data=new).status_code == 303
    assert admin.post("/account/people", data=new).status_code == 409
    assert reader.post("/account/people", data=new).status_code == 403
    for to in ("reader", "inactive", "active", "admin"):
        assert (
            admin.post("/account/people/change", data={"name": "eve", "to": to}).status_code == 303
        )
    last = admin.post("/account/people/change", data={"name": "eve", "to": "inactive"})
    me = admin.post("/account/people/change", data={"name": "ada", "to": "inactive"})

    assert (last.status_code, me.status_code) == (303, 409)
    assert "ada is the last administrator" in me.text
    assert "Deactivate" in admin.get("/account").text
    assert "Accounts" not in reader.get("/account").text


def test_signing_out_by_the_form_ends_one_or_all(services: Services) -> None:
    app = create_app(services)
    one, two, three = browser(app), browser(app), browser(app)
    gone = one.post("/sign-out", data={})
    assert (gone.status_code, gone.headers["location"]) == (303, "/sign-in")
    assert [each.get("/v1/me").status_code for each in (one, two)] == [401, 200]
    two.post("/sign-out", data={"everywhere": "true"})
    assert [each.get("/v1/me").status_code for each in (two, three)] == [401, 401]


def test_forms_tell_this_service_from_where_they_come_and_nobody_else(services: Services) -> None:
    app = create_app(services)
    assert program(app).get("/sign-in").headers["referrer-policy"] == "same-origin"
    assert browser(app).get("/account").headers["referrer-policy"] == "same-origin"
    assert browser(app).get("/").headers["referrer-policy"] == "no-referrer"


def test_all_that_programs_can_ask_is_on_the_page_for_them(services: Services) -> None:
    app = create_app(services)
    shown = program(app).get("/docs").text
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in shown
    assert "http://" not in shown.replace("http://localhost", "")
    assert "cdn" not in shown

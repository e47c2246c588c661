"""Every route says who may ask, and lets nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from made_people import NAMES, PASSWORD, add_people, program, token_for

from papscope.serve.access.forgery import SAFE, word_for
from papscope.serve.access.who import Sender
from papscope.serve.app import create_app
from papscope.serve.asked import At
from papscope.serve.people import ROLES, Person, Role
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings

PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/v1/sign-in"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/static"),
}
"""What anybody may ask, and why: it tells of papscope, not of what it holds, or lets people in."""

MORE_THAN_READING: dict[tuple[str, str], Role] = {
    ("PUT", "/v1/images/{image_id}/verdict"): "reviewer",
    ("POST", "/v1/images/{image_id}/undo"): "reviewer",
    ("POST", "/v1/cases/{case_id}/undo"): "reviewer",
    ("GET", "/v1/cases/{case_id}/corrections"): "reviewer",
    ("GET", "/v1/corrections"): "reviewer",
    ("DELETE", "/v1/cases/{case_id}"): "admin",
    ("GET", "/v1/accounts"): "admin",
    ("POST", "/v1/accounts"): "admin",
    ("PATCH", "/v1/accounts/{name}"): "admin",
    ("PUT", "/v1/accounts/{name}/password"): "admin",
    ("POST", "/account/people"): "admin",
    ("POST", "/account/people/change"): "admin",
}
"""What takes more than a reader; all else is for everybody with an account."""


@dataclass(frozen=True, slots=True)
class Way:
    """A method and a path that the application answers to, and who may ask."""

    method: str
    path: str
    asks: At | None

    @property
    def address(self) -> str:
        made = self.path.replace("{token_id}", "1").replace("{name}", "nobody")
        return re.sub(r"\{[^}]+\}", "0" * 32, made)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> ServeSettings:
    return ServeSettings(
        home=tmp_path / "home", database_url=database_url, threads=1, accounts=True
    )


@pytest.fixture
def services(settings: ServeSettings, cheap_hashes: None) -> Iterator[Services]:
    with opened(settings) as found:
        add_people(found)
        yield found


def routes(rooms: list[Any]) -> Iterator[Any]:
    """All routes, also those of included routers."""
    for one in rooms:
        inner = getattr(one, "original_router", None)
        if inner is None:
            yield one
        else:
            yield from routes(inner.routes)


def asked_by(dependant: Dependant) -> Iterator[At]:
    for one in dependant.dependencies:
        if isinstance(one.call, At):
            yield one.call
        yield from asked_by(one)


def ways(app: FastAPI) -> list[Way]:
    found = []
    for route in routes(app.routes):
        asks = next(asked_by(route.dependant), None) if isinstance(route, APIRoute) else None
        methods = getattr(route, "methods", None) or {"GET"}
        found += [Way(one, route.path, asks) for one in sorted(methods) if one != "HEAD"]
    return found


def test_every_route_says_who_may_ask_and_few_are_public(services: Services) -> None:
    found = ways(create_app(services))

    assert len(found) > 30  # or the walk has missed most of them
    assert {(one.method, one.path) for one in found if one.asks is None} == PUBLIC


def test_what_takes_more_than_a_reader_is_pinned(services: Services) -> None:
    found = {
        (one.method, one.path): one.asks.least
        for one in ways(create_app(services))
        if one.asks is not None and one.asks.least != "reader"
    }
    assert found == MORE_THAN_READING


def test_a_new_route_that_forgets_to_ask_is_noticed(services: Services) -> None:
    app = create_app(services)

    @app.get("/v1/leak")
    def leak(services: str = "") -> None:
        return None

    assert ("GET", "/v1/leak") in {(w.method, w.path) for w in ways(app) if w.asks is None}


def signed_in(services: Services, role: Role) -> dict[str, str]:
    """The headers of a browser in which somebody of a role has just signed in."""
    opened_ = services.gate.sign_in(NAMES[role], PASSWORD, address="127.0.0.1", before=None)
    word = word_for(Sender("sign-in", Person(0, "", role), opened_.word))
    return {"Cookie": f"papscope={opened_.word}", "X-CSRF-Token": word}


def test_no_route_lets_in_who_may_not_and_each_lets_in_who_may(services: Services) -> None:
    app = create_app(services)
    asking, wrong = program(app), []
    for way in ways(app):
        if way.asks is None:
            continue
        nobody = asking.request(way.method, way.address)
        if nobody.status_code != 401:
            wrong.append((way.method, way.path, "nobody", nobody.status_code))
        for role in ROLES:
            told = asking.request(way.method, way.address, headers=signed_in(services, role))
            may = ROLES.index(role) >= ROLES.index(way.asks.least)
            if (told.status_code in (401, 403)) == may or told.status_code >= 500:
                wrong.append((way.method, way.path, role, told.status_code))
            asking.cookies.clear()
    assert wrong == []


def test_a_program_may_what_its_person_may_but_for_accounts(services: Services) -> None:
    app = create_app(services)
    asking, wrong = program(app), []
    headers = {role: token_for(services, role) for role in ROLES}
    for way in ways(app):
        if way.asks is None:
            continue
        for role in ROLES:
            told = asking.request(way.method, way.address, headers=headers[role])
            may = ROLES.index(role) >= ROLES.index(way.asks.least) and not way.asks.by_hand
            if (told.status_code in (401, 403)) == may or told.status_code >= 500:
                wrong.append((way.method, way.path, role, told.status_code))
    assert wrong == []


def test_no_public_route_changes_anything_but_signing_in(services: Services) -> None:
    changes = {path for method, path in PUBLIC if method not in SAFE}
    assert changes == {"/sign-in", "/v1/sign-in"}


def test_a_browser_that_opens_a_page_is_led_to_sign_in_and_a_program_is_told(
    services: Services,
) -> None:
    asking = program(create_app(services))
    page = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    opened_ = asking.get("/cases/0123?order=risk&x=a/b", headers=page)
    script = asking.get("/v1/cases", headers={"Accept": "application/json"})

    assert opened_.status_code == 303
    assert opened_.headers["location"] == "/sign-in?next=%2Fcases%2F0123%3Forder%3Drisk%26x%3Da%2Fb"
    assert (script.status_code, script.json()["error"]["code"]) == (401, "sign-in-needed")
    assert asking.post("/v1/cases", json={}, headers=page).status_code == 401

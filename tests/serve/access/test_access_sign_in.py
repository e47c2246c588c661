"""Signing in: a new word each time, for some hours, and nothing that helps whoever guesses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from made_people import PASSWORD, add_people, browser, program, stop_the_clock
from sqlalchemy import select

from papscope.serve.access import words
from papscope.serve.access.passwords import Hasher
from papscope.serve.app import create_app
from papscope.serve.clock import utc_now
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings
from papscope.serve.store.tables import AuditEntry, SignIn

pytestmark = pytest.mark.usefixtures("cheap_hashes")


class Hands:
    """A clock whose hands are set."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> ServeSettings:
    return ServeSettings(
        home=tmp_path / "home", database_url=database_url, threads=1, accounts=True
    )


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def services(settings: ServeSettings, clock: Hands, cheap_hashes: None) -> Iterator[Services]:
    with opened(settings, clock=clock) as found:
        add_people(found)
        stop_the_clock(found)
        yield found


def sign_in(asking: TestClient, name: str = "ada", password: str = PASSWORD) -> Any:
    return asking.post("/v1/sign-in", json={"name": name, "password": password})


def events(services: Services) -> list[tuple[str, str]]:
    with services.database.reading() as session:
        rows = session.execute(select(AuditEntry.what, AuditEntry.who).order_by(AuditEntry.number))
        return [(what, who) for what, who in rows if what != "account-made"]


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(services: Services) -> None:
    app = create_app(services)
    plain = SimpleCookie(sign_in(program(app)).headers["set-cookie"])["papscope"]
    secure = sign_in(program(app, base="https://localhost")).headers["set-cookie"]
    kept = SimpleCookie(secure)["__Host-papscope"]

    for one in (plain, kept):
        assert (one["httponly"], one["samesite"], one["path"], one["domain"]) == (
            True, "strict", "/", "",
        )  # fmt: skip
        assert one["max-age"] == one["expires"] == ""
    assert kept["secure"] is True
    assert len(plain.value) >= 43  # 32 bytes


def test_only_the_digest_of_the_cookie_is_kept(services: Services) -> None:
    asking = browser(create_app(services))
    with services.database.reading() as session:
        kept = session.scalars(select(SignIn.token_hash)).one()
    assert kept == sha256(asking.cookies["papscope"].encode()).hexdigest()


def test_a_cookie_for_http_is_none_under_tls(services: Services) -> None:
    app = create_app(services)
    word = browser(app).cookies["papscope"]
    asked = program(app, base="https://localhost").get(
        "/v1/me", headers={"Cookie": f"papscope={word}"}
    )
    assert asked.status_code == 401


def test_a_word_that_was_there_before_is_never_taken_on(services: Services) -> None:
    app = create_app(services)
    planted = "planted-by-somebody-else-with-many-signs-in-it"
    victim = program(app)
    victim.cookies["papscope"] = planted
    me = victim.get("/sign-in")
    word = me.text.partition('name="csrf-token" content="')[2].partition('"')[0]
    told = victim.post(
        "/v1/sign-in",
        json={"name": "ada", "password": PASSWORD},
        headers={"X-CSRF-Token": word},
    )

    given = SimpleCookie(told.headers["set-cookie"])["papscope"].value
    assert told.status_code == 200
    assert given != planted
    attacker = program(app).get("/v1/me", headers={"Cookie": f"papscope={planted}"})
    assert attacker.status_code == 401


def test_signing_in_again_ends_the_browser_s_sign_in_before(services: Services) -> None:
    app = create_app(services)
    asking = browser(app)
    first = asking.cookies["papscope"]
    assert sign_in(asking, "rea").status_code == 200

    assert asking.cookies["papscope"] != first
    old = program(app).get("/v1/me", headers={"Cookie": f"papscope={first}"})
    assert old.status_code == 401


def test_a_sign_in_ends_after_its_hours(services: Services, clock: Hands) -> None:
    asking = browser(create_app(services))
    clock.ahead = timedelta(hours=11.9)
    assert asking.get("/v1/me").status_code == 200
    clock.ahead = timedelta(hours=12.1)
    assert asking.get("/v1/me").status_code == 401

    sign_in(program(create_app(services)), "rea")
    with services.database.reading() as session:
        assert len(session.scalars(select(SignIn)).all()) == 1  # the ended one is gone


def test_signing_out_ends_it_here_or_everywhere(services: Services) -> None:
    app = create_app(services)
    one, two, other = browser(app, "rea"), browser(app, "rea"), browser(app, "rob")
    word = one.cookies["papscope"]
    gone = one.post("/v1/sign-out")

    assert gone.status_code == 204
    assert gone.headers["clear-site-data"] == '"cache"'
    assert "papscope" not in one.cookies
    old = program(app).get("/v1/me", headers={"Cookie": f"papscope={word}"})
    assert old.status_code == 401
    assert two.get("/v1/me").status_code == 200

    assert two.post("/v1/sign-out-everywhere").status_code == 204
    three = browser(app, "rea")
    assert three.get("/v1/me").status_code == other.get("/v1/me").status_code == 200


def test_a_wrong_name_and_a_wrong_password_are_told_alike(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.accounts.add("gone", "reader", PASSWORD, by="ada")
    services.accounts.set_active("gone", False, by="ada")
    checked: list[str] = []
    fits = Hasher.fits

    def counting(self: Hasher, password: str, kept: str) -> bool:
        checked.append(password)
        return fits(self, password, kept)

    monkeypatch.setattr(Hasher, "fits", counting)
    asking = program(create_app(services))
    tries = [("ada", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD), ("local", "")]
    answers = [sign_in(asking, name, password) for name, password in tries]

    assert {one.status_code for one in answers} == {401}
    assert len({one.text for one in answers}) == 1
    assert [sorted(one.headers) for one in answers] == [sorted(answers[0].headers)] * 4
    assert len(checked) == 4  # the same work for each


def test_what_happens_at_the_gate_is_in_the_audit_log(services: Services) -> None:
    app = create_app(services)
    asking = browser(app, "rea")
    sign_in(program(app), "rea", "wrong")
    sign_in(program(app), PASSWORD, "rea")  # typed into the wrong field
    asking.post("/v1/sign-out")

    assert events(services) == [
        ("signed-in", "rea"),
        ("sign-in-failed", "rea"),
        ("sign-in-failed", "service"),
        ("signed-out", "rea"),
    ]
    with services.database.reading() as session:
        rows = session.execute(select(AuditEntry.details, AuditEntry.who)).all()
    assert PASSWORD not in str(rows)


def test_guessing_is_answered_with_429_and_when_to_try_again(services: Services) -> None:
    app = create_app(services)
    asking = program(app)
    answers = [sign_in(asking, password="wrong") for _ in range(7)]
    right, other = sign_in(asking), sign_in(program(app), "rea")

    assert [one.status_code for one in answers] == [401] * 6 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert right.status_code == 429  # the right password is not told from a wrong one meanwhile
    assert other.status_code == 200
    assert events(services).count(("sign-in-failed", "ada")) == 6


def test_the_owner_gets_in_where_she_has_before(services: Services) -> None:
    app = create_app(services)
    assert sign_in(program(app, client="127.0.0.2")).status_code == 200
    stranger = program(app, client="192.0.2.66")
    assert [sign_in(stranger, password="wrong").status_code for _ in range(7)][-1] == 429
    assert sign_in(program(app, client="127.0.0.2")).status_code == 200


def test_the_machine_itself_is_nobody_where_people_sign_in(services: Services) -> None:
    asking = program(create_app(services))
    assert asking.get("/v1/me").status_code == 401
    assert asking.get("/v1/me", headers={"Accept": "*/*"}).headers["WWW-Authenticate"] == "Bearer"
    assert asking.post("/v1/cases", json={"title": "x"}).status_code == 401


def test_words_are_of_256_random_bits_and_compared_in_constant_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len({words.new_word() for _ in range(100)}) == 100
    assert len(words.new_word()) == 43
    assert words.new_token().startswith("pps_")
    asked = []

    def noting(one: bytes, other: bytes) -> bool:
        asked.append((one, other))
        return one == other

    monkeypatch.setattr("papscope.serve.access.words.hmac.compare_digest", noting)
    assert words.same("a", "a")
    assert not words.same("a", "é\udcff")
    assert len(asked) == 2

"""Accounts and tokens: changed by whoever may, told in the audit log, kept as digests alone."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from made_people import PASSWORD, add_people, browser, program, token_for
from sqlalchemy import select, text

from papscope.errors import Conflict, NotFound, SettingError, StoreError
from papscope.serve.access.tokens import MOST, Tokens
from papscope.serve.app import create_app
from papscope.serve.services import Services
from papscope.serve.store.tables import Account, AuditEntry, Base, SignIn, Token

pytestmark = pytest.mark.usefixtures("cheap_hashes")

OTHER = "kettle orbit mango lamp"


def told(services: Services) -> list[tuple[str, str, dict[str, object]]]:
    """What the audit log has: what, who, details."""
    with services.database.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
    return [(one.what, one.who, json.loads(one.details)) for one in entries]


def test_each_change_of_an_account_is_in_the_audit_log(services: Services) -> None:
    accounts = services.accounts
    accounts.add("Ada", "admin", PASSWORD, by="local")
    bob = accounts.add("bob", "reader", PASSWORD, by="ada")
    accounts.set_role("bob", "reviewer", by="ada")
    accounts.set_password("bob", OTHER, by="ada")
    made = Tokens(services.database, services.clock).make(bob, "a script")
    Tokens(services.database, services.clock).revoke(bob, made.id, by="bob")
    accounts.set_active("bob", False, by="ada")
    accounts.set_active("bob", True, by="ada")

    assert told(services) == [
        ("account-made", "local", {"account": "ada", "role": "admin"}),
        ("account-made", "ada", {"account": "bob", "role": "reader"}),
        ("role-changed", "ada", {"account": "bob", "from": "reader", "to": "reviewer"}),
        ("password-changed", "ada", {"account": "bob"}),
        ("token-made", "bob", {"token": made.id}),
        ("token-revoked", "bob", {"account": "bob", "token": made.id}),
        ("deactivated", "ada", {"account": "bob"}),
        ("activated", "ada", {"account": "bob"}),
    ]


def test_some_names_are_not_for_accounts(services: Services) -> None:
    for name in ("local", "service", "", "-a", "a b", "a/b", "ä", "x" * 65):
        with pytest.raises(SettingError, match="cannot be an account's name"):
            services.accounts.add(name, "reader", PASSWORD, by="local")


def test_a_name_is_there_once_whatever_its_capitals(services: Services) -> None:
    services.accounts.add("ada", "reader", PASSWORD, by="local")
    with pytest.raises(Conflict, match="there is an account named ada"):
        services.accounts.add("ADA", "admin", PASSWORD, by="local")


def test_a_role_that_there_is_not_is_refused(services: Services) -> None:
    with pytest.raises(SettingError, match="there is no role 'root'"):
        services.accounts.add("ada", "root", PASSWORD, by="local")


def test_the_last_administrator_stays_one(services: Services) -> None:
    accounts = services.accounts
    accounts.add("ada", "admin", PASSWORD, by="local")
    with pytest.raises(Conflict, match="ada is the last administrator"):
        accounts.set_role("ada", "reader", by="ada")
    with pytest.raises(Conflict, match="ada is the last administrator"):
        accounts.set_active("ada", False, by="ada")

    accounts.add("eve", "admin", PASSWORD, by="ada")
    accounts.set_active("ada", False, by="eve")
    with pytest.raises(Conflict, match="eve is the last administrator"):
        accounts.set_role("eve", "reader", by="eve")


def test_the_account_of_this_machine_is_out_of_reach(services: Services) -> None:
    with pytest.raises(NotFound, match="no account named 'local'"):
        services.accounts.set_password("local", PASSWORD, by="ada")
    assert services.accounts.each() == []


@pytest.mark.parametrize("change", ["password", "deactivate"])
def test_sign_ins_end_with_the_password_and_with_the_account(
    services: Services, change: str
) -> None:
    add_people(services)
    app = create_app(services)
    here, other = browser(app, "rea"), browser(app, "ada")
    assert here.get("/v1/me").json()["name"] == "rea"

    if change == "password":
        services.accounts.set_password("rea", OTHER, by="ada")
    else:
        services.accounts.set_active("rea", False, by="ada")

    assert here.get("/v1/me").json()["name"] == "local"  # this machine, and rea no more
    assert other.get("/v1/me").json()["name"] == "ada"
    with services.database.reading() as session:
        assert len(session.scalars(select(SignIn)).all()) == 1


def test_what_is_left_of_a_deactivated_account_lets_nobody_in(services: Services) -> None:
    add_people(services)
    asking, header = browser(create_app(services), "rea"), token_for(services, "reviewer")
    with services.database.transaction() as session:  # and nothing that belongs to it is ended
        session.scalars(select(Account).where(Account.name == "rea")).one().active = False
    assert asking.get("/v1/me").json()["name"] == "local"
    assert asking.get("/v1/me", headers=header).status_code == 401


def test_a_token_of_a_deactivated_account_is_refused_for_good(services: Services) -> None:
    add_people(services)
    asking, header = program(create_app(services)), token_for(services, "reviewer")
    assert asking.get("/v1/me", headers=header).json()["name"] == "rea"

    services.accounts.set_active("rea", False, by="ada")
    refused = asking.get("/v1/me", headers=header)
    services.accounts.set_active("rea", True, by="ada")
    again = asking.get("/v1/me", headers=header)

    assert [refused.status_code, again.status_code] == [401, 401]
    assert refused.json()["error"]["what"] == "the token is not valid (any more)"


def test_a_role_holds_from_the_next_request_on(services: Services) -> None:
    add_people(services)
    asking, header = program(create_app(services)), token_for(services, "reviewer")
    services.accounts.set_role("rea", "reader", by="ada")
    assert asking.get("/v1/me", headers=header).json()["role"] == "reader"


def test_a_word_that_is_no_token_is_refused_even_on_this_machine(services: Services) -> None:
    asking = program(create_app(services))
    for header in ("Bearer", "Bearer ", "Bearer pps_x", "Basic YTpi", "pps_x"):
        asked = asking.get("/v1/me", headers={"Authorization": header})
        assert (asked.status_code, asked.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_nothing_that_is_kept_lets_anybody_in(services: Services) -> None:
    add_people(services)
    word = token_for(services, "admin")["Authorization"].removeprefix("Bearer ")
    cookie = browser(create_app(services)).cookies["papscope"]

    kept = []
    with services.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(text(f"SELECT * FROM {table.name}")):
                kept += [str(value) for value in row]

    assert len(kept) > 20
    for secret in (PASSWORD, word, word.removeprefix("pps_"), cookie):
        assert [one for one in kept if secret in one] == []
    asking = program(create_app(services))
    for digest in {one for one in kept if len(one) == 64 and one.isalnum()}:
        as_token = asking.get("/v1/me", headers={"Authorization": f"Bearer {digest}"})
        as_cookie = asking.get("/v1/me", headers={"Cookie": f"papscope={digest}"})
        assert (as_token.status_code, as_cookie.json()["name"]) == (401, "local")


def test_the_use_of_a_token_is_noted_once_a_minute(services: Services) -> None:
    add_people(services)
    asking, header = program(create_app(services)), token_for(services, "reader")
    noted = []
    for _ in range(2):
        asking.get("/v1/me", headers=header)
        with services.database.reading() as session:
            noted.append(session.scalars(select(Token.used_at)).one())
    assert noted[0] is not None
    assert noted[0] == noted[1]

    with services.database.transaction() as session:
        later = noted[0] + timedelta(days=2)  # and then the clock was put back
        session.scalars(select(Token)).one().used_at = later
    asking.get("/v1/me", headers=header)
    with services.database.reading() as session:
        assert session.scalars(select(Token.used_at)).one() != later


def test_a_use_that_cannot_be_noted_stops_nobody(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_people(services)
    asking, header = program(create_app(services)), token_for(services, "reader")

    def full(*_: object) -> None:
        raise StoreError("the disk is full", hint="make room")

    monkeypatch.setattr(type(services.database), "transaction", full)
    assert asking.get("/v1/me", headers=header).status_code == 200


def test_tokens_of_one_account_are_bounded(services: Services) -> None:
    bob = services.accounts.add("bob", "reader", PASSWORD, by="local")
    tokens = Tokens(services.database, services.clock)
    with services.database.transaction() as session:
        for number in range(MOST):
            session.add(
                Token(
                    account_id=bob.id, name="x", token_hash=f"{number:064x}",
                    created_at=services.clock(),
                )
            )  # fmt: skip
    with pytest.raises(Conflict, match=f"there are {MOST} tokens"):
        tokens.make(bob, "one more")
    tokens.revoke(bob, tokens.each(bob)[0].id, by="bob")
    assert tokens.make(bob, "one more").word.startswith("pps_")


def test_nobody_revokes_another_s_token(services: Services) -> None:
    add_people(services)
    token_for(services, "admin")
    asking = browser(create_app(services), "rob")
    assert asking.get("/v1/me/tokens").json() == []
    assert asking.delete("/v1/me/tokens/1").status_code == 404


def test_a_stolen_token_cannot_be_made_to_last(services: Services) -> None:
    add_people(services)
    asking, header = program(create_app(services)), token_for(services, "admin")
    tried = [
        asking.post("/v1/me/tokens", json={"name": "mine"}, headers=header),
        asking.put("/v1/me/password", json={"current": PASSWORD, "new": OTHER}, headers=header),
        asking.put("/v1/accounts/rea/password", json={"password": OTHER}, headers=header),
        asking.post(
            "/v1/accounts", json={"name": "eve", "role": "admin", "password": OTHER}, headers=header
        ),
        asking.patch("/v1/accounts/rob", json={"role": "admin"}, headers=header),
    ]
    assert [one.status_code for one in tried] == [403] * len(tried)
    assert tried[0].json()["error"]["what"] == "a token cannot do this"
    with services.database.reading() as session:
        assert len(session.scalars(select(Account)).all()) == 4


def test_an_administrator_manages_accounts_over_http(services: Services) -> None:
    add_people(services)
    app = create_app(services)
    admin = browser(app)
    made = admin.post("/v1/accounts", json={"name": "Eve", "role": "reader", "password": OTHER})
    changed = admin.patch("/v1/accounts/eve", json={"role": "reviewer", "active": False})
    listed = admin.get("/v1/accounts").json()

    assert (made.status_code, made.json()["name"]) == (201, "eve")
    assert (changed.json()["role"], changed.json()["active"]) == ("reviewer", False)
    assert [one["name"] for one in listed] == ["ada", "eve", "rea", "rob"]
    assert "password" not in made.text + changed.text + str(listed)
    assert admin.patch("/v1/accounts/nobody", json={"role": "reader"}).status_code == 404
    assert admin.patch("/v1/accounts/nobody", json={}).status_code == 404
    assert admin.patch("/v1/accounts/ada", json={"active": False}).status_code == 409


def test_one_s_own_password_is_asked_for_before_another_is_taken(services: Services) -> None:
    add_people(services)
    app = create_app(services)
    asking = browser(app, "rea")
    wrong = asking.put("/v1/me/password", json={"current": "no", "new": OTHER})
    weak = asking.put("/v1/me/password", json={"current": PASSWORD, "new": "rea rea rea rea"})
    right = asking.put("/v1/me/password", json={"current": PASSWORD, "new": OTHER})

    assert [wrong.status_code, weak.status_code, right.status_code] == [401, 422, 204]
    assert "papscope=" in right.headers["set-cookie"]
    again = program(app).post("/v1/sign-in", json={"name": "rea", "password": OTHER})
    assert again.status_code == 200

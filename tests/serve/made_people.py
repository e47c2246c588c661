"""People with accounts, and browsers and programs that ask in their names."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

from papscope.serve.access import passwords
from papscope.serve.access.tokens import Tokens
from papscope.serve.people import Role
from papscope.serve.services import Services

PASSWORD = "seven small green frogs"
NAMES: dict[Role, str] = {"reader": "rob", "reviewer": "rea", "admin": "ada"}


def hash_cheaply(patch: pytest.MonkeyPatch) -> None:
    """Let hashing cost next to nothing; call it before the service is opened."""
    patch.setattr(
        passwords,
        "PasswordHasher",
        lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
    )


def add_people(services: Services) -> None:
    """Make an account for each role."""
    for role, name in NAMES.items():
        services.accounts.add(name, role, PASSWORD, by="local")


def stop_the_clock(services: Services) -> None:
    """Let no time go by for whoever counts failures: how busy the machine is shall not matter."""
    services.gate.slowing._clock = lambda: 1000.0


def program(
    app: FastAPI, *, base: str = "http://localhost", client: str = "127.0.0.1"
) -> TestClient:
    """Somebody without cookies and without a browser's headers."""
    return TestClient(
        app, base_url=base, client=(client, 50000), raise_server_exceptions=False,
        follow_redirects=False,
    )  # fmt: skip


def token_for(services: Services, role: Role) -> dict[str, str]:
    """The header that a program of somebody with a role sends."""
    person = services.accounts.named(NAMES[role])
    word = Tokens(services.database, services.clock).make(person, "test").word
    return {"Authorization": f"Bearer {word}"}


def browser(app: FastAPI, name: str = "ada", *, base: str = "http://localhost") -> TestClient:
    """A browser in which somebody has signed in; it sends what browsers send, and our word."""
    made = program(app, base=base)
    told = made.post("/v1/sign-in", json={"name": name, "password": PASSWORD})
    assert told.status_code == 200, told.text
    made.headers.update(
        {"Origin": base, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": told.json()["csrf"]}
    )
    return made

"""Every answer tells the browser what not to do with it, also those that tell of failures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from made_case import made_case
from made_people import program

from papscope.serve.access.headers import POLICY
from papscope.serve.app import create_app
from papscope.serve.services import Services

PAGES = Path(__file__).parents[3] / "src" / "papscope" / "serve" / "pages"

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def asking(services: Services) -> Iterator[TestClient]:
    app = create_app(services)

    @app.get("/breaks")
    def breaks() -> None:
        raise RuntimeError("a secret of the inside")

    with program(app) as made:
        yield made


def missing(asking: TestClient, method: str, path: str, **more: object) -> list[str]:
    """What an answer lacks, beside its status."""
    told = asking.request(method, path, **more)  # type: ignore[arg-type]
    lacks = [name for name, value in ALWAYS.items() if told.headers.get(name) != value]
    policy = told.headers.get("content-security-policy", "")
    if "default-src 'none'" not in policy or "unsafe" in policy:
        lacks.append("content-security-policy")
    if told.headers.get("referrer-policy") not in ("no-referrer", "same-origin"):
        lacks.append("referrer-policy")
    lacks += [name for name in ("permissions-policy", "cache-control") if name not in told.headers]
    if "server" in told.headers or "x-powered-by" in told.headers:
        lacks.append("silence")
    return [str(told.status_code), *lacks]


def test_every_answer_has_them(services: Services, asking: TestClient) -> None:
    case_id = made_case(services, 1)
    found = {
        "page": missing(asking, "GET", "/"),
        "case": missing(asking, "GET", f"/cases/{case_id}"),
        "sign-in": missing(asking, "GET", "/sign-in"),
        "docs": missing(asking, "GET", "/docs"),
        "openapi": missing(asking, "GET", "/openapi.json"),
        "static": missing(asking, "GET", "/static/app.css"),
        "json": missing(asking, "GET", "/v1/me"),
        "health": missing(asking, "GET", "/healthz"),
        "no page": missing(asking, "GET", "/nowhere"),
        "no file": missing(asking, "GET", "/static/nothing.js"),
        "climbing": missing(asking, "GET", "/static/%2e%2e/routes.py"),
        "method": missing(asking, "DELETE", "/v1/me"),
        "invalid": missing(asking, "POST", "/v1/sign-in", json={}),
        "no json": missing(asking, "POST", "/v1/sign-in", content=b"{"),
        "unknown": missing(asking, "GET", "/v1/me", headers={"Authorization": "Bearer x"}),
        "forged": missing(asking, "POST", "/v1/me/tokens", headers={"Origin": "null"}),
        "host": missing(asking, "GET", "/", headers={"Host": "evil.example"}),
        "breaks": missing(asking, "GET", "/breaks"),
    }
    statuses = {
        "page": 200, "case": 200, "sign-in": 200, "docs": 200, "openapi": 200, "static": 200,
        "json": 200, "health": 200, "no page": 404, "no file": 404, "climbing": 404, "method": 405,
        "invalid": 422, "no json": 422, "unknown": 401, "forged": 403, "host": 421, "breaks": 500,
    }  # fmt: skip
    assert found == {name: [str(status)] for name, status in statuses.items()}


def test_what_breaks_inside_stays_inside(asking: TestClient) -> None:
    told = asking.get("/breaks")
    assert (told.status_code, told.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in told.text
    assert "Traceback" not in told.text


def test_nothing_is_kept_but_what_ships_and_pictures_under_their_digests(
    services: Services, asking: TestClient
) -> None:
    case_id = made_case(services, 1)
    image = asking.get(f"/v1/cases/{case_id}/images").json()["images"][0]["id"]
    paths = ["/", "/v1/me", "/sign-in", f"/v1/cases/{case_id}", f"/v1/images/{image}", "/nowhere",
             f"/v1/images/{'0' * 32}/picture", "/static/nothing.js"]  # fmt: skip
    kept = [
        "/static/app.css",
        f"/v1/images/{image}/picture",
        f"/v1/images/{image}/smaller?side=256",
    ]

    assert {asking.get(path).headers["cache-control"] for path in paths} == {"no-store"}
    ways = [asking.get(path).headers["cache-control"] for path in kept]
    assert "no-store" not in ways
    assert all("private" in way for way in ways[1:])
    assert all("public" not in way for way in ways)


def test_tls_is_remembered_where_it_is_there(services: Services) -> None:
    app = create_app(services)
    plain = program(app).get("/healthz").headers
    secure = program(app, base="https://localhost").get("/healthz").headers
    assert "strict-transport-security" not in plain
    assert int(secure["strict-transport-security"].partition("=")[2]) >= 31_536_000


def test_the_policy_lets_nothing_run_but_files_of_ours() -> None:
    rules = dict(one.split(" ", 1) for one in POLICY.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["form-action"] == "'self'"
    assert "unsafe" not in POLICY
    assert "*" not in POLICY


@pytest.mark.parametrize("name", sorted(one.name for one in PAGES.glob("templates/*.j2")))
def test_no_page_of_ours_asks_for_more_than_the_policy_gives(name: str) -> None:
    text = (PAGES / "templates" / name).read_text(encoding="utf-8")
    scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", text)
    assert scripts == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) == []
    assert re.findall(r"(?:src|href|action)=[\"']?(?:https?:)?//", text) == []

"""The page /docs: what programs can ask, as a page of this service.

Takes   the interface's description, as /openapi.json tells it
Gives   HTML without scripts
Never   loads a viewer from another host, or tells of what the service holds
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse

from papscope.serve.pages.rendering import page

router = APIRouter(include_in_schema=False)

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing that can be asked."""

    method: str
    path: str
    tag: str
    does: str
    takes: list[tuple[str, str, str]]
    """Name, where it stands, and what it means."""
    body: str
    """The kind of body, and an example if there is one; empty where none is taken."""
    example: str
    answers: list[tuple[str, str]]
    """Status and meaning."""


@router.get("/docs")
def interface(request: Request) -> HTMLResponse:
    """Show what programs can ask."""
    app: FastAPI = request.app
    told = app.openapi()
    return page("interface.html.j2", request, person=None, each=list(asked(told)))


def asked(told: Mapping[str, Any]) -> Iterator[Shown]:
    """Give all that can be asked, in the order of the description."""
    for path, methods in told["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield _one(told, method, path, methods[method])


def _one(told: Mapping[str, Any], method: str, path: str, about: Mapping[str, Any]) -> Shown:
    kind, example = _body(told, about.get("requestBody", {}))
    return Shown(
        method=method.upper(),
        path=path,
        tag=(about.get("tags") or ["service"])[0],
        does=about.get("description") or about.get("summary", ""),
        takes=[
            (one["name"], one["in"], one.get("description", ""))
            for one in about.get("parameters", ())
        ],
        body=kind,
        example=example,
        answers=[
            (status, one.get("description", "")) for status, one in about["responses"].items()
        ],
    )


def _body(told: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[str, str]:
    for kind, form in body.get("content", {}).items():
        schema = _resolved(told, form.get("schema", {}))
        fields = {
            name: _resolved(told, one).get("examples", [one.get("title", name)])[0]
            for name, one in schema.get("properties", {}).items()
        }
        given = (schema.get("examples") or [fields])[0]
        return str(kind), json.dumps(given, indent=2, ensure_ascii=False) if given else ""
    return "", ""


def _resolved(told: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference within the description."""
    if "$ref" not in schema:
        return schema
    found: Any = told
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def add_interface(app: FastAPI) -> None:
    """Let an application show the page."""
    app.include_router(router)

"""How the interface's description tells of errors.

Takes   the HTTP statuses that an endpoint may answer with
Gives   their forms and examples for OpenAPI
Never   answers: `told` does
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Problem(BaseModel):
    """What is wrong, and what to try next."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "not-found",
                    "what": "there is no such job",
                    "hint": "take its id from GET /v1/jobs",
                }
            ]
        }
    )
    code: str
    what: str
    hint: str


class Told(BaseModel):
    """An error."""

    error: Problem


_MEANINGS = {
    400: "The request makes no sense as HTTP.",
    401: "Nobody has signed in, or the token is not valid.",
    403: "Whoever asks may not do this.",
    404: "There is no such thing.",
    405: "The path takes other methods.",
    408: "The body did not come in time.",
    409: "It does not go with how things stand now.",
    413: "More was sent than is taken.",
    415: "What was sent is no picture.",
    422: "What was sent cannot be used.",
    429: "There is too much to do: ask again after as many seconds as `Retry-After` says.",
    500: "Something went wrong that nobody foresaw; the log has it.",
    503: "The database or the model cannot be used at the moment.",
    507: "The disk is full.",
}

_ALWAYS = (400, 401, 403, 405, 422, 429, 500, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe errors: those given, and those that every endpoint may answer with."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*_ALWAYS, *statuses}):
        found[status] = {"model": Told, "description": _MEANINGS[status]}
    waits = {"schema": {"type": "integer", "minimum": 1}, "description": "In seconds."}
    found[429]["headers"] = {"Retry-After": waits}
    return found

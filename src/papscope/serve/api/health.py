"""Whether the service is well, for whatever watches it.

Takes   nothing
Gives   alive or not, ready or not and why, and counters for Prometheus
Never   tells what a case, a picture or a person is called
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select

from papscope.errors import PapscopeError, StoreError
from papscope.files import free_bytes
from papscope.serve.api.problems import problems
from papscope.serve.asked import Held, Reader
from papscope.serve.services import Services
from papscope.serve.store.tables import Job

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """What the service needs, and how each of it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ready",
                    "checks": {"database": "ok", "model": "ok", "disk": "ok", "jobs": "ok"},
                }
            ]
        }
    )
    status: Literal["ready", "not-ready"]
    checks: dict[str, str]
    """`ok`, or what is wrong in a few words."""


@router.get("/healthz")
async def healthz() -> Alive:
    """Tell that the process answers; it asks nothing else, so it answers under any load."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready, "description": "Something is missing."}})
def readyz(held: Held) -> Response:
    """Tell whether pictures can be answered for: database, model, disk and jobs."""
    checks = {
        "database": _database(held),
        "model": "ok" if held.batcher.alive else "the thread that answers has ended",
        "disk": _disk(held),
        "jobs": held.runner.trouble or "ok",
    }
    good = all(found == "ok" for found in checks.values())
    told = Ready(status="ready" if good else "not-ready", checks=checks)
    return JSONResponse(told.model_dump(), 200 if good else 503)


def _database(held: Services) -> str:
    try:
        held.database.ping()
    except StoreError:
        return "it does not answer"  # where it is and why is for the log
    return "ok"


def _disk(held: Services) -> str:
    try:
        free = free_bytes(held.settings.home)
    except OSError:
        return "its free space cannot be told"
    return "ok" if free >= held.settings.limits.free_bytes else "nearly full"


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        **problems(),
        200: {
            "description": "Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
def metrics(held: Held, person: Reader) -> Response:
    """Give counters and gauges in the format that Prometheus reads."""
    del person
    return Response(held.metrics.text(_jobs(held)), media_type=CONTENT_TYPE_LATEST)


def _jobs(held: Services) -> dict[str, int]:
    try:
        with held.database.reading() as session:
            rows = session.execute(select(Job.state, func.count()).group_by(Job.state))
            return dict(rows.all())
    except PapscopeError:
        return {}

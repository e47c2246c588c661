"""`/v1/jobs`: uploads of any size that are answered in the background.

Takes   a form with pictures and zip archives, or a job's id
Gives   jobs, their progress, and results as they come
Never   says 202 before everything is on the disk
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from papscope.errors import NotFound, PapscopeError, SettingError
from papscope.serve.api.job_forms import JobDetail, JobForm, JobList, ResultForm, ResultList, State
from papscope.serve.api.problems import problems
from papscope.serve.asked import Held, Reader
from papscope.serve.job_views import Page, job_of, jobs_of, refused_of, results_of
from papscope.serve.jobs import accept, cancel, earlier, refuse_more
from papscope.serve.sent import brought
from papscope.serve.services import Services
from papscope.serve.threads import READING, UPLOADS
from papscope.serve.wanted import Wanted

router = APIRouter(tags=["jobs"])

JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["9f" * 16])]

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, examples=["u-42"])
]

_LOOK_SECONDS = 0.5
_HEARTBEAT_SECONDS = 15.0

_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "string", "format": "binary"},
                        "description": "Pictures and zip archives of pictures.",
                    },
                    "case_id": {"type": "string", "description": "Of a case that is there."},
                    "title": {"type": "string", "description": "Of a new case."},
                    "model": {"type": "string", "description": "Its name; else the default one."},
                    "um_per_px": {"type": "number", "description": "Of a new case."},
                },
            }
        }
    },
}


@router.post(
    "/v1/jobs",
    status_code=202,
    response_model=JobDetail,
    responses=problems(404, 408, 409, 413, 415, 507),
    openapi_extra={"requestBody": _BODY},
)
async def send_job(
    request: Request,
    held: Held,
    person: Reader,
    key: IdempotencyKey = None,
) -> Response:
    """Send pictures in, to be answered in the background.

    When 202 comes, all pictures are on the disk, and the job will be done even if the server is
    killed. Who asks again with the same `Idempotency-Key` gets the same job.
    """
    early = Wanted(key=key)
    known = await READING.run(partial(earlier, held, person, early))
    if known is None:
        await READING.run(partial(refuse_more, held, early))
        limits = held.settings.limits
        async with brought(request, held.settings, most_files=limits.files) as sent:
            wanted = _wanted(sent.fields, key)
            await READING.run(partial(refuse_more, held, wanted))
            known = await UPLOADS.run(partial(accept, held, person, wanted, sent.files))
    detail = await READING.run(partial(_detail, held, known))
    headers = {"Location": f"/v1/jobs/{known}"}
    return JSONResponse(detail.model_dump(mode="json"), 202, headers)


def _wanted(fields: dict[str, str], key: str | None) -> Wanted:
    given = {name: fields[name] for name in ("case_id", "title", "model") if fields.get(name)}
    scale = fields.get("um_per_px")
    try:
        um_per_px = float(scale) if scale else None
    except ValueError:
        raise SettingError(
            f"um_per_px is {scale[:40]!r}" if scale else "um_per_px is empty",
            hint="give micrometres a pixel as a number",
        ) from None
    return Wanted(**given, um_per_px=um_per_px, key=key)


def _detail(held: Services, job_id: str) -> JobDetail:
    job = job_of(held.database, job_id)
    return JobDetail.with_refused(job, refused_of(held.database, job_id))


@router.get("/v1/jobs", responses=problems())
def list_jobs(
    held: Held,
    person: Reader,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    case_id: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None,
    state: State | None = None,
) -> JobList:
    """List jobs, the newest first."""
    del person
    page = Page(before=before, limit=limit, case_id=case_id, state=state)
    found = jobs_of(held.database, page)
    follows = found[-1].number if len(found) == limit else None
    return JobList(jobs=[JobForm.of(one) for one in found], next=follows)


@router.get("/v1/jobs/{job_id}", responses=problems(404))
def one_job(held: Held, person: Reader, job_id: JobId) -> JobDetail:
    """Tell how a job stands, and which files were not taken in."""
    del person
    return _detail(held, job_id)


@router.get("/v1/jobs/{job_id}/results", responses=problems(404))
def results(
    held: Held,
    person: Reader,
    job_id: JobId,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ResultList:
    """Give results as they come: ask again with `after` until the job is over and none are left."""
    del person
    state = job_of(held.database, job_id).state  # first: what ends meanwhile is not missed
    found = results_of(held.database, job_id, after, limit)
    last = found[-1].number if found else after
    return ResultList.model_validate(
        {"state": state, "results": [ResultForm.of(one) for one in found], "after": last}
    )


@router.post("/v1/jobs/{job_id}/cancel", responses=problems(404, 409))
def cancel_job(held: Held, person: Reader, job_id: JobId) -> JobDetail:
    """End a job early; answers that are there stay."""
    cancel(held, person, job_id)
    return _detail(held, job_id)


_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"type": "string", "enum": ["progress", "end"]},
        "data": {"type": "string", "description": "The job, as JSON."},
    },
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `progress` with the job as JSON, whenever it goes on, "
        "and `end` with the same when it is over.",
        "content": {"text/event-stream": {"schema": _EVENT}},
    }
}


@router.get(
    "/v1/jobs/{job_id}/events",
    response_class=StreamingResponse,
    responses={**problems(404), **_STREAM},
)
async def events(held: Held, person: Reader, job_id: JobId) -> StreamingResponse:
    """Follow a job: an event whenever it goes on."""
    del person
    await READING.run(partial(job_of, held.database, job_id))  # 404 while it can still be told
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(held, job_id), media_type="text/event-stream", headers=headers)


async def _events(held: Services, job_id: str) -> AsyncIterator[str]:
    seen, quiet = -1, 0.0
    while not held.runner.stopping:
        version = held.runner.version(job_id)
        if version != seen or quiet >= _HEARTBEAT_SECONDS:
            try:
                job = await READING.run(partial(job_of, held.database, job_id))
            except NotFound:  # deleted meanwhile
                return
            except PapscopeError:  # the database is gone for a while: so are the news
                yield ": waiting\n\n"
            else:
                seen, quiet = version, 0.0
                yield _event("end" if job.is_over else "progress", JobForm.of(job))
                if job.is_over:
                    return
        await asyncio.sleep(_LOOK_SECONDS)
        quiet += _LOOK_SECONDS


def _event(name: str, job: JobForm) -> str:
    return f"event: {name}\ndata: {json.dumps(job.model_dump(mode='json'))}\n\n"

"""`POST /v1/predict`: answers for a few pictures, at once.

Takes   a form with files, or one picture as the body
Gives   what the model says of each, in order, or why it says nothing
Never   keeps a picture
"""

from __future__ import annotations

from asyncio import wrap_future
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

from anyio import create_task_group, to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from papscope.rules import REASONS
from papscope.serve.api.problems import Problem, Told, problems
from papscope.serve.asked import Held, Reader
from papscope.serve.batching import Place
from papscope.serve.models import Model
from papscope.serve.predicting import Open, Said, asked_of, note, reason_of
from papscope.serve.referral import sentences
from papscope.serve.risk import certainty
from papscope.serve.sent import brought
from papscope.serve.threads import READING

router = APIRouter(tags=["predict"])

NOTICE = "research use only; not a medical device; labels of cells, not a diagnosis"

_GONE = 499
"""What proxies note down for a sender who has gone; nobody receives it."""

_EXAMPLE: JsonDict = {
    "model": "cric-bethesda",
    "model_digest": "5b1f" * 16,
    "notice": NOTICE,
    "images": [
        {
            "name": "cell.png",
            "digest": "c0ff" * 16,
            "label": "HSIL",
            "probability": 0.83,
            "abnormal": 0.97,
            "grade": "HSIL",
            "probabilities": {"NILM": 0.03, "LSIL": 0.14, "HSIL": 0.83},
            "certainty": 0.58,
            "labels": ["LSIL", "HSIL"],
            "refer": ["several-classes", "abnormal"],
            "reasons": [REASONS["several-classes"], REASONS["abnormal"]],
            "strangeness": 0.4,
            "error": None,
        },
        {
            "name": "notes.txt",
            "digest": None,
            "label": None,
            "probability": None,
            "abnormal": None,
            "grade": None,
            "probabilities": None,
            "certainty": None,
            "labels": None,
            "refer": None,
            "reasons": None,
            "strangeness": None,
            "error": {
                "code": "not-an-image",
                "what": "notes.txt is not a picture",
                "hint": "give BMP, JPEG, PNG, TIFF or WebP",
            },
        },
    ],
}


class Predicted(BaseModel):
    """What the model says of one picture, or why it says nothing."""

    name: str
    digest: str | None
    """SHA-256 of the picture as it is noted down in the audit log."""
    label: str | None
    probability: float | None
    """Of that class, 0..1."""
    abnormal: float | None
    """Of all abnormal classes together, 0..1; null where classes are not known as such."""
    grade: str | None
    """NILM, LSIL, HSIL or SCC; null where the model's classes do not tell."""
    probabilities: dict[str, float] | None
    certainty: float | None
    """0 for a guess, 1 for no doubt: one minus the entropy as a share of the greatest possible."""
    labels: list[str] | None
    """The prediction set, in the model's order; null where the model has no rule for sets."""
    refer: list[str] | None
    """Codes of why a person must see it; empty where no rule asks for that, null without rules."""
    reasons: list[str] | None
    """The same in sentences."""
    strangeness: float | None
    """Above 1 it is unlike all that was learned from; null where the model has no gate."""
    error: Problem | None


class Predictions(BaseModel):
    """Answers for the pictures of one request, in the order in which they came."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    model: str
    model_digest: str
    notice: str
    images: list[Predicted]


class AllRefused(Told):
    """None of the pictures can be used."""

    images: list[Predicted]


_FILES = {
    "type": "object",
    "required": ["files"],
    "properties": {
        "files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
    },
}
_ANY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "required": True,
    "description": "A form with one or more files, or one picture by itself.",
    "content": {
        "multipart/form-data": {"schema": _FILES},
        **{f"image/{kind}": _ANY for kind in ("png", "jpeg", "tiff", "bmp", "webp")},
    },
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": AllRefused | Told, "description": "None of the pictures can be used."}
    for status in (413, 415, 422)
}


@router.post(
    "/v1/predict",
    responses={**problems(404, 408, 507), **_REFUSALS},
    response_model=Predictions,
    openapi_extra={"requestBody": _BODY},
)
async def predict(
    request: Request,
    held: Held,
    person: Reader,
    model: Annotated[str | None, Query(max_length=200, examples=["cric-bethesda"])] = None,
) -> Response:
    """Let a model answer for pictures of cells.

    Pictures that cannot be used are told in their place and do not spoil the others. Nothing is
    kept but an entry for each answer in the audit log.
    """
    chosen = held.models.named(model)
    most = held.settings.limits.predict_files
    async with brought(request, held.settings, most_files=most) as sent:
        with held.batcher.place(len(sent.files)) as place:
            asked = partial(asked_of, held, place, chosen, sent.files)
            said = await _unless_gone(request, place, asked)
    if said is None:
        return Response(status_code=_GONE)
    await to_thread.run_sync(note, held, person, chosen, said)
    return _told(chosen, said)


async def _unless_gone(
    request: Request, place: Place, asked: Callable[[], list[Said | Open]]
) -> list[Said] | None:
    """Wait for the answers, but no longer than the sender does: None if the sender has gone."""
    said: list[Said] | None = None
    problem: Exception | None = None

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        place.leave()
        group.cancel_scope.cancel()

    async with create_task_group() as group:
        group.start_soon(watch)
        try:
            begun = await READING.run(asked)
            said = [
                one if isinstance(one, Said) else one.ended(await wrap_future(one.future))
                for one in begun
            ]
        except Exception as wrong:  # a group of tasks would wrap it up
            problem = wrong
        group.cancel_scope.cancel()
    if problem is not None:
        raise problem
    return said


def _told(model: Model, said: Sequence[Said]) -> Response:
    images = [_form(one) for one in said]
    errors = [one.error for one in said]
    first = errors[0]
    if first is not None and all(errors):
        few = f"{first}" if len(said) == 1 else f"none of {len(said)} can be used: {first}"
        told = Problem(code=reason_of(first), what=few, hint=first.hint)
        refusal = AllRefused(error=told, images=images)
        return JSONResponse(refusal.model_dump(), first.http_status)
    found = Predictions(model=model.name, model_digest=model.digest, notice=NOTICE, images=images)
    return JSONResponse(found.model_dump())


def _form(said: Said) -> Predicted:
    found: dict[str, Any] = dict.fromkeys(Predicted.model_fields)
    if said.error is not None:
        found["error"] = Problem(
            code=reason_of(said.error), what=str(said.error), hint=said.error.hint
        )
    if said.answer is not None:
        found |= {name: getattr(said.answer, name, None) for name in found}
        found["certainty"] = certainty(said.answer)
        found["reasons"] = sentences(said.answer.refer)
    return Predicted.model_validate({**found, "name": said.name, "digest": said.digest})

"""Pictures over HTTP: what is known of one, its pixels, and smaller copies.

Takes   requests on `/v1/images`
Gives   JSON, PNG and JPEG
Never   gives a path, or a picture to a shared cache
"""

from __future__ import annotations

from functools import partial
from pathlib import Path as FilePath
from typing import Annotated, Any, TypeAlias

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import ConfigDict

from papscope.errors import MeasureError
from papscope.serve.api import forms_of_review as forms
from papscope.serve.api.cases import Id
from papscope.serve.api.forms_of_answers import Form
from papscope.serve.api.problems import Told, problems
from papscope.serve.asked import Held, Reader
from papscope.serve.explainable import asked_of
from papscope.serve.explaining import Asked
from papscope.serve.services import Services
from papscope.serve.shown import shown_image
from papscope.serve.store.tables import CaseImage
from papscope.serve.threads import EXPLAINING
from papscope.serve.verdicts import no_image

router = APIRouter(prefix="/v1/images", tags=["pictures"])

Responses: TypeAlias = dict[int | str, dict[str, Any]]

_KEPT = "private, max-age=31536000, immutable"
"""By the browser of whoever asked alone; a picture never changes under its id."""


def _file(kind: str, *statuses: int) -> Responses:
    found: Responses = {200: {"content": {kind: {}}, "description": "The file."}}
    return {**problems(404, *statuses), **found, 304: {"description": "The asker has it already."}}


@router.get("/{image_id}", responses=problems(404))
def read_image(held: Held, person: Reader, image_id: Id) -> forms.ImageForm:
    """Give a picture's answer and verdicts."""
    with held.database.reading() as session:
        return forms.ImageForm.model_validate(shown_image(session, image_id, person))


@router.get("/{image_id}/picture", response_class=Response, responses=_file("image/png"))
def picture(request: Request, held: Held, person: Reader, image_id: Id) -> Response:
    """Give a picture in its original pixels."""
    del person
    digest = _digest(held, image_id)
    return _kept(request, held.images.path(digest), digest, "image/png")


@router.get("/{image_id}/smaller", response_class=Response, responses=_file("image/jpeg", 507))
def smaller(
    request: Request,
    held: Held,
    person: Reader,
    image_id: Id,
    side: Annotated[int, Query(description="128, 256 or 512 pixels")] = 256,
) -> Response:
    """Give a smaller copy for a gallery."""
    del person
    digest = _digest(held, image_id)
    place = held.images.smaller(digest, side)
    return _kept(request, place, f"{digest}-{side}", "image/jpeg")


_MAP: Responses = {
    **_file("image/png", 409, 415, 422, 429),
    422: {"model": Told, "description": "The map fails its check, and none is shown."},
}


@router.get("/{image_id}/explanation.png", response_class=Response, responses=_MAP)
async def explanation(request: Request, held: Held, person: Reader, image_id: Id) -> Response:
    """Give a map of what the newest answer rests on, laid over the picture as the network saw it.

    It shows what the network used, not where disease is. One is made at a time; a map that points
    at nothing that the answer needs is not shown, and the status is 422.
    """
    del person
    asked = await to_thread.run_sync(_asked, held, image_id)
    found = held.explainer.known(asked)
    if found is None:
        with held.explainer.turn():
            found = await EXPLAINING.run(partial(held.explainer.explained, asked))
    if found.png is None:
        raise MeasureError(
            f"no map is shown, as it fails its check: {found.why_not}",
            hint="look at the picture without one",
        )
    headers = {"ETag": f'"{asked.tag}"', "Cache-Control": "private, no-cache"}
    if f'"{asked.tag}"' in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.png, media_type="image/png", headers=headers)


class NearForm(Form):
    """A training cell that a picture is like, to the network that answered."""

    label: str
    distance: float
    """One less the cosine of the features, 0..2; of no meaning between models."""


class NearestForm(Form):
    """The training cells that a picture is most like, the nearest first."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"nearest": [{"label": "LSIL", "distance": 0.12}]}}
    )
    nearest: list[NearForm]
    """Empty where the model carries none."""


@router.get("/{image_id}/nearest", responses=problems(404, 409, 415))
async def nearest(held: Held, person: Reader, image_id: Id) -> NearestForm:
    """Give the training cells that a picture looks like, to the model that answered last."""
    del person
    asked = await to_thread.run_sync(_asked, held, image_id)
    with held.explainer.turn():
        found = await EXPLAINING.run(partial(held.explainer.nearest, asked))
    return NearestForm(nearest=[NearForm.model_validate(one) for one in found])


def _asked(held: Services, image_id: str) -> Asked:
    with held.database.reading() as session:
        return asked_of(session, held.models, image_id)


def _digest(held: Services, image_id: str) -> str:
    with held.database.reading() as session:
        image = session.get(CaseImage, image_id)
        if image is None:
            raise no_image()
        return image.digest


def _kept(request: Request, place: FilePath, tag: str, kind: str) -> Response:
    headers = {
        "ETag": f'"{tag}"',
        "Cache-Control": _KEPT,
        "X-Content-Type-Options": "nosniff",
    }
    if f'"{tag}"' in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(place, media_type=kind, headers=headers)

"""Pictures over HTTP: what is known of one, its pixels, and smaller copies.

Takes   requests on `/v1/images`
Gives   JSON, PNG and JPEG
Never   gives a path, or a picture to a shared cache
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from papscope.serve.api import forms_of_review as forms
from papscope.serve.api.cases import Id
from papscope.serve.api.problems import problems
from papscope.serve.asked import Held, Reader
from papscope.serve.services import Services
from papscope.serve.shown import shown_image
from papscope.serve.store.tables import CaseImage
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

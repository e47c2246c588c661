"""Where the web app's pages and files are found.

Takes   requests of browsers
Gives   HTML, scripts, styles and pictures that ship with papscope
Never   hands out a file that did not ship, or what a sender called one
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request
from fastapi.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from papscope.serve.asked import Held, Reader
from papscope.serve.pages.rendering import page
from papscope.serve.promises import promises, rules_of
from papscope.serve.reporting.facts import facts_of

STATIC = FilePath(__file__).parent / "static"

CaseId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


class _Shipped(StaticFiles):
    """Files that browsers keep but ask about, so that a new release shows at once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


@router.get("/")
def cases(request: Request, person: Reader) -> HTMLResponse:
    """Show where pictures are sent in, and all cases."""
    return page("cases.html.j2", request, person=person)


@router.get("/cases/{case_id}")
def case(request: Request, person: Reader, case_id: CaseId) -> HTMLResponse:
    """Show a case's gallery."""
    return page("case.html.j2", request, person=person, case_id=case_id)


@router.get("/models")
def models(request: Request, held: Held, person: Reader) -> HTMLResponse:
    """Show which models answer here, what was measured of them, and what their rules promise."""
    told = [
        (facts_of(one), rules_of(one.predictor.about), promises(one.predictor.about))
        for one in held.models
    ]
    return page("models.html.j2", request, person=person, models=told)


def add_pages(app: FastAPI) -> None:
    """Let an application show the web app."""
    app.mount("/static", _Shipped(directory=STATIC), name="static")
    app.include_router(router)

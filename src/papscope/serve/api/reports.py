"""Case reports over HTTP: to look at, to print, and for programs.

Takes   requests on a case's report
Gives   HTML, PDF and JSON
Never   decides what is in it
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from papscope.serve.api.cases import Id
from papscope.serve.api.problems import problems
from papscope.serve.asked import Held, Reader
from papscope.serve.audit import Event, record
from papscope.serve.people import Person
from papscope.serve.reporting.content import MOST, TOP, CaseReport, gather
from papscope.serve.reporting.page import as_html
from papscope.serve.services import Services

router = APIRouter(prefix="/v1/cases", tags=["exports"])

Top = Annotated[int, Query(ge=0, le=MOST, description="How many pictures it shows")]
_HTML: dict[int | str, dict[str, Any]] = {
    **problems(404, 507),
    200: {"content": {"text/html": {}}, "description": "One file that holds all it needs."},
}
_PDF: dict[int | str, dict[str, Any]] = {
    **problems(404, 507),
    200: {"content": {"application/pdf": {}}, "description": "A PDF file."},
}


@router.get("/{case_id}/report", response_class=Response, responses=_HTML)
def page(
    held: Held, person: Reader, case_id: Id, top: Top = TOP, download: bool = False
) -> Response:
    """Give a case's report as a page."""
    made = as_html(gather(held, case_id, person, top), held.images)
    headers = {"Content-Security-Policy": made.policy}
    if download:
        headers["Content-Disposition"] = f'attachment; filename="report-{case_id[:8]}.html"'
    _noted(held, case_id, person, "html", made.html.encode())
    return HTMLResponse(made.html, headers=headers)


@router.get("/{case_id}/report.pdf", response_class=Response, responses=_PDF)
def pdf(held: Held, person: Reader, case_id: Id, top: Top = TOP) -> Response:
    """Give a case's report as PDF."""
    from papscope.serve.reporting.document import as_pdf

    made = as_pdf(gather(held, case_id, person, top), held.images)
    _noted(held, case_id, person, "pdf", made)
    headers = {"Content-Disposition": f'inline; filename="report-{case_id[:8]}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


@router.get("/{case_id}/report.json", responses=problems(404))
def content(held: Held, person: Reader, case_id: Id, top: Top = TOP) -> CaseReport:
    """Give what a case's report says."""
    return gather(held, case_id, person, top)


def _noted(held: Services, case_id: str, person: Person, form: str, data: bytes) -> None:
    details = {"form": form, "sha256": sha256(data).hexdigest()}
    event = Event(what="report-made", who=person.name, case_id=case_id, details=details)
    with held.database.transaction() as session:
        record(session, held.clock(), event)

"""Corrections over HTTP: what readers said, as an archive to train on again.

Takes   requests on the corrections of one case or of several
Gives   a ZIP file, sent while it is made
Never   decides what is in it
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field, StringConstraints

from papscope.serve import corrections
from papscope.serve.api.cases import Id
from papscope.serve.api.problems import problems
from papscope.serve.asked import Held, Reviewer
from papscope.serve.people import Person
from papscope.serve.services import Services

router = APIRouter(prefix="/v1", tags=["exports"])

Readers = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Query(
        default_factory=list,
        max_length=100,
        description="Whose verdicts settle it; all readers' where none is named",
    ),
]
CaseId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Cases = Annotated[list[CaseId], Query(min_length=1, max_length=1000)]

_ZIP: dict[int | str, dict[str, Any]] = {
    **problems(404),
    200: {"content": {"application/zip": {}}, "description": "Pictures and their manifest."},
}


@router.get("/cases/{case_id}/corrections", response_class=StreamingResponse, responses=_ZIP)
def of_one(held: Held, person: Reviewer, case_id: Id, readers: Readers) -> StreamingResponse:
    """Export a case's pictures with the classes that its readers agree on."""
    return _sent(held, [case_id], person, readers, f"corrections-{case_id[:8]}.zip")


@router.get("/corrections", response_class=StreamingResponse, responses=_ZIP)
def of_several(held: Held, person: Reviewer, case: Cases, readers: Readers) -> StreamingResponse:
    """Export several cases together, each a group that no split divides."""
    return _sent(held, case, person, readers, "corrections.zip")


def _sent(
    held: Services, case_ids: Sequence[str], person: Person, readers: Sequence[str], name: str
) -> StreamingResponse:
    found = corrections.export(held, case_ids, person, readers)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Papscope-Manifest": found.digest,
    }
    return StreamingResponse(found.archive(), media_type="application/zip", headers=headers)

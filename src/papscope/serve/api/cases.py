"""Cases over HTTP: list, make, name, scale, close, delete, and their pictures in order.

Takes   requests on `/v1/cases`
Gives   JSON
Never   decides anything: `serve.cases`, `case_list`, `gallery` and `retention` do
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from papscope.readings import reading_of
from papscope.serve import case_list, cases, gallery, retention
from papscope.serve.api import forms_of_review as forms
from papscope.serve.api.forms_of_answers import ReasonForm, ReferralForm
from papscope.serve.api.problems import problems
from papscope.serve.asked import Admin, Held, Reader
from papscope.serve.people import Person
from papscope.serve.referral import Referral, sentences
from papscope.serve.services import Services

router = APIRouter(prefix="/v1/cases", tags=["cases"])

Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", examples=["0" * 32])]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
Limit = Annotated[int, Query(ge=1, le=gallery.MOST)]


@router.get("", responses=problems())
def list_cases(
    held: Held, person: Reader, offset: Offset = 0, limit: Limit = 100
) -> forms.CaseListForm:
    """List cases, the newest first."""
    total, found = case_list.shown_cases(held, person, offset=offset, limit=limit)
    shown = [forms.CaseSummaryForm.model_validate(one) for one in found]
    return forms.CaseListForm(total=total, cases=shown)


@router.post("", status_code=201, responses=problems())
def make_case(held: Held, person: Reader, asked: forms.NewCase) -> forms.CaseForm:
    """Make an empty case; a job puts pictures into it."""
    return _shown(held, cases.make_case(held, person, asked.title, asked.um_per_px), person)


@router.get("/{case_id}", responses=problems(404))
def read_case(held: Held, person: Reader, case_id: Id) -> forms.CaseForm:
    """Give a case."""
    return _shown(held, case_id, person)


@router.patch("/{case_id}", responses=problems(404))
def change_case(
    held: Held, person: Reader, case_id: Id, asked: forms.CaseChanges
) -> forms.CaseForm:
    """Name or scale a case; an admin also closes it, which freezes its verdicts and shows all."""
    changes = cases.Changes(
        title=asked.title,
        scaled="um_per_px" in asked.model_fields_set,
        um_per_px=asked.um_per_px,
        closed=asked.closed,
    )
    cases.change_case(held, case_id, person, changes)
    return _shown(held, case_id, person)


@router.delete("/{case_id}", status_code=204, responses=problems(404, 507))
def delete_case(held: Held, person: Admin, case_id: Id) -> Response:
    """Delete a case with its pictures, answers and verdicts; the log keeps that it was."""
    retention.delete_case(held, case_id, person.name)
    return Response(status_code=204)


@router.get("/{case_id}/images", responses=problems(404))
def list_images(
    held: Held,
    person: Reader,
    case_id: Id,
    asked: Annotated[forms.GalleryQuery, Query()],
) -> forms.GalleryForm:
    """List a case's pictures: the worst, the most useful, or the first to come, first."""
    wanted = gallery.Wanted(
        order=asked.order,
        labels=tuple(asked.label),
        certainty_below=asked.certainty_below,
        certainty_above=asked.certainty_above,
        reviewed=asked.reviewed,
        answered=asked.answered,
        referred=asked.referred,
        reasons=tuple(asked.reason),
        offset=asked.offset,
        limit=asked.limit,
    )
    found = gallery.page(held, case_id, person, wanted)
    return forms.GalleryForm(
        case_id=case_id,
        order=wanted.order,
        offset=wanted.offset,
        limit=wanted.limit,
        total=found.total,
        counts=found.counts,
        unanswered=found.unanswered,
        images=[forms.ImageForm.model_validate(one) for one in found.images],
    )


def _shown(held: Services, case_id: str, person: Person) -> forms.CaseForm:
    found = case_list.shown_case(held, case_id, person)
    summary = forms.CaseSummaryForm.model_validate(found.summary).model_dump()
    rest = {
        "jobs": found.summary.jobs,
        "models": found.models,
        "classes": [{**one.to_json(), "means": reading_of(one).whole} for one in found.classes],
        "counts": found.counts,
        "referral": _referral(found.referral),
        "refused_files": found.refused_files,
        "readers": found.readers,
    }
    return forms.CaseForm.model_validate({**summary, **rest}, from_attributes=True)


def _referral(found: Referral) -> ReferralForm:
    each = found.reasons.items()
    words = sentences(found.reasons) or ()
    return ReferralForm(
        referred=found.referred,
        set_aside=found.set_aside,
        without_rules=found.without_rules,
        reasons=[
            ReasonForm(code=code, what=what, images=images)
            for (code, images), what in zip(each, words, strict=True)
        ],
    )

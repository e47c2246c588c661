"""Verdicts over HTTP: given, taken back, and listed as far as the asker may see them.

Takes   requests on one picture's verdicts, or on the last one in a case
Gives   JSON
Never   decides who may see what: `serve.blindness` does
"""

from __future__ import annotations

from fastapi import APIRouter

from papscope.serve import verdicts
from papscope.serve.api import forms_of_review as forms
from papscope.serve.api.cases import Id
from papscope.serve.api.problems import problems
from papscope.serve.asked import Held, Reader, Reviewer
from papscope.serve.people import Person
from papscope.serve.services import Services
from papscope.serve.shown import history, shown_image

router = APIRouter(prefix="/v1", tags=["verdicts"])


@router.put("/images/{image_id}/verdict", responses=problems(404, 409))
def give(held: Held, person: Reviewer, image_id: Id, asked: forms.GivenForm) -> forms.ImageForm:
    """Agree with the model, say which class it is, or that you cannot tell."""
    verdicts.give(held, image_id, person, verdicts.Given(asked.kind, asked.label, asked.note))
    return _shown(held, image_id, person)


@router.post("/images/{image_id}/undo", responses=problems(404, 409))
def undo(held: Held, person: Reviewer, image_id: Id) -> forms.ImageForm:
    """Take your last verdict on a picture back, and put the one before in its place."""
    verdicts.undo(held, image_id, person)
    return _shown(held, image_id, person)


@router.get("/images/{image_id}/verdicts", responses=problems(404))
def list_verdicts(held: Held, person: Reader, image_id: Id) -> forms.HistoryForm:
    """List the verdicts on a picture that you may see, oldest first."""
    with held.database.reading() as session:
        return forms.HistoryForm.model_validate(history(session, image_id, person))


@router.post("/cases/{case_id}/undo", responses=problems(404, 409))
def undo_last(held: Held, person: Reviewer, case_id: Id) -> forms.UndoneForm:
    """Take back what you did last in a case."""
    image_id = verdicts.undo_last(held, case_id, person)
    return forms.UndoneForm(image_id=image_id, standing=_shown(held, image_id, person).mine)


def _shown(held: Services, image_id: str, person: Person) -> forms.ImageForm:
    with held.database.reading() as session:
        return forms.ImageForm.model_validate(shown_image(session, image_id, person))

"""The readers' agreement over HTTP.

Takes   requests on a case's agreement
Gives   JSON
Never   computes
"""

from __future__ import annotations

from fastapi import APIRouter

from papscope.serve import agreement as measured
from papscope.serve.api.cases import Id
from papscope.serve.api.forms_of_answers import Form
from papscope.serve.api.problems import problems
from papscope.serve.asked import Held, Reader

router = APIRouter(prefix="/v1/cases", tags=["verdicts"])


class EstimateForm(Form):
    """A number with its 95 % interval."""

    value: float
    low: float | None
    high: float | None
    n: int


class ReaderToldForm(Form):
    """A reader's share of the pictures that count."""

    name: str
    read: int
    unsure: int
    informed: int


class PairForm(Form):
    """Two readers, or a reader and a model."""

    first: str
    second: str
    n: int
    unsure: int
    agreement: EstimateForm | None
    kappa: EstimateForm | None
    weighted_kappa: EstimateForm | None
    why: dict[str, str]


class AllReadersForm(Form):
    """Fleiss' kappa of all readers."""

    readers: int
    n: int
    kappa: float | None
    why: str


class AgreementForm(Form):
    """How far the readers of a case agree."""

    restricted: bool
    images: int
    readers: list[ReaderToldForm]
    pairs: list[PairForm]
    with_model: list[PairForm]
    all_readers: AllReadersForm | None


@router.get("/{case_id}/agreement", responses=problems(404))
def read_agreement(held: Held, person: Reader, case_id: Id) -> AgreementForm:
    """Tell how far the readers agree, on the pictures whose verdicts you may all see."""
    return AgreementForm.model_validate(measured.agreement(held, case_id, person))

"""The JSON forms of cases, pictures and verdicts.

Takes   frozen records of the service's rooms
Gives   what OpenAPI describes, with examples
Never   computes
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from papscope.serve.api.forms_of_answers import (
    AnswerForm,
    Chance,
    FailureForm,
    Form,
    ReferralForm,
)

_WHEN = "2026-01-02T03:04:05Z"
_SUMMARY: JsonDict = {
    "id": "0" * 32,
    "title": "Slide 7",
    "um_per_px": 0.25,
    "created_at": _WHEN,
    "created_by": "ada",
    "closed": False,
    "closed_at": None,
    "images": 120,
    "answered": 118,
    "failed": 2,
    "refused": 1,
    "reviewed": 40,
    "reviewed_by_me": 12,
    "state": "done",
    "progress": 1.0,
}
_VERDICT: JsonDict = {
    "id": 3,
    "reader": "ada",
    "mine": True,
    "kind": "correct",
    "label": "LSIL",
    "note": "koilocyte",
    "given_at": _WHEN,
    "withdrawn_at": None,
    "informed": False,
    "restored": False,
}


class NewCase(BaseModel):
    """A case to be made."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"title": "Slide 7", "um_per_px": 0.25}}
    )
    title: str
    um_per_px: float | None = None


class CaseChanges(BaseModel):
    """What is to be changed of a case; what is not named stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"title": "Slide 7b"}})
    title: str | None = None
    um_per_px: float | None = None
    closed: bool | None = None


class JobForm(Form):
    """A model's work on a case."""

    id: str
    model: str
    model_digest: str
    state: str
    total: int
    answered: int
    failed: int
    why: str | None


class CaseSummaryForm(Form):
    """A case in a list."""

    model_config = ConfigDict(json_schema_extra={"example": _SUMMARY})

    id: str
    title: str
    um_per_px: float | None
    created_at: datetime
    created_by: str
    closed: bool
    closed_at: datetime | None
    images: int
    answered: int
    failed: int
    refused: int
    reviewed: int
    reviewed_by_me: int
    state: str
    progress: Chance | None


class CaseListForm(Form):
    """A page of the cases."""

    total: int
    cases: list[CaseSummaryForm]


class ModelForm(Form):
    """A model that answered."""

    name: str
    digest: str
    available: bool
    promises: list[str]
    """What its rules promise, in sentences; empty where it does not answer here any more."""


class ClassForm(Form):
    """A class of the model."""

    name: str
    side: Literal["normal", "abnormal"] | None
    bethesda: str | None
    grade: int | None
    note: str
    means: str
    """What such cells look like, in the words of reports: never a verdict."""


class RefusedForm(Form):
    """A file that was not taken in."""

    name: str
    code: str
    reason: str


class ReaderForm(Form):
    """A reader, and how many pictures the reader has read."""

    name: str
    read: int


class CaseForm(CaseSummaryForm):
    """A case."""

    model_config = ConfigDict(json_schema_extra={})

    jobs: list[JobForm]
    models: list[ModelForm]
    classes: list[ClassForm]
    counts: dict[str, int]
    referral: ReferralForm
    refused_files: list[RefusedForm]
    readers: list[ReaderForm]


class VerdictForm(Form):
    """What somebody said of a picture."""

    model_config = ConfigDict(json_schema_extra={"example": _VERDICT})

    id: int
    reader: str
    mine: bool
    kind: Literal["agree", "correct", "unsure"]
    label: str | None
    note: str
    given_at: datetime
    withdrawn_at: datetime | None
    informed: bool
    restored: bool


class ImageForm(Form):
    """A picture."""

    id: str
    case_id: str
    place: int
    name: str
    digest: str
    width: int
    height: int
    answer: AnswerForm | None
    failure: FailureForm | None
    mine: VerdictForm | None
    others: list[VerdictForm] | None
    others_given: int
    disagreement: bool | None


class GalleryForm(Form):
    """A page of a case's pictures."""

    case_id: str
    order: Literal["risk", "useful", "place"]
    offset: int
    limit: int
    total: int
    counts: dict[str, int]
    unanswered: int
    images: list[ImageForm]


class GalleryQuery(BaseModel):
    """Which pictures of a case are asked for, in which order."""

    order: Literal["risk", "useful", "place"] = "risk"
    label: list[Annotated[str, Field(max_length=100)]] = Field(default=[], max_length=100)
    certainty_below: Chance | None = None
    certainty_above: Chance | None = None
    reviewed: Literal["me", "not-me", "disagreement"] | None = None
    referred: bool | None = None
    reason: list[Annotated[str, Field(max_length=100)]] = Field(default=[], max_length=100)
    answered: bool | None = None
    offset: int = Field(default=0, ge=0, le=10_000_000)
    limit: int = Field(default=100, ge=1, le=500)


class GivenForm(BaseModel):
    """A verdict to be given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"kind": "correct", "label": "LSIL", "note": "koilocyte"}},
    )
    kind: Literal["agree", "correct", "unsure"]
    label: str | None = None
    note: str = ""


class HistoryForm(Form):
    """The verdicts on a picture."""

    hidden: bool
    verdicts: list[VerdictForm]


class UndoneForm(Form):
    """What undoing left."""

    image_id: str
    standing: VerdictForm | None

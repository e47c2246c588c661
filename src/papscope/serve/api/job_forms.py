"""How jobs and their results look as JSON.

Takes   records of jobs and results
Gives   pydantic models, with examples for OpenAPI
Never   reads the database
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from papscope.rules import REASONS
from papscope.serve.api.problems import Problem
from papscope.serve.job_views import JobView, RefusedFile, Result
from papscope.serve.referral import sentences

State = Literal["waiting", "running", "done", "cancelled", "failed"]

_JOB: dict[str, Any] = {
    "id": "9f" * 16,
    "number": 12,
    "case_id": "3c" * 16,
    "state": "running",
    "model": "cric-bethesda",
    "model_digest": "5b1f" * 16,
    "total": 2000,
    "answered": 640,
    "failed": 2,
    "why": None,
    "created_at": "2026-03-02T09:30:00Z",
    "ended_at": None,
}


class JobForm(BaseModel):
    """How a job stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [_JOB]})
    id: str
    number: int
    case_id: str
    state: State
    model: str
    model_digest: str
    total: int
    """Pictures that were taken in."""
    answered: int
    """Pictures with an answer."""
    failed: int
    """Pictures that the model could not answer for."""
    why: str | None
    """Why it does not go on."""
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, job: JobView) -> JobForm:
        """Give a job's form."""
        return cls.model_validate(_plain(job))


class RefusedForm(BaseModel):
    """A file that was sent and not taken in."""

    name: str
    code: str
    reason: str


class JobDetail(JobForm):
    """How a job stands, and which files were not taken in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_JOB,
                    "refused": [
                        {
                            "name": "notes.txt",
                            "code": "not-an-image",
                            "reason": "notes.txt is not a picture",
                        }
                    ],
                }
            ]
        }
    )
    refused: list[RefusedForm]

    @classmethod
    def with_refused(cls, job: JobView, refused: Sequence[RefusedFile]) -> JobDetail:
        """Give a job's form, with its refused files."""
        files = [{"name": r.name, "code": r.code, "reason": r.reason} for r in refused]
        return cls.model_validate({**_plain(job), "refused": files})


class JobList(BaseModel):
    """Some jobs, the newest first."""

    jobs: list[JobForm]
    next: int | None
    """What to give as `before` for those that follow; null at the end."""


class ResultForm(BaseModel):
    """What came of one picture."""

    number: int
    image_id: str
    name: str
    label: str | None
    probability: float | None
    abnormal: float | None
    risk: float | None
    certainty: float | None
    probabilities: dict[str, float] | None
    labels: list[str] | None
    """The prediction set; null where the model has no rule for sets."""
    refer: list[str] | None
    """Codes of why a person must see it; empty where no rule asks for that, null without rules."""
    reasons: list[str] | None
    """The same in sentences."""
    strangeness: float | None
    """Above 1 it is unlike all that was learned from; null where the model has no gate."""
    error: Problem | None

    @classmethod
    def of(cls, one: Result) -> ResultForm:
        """Give a result's form."""
        error = None
        if one.failure is not None:
            hint = "look at the picture, and send another one"
            error = Problem(code=one.failure, what=one.reason or one.failure, hint=hint)
        return cls(
            number=one.number,
            image_id=one.image_id,
            name=one.name,
            label=one.label,
            probability=one.probability,
            abnormal=one.abnormal,
            risk=one.risk,
            certainty=one.certainty,
            probabilities=None if one.probabilities is None else dict(one.probabilities),
            labels=None if one.labels is None else list(one.labels),
            refer=None if one.refer is None else list(one.refer),
            reasons=None if one.refer is None else list(sentences(one.refer) or ()),
            strangeness=one.strangeness,
            error=error,
        )


class ResultList(BaseModel):
    """Some results, in the order in which they came."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "state": "running",
                    "results": [
                        {
                            "number": 641,
                            "image_id": "7e" * 16,
                            "name": "cell-0641.png",
                            "label": "LSIL",
                            "probability": 0.71,
                            "abnormal": 0.9,
                            "risk": 0.41,
                            "certainty": 0.47,
                            "probabilities": {"NILM": 0.1, "LSIL": 0.71, "HSIL": 0.19},
                            "labels": ["LSIL", "HSIL"],
                            "refer": ["several-classes"],
                            "reasons": [REASONS["several-classes"]],
                            "strangeness": 0.4,
                            "error": None,
                        }
                    ],
                    "after": 641,
                }
            ]
        }
    )
    state: State
    """The job's, before these results were read: when it is over and none are left, that is all."""
    results: list[ResultForm]
    after: int
    """What to give as `after` for those that follow."""


def _plain(job: JobView) -> dict[str, Any]:
    return {name: getattr(job, name) for name in JobForm.model_fields}

"""How jobs stand, and what has come of their pictures so far.

Takes   the database
Gives   frozen records of jobs and of results, in an order that no clock can change
Never   changes anything
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from papscope.serve.jobs import no_job
from papscope.serve.store.database import Database
from papscope.serve.store.tables import Answered, CaseImage, Job, Refused


@dataclass(frozen=True, slots=True)
class JobView:
    """How a job stands."""

    number: int
    id: str
    case_id: str
    state: str
    model: str
    model_digest: str
    total: int
    """Pictures that were taken in."""
    answered: int
    """Pictures with an answer."""
    failed: int
    """Pictures that the model could not answer for."""
    why: str | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ("done", "cancelled", "failed")


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that was sent with a job and not taken in."""

    name: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one picture."""

    number: int
    """Grows with each result: where a reader goes on."""
    image_id: str
    name: str
    label: str | None
    probability: float | None
    abnormal: float | None
    risk: float | None
    certainty: float | None
    probabilities: Mapping[str, Any] | None
    labels: Sequence[str] | None
    refer: Sequence[str] | None
    """Keys of `rules.REASONS`; None where the model has no rules."""
    strangeness: float | None
    failure: str | None
    reason: str | None


def job_of(database: Database, job_id: str) -> JobView:
    """Give how a job stands.

    Raises:
        NotFound: there is no such job.
    """
    with database.reading() as session:
        job = session.scalar(select(Job).where(Job.id == job_id))
        if job is None:
            raise no_job()
        return _views(session, [job])[0]


def refused_of(database: Database, job_id: str) -> list[RefusedFile]:
    """Give the files that were sent with a job and not taken in, in order."""
    with database.reading() as session:
        rows = session.execute(
            select(Refused.name, Refused.code, Refused.reason)
            .where(Refused.job_id == job_id)
            .order_by(Refused.id)
        )
        return [RefusedFile(*row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which jobs of a long list are asked for."""

    before: int | None = None
    """Only those with a smaller number; None begins with the newest."""
    limit: int = 50
    case_id: str | None = None
    state: str | None = None


def jobs_of(database: Database, page: Page) -> list[JobView]:
    """Give jobs, the newest first."""
    wanted = select(Job).order_by(Job.number.desc()).limit(page.limit)
    if page.before is not None:
        wanted = wanted.where(Job.number < page.before)
    if page.case_id is not None:
        wanted = wanted.where(Job.case_id == page.case_id)
    if page.state is not None:
        wanted = wanted.where(Job.state == page.state)
    with database.reading() as session:
        return _views(session, session.scalars(wanted).all())


def _views(session: Session, jobs: Sequence[Job]) -> list[JobView]:
    # Counts of answers are of all that was committed together with the marks of what is open.
    rows = session.execute(
        select(Answered.job_id, func.count(Answered.label), func.count(Answered.failure))
        .where(Answered.job_id.in_([job.id for job in jobs]))
        .group_by(Answered.job_id)
    )
    counts = {job_id: (good, bad) for job_id, good, bad in rows}
    return [
        JobView(
            job.number,
            job.id,
            job.case_id,
            job.state,
            job.model,
            job.model_digest,
            job.total,
            *counts.get(job.id, (0, 0)),
            job.why,
            job.created_at,
            job.ended_at,
        )
        for job in jobs
    ]


def results_of(database: Database, job_id: str, after: int, limit: int) -> list[Result]:
    """Give what has come of a job's pictures after a number, in the order in which it came.

    Raises:
        NotFound: there is no such job.
    """
    with database.reading() as session:
        if session.scalar(select(Job.number).where(Job.id == job_id)) is None:
            raise no_job()
        rows = session.execute(
            select(
                Answered.number,
                Answered.image_id,
                CaseImage.name,
                Answered.label,
                Answered.probability,
                Answered.abnormal,
                Answered.risk,
                Answered.certainty,
                Answered.probabilities,
                Answered.labels,
                Answered.refer,
                Answered.strangeness,
                Answered.failure,
                Answered.reason,
            )
            .join(CaseImage, CaseImage.id == Answered.image_id)
            .where(Answered.job_id == job_id, Answered.number > after)
            .order_by(Answered.number)
            .limit(limit)
        )
        return [Result(*row) for row in rows]

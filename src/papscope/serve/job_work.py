"""A job's work, a few pictures at a time: what is open, and how answers are written down.

Takes   the database, and what a model says
Gives   open pictures of one job; answers, in one transaction with their entries in the log
Never   answers a picture of a job twice, or one of a job that is over
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from papscope.decision import Answer
from papscope.predict.predictor import Outcome, Prediction
from papscope.serve.audit import Event, record
from papscope.serve.models import Model, Models
from papscope.serve.referral import noted
from papscope.serve.risk import certainty, risk
from papscope.serve.store.database import Database
from papscope.serve.store.tables import Account, Answered, CaseImage, Job, JobItem

Progress = Literal["running", "done", "over"]
"""`over`: it was cancelled, or its case deleted, and nothing was written."""


@dataclass(frozen=True, slots=True)
class Item:
    """A picture that is to be answered for."""

    image_id: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Work:
    """A few open pictures of one job."""

    number: int
    """The job's."""
    job_id: str
    case_id: str
    who: str
    """Who has sent it."""
    model: Model
    items: tuple[Item, ...]


Refusal: TypeAlias = tuple[str, str]
"""A finding's code, and the reason in words."""


def open_jobs(session: Session, after: int) -> Sequence[tuple[Job, str]]:
    """Give the jobs that are not over and who sent them: those after a number, then the others."""
    rows = session.execute(
        select(Job, Account.name)
        .join(Account, Account.id == Job.created_by)
        .where(Job.state.in_(("waiting", "running")))
        .order_by(Job.number <= after, Job.number)
    )
    return [(job, who) for job, who in rows]


def next_work(
    database: Database, models: Models, after: int, busy: Collection[tuple[str, str]]
) -> Work | None:
    """Give work of the next job that has any: each in its turn.

    Args:
        database: where jobs are.
        models: those that answer here; a job of another one waits.
        after: the number of the job that had its turn last.
        busy: the job and picture of what is at work already.

    Raises:
        StoreError: the database cannot be used.
    """
    with database.reading() as session:
        for job, who in open_jobs(session, after):
            model = models.of_digest(job.model_digest)
            if model is None:
                continue
            taken = [image for owner, image in busy if owner == job.id]
            rows = session.execute(
                select(CaseImage.id, CaseImage.name, CaseImage.digest)
                .join(JobItem, JobItem.image_id == CaseImage.id)
                .where(
                    JobItem.job_id == job.id,
                    JobItem.answered.is_(False),
                    CaseImage.id.not_in(taken),
                )
                .order_by(CaseImage.place)
                .limit(2 * model.predictor.engine.at_once)
            )
            items = tuple(Item(*row) for row in rows)
            if items:
                return Work(job.number, job.id, job.case_id, who, model, items)
    return None


def tell_stranded(database: Database, models: Models) -> None:
    """Write down of each open job whether it waits for a model that does not answer here.

    Raises:
        StoreError: the database cannot be used.
    """
    digests = {one.digest for one in models}
    with database.transaction() as session:
        for job, _ in open_jobs(session, 0):
            why = None
            if job.model_digest not in digests:
                why = (
                    f"waits for the model {job.model} ({job.model_digest[:12]}), which does not "
                    "answer here now: start the service with it, or cancel the job"
                )
            if job.why != why:
                job.why = why


def write(
    database: Database, work: Work, said: Mapping[str, Outcome | Refusal], now: datetime
) -> Progress:
    """Write down what was said of pictures, each once, and whether the job is done.

    It may be called again with the same, where nobody knows what became of the first time.

    Args:
        database: where jobs are.
        work: what was asked.
        said: for each picture's id, what came of it.
        now: the time.

    Raises:
        StoreError: the database cannot be used; nothing was written.
    """
    with database.transaction() as session:
        job = session.scalar(select(Job).where(Job.id == work.job_id).with_for_update())
        if job is None or job.state not in ("waiting", "running"):
            return "over"
        ours = (JobItem.job_id == work.job_id) & JobItem.image_id.in_(said)
        left = (JobItem.job_id == work.job_id) & JobItem.answered.is_(False)
        fresh = set(session.scalars(select(JobItem.image_id).where(ours, left)))
        items = [one for one in work.items if one.image_id in fresh]
        if items:
            rows = [_row(work, one, said[one.image_id], now) for one in items]
            session.execute(insert(Answered), rows)
            session.execute(update(JobItem).where(ours).values(answered=True))
        more = session.scalar(select(JobItem.image_id).where(left).limit(1)) is not None
        job.state, job.why = ("running" if more else "done"), None
        job.ended_at = None if more else now
        session.flush()
        if items:
            record(session, now, *(_event(work, one, said[one.image_id]) for one in items))
    return "running" if more else "done"


_NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "label", "probability", "abnormal", "risk", "certainty", "probabilities", "labels", "refer",
        "strangeness", "failure", "reason",
    )
)  # fmt: skip


def _row(work: Work, item: Item, said: Outcome | Refusal, now: datetime) -> dict[str, Any]:
    row = {**_NOTHING, "job_id": work.job_id, "image_id": item.image_id, "answered_at": now}
    if isinstance(said, Prediction):
        return row | _told(work.model, said.answer)
    code, reason = _why(said)
    return {**row, "failure": code, "reason": reason}


def _told(model: Model, answer: Answer) -> dict[str, Any]:
    return {
        "label": answer.label,
        "probability": answer.probability,
        "abnormal": answer.abnormal,
        "risk": risk(answer, model.predictor.about.classes),
        "certainty": certainty(answer),
        "probabilities": dict(answer.probabilities),
        "labels": None if answer.labels is None else list(answer.labels),
        "refer": answer.refer,
        "strangeness": answer.strangeness,
    }


def _why(said: Outcome | Refusal) -> Refusal:
    if isinstance(said, tuple):
        return said
    assert not isinstance(said, Prediction)  # its callers have seen to those
    return said.error.reason, str(said.error)


def _event(work: Work, item: Item, said: Outcome | Refusal) -> Event:
    details: dict[str, Any] = {"job": work.job_id, "image": item.image_id}
    if isinstance(said, Prediction):
        details |= noted(said.answer)
    else:
        details["failure"] = _why(said)[0]
    return Event(
        what="predicted" if isinstance(said, Prediction) else "not-predicted",
        who=work.who,
        case_id=work.case_id,
        image_digest=item.digest,
        model_digest=work.model.digest,
        details=details,
    )

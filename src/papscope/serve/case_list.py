"""Cases as a list shows them: how many pictures, how far the model is, how far the readers are.

Takes   the database, and who asks
Gives   frozen records
Never   says of an open case what anybody's verdict is, only that there is one
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from papscope.serve.cases import the_case
from papscope.serve.gallery import class_counts
from papscope.serve.models import Model
from papscope.serve.newest import classes_of_case, is_newest
from papscope.serve.people import Person
from papscope.serve.promises import promises
from papscope.serve.referral import Referral, referral_of
from papscope.serve.services import Services
from papscope.serve.store.tables import Account, Answered, Case, CaseImage, Job, Refused, Verdict
from papscope.taxonomy import CellClass


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownJob:
    """A model's work on a case, and how far it is."""

    id: str
    model: str
    model_digest: str
    state: str
    total: int
    answered: int
    failed: int
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSummary:
    """A case in a list."""

    id: str
    title: str
    um_per_px: float | None
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    images: int
    answered: int
    failed: int
    refused: int
    reviewed: int
    reviewed_by_me: int
    jobs: tuple[ShownJob, ...]
    """The newest first."""

    @property
    def closed(self) -> bool:
        """Whether its verdicts are frozen, for all to see."""
        return self.closed_at is not None

    @property
    def state(self) -> str:
        """What its jobs do, taken together."""
        states = [job.state for job in self.jobs]
        busy = next((one for one in ("running", "waiting") if one in states), None)
        return busy or (states[0] if states else "empty")

    @property
    def progress(self) -> float | None:
        """How much of what is to be answered has been, 0..1; None where nothing is."""
        counted = [job for job in self.jobs if job.state in ("waiting", "running", "done")]
        total = sum(job.total for job in counted)
        done = sum(job.answered + job.failed for job in counted)
        return min(1.0, done / total) if total else None


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A model that answered in a case."""

    name: str
    digest: str
    available: bool
    """Whether it answers here still."""
    promises: tuple[str, ...]
    """What its rules promise; none where it does not answer here any more."""


@dataclass(frozen=True, slots=True)
class ShownRefusal:
    """A file that was sent and not taken in."""

    name: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReaderCount:
    """A reader, and on how many pictures the reader's verdict stands."""

    name: str
    read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCase:
    """A case by itself."""

    summary: CaseSummary
    models: tuple[ShownModel, ...]
    classes: tuple[CellClass, ...]
    counts: Mapping[str, int]
    referral: Referral
    refused_files: tuple[ShownRefusal, ...]
    readers: tuple[ReaderCount, ...]


def shown_cases(
    services: Services, person: Person, *, offset: int = 0, limit: int = 100
) -> tuple[int, tuple[CaseSummary, ...]]:
    """Give how many cases there are, and a page of them, the newest first."""
    with services.database.reading() as session:
        total = session.scalar(select(func.count(Case.id))) or 0
        newest = select(Case).order_by(Case.created_at.desc(), Case.id)
        found = session.scalars(newest.offset(offset).limit(limit)).all()
        return total, _summaries(session, found, person)


def shown_case(services: Services, case_id: str, person: Person) -> ShownCase:
    """Give one case.

    Raises:
        NotFound: there is no such case.
    """
    with services.database.reading() as session:
        return read_case(session, services, case_id, person)


def read_case(session: Session, services: Services, case_id: str, person: Person) -> ShownCase:
    """Give one case, by a session that its caller reads on with.

    Raises:
        NotFound: there is no such case.
    """
    (summary,) = _summaries(session, [the_case(session, case_id)], person)
    models = {job.model_digest: job.model for job in summary.jobs}
    files = session.scalars(select(Refused).where(Refused.case_id == case_id).order_by(Refused.id))
    readers = session.execute(
        _of_verdicts(select(Account.name, func.count(Verdict.id)))
        .join(Account, Account.id == Verdict.account_id)
        .where(CaseImage.case_id == case_id)
        .group_by(Account.name)
        .order_by(Account.name)
    )
    return ShownCase(
        summary=summary,
        models=tuple(
            _model(services.models.of_digest(digest), name, digest)
            for digest, name in models.items()
        ),
        classes=classes_of_case(session, services.models, case_id),
        counts=class_counts(session, services, case_id)[0],
        referral=referral_of(session, case_id),
        refused_files=tuple(ShownRefusal(one.name, one.code, one.reason) for one in files),
        readers=tuple(ReaderCount(name, read) for name, read in readers),
    )


def _model(model: Model | None, name: str, digest: str) -> ShownModel:
    told = () if model is None else promises(model.predictor.about)
    return ShownModel(name, digest, model is not None, told)


def _summaries(session: Session, found: Sequence[Case], person: Person) -> tuple[CaseSummary, ...]:
    ids = [one.id for one in found]
    makers = _pairs(session, select(Account.id, Account.name))
    pictures = _pictures(session, ids)
    refused = _by_case(session, Refused, func.count(Refused.id), ids)
    mine = Verdict.account_id == person.id
    read = _pairs(session, _read(ids))
    read_by_me = _pairs(session, _read(ids).where(mine))
    jobs = _jobs(session, ids)
    return tuple(
        CaseSummary(
            id=one.id,
            title=one.title,
            um_per_px=one.um_per_px,
            created_at=one.created_at,
            created_by=makers.get(one.created_by, ""),
            closed_at=one.closed_at,
            images=pictures.get(one.id, (0, 0, 0))[0],
            answered=pictures.get(one.id, (0, 0, 0))[1],
            failed=pictures.get(one.id, (0, 0, 0))[2],
            refused=refused.get(one.id, 0),
            reviewed=read.get(one.id, 0),
            reviewed_by_me=read_by_me.get(one.id, 0),
            jobs=tuple(jobs.get(one.id, ())),
        )
        for one in found
    )


def _pairs(session: Session, chosen: Select[Any, Any]) -> dict[Any, Any]:
    return {row[0]: row[1] for row in session.execute(chosen)}


def _by_case(
    session: Session, table: type[Refused], counted: ColumnElement[int], ids: Sequence[str]
) -> dict[Any, Any]:
    chosen = select(table.case_id, counted).where(table.case_id.in_(ids)).group_by(table.case_id)
    return _pairs(session, chosen)


def _pictures(session: Session, ids: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    rows = session.execute(
        select(
            CaseImage.case_id,
            func.count(CaseImage.id),
            func.count(Answered.label),
            func.count(Answered.failure),
        )
        .outerjoin(Answered, (Answered.image_id == CaseImage.id) & is_newest())
        .where(CaseImage.case_id.in_(ids))
        .group_by(CaseImage.case_id)
    )
    return {case_id: (images, answered, failed) for case_id, images, answered, failed in rows}


def _of_verdicts(chosen: Select[Any, Any]) -> Select[Any, Any]:
    joined = chosen.select_from(Verdict).join(CaseImage, CaseImage.id == Verdict.image_id)
    return joined.where(Verdict.withdrawn_at.is_(None))


def _read(ids: Sequence[str]) -> Select[Any, Any]:
    counted = select(CaseImage.case_id, func.count(func.distinct(Verdict.image_id)))
    return _of_verdicts(counted).where(CaseImage.case_id.in_(ids)).group_by(CaseImage.case_id)


def _jobs(session: Session, ids: Sequence[str]) -> dict[str, list[ShownJob]]:
    answered = func.count(Answered.label)
    failed = func.sum(case((Answered.failure.is_not(None), 1), else_=0))
    rows = session.execute(
        select(Job, answered, failed)
        .outerjoin(Answered, Answered.job_id == Job.id)
        .where(Job.case_id.in_(ids))
        .group_by(Job.number)
        .order_by(Job.number.desc())
    )
    found: dict[str, list[ShownJob]] = {}
    for job, good, bad in rows:
        found.setdefault(job.case_id, []).append(
            ShownJob(
                id=job.id,
                model=job.model,
                model_digest=job.model_digest,
                state=job.state,
                total=job.total,
                answered=good,
                failed=bad or 0,
                why=job.why,
            )
        )
    return found

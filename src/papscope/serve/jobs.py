"""Jobs: uploads that the service has taken on, and will answer for whatever happens.

Takes   files as they were sent
Gives   a case with pictures, and a job that answers for them, when all of it is on the disk
Never   says that a job was taken on before it is, or keeps half of one
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO
from uuid import uuid4

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from papscope.errors import (
    Busy,
    Conflict,
    NotAllowed,
    NotFound,
    UploadError,
)
from papscope.serve import typed
from papscope.serve.arrivals import arriving
from papscope.serve.audit import Event, record
from papscope.serve.models import Model
from papscope.serve.people import Person
from papscope.serve.services import Services
from papscope.serve.store.tables import Case, CaseImage, Job, JobItem, Refused
from papscope.serve.storing import Kept, NotKept, Stored, stored
from papscope.serve.wanted import Wanted

ACTIVE = ("waiting", "running")
"""The states of jobs that are not over."""

_MOST_TOLD = 5
_WAIT_SECONDS = 600


def earlier(services: Services, person: Person, wanted: Wanted) -> str | None:
    """Give the id of the job that the same sender has sent by the same key; None without one.

    Raises:
        StoreError: the database cannot be used.
    """
    key = wanted.key_of(person)
    if key is None:
        return None
    with services.database.reading() as session:
        return session.scalar(select(Job.id).where(Job.request_key == key))


def refuse_more(services: Services, wanted: Wanted) -> None:
    """Make sure, before anything is read, that one more job can be taken on.

    Raises:
        Busy: too many are open.
        NotFound: there is no such case or model.
        Conflict: the case is closed.
        StoreError: the database cannot be used.
    """
    services.models.named(wanted.model)
    with services.database.reading() as session:
        _refuse_more(services, session)
        if wanted.case_id is not None:
            _open_case(session, wanted.case_id)


def _refuse_more(services: Services, session: Session) -> None:
    active = Job.state.in_(ACTIVE)
    count = session.scalar(select(func.count()).select_from(Job).where(active)) or 0
    if count < services.settings.limits.jobs:
        return
    fewest = (
        select(func.count().label("left"))
        .join_from(JobItem, Job, Job.id == JobItem.job_id)
        .where(active, JobItem.answered.is_(False))
        .group_by(Job.id)
        .subquery()
    )
    left = session.scalar(select(func.min(fewest.c.left))) or 1
    seconds = min(_WAIT_SECONDS, max(1, round(left * count / services.batcher.rate)))
    raise Busy(
        f"{count} jobs are open, and {services.settings.limits.jobs} may be",
        hint=f"ask again in {seconds} s",
        retry_after=seconds,
    )


def accept(
    services: Services, person: Person, wanted: Wanted, files: Iterable[tuple[str, BinaryIO]]
) -> str:
    """Take a job on, and give its id; from then on nothing but its cancelling ends it early.

    Raises:
        UploadError: none of the files can be used, or an archive is hostile.
        DiskError: the disk is full; nothing is kept.
        Conflict: the same sender's upload with this key is being taken in right now.
        StoreError, Busy, NotFound: as for `refuse_more`.
    """
    model = services.models.named(wanted.model)
    with services.runner.alone(wanted.key_of(person)):
        known = earlier(services, person, wanted)
        if known is not None:
            return known
        with arriving(services.images, services.database) as arrivals:
            found = list(stored(services, arrivals, files))
            if not any(isinstance(one, Kept) for one in found):
                raise _nothing(found)
            arrivals.settle()
            job_id = _commit(services, person, wanted, model, found)
    services.runner.wake()
    return job_id


def _nothing(found: Sequence[Stored]) -> UploadError:
    reasons = [one.reason for one in found if isinstance(one, NotKept)]
    more = f"; and {len(reasons) - _MOST_TOLD} more" if len(reasons) > _MOST_TOLD else ""
    told = "; ".join(reasons[:_MOST_TOLD]) or "there is no picture in it"
    return UploadError(
        f"nothing in this upload can be used: {told}{more}",
        hint="send BMP, JPEG, PNG, TIFF or WebP, or zip archives of them",
    )


def _commit(
    services: Services, person: Person, wanted: Wanted, model: Model, found: Sequence[Stored]
) -> str:
    """Write all rows of a job, or none."""
    now, events = services.clock(), []
    kept = [one for one in found if isinstance(one, Kept)]
    refused = [one for one in found if isinstance(one, NotKept)]
    job = Job(
        id=uuid4().hex,
        model=model.name,
        model_digest=model.digest,
        state="waiting",
        total=len(kept),
        request_key=wanted.key_of(person),
        created_at=now,
        created_by=person.id,
    )
    with services.database.transaction() as session:
        _refuse_more(services, session)
        if wanted.case_id is None:
            job.case_id = _new_case(services, session, person, wanted)
            events.append(Event(what="case-made", who=person.name, case_id=job.case_id))
        else:
            job.case_id = wanted.case_id
            _open_case(session, job.case_id, lock=True)
        session.add(job)
        session.flush()
        _add_pictures(session, job, kept)
        _add_refused(session, job, refused)
        record(session, now, *events, _accepted(job, person, len(refused)))
    return job.id


def _accepted(job: Job, person: Person, refused: int) -> Event:
    return Event(
        what="job-accepted",
        who=person.name,
        case_id=job.case_id,
        model_digest=job.model_digest,
        details={"job": job.id, "pictures": job.total, "refused": refused},
    )


def _new_case(services: Services, session: Session, person: Person, wanted: Wanted) -> str:
    now = services.clock()
    title = typed.title(wanted.title or f"Upload of {now:%Y-%m-%d %H:%M} UTC")
    case = Case(
        id=uuid4().hex,
        title=title,
        um_per_px=wanted.um_per_px,
        created_at=now,
        created_by=person.id,
    )
    session.add(case)
    session.flush()
    return case.id


def _open_case(session: Session, case_id: str, *, lock: bool = False) -> None:
    """Make sure that a case is there and takes pictures; lock it, so that places follow."""
    case = session.get(Case, case_id, with_for_update=lock or None)
    if case is None:
        raise NotFound("there is no such case", hint="take its id from GET /v1/cases")
    if case.closed_at is not None:
        raise Conflict("the case is closed", hint="let an administrator open it again")


def _add_pictures(session: Session, job: Job, kept: Sequence[Kept]) -> None:
    last = session.scalar(select(func.max(CaseImage.place)).where(CaseImage.case_id == job.case_id))
    first = 0 if last is None else last + 1
    rows: list[dict[str, Any]] = [
        {
            "id": uuid4().hex,
            "case_id": job.case_id,
            "place": place,
            "name": one.name,
            "digest": one.digest,
            "width": one.width,
            "height": one.height,
        }
        for place, one in enumerate(kept, start=first)
    ]
    session.execute(insert(CaseImage), rows)
    items = [{"job_id": job.id, "image_id": row["id"], "answered": False} for row in rows]
    session.execute(insert(JobItem), items)


def _add_refused(session: Session, job: Job, refused: Sequence[NotKept]) -> None:
    ours = {"case_id": job.case_id, "job_id": job.id}
    rows = [{**ours, "name": one.name, "code": one.code, "reason": one.reason} for one in refused]
    if rows:
        session.execute(insert(Refused), rows)


def cancel(services: Services, person: Person, job_id: str) -> None:
    """End a job early; what it has answered stays. Nothing happens to one that was cancelled.

    Raises:
        NotFound: there is no such job.
        NotAllowed: neither the person's own job nor an administrator asks.
        Conflict: it has ended already.
    """
    now = services.clock()
    with services.database.transaction() as session:
        job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
        if job is None:
            raise no_job()
        if job.created_by != person.id and not person.may("admin"):
            raise NotAllowed("it is somebody else's job", hint="ask an administrator")
        if job.state == "cancelled":
            return
        if job.state not in ACTIVE:
            raise Conflict(f"the job is {job.state} already", hint="there is nothing to cancel")
        job.state, job.ended_at = "cancelled", now
        session.flush()
        details = {"job": job_id}
        event = Event(what="job-cancelled", who=person.name, case_id=job.case_id, details=details)
        record(session, now, event)
    services.runner.changed(job_id)


def no_job() -> NotFound:
    """Give the error that tells of a job that is not there."""
    return NotFound("there is no such job", hint="take its id from GET /v1/jobs")

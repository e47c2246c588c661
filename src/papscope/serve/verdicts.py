"""Verdicts: what people say of pictures, given, taken back, and never changed.

Takes   a person, a picture, and whether the person agrees, corrects, or cannot tell
Gives   one standing verdict of each person on each picture, and all that were taken back
Never   changes or removes a row, or lets a frozen case be read on

Giving a verdict withdraws the person's former one; undoing withdraws the last, and puts the one
before back as a copy, so that the order of rows is the order of what was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from papscope.errors import Conflict, NotFound, SettingError
from papscope.serve import typed
from papscope.serve.audit import Event, record
from papscope.serve.blindness import is_informed, refuse_closed
from papscope.serve.models import Models
from papscope.serve.newest import classes_of_case, classes_of_model, newest_answer
from papscope.serve.people import Person
from papscope.serve.services import Services
from papscope.serve.store.tables import Answered, Case, CaseImage, Job, Verdict

Kind = Literal["agree", "correct", "unsure"]
"""Agrees with the model; says which class it is instead; cannot tell."""


@dataclass(frozen=True, slots=True)
class Given:
    """A verdict as somebody gives it."""

    kind: Kind
    label: str | None = None
    """The class, for `correct` alone."""
    note: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise SettingError(f"no verdict is called {self.kind!r}", hint="agree, correct, unsure")
        if (self.label is not None) != (self.kind == "correct"):
            raise SettingError(
                "a label goes with `correct`, and with nothing else",
                hint="name the class that you say it is, or agree",
            )


@dataclass(frozen=True, slots=True)
class _Place:
    """A picture that a person gives a verdict on, held until the transaction ends."""

    case: Case
    image: CaseImage
    answer: Answered | None
    model_digest: str | None

    def event(self, what: str, person: Person, verdict: Verdict) -> Event:
        return Event(
            what=what,
            who=person.name,
            case_id=self.case.id,
            image_digest=self.image.digest,
            model_digest=self.model_digest,
            details={
                "verdict": verdict.id,
                "kind": verdict.kind,
                "label": verdict.label,
                "informed": verdict.informed,
                "restores": verdict.restores_id,
            },
        )


def give(services: Services, image_id: str, person: Person, given: Given) -> None:
    """Give a verdict, which takes the place of the person's former one; the same again is none.

    Raises:
        NotFound: there is no such picture.
        Conflict: the case is closed, or there is no answer to agree with.
        SettingError: the label is none of the classes, or the note is too long.
    """
    note, now = typed.note(given.note), services.clock()
    with services.database.transaction() as session:
        place = _held(session, image_id)
        label = _label(session, services.models, place, given)
        answer = None if place.answer is None else place.answer.number
        events, standing = [], _standing(session, image_id, person)
        if standing is not None:
            said = (standing.kind, standing.label, standing.note, standing.answer_number)
            if said == (given.kind, label, note, answer):
                return
            standing.withdrawn_at = now
            session.flush()  # one alone may stand
            events.append(place.event("verdict-withdrawn", person, standing))
        verdict = Verdict(
            image_id=image_id,
            account_id=person.id,
            kind=given.kind,
            label=label,
            note=note,
            answer_number=answer,
            informed=is_informed(session, place.case, image_id, person),
            before_id=None if standing is None else standing.id,
            given_at=now,
        )
        session.add(verdict)
        session.flush()
        record(session, now, *events, place.event("verdict-given", person, verdict))


def undo(services: Services, image_id: str, person: Person) -> None:
    """Take the person's last verdict on a picture back, and put the one before in its place.

    Raises:
        NotFound: there is no such picture.
        Conflict: the case is closed, or there is nothing to take back.
    """
    with services.database.transaction() as session:
        _undo(services, session, image_id, person)


def undo_last(services: Services, case_id: str, person: Person) -> str:
    """Take back what the person did last in a case, and give the picture's id.

    Raises:
        NotFound: there is no such case.
        Conflict: the case is closed, or there is nothing to take back.
    """
    with services.database.transaction() as session:
        if session.get(Case, case_id) is None:
            raise no_case()
        image_id = session.scalar(
            select(Verdict.image_id)
            .join(CaseImage, CaseImage.id == Verdict.image_id)
            .where(
                CaseImage.case_id == case_id,
                Verdict.account_id == person.id,
                Verdict.withdrawn_at.is_(None),
            )
            .order_by(func.coalesce(Verdict.restores_id, Verdict.id).desc())
            .limit(1)
        )
        if image_id is None:
            raise _nothing()
        _undo(services, session, image_id, person)
        return image_id


def _undo(services: Services, session: Session, image_id: str, person: Person) -> None:
    place, now = _held(session, image_id), services.clock()
    standing = _standing(session, image_id, person)
    if standing is None:
        raise _nothing()
    standing.withdrawn_at = now
    session.flush()
    events = [place.event("verdict-withdrawn", person, standing)]
    if standing.before_id is not None:
        before = session.get_one(Verdict, standing.before_id)
        again = Verdict(
            image_id=image_id,
            account_id=person.id,
            kind=before.kind,
            label=before.label,
            note=before.note,
            answer_number=before.answer_number,
            informed=is_informed(session, place.case, image_id, person),
            before_id=before.before_id,
            restores_id=before.restores_id or before.id,
            given_at=now,
        )
        session.add(again)
        session.flush()
        events.append(place.event("verdict-given", person, again))
    record(session, now, *events)


def _held(session: Session, image_id: str) -> _Place:
    case_id = session.scalar(select(CaseImage.case_id).where(CaseImage.id == image_id))
    if case_id is None:
        raise no_image()
    # The case first, as whoever closes or deletes it does: two that wait for each other never end.
    case = session.get(Case, case_id, with_for_update={"read": True})
    image = session.get(CaseImage, image_id, with_for_update=True)
    if case is None or image is None:
        raise no_image()
    refuse_closed(case)
    answer = newest_answer(session, image_id)
    asked = None if answer is None else answer.job_id
    digest = session.scalar(select(Job.model_digest).where(Job.id == asked))
    return _Place(case, image, answer, digest)


def _standing(session: Session, image_id: str, person: Person) -> Verdict | None:
    return session.scalar(
        select(Verdict).where(
            Verdict.image_id == image_id,
            Verdict.account_id == person.id,
            Verdict.withdrawn_at.is_(None),
        )
    )


def _label(session: Session, models: Models, place: _Place, given: Given) -> str | None:
    if given.kind == "unsure":
        return None
    if given.kind == "agree":
        if place.answer is None or place.answer.label is None:
            raise Conflict(
                "there is no answer to agree with",
                hint="say which class it is, or that you cannot tell",
            )
        return place.answer.label
    if place.answer is None:
        classes = classes_of_case(session, models, place.case.id)
    else:
        told = place.answer.probabilities
        classes = classes_of_model(models, place.model_digest, told)
    names = [one.name for one in classes]
    if given.label not in names:
        raise SettingError(
            f"{str(given.label)[:80]!r} is none of the classes", hint=f"one of {', '.join(names)}"
        )
    return given.label


def no_case() -> NotFound:
    """Say that there is no such case."""
    return NotFound("there is no such case", hint="it may have been deleted; list the cases")


def no_image() -> NotFound:
    """Say that there is no such picture."""
    return NotFound("there is no such picture", hint="its case may have been deleted")


def _nothing() -> Conflict:
    return Conflict("there is no verdict of yours to take back", hint="give one first")

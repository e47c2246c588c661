"""What a case's report says, gathered once for all its forms.

Takes   a case, how many pictures to show, and who asks
Gives   one frozen record of plain values
Never   reads a picture's pixels, or shows a verdict that the asker may not see
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from papscope import __version__
from papscope.readings import reading_of
from papscope.serve.agreement import Agreement, read_agreement
from papscope.serve.blindness import visible_to
from papscope.serve.case_list import ShownCase, ShownRefusal, read_case
from papscope.serve.cases import the_case
from papscope.serve.gallery import worst_first
from papscope.serve.newest import is_newest
from papscope.serve.people import Person
from papscope.serve.referral import sentences
from papscope.serve.reporting import words
from papscope.serve.reporting.facts import ModelFacts, model_facts
from papscope.serve.services import Services
from papscope.serve.shown import ShownImage, shown_images, with_answers
from papscope.serve.store.tables import Account, Answered, CaseImage, Verdict

TOP = 24
"""Pictures that a report shows unless it is asked for more."""
MOST = 200
LISTED = 500
"""Files without an answer that are named one by one."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """How many pictures were called a class."""

    name: str
    meaning: str
    model: int
    readers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """Why pictures are left to a person, and how many."""

    code: str
    what: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesPart:
    """What the models' rules make of the pictures."""

    sentence: str
    reasons: tuple[ReasonRow, ...]
    """In their order; one picture may have several."""
    promises: tuple[tuple[str, tuple[str, ...]], ...]
    """For each model its name and what its rules promise: with these words, and no more."""
    unlike: int
    """Pictures whose class means nothing, as they are unlike all that the model learned from."""


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """Who read how many pictures, and when."""

    name: str
    read: int
    cannot_tell: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    """A case's report."""

    research: str
    title: str
    case_id: str
    created_at: datetime
    made_at: datetime
    made_by: str
    papscope: str
    scale: str
    um_per_px: float | None
    closed: bool
    standing: str
    """Which verdicts are shown."""
    hidden: int
    images: int
    answered: int
    unanswered: tuple[ShownRefusal, ...]
    unanswered_more: int
    """That are not named one by one."""
    refused: tuple[ShownRefusal, ...]
    refused_more: int
    classes: tuple[ClassRow, ...]
    """Pictures that are unlike all that the model learned from are not among the model's."""
    rules: RulesPart
    readers: tuple[ReaderRow, ...]
    agreement: Agreement
    gallery: tuple[ShownImage, ...]
    """The worst first, by the model's answers."""
    models: tuple[ModelFacts, ...]
    intended_use: tuple[str, ...]
    limits: tuple[str, ...]


def gather(services: Services, case_id: str, person: Person, top: int = TOP) -> CaseReport:
    """Gather what a case's report says to a person.

    Raises:
        NotFound: there is no such case.
    """
    with services.database.reading() as session:
        shown = read_case(session, services, case_id, person)
        said = _said(session, case_id, person)
        hidden = _hidden(session, case_id, person)
        failed, failed_more = _unanswered(session, case_id)
        summary = shown.summary
        closed_at = None if summary.closed_at is None else f"{summary.closed_at:%Y-%m-%d}"
        return CaseReport(
            research=words.RESEARCH,
            title=summary.title,
            case_id=case_id,
            created_at=summary.created_at,
            made_at=services.clock(),
            made_by=person.name,
            papscope=__version__,
            scale=words.scale(summary.um_per_px),
            um_per_px=summary.um_per_px,
            closed=summary.closed,
            standing=words.standing(closed_at=closed_at, who=person.name, hidden=hidden),
            hidden=hidden,
            images=summary.images,
            answered=summary.answered,
            unanswered=failed,
            unanswered_more=failed_more,
            refused=shown.refused_files[:LISTED],
            refused_more=max(0, len(shown.refused_files) - LISTED),
            classes=_classes(shown, said),
            rules=_rules(shown),
            readers=_readers(said),
            agreement=read_agreement(session, services, case_id, person),
            gallery=_gallery(session, case_id, person, top),
            models=tuple(model_facts(one, services.models) for one in shown.models),
            intended_use=words.INTENDED_USE,
            limits=words.LIMITS,
        )


@dataclass(frozen=True, slots=True)
class _Said:
    reader: str
    label: str | None
    at: datetime


def _said(session: Session, case_id: str, person: Person) -> tuple[_Said, ...]:
    """Give the standing verdicts that the person may see."""
    rows = session.execute(
        select(Account.name, Verdict.label, Verdict.given_at)
        .join(Account, Account.id == Verdict.account_id)
        .join(CaseImage, CaseImage.id == Verdict.image_id)
        .where(
            CaseImage.case_id == case_id,
            Verdict.withdrawn_at.is_(None),
            visible_to(person, the_case(session, case_id)),
        )
        .order_by(Account.name, Verdict.id)
    )
    return tuple(_Said(reader, label, at) for reader, label, at in rows)


def _hidden(session: Session, case_id: str, person: Person) -> int:
    """Count the pictures that somebody has read, and whose verdicts the person may not see."""
    read = func.count(func.distinct(Verdict.image_id))
    found = session.scalar(
        select(read)
        .join(CaseImage, CaseImage.id == Verdict.image_id)
        .where(
            CaseImage.case_id == case_id,
            Verdict.withdrawn_at.is_(None),
            ~visible_to(person, the_case(session, case_id)),
        )
    )
    return found or 0


def _classes(shown: ShownCase, said: Sequence[_Said]) -> tuple[ClassRow, ...]:
    meaning = {one.name: reading_of(one).whole for one in shown.classes}
    counted = Counter((one.reader, one.label) for one in said)
    readers = sorted({one.reader for one in said})
    labels = dict.fromkeys([*shown.counts, *sorted({one.label for one in said if one.label})])
    return tuple(
        ClassRow(
            name,
            meaning.get(name, ""),
            shown.counts.get(name, 0) - shown.referral.unlike.get(name, 0),
            {reader: counted[reader, name] for reader in readers},
        )
        for name in labels
    )


def _rules(shown: ShownCase) -> RulesPart:
    found = shown.referral
    worded = zip(found.reasons.items(), sentences(found.reasons) or (), strict=True)
    return RulesPart(
        sentence=words.set_aside(
            referred=found.referred, set_aside=found.set_aside, without=found.without_rules
        ),
        reasons=tuple(ReasonRow(code, what, images) for (code, images), what in worded),
        promises=tuple((one.name, one.promises or (words.NOT_HERE,)) for one in shown.models),
        unlike=sum(found.unlike.values()),
    )


def _readers(said: Sequence[_Said]) -> tuple[ReaderRow, ...]:
    found = []
    for name in sorted({one.reader for one in said}):
        mine = [one for one in said if one.reader == name]
        times = [one.at for one in mine]
        unsure = sum(one.label is None for one in mine)
        found.append(ReaderRow(name, len(mine), unsure, min(times), max(times)))
    return tuple(found)


def _gallery(session: Session, case_id: str, person: Person, top: int) -> tuple[ShownImage, ...]:
    rows = session.execute(
        with_answers()
        .where(CaseImage.case_id == case_id, Answered.label.is_not(None))
        .order_by(*worst_first())
        .limit(top)
    ).all()
    return shown_images(session, the_case(session, case_id), rows, person)


def _unanswered(session: Session, case_id: str) -> tuple[tuple[ShownRefusal, ...], int]:
    """Give the pictures without an answer: those that failed, and those still to come."""
    newest = (Answered.image_id == CaseImage.id) & is_newest()
    without = (CaseImage.case_id == case_id) & Answered.label.is_(None)
    joined = select(func.count(CaseImage.id)).outerjoin(Answered, newest).where(without)
    total = session.scalar(joined) or 0
    rows = session.execute(
        select(CaseImage.name, Answered.failure, Answered.reason)
        .select_from(CaseImage)
        .outerjoin(Answered, newest)
        .where(without)
        .order_by(CaseImage.place)
        .limit(LISTED)
    )
    named = tuple(
        ShownRefusal(name, code or "waiting", reason or "no model has answered yet")
        for name, code, reason in rows
    )
    return named, total - len(named)

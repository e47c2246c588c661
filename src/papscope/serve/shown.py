"""Pictures with their newest answers and verdicts, as one person may see them.

Takes   rows of the database, and who asks
Gives   frozen records, in which others' verdicts are None where they are hidden
Never   decides who may see what: `blindness` does
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from papscope.rules import UNLIKE
from papscope.serve.blindness import may_see
from papscope.serve.newest import is_newest
from papscope.serve.people import Person
from papscope.serve.referral import sentences
from papscope.serve.store.tables import Account, Answered, Case, CaseImage, Job, Verdict
from papscope.serve.verdicts import no_image


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownVerdict:
    """What somebody said of a picture."""

    id: int
    reader: str
    mine: bool
    kind: str
    label: str | None
    note: str
    given_at: datetime
    withdrawn_at: datetime | None
    informed: bool
    restored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnswer:
    """What a model said of a picture last."""

    number: int
    label: str
    probability: float
    abnormal: float | None
    risk: float
    certainty: float
    probabilities: Mapping[str, float]
    labels: tuple[str, ...] | None
    """The prediction set; None where the model has no rule for sets."""
    refer: tuple[str, ...] | None
    """Why a person must see it, as keys of `rules.REASONS`; None where the model has no rules."""
    strangeness: float | None
    """Above 1 it is unlike all that was learned from; None where the model has no gate."""
    model: str
    model_digest: str

    @property
    def reasons(self) -> tuple[str, ...] | None:
        """The same in sentences."""
        return sentences(self.refer)

    @property
    def unlike(self) -> bool:
        """Whether it is unlike all that the model learned from, so that no class means anything."""
        return UNLIKE in (self.refer or ())


@dataclass(frozen=True, slots=True)
class ShownFailure:
    """Why a model said nothing."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownImage:
    """A picture of a case."""

    id: str
    case_id: str
    place: int
    name: str
    digest: str
    width: int
    height: int
    answer: ShownAnswer | None
    failure: ShownFailure | None
    mine: ShownVerdict | None
    others: tuple[ShownVerdict, ...] | None
    """None where the person may not see them (yet)."""
    others_given: int
    """How many others have a verdict, whatever it says."""

    @property
    def disagreement(self) -> bool | None:
        """Whether those that the person may see differ; None where others' are hidden."""
        if self.others is None:
            return None
        return len({one.label for one in self.verdicts}) > 1

    @property
    def verdicts(self) -> tuple[ShownVerdict, ...]:
        """All standing ones that the person may see, by reader."""
        own = () if self.mine is None else (self.mine,)
        return tuple(sorted((*own, *(self.others or ())), key=lambda one: one.reader))


def with_answers() -> Select[CaseImage, Answered, Job]:
    """Give the query for pictures with their newest answers, for whoever narrows it down."""
    return (
        select(CaseImage, Answered, Job)
        .outerjoin(Answered, (Answered.image_id == CaseImage.id) & is_newest())
        .outerjoin(Job, Job.id == Answered.job_id)
    )


def shown_image(session: Session, image_id: str, person: Person) -> ShownImage:
    """Give one picture as a person may see it.

    Raises:
        NotFound: there is no such picture.
    """
    row = session.execute(with_answers().where(CaseImage.id == image_id)).one_or_none()
    if row is None:
        raise no_image()
    case = session.get_one(Case, row[0].case_id)
    return shown_images(session, case, [row], person)[0]


def shown_images(
    session: Session,
    case: Case,
    rows: Sequence[Row[CaseImage, Answered, Job]],
    person: Person,
) -> tuple[ShownImage, ...]:
    """Give pictures of one case as a person may see them, in the order of the rows."""
    found: dict[str, list[ShownVerdict]] = {row[0].id: [] for row in rows}
    said = session.execute(
        select(Verdict, Account.name)
        .join(Account, Account.id == Verdict.account_id)
        .where(Verdict.image_id.in_(found), Verdict.withdrawn_at.is_(None))
    )
    for verdict, name in said:
        found[verdict.image_id].append(shown_verdict(verdict, name, person))
    return tuple(_shown(case, row[0], row[1], row[2], found[row[0].id]) for row in rows)


def _shown(
    case: Case,
    image: CaseImage,
    answer: Answered | None,
    job: Job | None,
    said: Sequence[ShownVerdict],
) -> ShownImage:
    mine = next((one for one in said if one.mine), None)
    others = tuple(sorted((one for one in said if not one.mine), key=lambda one: one.reader))
    return ShownImage(
        id=image.id,
        case_id=image.case_id,
        place=image.place,
        name=image.name,
        digest=image.digest,
        width=image.width,
        height=image.height,
        answer=_answer(answer, job),
        failure=_failure(answer),
        mine=mine,
        others=others if may_see(case, own_stands=mine is not None) else None,
        others_given=len(others),
    )


def _answer(answer: Answered | None, job: Job | None) -> ShownAnswer | None:
    if answer is None or job is None or answer.label is None:
        return None
    chances: dict[str, Any] = answer.probabilities or {}
    return ShownAnswer(
        number=answer.number,
        label=answer.label,
        probability=answer.probability or 0.0,
        abnormal=answer.abnormal,
        risk=answer.risk or 0.0,
        certainty=answer.certainty or 0.0,
        probabilities=chances,
        labels=None if answer.labels is None else tuple(answer.labels),
        refer=answer.refer,
        strangeness=answer.strangeness,
        model=job.model,
        model_digest=job.model_digest,
    )


def _failure(answer: Answered | None) -> ShownFailure | None:
    if answer is None or answer.failure is None:
        return None
    return ShownFailure(answer.failure, answer.reason or "")


def shown_verdict(verdict: Verdict, reader: str, person: Person) -> ShownVerdict:
    """Give a verdict of a reader as a record."""
    return ShownVerdict(
        id=verdict.id,
        reader=reader,
        mine=verdict.account_id == person.id,
        kind=verdict.kind,
        label=verdict.label,
        note=verdict.note,
        given_at=verdict.given_at,
        withdrawn_at=verdict.withdrawn_at,
        informed=verdict.informed,
        restored=verdict.restores_id is not None,
    )


@dataclass(frozen=True, slots=True)
class History:
    """All verdicts on a picture that a person may see, oldest first, withdrawn ones too."""

    hidden: bool
    """Whether others' are left out."""
    verdicts: tuple[ShownVerdict, ...]


def history(session: Session, image_id: str, person: Person) -> History:
    """Give the verdicts on a picture.

    Raises:
        NotFound: there is no such picture.
    """
    image = session.get(CaseImage, image_id)
    if image is None:
        raise no_image()
    case = session.get_one(Case, image.case_id)
    rows = session.execute(
        select(Verdict, Account.name)
        .join(Account, Account.id == Verdict.account_id)
        .where(Verdict.image_id == image_id)
        .order_by(Verdict.id)
    )
    said = tuple(shown_verdict(verdict, name, person) for verdict, name in rows)
    stands = any(one.mine and one.withdrawn_at is None for one in said)
    hidden = not may_see(case, own_stands=stands)
    return History(hidden, tuple(one for one in said if one.mine or not hidden))

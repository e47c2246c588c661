"""A case's pictures in the order in which somebody wants to read them, a page at a time.

Takes   a case, an order, filters, and who asks
Gives   pictures with their newest answers, how many there are, and how many of each class
Never   filters or orders by a verdict that the person may not see
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVarTuple

import numpy as np
from sqlalchemy import ColumnElement, Select, false, func, or_, select
from sqlalchemy.orm import Session

from papscope.errors import SettingError
from papscope.rules import REASONS
from papscope.serve.blindness import has_own, visible_to
from papscope.serve.newest import classes_of_case, is_newest
from papscope.serve.people import Person
from papscope.serve.referral import has_reason, is_referred, is_set_aside, rank
from papscope.serve.services import Services
from papscope.serve.shown import ShownImage, shown_images, with_answers
from papscope.serve.store.tables import Answered, Case, CaseImage, Verdict
from papscope.serve.useful import Probabilities, most_useful
from papscope.serve.verdicts import no_case

Order = Literal["risk", "useful", "place"]
"""Worst first; what teaches most first; as they came."""
Reviewed = Literal["me", "not-me", "disagreement"]

Some = TypeVarTuple("Some")

MOST = 500
"""Pictures on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which pictures, in which order."""

    order: Order = "risk"
    labels: tuple[str, ...] = ()
    """Of the newest answers; empty for all."""
    certainty_below: float | None = None
    certainty_above: float | None = None
    reviewed: Reviewed | None = None
    answered: bool | None = None
    referred: bool | None = None
    """Whether a rule leaves them to a person; what has no rules is neither."""
    reasons: tuple[str, ...] = ()
    """Of `rules.REASONS`, any of which they are referred for; empty for all."""
    offset: int = 0
    limit: int = 100

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST or self.offset < 0:
            raise SettingError("no page is of that size or place", hint=f"1 to {MOST} at a time")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a case's pictures."""

    total: int
    """That pass the filters."""
    counts: dict[str, int]
    """Of each class in the whole case, by the newest answers."""
    unanswered: int
    """In the whole case."""
    images: tuple[ShownImage, ...]


def page(services: Services, case_id: str, person: Person, wanted: Wanted) -> Page:
    """Give a page of a case's pictures.

    Raises:
        NotFound: there is no such case.
    """
    with services.database.reading() as session:
        found = session.get(Case, case_id)
        if found is None:
            raise no_case()
        counts, unanswered = class_counts(session, services, case_id)
        filters = tuple(_filters(found, person, wanted, counts))
        total = session.scalar(_narrowed(select(func.count(CaseImage.id)), filters)) or 0
        if wanted.order == "useful":
            images = _useful(session, found, person, wanted, filters)
        else:
            rows = session.execute(
                with_answers()
                .where(*filters)
                .order_by(*_ordered(wanted.order))
                .offset(wanted.offset)
                .limit(wanted.limit)
            ).all()
            images = shown_images(session, found, rows, person)
        return Page(total, counts, unanswered, images)


def class_counts(session: Session, services: Services, case_id: str) -> tuple[dict[str, int], int]:
    """Count a case's newest answers by class, in the model's order, and what has none."""
    counts = {one.name: 0 for one in classes_of_case(session, services.models, case_id)}
    unanswered = 0
    chosen = _narrowed(
        select(Answered.label, func.count(CaseImage.id)), (CaseImage.case_id == case_id,)
    )
    for label, number in session.execute(chosen.group_by(Answered.label)).all():
        if label is None:
            unanswered = number
        else:
            counts[label] = counts.get(label, 0) + number
    return counts, unanswered


def _narrowed(chosen: Select[*Some], filters: Sequence[ColumnElement[bool]]) -> Select[*Some]:
    newest = (Answered.image_id == CaseImage.id) & is_newest()
    return chosen.select_from(CaseImage).outerjoin(Answered, newest).where(*filters)


def _ordered(order: Order) -> tuple[ColumnElement[Any], ...]:
    place = CaseImage.place.asc()
    return worst_first() if order == "risk" else (place,)


def worst_first() -> tuple[ColumnElement[Any], ...]:
    """Give the order in which a person who has little time looks: see `referral.rank`."""
    unanswered = Answered.label.is_(None)
    risk = Answered.risk.desc().nulls_last()
    return (unanswered.asc(), rank().asc(), risk, CaseImage.place.asc())


def _filters(
    found: Case, person: Person, wanted: Wanted, known: Collection[str]
) -> Iterator[ColumnElement[bool]]:
    yield CaseImage.case_id == found.id
    if wanted.labels:  # what is no class is not asked for: PostgreSQL refuses some characters
        yield Answered.label.in_([label for label in wanted.labels if label in known])
    if wanted.certainty_below is not None:
        yield Answered.certainty < wanted.certainty_below
    if wanted.certainty_above is not None:
        yield Answered.certainty >= wanted.certainty_above
    if wanted.answered is not None:
        yield Answered.label.is_not(None) if wanted.answered else Answered.label.is_(None)
    yield from _by_rules(wanted)
    if wanted.reviewed == "me":
        yield has_own(person)
    elif wanted.reviewed == "not-me":
        yield ~has_own(person)
    elif wanted.reviewed == "disagreement":
        yield visible_to(person, found)
        yield _differ()


def _by_rules(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.referred is not None:
        yield is_referred() if wanted.referred else is_set_aside()
    if wanted.reasons:
        yield or_(false(), *(has_reason(one) for one in wanted.reasons if one in REASONS))


def _differ() -> ColumnElement[bool]:
    """Give the condition that standing verdicts on a picture differ; `cannot tell` is one too."""
    kinds = (
        select(func.count(func.distinct(func.coalesce(Verdict.label, ""))))
        .where(Verdict.image_id == CaseImage.id, Verdict.withdrawn_at.is_(None))
        .correlate(CaseImage)
        .scalar_subquery()
    )
    return kinds > 1


def _useful(
    session: Session,
    found: Case,
    person: Person,
    wanted: Wanted,
    filters: Sequence[ColumnElement[bool]],
) -> tuple[ShownImage, ...]:
    end = wanted.offset + wanted.limit
    unread = _unread(session, found, person, filters, end)
    read = _narrowed(select(CaseImage.id), (*filters, has_own(person))).order_by(CaseImage.place)
    ids = [*unread, *session.scalars(read)][wanted.offset : end]
    rows = session.execute(with_answers().where(CaseImage.id.in_(ids))).all()
    place_of = {image_id: place for place, image_id in enumerate(ids)}
    return shown_images(session, found, sorted(rows, key=lambda row: place_of[row[0].id]), person)


def _unread(
    session: Session,
    found: Case,
    person: Person,
    filters: Sequence[ColumnElement[bool]],
    first: int,
) -> list[str]:
    """Give what the person has not read, the most useful first, what has no answer last."""
    lean = select(CaseImage.id, Answered.probabilities)
    asked = _narrowed(lean, (*filters, ~has_own(person))).order_by(CaseImage.place)
    rows = session.execute(asked).all()
    known = (CaseImage.case_id == found.id, has_own(person), Answered.label.is_not(None))
    taught = session.execute(_narrowed(lean, known)).all()
    unread = [row for row in rows if row[1]]
    names = sorted({name for row in (*unread, *taught) for name in row[1] or ()})
    order = most_useful(_matrix(unread, names), _matrix(taught, names), first=first)
    return [unread[place][0] for place in order] + [row[0] for row in rows if not row[1]]


def _matrix(rows: Sequence[Any], names: Sequence[str]) -> Probabilities:
    """Give (n, c) probabilities; a class that a model does not know has none."""
    if not rows:
        return np.zeros((0, max(1, len(names))))
    return np.array([[row[1].get(name, 0.0) for name in names] for row in rows], dtype=np.float64)

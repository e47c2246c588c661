"""Which cells a model's rules leave to a person, and why, as the service orders and counts it.

Takes   answers, or a session of the database
Gives   sentences, conditions for queries, and counts by reason
Never   decides who is referred (`decision` does), or knows which reasons there are but one

The reasons are whatever `rules.REASONS` has. One of them matters more than the others: of a picture
that is unlike all that the model learned from, neither the class nor the probability says anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, case, func, select, type_coerce
from sqlalchemy.orm import Session

from papscope.decision import Answer
from papscope.rules import REASONS, UNLIKE
from papscope.serve.newest import is_newest
from papscope.serve.store.columns import NO_CODES
from papscope.serve.store.tables import Answered, CaseImage

UNLIKE_SAID = "unlike anything seen"
"""What stands in the place of such a picture's class."""


def sentences(codes: Iterable[str] | None) -> tuple[str, ...] | None:
    """Word reasons; one of another release is told by its code.

    >>> sentences(("several-classes", "of-tomorrow"))
    ('the prediction set holds more than one class', 'of tomorrow')
    """
    return None if codes is None else tuple(REASONS.get(one, _short(one)) for one in codes)


def _short(code: str) -> str:
    return UNLIKE_SAID if code == UNLIKE else code.replace("-", " ")


def in_short(codes: Iterable[str]) -> str:
    """Name reasons in few words.

    >>> in_short(("several-classes", "blurred")), in_short((UNLIKE,))
    ('several classes, blurred', 'unlike anything seen')
    """
    return ", ".join(map(_short, codes))


def noted(answer: Answer) -> dict[str, Any]:
    """Give what the audit log has of an answer: what the rules made of it only where there are any.

    >>> sorted(noted(Answer("LSIL", 0.8, None, {}, labels=("LSIL",), refer=())))
    ['label', 'labels', 'probability', 'refer']
    """
    ruled = {"labels": answer.labels, "refer": answer.refer}
    told = {name: list(one) for name, one in ruled.items() if one is not None}
    return {"label": answer.label, "probability": answer.probability, **told}


def _codes() -> ColumnElement[str]:
    return type_coerce(Answered.refer, Text)


def is_referred() -> ColumnElement[bool]:
    """Give the condition that a rule leaves the picture to a person."""
    return _codes() != NO_CODES


def is_set_aside() -> ColumnElement[bool]:
    """Give the condition that there are rules, and none asks for a person."""
    return _codes() == NO_CODES


def has_reason(code: str) -> ColumnElement[bool]:
    """Give the condition that a code is among the reasons."""
    return _codes().contains(f"|{code}|", autoescape=True)


def rank() -> ColumnElement[int]:
    """Give what a gallery of the worst first is ordered by before the risk, the lowest first.

    What the rules set aside comes after all that a person must see. A picture unlike all that was
    learned from has no risk that means anything: it stands between the two, where it can neither
    hide among the harmless nor push a grave cell down. Without rules all are alike.
    """
    return case((has_reason(UNLIKE), 1), (is_set_aside(), 2), else_=0)


@dataclass(frozen=True, slots=True)
class Referral:
    """What the rules make of a case's pictures, by their newest answers."""

    referred: int
    set_aside: int
    """Answered by a model with rules, none of which asks for a person."""
    without_rules: int
    """Answered by a model that has no rules."""
    reasons: Mapping[str, int]
    """How many pictures have each reason, in the order of `rules.REASONS`; one may have several."""
    unlike: Mapping[str, int]
    """Of each class, the pictures of it that are unlike all that the model learned from."""


def referral_of(session: Session, case_id: str) -> Referral:
    """Count what the rules make of a case's pictures."""
    rows = session.execute(
        select(Answered.label, Answered.refer, func.count(CaseImage.id))
        .select_from(CaseImage)
        .join(Answered, (Answered.image_id == CaseImage.id) & is_newest())
        .where(CaseImage.case_id == case_id, Answered.label.is_not(None))
        .group_by(Answered.label, Answered.refer)
    )
    states: Counter[bool | None] = Counter()
    found: Counter[str] = Counter()
    unlike: Counter[str] = Counter()
    for label, refer, count in rows:
        states[None if refer is None else bool(refer)] += count
        found.update(dict.fromkeys(refer or (), count))
        if label is not None and UNLIKE in (refer or ()):
            unlike[label] += count
    known = [code for code in REASONS if code in found]
    order = [*known, *sorted(set(found) - set(known))]
    each = {code: found[code] for code in order}
    return Referral(states[True], states[False], states[None], each, dict(unlike))

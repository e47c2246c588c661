"""Who may see whose verdict: a second reader reads before seeing what the first one said.

Takes   a case, a person, and an open session
Gives   the one rule by which every list, number, report and export shows verdicts
Never   makes an exception: an administrator who reads is as blind as anybody

The rule. In an open case, a person sees others' verdicts on a picture for as long as the person's
own verdict on it stands. When an administrator closes the case its verdicts are frozen, and all may
see all of them. That others have a verdict is no secret; what it says is.

A verdict is `informed` where its giver could have seen another's on that picture before: there is
another's, and the giver had one too, whether it stands or was taken back; or the case had been
closed once. No clock decides this, and where in doubt a verdict counts as informed.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, select, true
from sqlalchemy.orm import Session

from papscope.errors import Conflict
from papscope.serve.people import Person
from papscope.serve.store.tables import Case, CaseImage, Verdict


def has_own(person: Person) -> ColumnElement[bool]:
    """Give the condition on `CaseImage` that the person's verdict on it stands."""
    return exists(
        select(Verdict.id)
        .where(
            Verdict.image_id == CaseImage.id,
            Verdict.account_id == person.id,
            Verdict.withdrawn_at.is_(None),
        )
        .correlate(CaseImage)
    )


def visible_to(person: Person, case: Case) -> ColumnElement[bool]:
    """Give the condition on `CaseImage` that the person may see others' verdicts on it."""
    return true() if case.closed_at is not None else has_own(person)


def may_see(case: Case, *, own_stands: bool) -> bool:
    """Tell the same of one picture, of which it is known whether the person's own verdict stands.

    Args:
        case: that the picture is in.
        own_stands: whether the person's own verdict on the picture stands.
    """
    return case.closed_at is not None or own_stands


def is_informed(session: Session, case: Case, image_id: str, person: Person) -> bool:
    """Tell whether a verdict that the person gives now could rest on another's."""
    of_it = select(Verdict.id).where(Verdict.image_id == image_id)
    others = session.scalar(of_it.where(Verdict.account_id != person.id).limit(1)) is not None
    earlier = session.scalar(of_it.where(Verdict.account_id == person.id).limit(1)) is not None
    return others and (earlier or case.was_closed)


def refuse_closed(case: Case) -> None:
    """Refuse to change the verdicts of a closed case.

    Raises:
        Conflict: it is closed.
    """
    if case.closed_at is not None:
        raise Conflict(
            "the case is closed, and its verdicts are frozen",
            hint="an administrator can open it again",
        )

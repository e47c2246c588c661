"""Cases: made, named, scaled, closed and opened again.

Takes   what people ask to be done with a case
Gives   its id, or the change
Never   puts a title into the log, or deletes: `retention` does
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy.orm import Session

from papscope.errors import NotAllowed, SettingError
from papscope.serve import typed
from papscope.serve.audit import Event, record
from papscope.serve.people import Person
from papscope.serve.services import Services
from papscope.serve.store.tables import Case
from papscope.serve.verdicts import no_case

_LARGEST = 100.0
"""Micrometres that one pixel can stand for."""


def make_case(services: Services, person: Person, title: str, um_per_px: float | None) -> str:
    """Make an empty case and give its id.

    Raises:
        SettingError: the title is empty or too long, or the scale means nothing.
    """
    kept, scale, now = typed.title(title), _scale(um_per_px), services.clock()
    case = Case(id=uuid4().hex, title=kept, um_per_px=scale, created_at=now, created_by=person.id)
    with services.database.transaction() as session:
        session.add(case)
        session.flush()
        record(session, now, Event(what="case-made", who=person.name, case_id=case.id))
    return case.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be changed of a case."""

    title: str | None = None
    """None leaves it."""
    scaled: bool = False
    """Whether the scale is changed, to `um_per_px`."""
    um_per_px: float | None = None
    """None where it is not known."""
    closed: bool | None = None
    """None leaves it."""


def change_case(services: Services, case_id: str, person: Person, changes: Changes) -> None:
    """Change a case: its maker or a reviewer names and scales it, an admin closes and opens it.

    Raises:
        NotFound: there is no such case.
        NotAllowed: the person may not.
        SettingError: the title is empty or too long, or the scale means nothing.
    """
    now = services.clock()
    with services.database.transaction() as session:
        case = session.get(Case, case_id, with_for_update=True)
        if case is None:
            raise no_case()
        events = [*_named(case, person, changes), *_closed(services, case, person, changes)]
        session.flush()
        if events:
            record(session, now, *(_event(case, person, what) for what in events))


def _event(case: Case, person: Person, what: str) -> Event:
    return Event(what=what, who=person.name, case_id=case.id)


def _named(case: Case, person: Person, changes: Changes) -> list[str]:
    events = []
    title = None if changes.title is None else typed.title(changes.title)
    scale = _scale(changes.um_per_px) if changes.scaled else case.um_per_px
    renamed = title is not None and title != case.title
    if (renamed or scale != case.um_per_px) and not (
        person.may("reviewer") or case.created_by == person.id
    ):
        raise NotAllowed(
            f"{person.name} did not make this case and is no reviewer",
            hint="ask a reviewer, or whoever made it",
        )
    if title is not None and renamed:
        case.title = title
        events.append("case-renamed")
    if scale != case.um_per_px:
        case.um_per_px = scale
        events.append("case-scaled")
    return events


def _closed(services: Services, case: Case, person: Person, changes: Changes) -> list[str]:
    if changes.closed is None or changes.closed == (case.closed_at is not None):
        return []
    if not person.may("admin"):
        raise NotAllowed(
            f"{person.name} is a {person.role}; closing and opening a case takes an admin",
            hint="ask an administrator",
        )
    if changes.closed:
        case.closed_at, case.was_closed = services.clock(), True
        return ["case-closed"]
    case.closed_at = None
    return ["case-opened"]


def _scale(um_per_px: float | None) -> float | None:
    if um_per_px is not None and not 0 < um_per_px < _LARGEST:
        raise SettingError(
            f"{um_per_px} micrometres along a pixel is no scale",
            hint=f"give more than 0 and less than {_LARGEST:g}, as 0.25, or nothing",
        )
    return um_per_px


def the_case(session: Session, case_id: str) -> Case:
    """Give a case.

    Raises:
        NotFound: there is none of that id.
    """
    case = session.get(Case, case_id)
    if case is None:
        raise no_case()
    return case

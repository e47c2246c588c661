"""How far the readers of a case agree, with each other and with the model.

Takes   a case's verdicts, and who asks
Gives   Cohen's kappa of each two readers and of each reader and model, Fleiss' of all
Never   counts a verdict that rests on another's, or a picture on which the asker is still blind

A reader's independent reading of a picture is the last verdict that the reader gave on it before
others' could be seen, if any verdict of the reader's stands on it. What somebody changes after
seeing another's is shown, and not counted: else every disagreement that was talked over would be
taken for agreement. Who could not tell has given no class, and is counted beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from papscope.serve.blindness import visible_to
from papscope.serve.cases import the_case
from papscope.serve.kappa import Compared, Estimate, compared, fleiss
from papscope.serve.newest import Classes, classes_of_case
from papscope.serve.people import Person
from papscope.serve.services import Services
from papscope.serve.store.tables import Account, Answered, CaseImage, Job, Verdict
from papscope.taxonomy import CellClass


@dataclass(frozen=True, slots=True)
class ReaderTold:
    """A reader's share of the pictures that count."""

    name: str
    read: int
    unsure: int
    informed: int
    """On how many the standing verdict may rest on another's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two readers, or a reader and a model."""

    first: str
    second: str
    n: int
    unsure: int
    """Pictures left out because one of them could not tell."""
    agreement: Estimate | None
    kappa: Estimate | None
    weighted_kappa: Estimate | None
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AllReaders:
    """All readers together, over the pictures that each of them has read and could tell."""

    readers: int
    n: int
    kappa: float | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far the readers of a case agree."""

    restricted: bool
    """Whether only pictures that the asker has read are counted, since the case is open."""
    images: int
    """That are counted."""
    readers: tuple[ReaderTold, ...]
    pairs: tuple[Pair, ...]
    with_model: tuple[Pair, ...]
    all_readers: AllReaders | None
    """None where they are fewer than three."""


@dataclass(slots=True)
class _Reading:
    """A reader's verdicts on one picture."""

    standing: Verdict | None = None
    independent: Verdict | None = None
    model: str | None = None
    """That answered when the independent one was given."""
    model_label: str | None = None

    def add(self, verdict: Verdict, model: str | None, label: str | None) -> None:
        if verdict.withdrawn_at is None:
            self.standing = verdict
        if not verdict.informed:
            self.independent, self.model, self.model_label = verdict, model, label


@dataclass(frozen=True, slots=True)
class _Readings:
    """By reader, then by picture; only where the reader's verdict stands."""

    of: dict[str, dict[str, _Reading]] = field(default_factory=dict)

    def independent(self, reader: str) -> dict[str, Verdict]:
        """Give a reader's independent readings, those that could not tell too, by picture."""
        each = self.of[reader].items()
        return {image: one.independent for image, one in each if one.independent is not None}


def agreement(services: Services, case_id: str, person: Person) -> Agreement:
    """Tell how far the readers of a case agree, by the pictures on which the asker may see all.

    Raises:
        NotFound: there is no such case.
    """
    with services.database.reading() as session:
        return read_agreement(session, services, case_id, person)


def read_agreement(session: Session, services: Services, case_id: str, person: Person) -> Agreement:
    """Tell the same, by a session that its caller reads on with.

    Raises:
        NotFound: there is no such case.
    """
    case = the_case(session, case_id)
    readings = _read(session, case_id, visible_to(person, case))
    classes = _all_classes(classes_of_case(session, services.models, case_id), readings)
    names = sorted(readings.of)
    return Agreement(
        restricted=case.closed_at is None,
        images=len({image for by_image in readings.of.values() for image in by_image}),
        readers=tuple(_told(name, readings.of[name].values()) for name in names),
        pairs=tuple(_pair(readings, classes, *two) for two in combinations(names, 2)),
        with_model=tuple(_with_models(readings, classes, names)),
        all_readers=_all(readings, classes, names) if len(names) > 2 else None,
    )


def _read(session: Session, case_id: str, visible: ColumnElement[bool]) -> _Readings:
    rows = session.execute(
        select(Verdict, Account.name, Job.model, Answered.label)
        .join(CaseImage, CaseImage.id == Verdict.image_id)
        .join(Account, Account.id == Verdict.account_id)
        .outerjoin(Answered, Answered.number == Verdict.answer_number)
        .outerjoin(Job, Job.id == Answered.job_id)
        .where(CaseImage.case_id == case_id, visible)
        .order_by(Verdict.id)
    )
    found: dict[str, dict[str, _Reading]] = {}
    for verdict, reader, model, label in rows:
        by_image = found.setdefault(reader, {})
        by_image.setdefault(verdict.image_id, _Reading()).add(verdict, model, label)
    standing = {
        reader: {image: one for image, one in by_image.items() if one.standing is not None}
        for reader, by_image in found.items()
    }
    return _Readings({reader: by_image for reader, by_image in standing.items() if by_image})


def _all_classes(classes: Classes, readings: _Readings) -> Classes:
    """Add classes of models that answered earlier, of which nothing but the name is known."""
    known = {one.name for one in classes}
    named: set[str] = set()
    for by_image in readings.of.values():
        for one in by_image.values():
            said = one.independent.label if one.independent is not None else None
            named |= {name for name in (said, one.model_label) if name is not None}
    return (*classes, *(CellClass(name) for name in sorted(named - known)))


def _told(name: str, each: Iterable[_Reading]) -> ReaderTold:
    standing = [one.standing for one in each if one.standing is not None]
    unsure = sum(one.label is None for one in standing)
    return ReaderTold(name, len(standing), unsure, sum(one.informed for one in standing))


def _pair(readings: _Readings, classes: Classes, first: str, second: str) -> Pair:
    ones, others = readings.independent(first), readings.independent(second)
    both = sorted(set(ones) & set(others))
    said = [(ones[image].label, others[image].label) for image in both]
    return _compared(classes, first, second, said)


def _compared(
    classes: Classes, first: str, second: str, said: Sequence[tuple[str | None, str | None]]
) -> Pair:
    sure = [(one, other) for one, other in said if one is not None and other is not None]
    found: Compared = compared([one for one, _ in sure], [other for _, other in sure], classes)
    return Pair(
        first=first,
        second=second,
        n=found.n,
        unsure=len(said) - len(sure),
        agreement=found.agreement,
        kappa=found.kappa,
        weighted_kappa=found.weighted_kappa,
        why=found.why,
    )


def _with_models(readings: _Readings, classes: Classes, names: Sequence[str]) -> Iterator[Pair]:
    """Compare each reader with each model whose answers the reader saw when reading."""
    for name in names:
        said: dict[str, list[tuple[str | None, str | None]]] = {}
        for one in readings.of[name].values():
            if one.independent is not None and one.model and one.model_label:
                said.setdefault(one.model, []).append((one.independent.label, one.model_label))
        for model in sorted(said):
            yield _compared(classes, name, model, said[model])


def _all(readings: _Readings, classes: Classes, names: Sequence[str]) -> AllReaders:
    each = [readings.independent(name) for name in names]
    shared = sorted(set.intersection(*(set(one) for one in each)))
    said = [[one[image].label for one in each] for image in shared]
    sure = [[label for label in row if label is not None] for row in said]
    whole = [row for row in sure if len(row) == len(names)]
    value, why = fleiss(whole, [one.name for one in classes])
    return AllReaders(len(names), len(whole), value, why)

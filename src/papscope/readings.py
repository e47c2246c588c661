"""What a report may say of each class: the sentence, the caution, and who says so.

Takes   a class, as a manifest, a bundle or scores carry it
Gives   a frozen `Reading`
Never   speaks of a slide or a woman, or gives a category that nobody with a name has given
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from papscope.literature import SOURCES, TOLD, WHO
from papscope.taxonomy import KNOWN, CellClass

NO_CATEGORY = "no single category"
NOT_SAID = "not said"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a report may say of a class of cells."""

    name: str
    category: str
    """Bethesda's; `NO_CATEGORY` where no single one fits, `NOT_SAID` where nobody has said."""
    sentence: str
    """What such cells look like; without a full stop."""
    caution: str
    """What must not be read into it; empty where the sentence says it all."""
    why: str
    sources: tuple[str, ...]
    """Keys of `SOURCES`; none of somebody's own class."""

    @property
    def whole(self) -> str:
        """The sentence and the caution as running text, without a full stop."""
        return f"{self.sentence}; {self.caution}" if self.caution else self.sentence


def reading_of(one: CellClass, dataset: str | None = None) -> Reading:
    """Give what a report may say of a class.

    A class is known by its name, its category and, where it has none, its note: so somebody's own
    that only has a published class's name is not taken for it.

    Args:
        one: as a manifest, a bundle or scores carry it.
        dataset: a key of `KNOWN` that is looked in first, as data sets share names.

    >>> from papscope.taxonomy import classes_of
    >>> reading_of(classes_of("sipakmed")[1]).sentence
    'cells consistent with LSIL: koilocytes, the cytopathic effect of HPV'
    >>> reading_of(CellClass("Koilocytotic")).category
    'not said'
    """
    home = (dataset,) if dataset in KNOWN else ()
    found = ((known, place) for place in (*home, *KNOWN) for known in KNOWN[place])
    return next((_published(one, *each) for each in found if _same(one, each[0])), _own(one))


def readings(dataset: str) -> tuple[Reading, ...]:
    """Give the readings of a known data set's classes, in order."""
    return tuple(reading_of(one, dataset) for one in KNOWN[dataset])


def card_rows(classes: Sequence[CellClass], dataset: str | None = None) -> str:
    """Give a card's lines in Markdown, one a class: name, side, category, and what it means.

    >>> card_rows([CellClass("cin1", "abnormal", "LSIL")])
    '| cin1 | abnormal | LSIL | cells consistent with LSIL |'
    """
    read = [reading_of(one, dataset) for one in classes]
    told = ((one.side or NOT_SAID, each) for one, each in zip(classes, read, strict=True))
    return "\n".join(f"| {to.name} | {side} | {to.category} | {to.whole} |" for side, to in told)


def to_json(one: CellClass, reading: Reading) -> dict[str, Any]:
    """Give a class and its reading for programs; sources in full."""
    return {
        **one.to_json(),
        "category": reading.category,
        "sentence": reading.sentence,
        "caution": reading.caution,
        "why": reading.why,
        "sources": [SOURCES[key] for key in reading.sources],
    }


def _same(one: CellClass, known: CellClass) -> bool:
    alike = (one.name, one.bethesda) == (known.name, known.bethesda)
    return alike and (known.bethesda is not None or one.note == known.note)


def _published(one: CellClass, known: CellClass, dataset: str) -> Reading:
    told = TOLD[dataset][one.name]
    moved = f"counted as {one.side} here" if one.side not in (None, known.side) else ""
    return Reading(
        name=one.name,
        category=one.bethesda or NO_CATEGORY,
        sentence=_sentence(one.bethesda, told.looks),
        caution="; ".join(filter(None, (told.caution, moved))),
        why=told.why,
        sources=(*told.sources, WHO[dataset]),
    )


def _own(one: CellClass) -> Reading:
    """Say of somebody's own class no more than they have."""
    if one.bethesda is None:
        sentence, why = f"cells labelled {one.name}", "nobody has said which category they fit"
    else:
        sentence, why = _sentence(one.bethesda, ""), "said by whoever imported the data"
    return Reading(one.name, one.bethesda or NOT_SAID, sentence, one.note, why, ())


def _sentence(category: str | None, looks: str) -> str:
    after = f": {looks}" if looks else ""
    return looks if category is None else f"cells consistent with {category}{after}"

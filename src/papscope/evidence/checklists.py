"""Checklists: which points answer an item, and how far each item is answered.

Takes   a checklist of the package's data, what the files say, and what people wrote
Gives   each item with its status, its answer, its sources, and the points left for a person
Never   calls an item known while a point of it is open
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from papscope.evidence.documents import Documents, Source
from papscope.evidence.points import Said, points, say

Status = Literal["known", "partly", "open", "not applicable"]

STATUSES: tuple[Status, ...] = ("known", "partly", "open", "not applicable")
CHECKLISTS = ("model-card", "claim", "tripod-ai", "gmlp")
"""Names of the files in the package's data, in the order of the page."""
DATA_CARD = "data-card"


@dataclass(frozen=True, slots=True)
class Item:
    """One item as published, in papscope's own words."""

    number: str
    section: str
    question: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """One checklist."""

    name: str
    title: str
    what: str
    citation: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """An item and what is known to it."""

    item: Item
    status: Status
    answer: str
    """What is known; the reason where the item does not apply; empty where it is open."""
    sources: tuple[Source, ...]
    missing: tuple[str, ...]
    """The points that a person must still write to, by name."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "number": self.item.number,
            "section": self.item.section,
            "question": self.item.question,
            "status": self.status,
            "answer": self.answer,
            "sources": [one.to_json() for one in self.sources],
            "missing": list(self.missing),
        }


@dataclass(frozen=True, slots=True)
class Filled:
    """A checklist, item by item."""

    checklist: Checklist
    items: tuple[Answered, ...]
    about: str = ""
    """What it is about where there are several, such as a data set."""

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many items have each status."""
        found = Counter(one.status for one in self.items)
        return {status: found[status] for status in STATUSES}

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "name": self.checklist.name,
            "title": self.checklist.title,
            "about": self.about,
            "citation": self.checklist.citation,
            "counts": dict(self.counts),
            "items": [one.to_json() for one in self.items],
        }


@cache
def checklist(name: str) -> Checklist:
    """Read a checklist of the package's data."""
    place = files("papscope.evidence").joinpath(f"data/{name}.toml")
    told = tomllib.loads(place.read_text(encoding="utf-8"))
    items = tuple(
        Item(one["number"], one["section"], one["question"], tuple(one["points"]))
        for one in told["item"]
    )
    return Checklist(name, told["title"], told["what"], told["citation"], items)


def fill_in(
    name: str, documents: Documents, written: Mapping[str, Said], about: str = ""
) -> Filled:
    """Answer a checklist from a run's files and from what people wrote.

    Args:
        name: of the checklist.
        documents: the run's files.
        written: people's answers by point.
        about: what it is about, where there are several.
    """
    asked = checklist(name)
    return Filled(asked, tuple(_answered(one, documents, written) for one in asked.items), about)


def _answered(item: Item, documents: Documents, written: Mapping[str, Said]) -> Answered:
    found: list[Said] = []
    missing = []
    for name in item.points:
        known = [one for one in (say(points()[name], documents), written.get(name)) if one]
        found += known
        if not known:
            missing.append(name)
    text = " ".join(dict.fromkeys(one.text for one in found))
    sources = dict.fromkeys(source for one in found for source in one.sources)
    return Answered(item, _status(found, missing), text, tuple(sources), tuple(missing))


def _status(found: list[Said], missing: list[str]) -> Status:
    if not found:
        return "open"
    if missing:
        return "partly"
    return "not applicable" if all(one.no_use for one in found) else "known"

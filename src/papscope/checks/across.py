"""Which images of one part have relatives in another.

Takes   ties between images, and the part of each
Gives   for each pair of parts the images concerned, each with the relative that tells most
Never   counts an image twice, however many relatives it has
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from papscope.checks.given import Given
from papscope.checks.ties import KINDS, Tie
from papscope.split import Split

FOLDS = "folds"
"""The name of a side that stands for every fold against all others."""

_PAIRS = (("test", "train"), ("val", "train"), ("test", "val"))
"""Judged and learned, the gravest first: a test image that was seen in validation was chosen by."""


@dataclass(frozen=True, slots=True)
class Link:
    """An image and its nearest relative on the other side."""

    image: str
    relative: str
    what: str
    """What they share, as a phrase."""
    weight: float


@dataclass(frozen=True, slots=True)
class Side:
    """What crosses from one part to another."""

    judged: str
    """The part whose images are concerned; `FOLDS` for each fold in turn."""
    learned: str
    """The part of their relatives."""
    images: int
    """Of the judged part."""
    links: Mapping[str, tuple[Link, ...]]
    """By the kind of tie, one for each image concerned."""
    ties: Mapping[str, int]
    """Ties (groups, pictures, pairs of crops) that lie on both sides, by kind."""

    def concerned(self, *, certain: bool) -> frozenset[str]:
        """Name the judged images with a relative of a certain kind, or of one that may be."""
        return frozenset(
            link.image
            for kind, links in self.links.items()
            if KINDS[kind].certain == certain
            for link in links
        )

    @property
    def certain(self) -> frozenset[str]:
        """Images that certainly have a relative on the other side."""
        return self.concerned(certain=True)

    @property
    def doubtful(self) -> frozenset[str]:
        """Images that may have one, and none for certain."""
        return self.concerned(certain=False) - self.certain


def sides_of(given: Given, ties: Mapping[str, tuple[Tie, ...]]) -> tuple[Side, ...]:
    """Lay all ties over the parts.

    Args:
        given: who is in which part.
        ties: by kind.

    Returns:
        One for each pair of parts, test against training first; one alone for folds.
    """
    found = []
    for judged, learned, seen_by in _pairs(given.split):
        images = sum(part in seen_by for part in given.split.part_of.values())
        links, counts = {}, {}
        for kind in KINDS:
            some = _listed(given, judged, learned) if kind == "listed" else None
            if some is None:
                some, counts[kind] = _crossing(ties.get(kind, ()), given.split.part_of, seen_by)
            else:
                counts[kind] = len(some)
            links[kind] = tuple(some.values())
        found.append(Side(judged, learned, images, links, counts))
    return tuple(found)


def _pairs(split: Split) -> Iterator[tuple[str, str, dict[str, tuple[str, ...]]]]:
    """Give each pair of parts, and where relatives of each judged part are looked for."""
    parts = split.parts
    if split.protocol.folds and split.protocol.fold is None:
        others = {part: tuple(one for one in parts if one != part) for part in parts}
        yield FOLDS, FOLDS, others
        return
    for judged, learned in _PAIRS:
        if judged in parts and learned in parts:
            yield judged, learned, {judged: (learned,)}


def _crossing(
    ties: tuple[Tie, ...], part_of: Mapping[str, str], seen_by: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, Link], int]:
    """Give the link of each image concerned, and how many ties lie on both sides."""
    best: dict[str, Link] = {}
    crossing = 0
    for tie in ties:
        first: dict[str, str] = {}
        for name in tie.ids:
            if name in part_of:
                first.setdefault(part_of[name], name)
        if len(first) < 2:
            continue
        before = crossing
        for name in tie.ids:
            others = seen_by.get(part_of.get(name, ""), ())
            relative = next((first[part] for part in others if part in first), None)
            if relative is None:
                continue
            crossing = before + 1
            if name not in best or best[name].weight < tie.weight:
                best[name] = Link(name, relative, tie.what, tie.weight)
    return best, crossing


def _listed(given: Given, judged: str, learned: str) -> dict[str, Link]:
    """Give the images that are listed in both parts."""
    wanted = {judged, learned}
    return {
        name: Link(name, name, f"listed in {' and '.join(parts)}", 1.0)
        for name, parts in given.twice.items()
        if judged == FOLDS or wanted <= set(parts)
    }

"""Two models' answers for the same images, brought into the same order, or the reason why not.

Takes   two `Scores`
Gives   the same two, image by image, with one set of groups
Never   compares answers to different images, or passes over an image unsaid
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from papscope.errors import MeasureError
from papscope.scores import Scores

_SHOWN = 3


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Scores a and b, whose rows are the same images in the same order."""

    a: Scores
    b: Scores
    left_out: tuple[int, int]
    """Images of a, and of b, that the other has no answer for."""
    regrouped: bool
    """Whether the two knew the groups differently, so that groups had to be joined."""


def paired(a: Scores, b: Scores, *, common: bool = False) -> Pair:
    """Bring two scores into the order of the first.

    Args:
        a: answers of one model.
        b: answers of another, of the same classes.
        common: keep the images that both answer, where they do not answer the same.

    Raises:
        MeasureError: classes, images or true classes differ, or an image stands there twice; says
            which.
    """
    if a.class_names != b.class_names:
        raise MeasureError(
            f"the classes differ: {', '.join(a.class_names)} and {', '.join(b.class_names)}",
            hint="compare models of the same classes, in the same order",
        )
    places = [_places(one, name) for one, name in ((a, "first"), (b, "second"))]
    only_a, only_b = (
        [name for name in one.ids if name not in other]
        for one, other in ((a, places[1]), (b, places[0]))
    )
    kept = [name for name in a.ids if name in places[1]]
    if not kept:
        raise MeasureError(
            f"the two answer different images: none of {len(a)} and {len(b)} is the same",
            hint="score both models on the same part of the same split",
        )
    if (only_a or only_b) and not common:
        raise MeasureError(
            f"the two answer different images: {_told(only_a, 'first')}, {_told(only_b, 'second')}",
            hint=f"score both on the same part, or compare the {len(kept)} shared with --common",
        )
    first, second = (
        taken(one, [where[name] for name in kept])
        for one, where in zip((a, b), places, strict=True)
    )
    _same_truth(first, second)
    groups = joined(first.groups, second.groups)
    alike = _numbered(first.groups) == _numbered(second.groups)
    return Pair(
        replace(first, groups=groups),
        replace(second, groups=groups),
        (len(only_a), len(only_b)),
        not alike,
    )


def taken(scores: Scores, places: Sequence[int]) -> Scores:
    """Keep the images at some places, in that order."""
    return replace(
        scores,
        ids=tuple(scores.ids[place] for place in places),
        groups=tuple(scores.groups[place] for place in places),
        truth=scores.truth[list(places)],
        probabilities=scores.probabilities[list(places)],
        paths=tuple(scores.paths[place] for place in places),
        boxes=tuple(scores.boxes[place] for place in places),
    )


def joined(one: Sequence[str | None], other: Sequence[str | None]) -> tuple[str | None, ...]:
    """Give groups that divide no group of either side.

    >>> joined(["x", "x", "y", None], ["1", "2", "2", "3"])
    ('x', 'x', 'x', '3')
    >>> joined(["x", None], ["x", None])
    ('x', None)
    """
    chief: dict[Hashable, Hashable] = {}

    def leader(name: Hashable) -> Hashable:
        while (above := chief.setdefault(name, name)) != name:
            chief[name] = name = chief[above]
        return name

    ties = [
        tuple((side, name) for side, name in enumerate(pair) if name)
        for pair in zip(one, other, strict=True)
    ]
    for tie in ties:
        if len(tie) == 2:
            chief[leader(tie[1])] = leader(tie[0])
    names: dict[Hashable, str] = {}
    return tuple(names.setdefault(leader(tie[0]), tie[0][1]) if tie else None for tie in ties)


def _places(scores: Scores, name: str) -> dict[str, int]:
    found = {one: place for place, one in enumerate(scores.ids)}
    if len(found) < len(scores):
        twice = next(one for place, one in enumerate(scores.ids) if found[one] != place)
        raise MeasureError(
            f"the {name} answers image {twice} twice", hint="give scores of one model, once"
        )
    return found


def _told(names: Sequence[str], which: str) -> str:
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"{len(names)} only in the {which}" + (f" ({shown})" if names else "")


def _same_truth(a: Scores, b: Scores) -> None:
    differing = np.flatnonzero(a.truth != b.truth)
    if differing.size:
        place = int(differing[0])
        raise MeasureError(
            f"the true class of {differing.size} images differs, such as {a.ids[place]}: "
            f"{a.class_names[a.truth[place]]} and {b.class_names[b.truth[place]]}",
            hint="score both on the same manifest",
        )


def _numbered(groups: Sequence[str | None]) -> list[int | None]:
    """Number groups as they come, so that only who is together counts, and not the names."""
    seen: dict[str, int] = {}
    return [seen.setdefault(name, len(seen)) if name else None for name in groups]

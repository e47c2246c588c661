"""What an explanation tells: its numbers, and its pictures where they may be shown.

Takes   nothing
Gives   frozen records, and the JSON form of the numbers
Never   holds a map that failed a check, or needs torch
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from papscope.decision import Answer
from papscope.explain.judging import Judged, Sanity
from papscope.explain.maps import Map, Method
from papscope.explain.neighbours import Neighbour
from papscope.image import Pixels

MEANING = (
    "A map shows what the network used for this answer, not where disease is: a map can be "
    "faithful and the answer wrong."
)
"""The sentence that stands beside every map."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What one method came to for one picture."""

    method: Method
    map: Map | None
    """(s, s); None where it is not shown."""
    judged: Judged | None
    """None where it was not measured, because there is no map of this method at all."""
    why_not: str = ""
    """Why there is no map; empty where there is one."""

    def to_json(self) -> dict[str, Any]:
        """Give the numbers; the map itself is a file of its own."""
        told: dict[str, Any] = {"shown": self.map is not None, "why_not": self.why_not}
        if self.judged is not None:
            one = self.judged
            told |= {
                "deletion_area": one.areas.deletion,
                "insertion_area": one.areas.insertion,
                "random_deletion_area": one.at_random.deletion,
                "random_insertion_area": one.at_random.insertion,
                "gain": one.gain,
            }
        return told


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """All that is told of one picture."""

    source: str
    square: Pixels
    """(s, s, 3), as the network saw it."""
    answer: Answer
    about: str
    """The class that is explained: the answer, or the one that was asked for."""
    explanations: tuple[Explanation, ...]
    neighbours: tuple[Neighbour, ...] | None = None
    """The nearest training cells; None where they were not asked for."""

    @property
    def called(self) -> str:
        """The source without the folders of this machine, where it was named with them."""
        place = PurePath(self.source)
        return place.name if place.is_absolute() else self.source

    @property
    def agreeing(self) -> int:
        """How many of the neighbours have the label that the model answers."""
        return sum(one.row.label == self.answer.label for one in self.neighbours or ())

    def to_json(self) -> dict[str, Any]:
        """Give the numbers."""
        told: dict[str, Any] = {
            "source": self.called,
            "answer": self.answer.label,
            "probability": self.answer.probability,
            "abnormal": self.answer.abnormal,
            "probabilities": dict(self.answer.probabilities),
            "explained_class": self.about,
            "maps": {one.method: one.to_json() for one in self.explanations},
        }
        if self.neighbours is not None:
            told["neighbours"] = [
                {"id": one.row.id, "label": one.row.label, "cosine_distance": one.distance}
                for one in self.neighbours
            ]
            told["neighbours_of_the_answer"] = self.agreeing
        return told


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """All that is told of one run."""

    model: str
    """The bundle's digest."""
    called: str
    """The backbone, for people."""
    dataset: str
    orientations: bool
    sanity: Mapping[Method, Sanity]
    """Of each method that this model allows."""
    refused: Mapping[Method, str]
    """Methods that this model does not allow, and why."""
    pictures: tuple[Explained, ...]
    failures: tuple[tuple[str, str], ...] = ()
    """Pictures that could not be used, and why."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the content of `explain.json`."""
        return {
            "papscope": "explanation",
            "format": 1,
            "means": MEANING,
            "model_sha256": self.model,
            "backbone": self.called,
            "trained_on": self.dataset,
            "orientations": self.orientations,
            "methods": {name: one.to_json() for name, one in self.sanity.items()},
            "methods_not_for_this_model": dict(self.refused),
            "pictures": [one.to_json() for one in self.pictures],
            "failures": [{"source": name, "why": why} for name, why in self.failures],
            "notes": list(self.notes),
        }

"""How good the answers are for parts of the images: by class, data set, preparation and so on.

Takes   scores, and the manifests that may know more of the images
Gives   a table for each property that is known, every measure with its interval and n
Never   judges a part of fewer than 20 images or 5 groups: it is too few to say
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from papscope.evaluate.intervals import Groups, Measure
from papscope.evaluate.pairing import taken
from papscope.evaluate.summary import summarise
from papscope.evidence.reading import base_name, known_data_sets
from papscope.manifest import Manifest, Row
from papscope.progress import Tell
from papscope.scores import Scores

FEW_IMAGES = 20
FEW_GROUPS = 5
MEASURES = (
    "accuracy",
    "balanced_accuracy",
    "abnormal_sensitivity",
    "abnormal_specificity",
    "calibration_error",
)
"""What is measured of each part; of a class, its recall, precision and AUROC."""
CLASS_MEASURES = ("recall", "precision", "auroc")
_MOST_PARTS = 12
"""A property that cuts the images into more parts than this is no help to a reader."""
_GROUP_SIZES = ((1, 1), (2, 4), (5, 9), (10, 24), (25, None))


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the images."""

    name: str
    n: int
    groups: int
    measures: Mapping[str, Measure]

    @property
    def few(self) -> bool:
        """Whether it is too small to say anything."""
        return self.n < FEW_IMAGES or self.groups < FEW_GROUPS

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "n": self.n,
            "groups": self.groups,
            "too_few_to_say": self.few,
            "measures": {key: one.to_json() for key, one in self.measures.items()},
        }


@dataclass(frozen=True, slots=True)
class Table:
    """The parts by one property."""

    title: str
    parts: tuple[Part, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The measures that its parts have, in order."""
        return tuple(self.parts[0].measures)

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form: by part."""
        return {one.name: one.to_json() for one in self.parts}


@dataclass(frozen=True, slots=True)
class Subgroups:
    """All tables of one file of scores."""

    tables: tuple[Table, ...]


def subgroups(
    scores: Scores, manifests: Sequence[Manifest], resamples: int, seed: int, tell: Tell
) -> Subgroups:
    """Measure the parts of the images by every property that is known.

    Args:
        scores: of one or more labelled images.
        manifests: of which one may be that of the scores; the others are not looked at.
        resamples: how many times to draw the groups, 100 or more.
        seed: of the draws.
        tell: told as the properties are measured.

    Raises:
        MeasureError: there is no image to measure.
    """
    properties = {name: found for name, found in _properties(scores, manifests).items() if found}
    tables = [_by_class(scores, resamples, seed)]
    for done, (title, names) in enumerate(properties.items(), start=1):
        tell("subgroups", done, len(properties))
        places = {part: [k for k, one in enumerate(names) if one == part] for part in _order(names)}
        if 1 < len(places) <= _MOST_PARTS:
            parts = (_part(scores, p, of, resamples, seed) for p, of in places.items())
            tables.append(Table(title, tuple(parts)))
    return Subgroups(tuple(tables))


def _order(names: Sequence[str]) -> list[str]:
    """Put parts in order: by the number that they begin with, if all do, then by name."""

    def place(name: str) -> tuple[int, str]:
        first = name.split(maxsplit=1)[0]
        return (int(first) if first.isdigit() else -1, name)

    return sorted(set(names), key=place)


def _by_class(scores: Scores, resamples: int, seed: int) -> Table:
    summary = summarise(scores, resamples=resamples, seed=seed)
    return Table(
        "class",
        tuple(
            Part(
                name,
                one["support"]["n"],
                one["support"]["groups"],
                {key: one[key] for key in ("recall", "precision", "auroc")},
            )
            for name, one in summary.per_class.items()
        ),
    )


def _part(scores: Scores, name: str, places: list[int], resamples: int, seed: int) -> Part:
    some = taken(scores, places)
    summary = summarise(some, resamples=resamples, seed=seed)
    return Part(name, summary.n, summary.groups, {key: summary.overall[key] for key in MEASURES})


def _properties(scores: Scores, manifests: Sequence[Manifest]) -> dict[str, list[str]]:
    """Give the part of each image by each property; an empty list where it is not known of all."""
    found = {"number of images in the group": _group_sizes(scores)}
    digest = (scores.about.get("manifest") or {}).get("sha256")
    of = next((one for one in manifests if one.digest == digest), None)
    rows = {} if of is None else {row.id: row for row in of.rows}
    if rows and all(name in rows for name in scores.ids):
        mine = [rows[name] for name in scores.ids]
        for title, told in _ROW_PROPERTIES.items():
            names = [told(row) for row in mine]
            found[title] = names if all(names) else []
    return found


def _group_sizes(scores: Scores) -> list[str]:
    """Say how many images of the file are of each image's group."""
    groups = Groups.of(scores.groups)
    sizes = np.bincount(groups.place, minlength=groups.number)
    return [_band(int(sizes[place])) for place in groups.place]


def _band(size: int) -> str:
    low, high = next((a, b) for a, b in _GROUP_SIZES if b is None or size <= b)
    if high is None:
        return f"{low} or more"
    return f"{low} to {high}" if high > low else f"{low}"


def _preparation(row: Row) -> str:
    known = known_data_sets().get(base_name(row.dataset))
    return "" if known is None else str(known.content["preparation"]).rstrip(".")


def _edge(row: Row) -> str:
    """Say whether a cell's square reaches over the border of its field."""
    box = row.box
    if box is None:
        return ""
    right, bottom = box.left + box.width, box.top + box.height
    inside = box.left >= 0 and box.top >= 0 and right <= row.width and bottom <= row.height
    return "square within the field" if inside else "square over the field's border"


_ROW_PROPERTIES: Mapping[str, Callable[[Row], str]] = {
    "data set": lambda row: row.dataset,
    "preparation": _preparation,
    "size of the picture": lambda row: f"{row.width} x {row.height}",
    "place in the field": _edge,
    "outline of the cell": lambda row: "has one" if row.mask else "has none",
}
"""What a manifest's row tells of its image; empty where it does not."""

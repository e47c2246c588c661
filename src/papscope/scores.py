"""What a model answered for labelled images: the one thing that evaluation and reports read.

Takes   ids, groups, truth and probabilities
Gives   a frozen `Scores`, or a file of it from which a report can be made years later
Never   sees a network, an image or torch
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.errors import SettingError, TableError
from papscope.files import read_table, write_table
from papscope.image import Box
from papscope.taxonomy import CellClass

Probabilities: TypeAlias = npt.NDArray[np.float64]
"""(n, c); each row sums to 1."""

_FIXED = ("id", "group", "path", "left", "top", "box_width", "box_height", "truth")


def softmax(logits: npt.NDArray[np.float64]) -> Probabilities:
    """Turn logits (n, c) into probabilities (n, c), in double precision."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """One row an image: who it is, what it is, and what the model thinks."""

    ids: tuple[str, ...]
    groups: tuple[str | None, ...]
    """The groups that intervals are drawn over; None where the source does not say."""
    truth: npt.NDArray[np.int64]
    """(n,), the place of the true class in `classes`."""
    probabilities: Probabilities
    classes: tuple[CellClass, ...]
    paths: tuple[str, ...]
    """Of the image files, below `about["root"]`."""
    boxes: tuple[Box | None, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    """What a report must tell: see `papscope.score` for the keys."""

    def __post_init__(self) -> None:
        n, c = len(self.ids), len(self.classes)
        lengths = {len(self.groups), len(self.truth), len(self.paths), len(self.boxes)}
        if lengths != {n} or self.probabilities.shape != (n, c):
            raise ValueError(
                f"{n} ids, {lengths} others, probabilities {self.probabilities.shape}, {c} classes"
            )
        if n and (self.truth.min() < 0 or self.truth.max() >= c):
            raise ValueError(f"truth reaches {self.truth.max()}; there are {c} classes")
        if not np.all(np.isfinite(self.probabilities)) or np.any(self.probabilities < 0):
            raise ValueError("a probability is negative or not a number")
        if n and not np.allclose(self.probabilities.sum(axis=1), 1.0, atol=1e-3):
            raise ValueError("the probabilities of an image do not sum to 1")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes' names, in the order of the columns."""
        return tuple(one.name for one in self.classes)

    @property
    def leaks(self) -> str | None:
        """The stamp of scores whose images the model may have learned from; None where clean."""
        protocol = self.about.get("protocol") or {}
        return self.about.get("leaks") or protocol.get("leaks")

    @property
    def called(self) -> npt.NDArray[np.int64]:
        """(n,), the place of the likeliest class; the first where two are equally likely."""
        return np.asarray(np.argmax(self.probabilities, axis=1), dtype=np.int64)


def write_scores(path: Path, scores: Scores) -> str:
    """Write scores in one step and give the SHA-256 of the file; nothing is rounded."""
    names = scores.class_names
    rows = []
    for place, name in enumerate(scores.ids):
        box = scores.boxes[place]
        corners = (box.left, box.top, box.width, box.height) if box else (None,) * 4
        fixed = (name, scores.groups[place], scores.paths[place], *corners)
        chances = (repr(float(value)) for value in scores.probabilities[place])
        rows.append((*fixed, names[int(scores.truth[place])], *chances))
    head = {"classes": [one.to_json() for one in scores.classes], "about": dict(scores.about)}
    return write_table(path, "scores", head, (*_FIXED, *(f"p:{name}" for name in names)), rows)


def read_scores(path: Path) -> Scores:
    """Read scores.

    Raises:
        TableError: the file is missing, damaged, or its numbers are no probabilities.
    """
    table = read_table(path, "scores")
    try:
        classes = tuple(CellClass.from_json(one) for one in table.head["classes"])
        columns = tuple(f"p:{one.name}" for one in classes)
        if table.columns != (*_FIXED, *columns):
            raise ValueError(f"columns are {table.columns}")
        records = list(table.records())
        place = {one.name: index for index, one in enumerate(classes)}
        chances = [[float(record[name]) for name in columns] for record in records]
        return Scores(
            ids=tuple(record["id"] for record in records),
            groups=tuple(record["group"] or None for record in records),
            truth=np.array([place[record["truth"]] for record in records], dtype=np.int64),
            probabilities=np.array(chances, dtype=np.float64).reshape(len(records), len(classes)),
            classes=classes,
            paths=tuple(record["path"] for record in records),
            boxes=tuple(_box(record) for record in records),
            about=table.head["about"],
        )
    except (KeyError, TypeError, ValueError, SettingError) as wrong:
        raise TableError(f"{path} is damaged: {wrong}", hint="evaluate again") from None


def _box(record: Mapping[str, str]) -> Box | None:
    corners = [record[name] for name in ("left", "top", "box_width", "box_height")]
    return Box(*(int(number) for number in corners)) if all(corners) else None

"""Which images, and which slides, a model has learned from.

Takes   rows of a manifest
Gives   short marks of them that travel in a bundle, and how many other rows carry such a mark
Never   tells a path, a label or a name: a mark is a digest

So a model that is measured on images of its own training is found out, whatever manifest or split
they come by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from papscope.manifest import Row

_LENGTH = 12  # hexadecimal digits: among a million images, one false alarm in 300 evaluations


@dataclass(frozen=True, slots=True)
class Seen:
    """Marks of images and of their groups."""

    images: frozenset[str]
    groups: frozenset[str]

    def __or__(self, other: Seen) -> Seen:
        """Give what either has seen."""
        return Seen(self.images | other.images, self.groups | other.groups)

    def to_json(self) -> dict[str, str]:
        """Give the JSON form: sorted marks, one after another."""
        return {"images": "".join(sorted(self.images)), "groups": "".join(sorted(self.groups))}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Seen:
        """Read the JSON form; a bundle that has none has seen nothing that can be known."""
        return cls(_marks(value.get("images")), _marks(value.get("groups")))


def seen_in(rows: Iterable[Row]) -> Seen:
    """Mark rows.

    >>> from pathlib import PurePosixPath
    >>> row = Row("a", PurePosixPath("a.png"), None, "mine", 9, 9, "ff", group="slide 1")
    >>> [len(mark) for mark in (*seen_in([row]).images, *seen_in([row]).groups)]
    [12, 12]
    """
    images, groups = set(), set()
    for row in rows:
        images.add(_image(row))
        if row.group is not None:
            groups.add(_group(row))
    return Seen(frozenset(images), frozenset(groups))


def overlap(seen: Seen, rows: Iterable[Row]) -> tuple[int, int]:
    """Count the rows that were seen themselves, and those of whose group others were seen."""
    same, near = 0, 0
    for row in rows:
        if _image(row) in seen.images:
            same += 1
        elif row.group is not None and _group(row) in seen.groups:
            near += 1
    return same, near


def _image(row: Row) -> str:
    box = row.box
    corners = (box.left, box.top, box.width, box.height) if box else ()
    return _mark(f"{row.sha256}{corners}")


def _group(row: Row) -> str:
    return _mark(f"{row.dataset}:{row.group}")


def _mark(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_LENGTH]


def _marks(text: object) -> frozenset[str]:
    whole = text if isinstance(text, str) else ""
    return frozenset(whole[at : at + _LENGTH] for at in range(0, len(whole), _LENGTH))

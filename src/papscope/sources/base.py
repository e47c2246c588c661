"""What an importer finds in a data set's folder, before any picture is opened.

Takes   names and places, from the importers
Gives   a frozen `Finds`, the one thing that every importer hands on
Never   opens a picture; knows no particular data set
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from papscope.errors import SourceError
from papscope.image import Box
from papscope.taxonomy import CellClass

GROUPED_SHARE = 0.95
"""At least this share of the file names must tell their group, or the import is refused."""

NO_GROUPS = (
    "NO GROUP IS KNOWN: only a split by image is possible, and cells of one slide may then be on "
    "both sides; give --group-regex, --groups or a group column if the slides are known"
)


@dataclass(frozen=True, slots=True)
class Find:
    """One image, or one cell of an image, as its name, folder or table row tells it."""

    id: str
    """The same whenever the same data set is imported, whatever its layout."""
    path: PurePosixPath
    """Below the data set's folder."""
    label: str | None
    group: str | None = None
    strict_group: str | None = None
    box: Box | None = None
    centre: tuple[float, float] | None = None
    """The point, x and y in pixels, that must lie in the image; None where there is none."""
    outlines: Mapping[str, str] = field(default_factory=dict)
    """Files of outlines below the data set's folder, by the outline's name."""
    mask: PurePosixPath | None = None
    part: str | None = None
    """train, val or test where the data set came already divided."""
    parent: str | None = None
    where: str = ""
    """The table and line that this came from; empty where it came from a file's name."""

    @property
    def told(self) -> str:
        """Where a person should look: the table's line, or the file."""
        return self.where or str(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finds:
    """All that an importer found, and what holds for all of it."""

    dataset: str
    classes: tuple[CellClass, ...]
    items: tuple[Find, ...]
    licence: str
    citation: str
    group_is: str
    notes: tuple[str, ...] = ()
    expected: Mapping[str, int] | None = None
    """Published number of rows of each class; None for anybody's own data."""
    expected_groups: int | None = None
    """Published number of groups; None where none is."""
    published_size: tuple[int, int] | None = None
    """Width and height of every published image; None where they differ or nobody has said."""
    sizes_vary: bool = False
    """Whether the published images are of many sizes, so that one size tells of a resized copy."""
    missing: tuple[str, ...] = ()
    """Images that a table names and that are not there."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """How it was imported; JSON values, no absolute paths."""


def plain(text: str) -> str:
    """Give the one form of a text that can be written in several ways in Unicode.

    macOS writes an accented letter as two characters, other systems as one.

    >>> plain("e" + chr(0x301)) == chr(0xE9)
    True
    """
    return unicodedata.normalize("NFC", text)


def some(names: Sequence[str], most: int = 3) -> str:
    """Name the first few of many.

    >>> some(["a", "b", "c", "d"], most=2)
    'a, b and 2 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def group_note(items: Sequence[Find], group_is: str, hint: str) -> tuple[str, ...]:
    """Tell of the images whose name gives no group, and refuse when they are many.

    Raises:
        SourceError: fewer than 95 % of the names tell their group.
    """
    without = [item.told for item in items if item.group is None]
    grouped = len(items) - len(without)
    if grouped < GROUPED_SHARE * len(items):
        raise SourceError(
            f"only {grouped} of {len(items)} images tell their {group_is}; "
            f"these do not: {some(without)}",
            hint=hint,
        )
    if not without:
        return ()
    return (f"{len(without)} images tell no {group_is}: {some(without)}",)


def distinct(items: Sequence[Find]) -> tuple[Find, ...]:
    """Sort by id, and refuse two finds that stand for the same thing.

    Raises:
        SourceError: an id occurs twice; tells where.
    """
    ordered = tuple(sorted(items, key=lambda item: item.id))
    pairs = pairwise(ordered)
    twice = [f"{a.told} and {b.told}" for a, b in pairs if a.id == b.id]
    if twice:
        raise SourceError(
            f"{len(twice)} images or cells are there twice: {some(twice)}",
            hint="keep one copy of each, or give the folder that holds only one",
        )
    return ordered

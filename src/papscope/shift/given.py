"""Which pictures are meant by a manifest, a folder, or a list of files, and what is known of them.

Takes   words of a command line
Gives   a frozen `Given`: sources, and for each its group and label where these are known
Never   opens a picture, or makes up a group
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from papscope.errors import SettingError
from papscope.labelled import sources_of
from papscope.manifest import Row, read_manifest
from papscope.predict.sources import named_by
from papscope.preprocess import Source
from papscope.seeds import stream
from papscope.taxonomy import CellClass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """Pictures, and what whoever gave them knows of them."""

    name: str
    """What to call them; never a folder of this machine."""
    sources: tuple[Source, ...]
    """Empty where only numbers are left of the pictures: those in a bundle's reference."""
    groups: tuple[str | None, ...]
    """None where it is not known which slide or field a picture comes from."""
    labels: tuple[str | None, ...] = ()
    """Names of `classes`; empty where nothing is labelled."""
    classes: tuple[CellClass, ...] = ()
    group_is: str = "group"
    rows: tuple[Row, ...] = ()
    """Of a manifest; empty for files."""
    of: int = 0
    """How many pictures there were before some were drawn."""

    def __post_init__(self) -> None:
        if not self.groups:
            raise SettingError(f"{self.name} has no picture", hint="give one that has")

    def drawn(self, most: int, seed: int) -> Given:
        """Draw at most so many of the pictures; the same seed draws the same, in their order."""
        whole = replace(self, of=len(self.sources))
        if len(self.sources) <= most:
            return whole
        draw = stream(seed, "shift, pictures").permutation(len(self.sources))
        return whole.chosen(sorted(int(one) for one in draw[:most]))

    def chosen(self, places: Sequence[int]) -> Given:
        """Keep some of the pictures."""
        return replace(
            self,
            sources=tuple(self.sources[one] for one in places) if self.sources else (),
            groups=tuple(self.groups[one] for one in places),
            labels=tuple(self.labels[one] for one in places) if self.labels else (),
            rows=tuple(self.rows[one] for one in places) if self.rows else (),
        )


def given_by(words: Sequence[str], listed: Sequence[str] = ()) -> Given:
    """Say which pictures words stand for.

    A manifest alone tells groups and labels; pictures that `papscope augment` made are left out.
    Files, folders and patterns tell neither.

    Args:
        words: a manifest, or any of what `papscope predict` takes.
        listed: files and folders, taken in the place of `-`.

    Raises:
        SettingError: nothing is named, or a folder or pattern has no picture.
        TableError: a `.csv` file is no manifest.
    """
    if len(words) == 1 and Path(words[0]).suffix.lower() == ".csv":
        return of_manifest(Path(words[0]))
    sources = tuple(named_by(words, listed))
    name = Path(words[0]).name or "pictures"
    called = name if len(words) == 1 and words[0] != "-" else f"{len(sources)} pictures"
    return Given(name=called, sources=sources, groups=(None,) * len(sources))


def of_manifest(path: Path) -> Given:
    """Give the pictures of a manifest, with their groups and labels.

    Raises:
        TableError: it is no manifest.
        SettingError: it has no row.
    """
    manifest = read_manifest(path)
    # Rows of one file follow one another, so that it is decoded once.
    rows = [row for row in manifest.rows if not row.made]
    rows = sorted(rows, key=lambda row: (str(row.path), row.id))
    sources = sources_of(manifest, rows)
    return Given(
        name=path.name,
        sources=tuple(
            Source(one.picture, one.box, row.id) for one, row in zip(sources, rows, strict=True)
        ),
        groups=tuple(row.group for row in rows),
        labels=tuple(row.label for row in rows),
        classes=manifest.classes,
        group_is=manifest.group_is,
        rows=tuple(rows),
    )

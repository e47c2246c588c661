"""The cells that a gate is fitted on, as a network and `appearance` see them.

Takes   a bundle, its engine, and rows of a manifest
Gives   `Cells`, and for each fold of a cross-validation its bundle and its rows
Never   fits a number, or holds more pictures than a few
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from papscope.appearance import appearance
from papscope.bundle import Bundle
from papscope.errors import BundleError, ImageError, MeasureError, SettingError
from papscope.evaluate.gating import Cells, dealt
from papscope.labelled import sources_of, targets
from papscope.manifest import Manifest, Row
from papscope.predict.engine import Engine, featured
from papscope.preprocess import prepare
from papscope.progress import Tell, silent
from papscope.split import check_belongs, originals, read_split

_CHUNK = 64


@dataclass(frozen=True, slots=True, eq=False)
class Looking:
    """A model that looks at the cells of a manifest."""

    bundle: Bundle
    engine: Engine
    manifest: Manifest
    tell: Tell = silent

    def at(self, rows: Sequence[Row]) -> Cells:
        """Look at labelled images.

        Raises:
            BundleError: the network tells no features.
            ImageError: an image cannot be read.
        """
        if not rows:
            raise MeasureError("there is no image to fit a gate on", hint="give another split")
        looks, features = [], []
        squares = prepare(sources_of(self.manifest, rows), self.bundle.description.preprocess)
        while chunk := list(islice(squares, _CHUNK)):
            ready = []
            for square in chunk:
                if isinstance(square, ImageError):
                    raise square
                ready.append(square)
            _, told = featured(self.engine, np.stack(ready))
            if told is None:
                raise BundleError(
                    "the network does not tell its features, on which a gate rests",
                    hint="export the model again with `papscope export`",
                )
            features.append(told)
            looks += [appearance(square) for square in ready]
            self.tell("looking", len(looks), len(rows))
        return Cells(
            looks=np.stack(looks),
            features=np.concatenate(features),
            labels=targets(self.manifest, rows),
            groups=groups_of(rows),
            ids=tuple(row.id for row in rows),
        )

    def at_learned(self, rows: Sequence[Row], most: int) -> Cells:
        """Look at so many at most, of each class and group in turn; 0 takes all."""
        return self._at_some(rows, targets(self.manifest, rows).tolist(), most)

    def at_held_out(self, rows: Sequence[Row], most: int) -> Cells:
        """Look at so many at most, of each group in turn; 0 takes all."""
        return self._at_some(rows, [0] * len(rows), most)

    def _at_some(self, rows: Sequence[Row], labels: Sequence[int], most: int) -> Cells:
        places = dealt(labels, groups_of(rows), most or len(rows))
        return self.at([rows[place] for place in places])


def groups_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """Name each image's group; one without is a group of its own."""
    return tuple(row.id if row.group is None else row.group for row in rows)


def labelled(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Leave out what has no label, and what `papscope augment` made."""
    return tuple(row for row in originals(rows) if row.label is not None)


def folds_of(
    folder: Path, manifest: Manifest
) -> Iterator[tuple[Path, tuple[Row, ...], tuple[Row, ...]]]:
    """Give the bundle of each fold of a cross-validation, its training rows, and those held out.

    Raises:
        SettingError: the folder is no cross-validation.
        SplitError: its folds are another manifest's.
    """
    found = sorted(folder.glob("repeat-*/folds.csv"))
    if not found:
        raise SettingError(
            f"{folder} is not the folder of a cross-validation",
            hint="give the folder that `papscope crossval -o` wrote",
        )
    folds = read_split(found[0])
    check_belongs(folds, manifest)
    rows = [row for row in manifest.rows if row.id in folds.part_of and row.label is not None]
    for fold in folds.parts:
        train = labelled(row for row in rows if folds.part_of[row.id] != fold)
        held = labelled(row for row in rows if folds.part_of[row.id] == fold)
        yield found[0].parent / f"fold-{fold}" / "bundle", train, held

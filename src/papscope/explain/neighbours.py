"""Which training cells a picture looks like, to the network that answers.

Takes   an engine that tells its features, a manifest and a split
Gives   for each picture the nearest training cells, with their labels
Never   looks at validation or test images, or counts the picture itself among its neighbours

Near is by the cosine of the features that the network's last layer takes: pictures that lie close
there get like answers. Their labels show what the network has to go by, and where neighbours of
another label lie among them, the answer rests on little.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from papscope.bundle import Bundle
from papscope.errors import BundleError, ImageError, SettingError, SplitError
from papscope.files import canonical_json, write_bytes
from papscope.labelled import sources_of
from papscope.manifest import Manifest, Row
from papscope.predict.engine import Engine, featured
from papscope.preprocess import Squares, prepare
from papscope.progress import Tell, silent
from papscope.split import Split

SAME = 1e-6
"""Cosine distance below which a training cell is taken for the picture itself."""

_CHUNK = 64
_ENERGY = 1
"""Columns before the features."""
_VERSION = 1
"""Counted up whenever the same model and pictures give other features than before."""

Directions = npt.NDArray[np.float32]
"""(n, d), features divided by their length."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One training cell that a picture looks like."""

    row: Row
    distance: float
    """1 - cosine, 0..2."""


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """The training cells, and what the network's last layer takes of them."""

    manifest: Manifest
    rows: tuple[Row, ...]
    directions: Directions
    count: int
    """How many neighbours are asked for."""

    def nearest(self, engine: Engine, squares: Squares) -> list[tuple[Neighbour, ...]]:
        """Give each square's nearest training cells, the nearest first.

        Args:
            engine: the one that the library was made with.
            squares: (n, s, s, 3).
        """
        apart = 1 - directions_of(engine, squares) @ self.directions.T
        return [tuple(self._of(one)) for one in apart]

    def _of(self, distances: npt.NDArray[np.float32]) -> Iterator[Neighbour]:
        order = np.argsort(distances, kind="stable")
        others = [int(place) for place in order if distances[place] > SAME]
        for place in others[: self.count]:
            yield Neighbour(self.rows[place], max(0.0, float(distances[place])))


def library_of(
    bundle: Bundle,
    engine: Engine,
    trained: tuple[Manifest, Split],
    folder: Path,
    *,
    count: int = 5,
    tell: Tell = silent,
) -> Library:
    """Ask a network about its training cells, or read what it said in an earlier run.

    Args:
        bundle: the model.
        engine: the model's.
        trained: the manifest and split that it was trained with; its training part is taken.
        folder: where features are kept.
        count: how many neighbours a picture shall have.
        tell: hears how far it is.

    Raises:
        SettingError: fewer than one neighbour is asked for, or the manifest has other classes.
        SplitError: the split has no training image.
        BundleError: the model was exported by a papscope whose models tell no features.
        ImageError: a training image cannot be read.
    """
    manifest, split = trained
    names = tuple(one.name for one in bundle.description.classes)
    if count < 1 or manifest.class_names != names:
        raise SettingError(
            f"{count} neighbours of the classes {', '.join(manifest.class_names)} are asked for; "
            f"the model has {', '.join(names)}",
            hint="ask for 1 or more, from the manifest that the model was trained with",
        )
    rows = tuple(
        row for row in manifest.labelled() if split.part_of.get(row.id) == "train" and not row.made
    )
    if not rows:
        raise SplitError(
            "the split has no training image of this manifest",
            hint="give the manifest and the split that the model was trained with",
        )
    directions = _kept(bundle, engine, manifest, rows, (folder, tell))
    return Library(manifest, rows, directions, count)


def directions_of(engine: Engine, squares: Squares) -> Directions:
    """Give the features of squares (n, s, s, 3), divided by their length, (n, d).

    Raises:
        BundleError: the model tells none.
    """
    _, found = featured(engine, squares)
    if found is None:
        raise BundleError(
            "this model tells no features: it was exported by an early papscope",
            hint="export it again, or use the bundle that it was exported from",
        )
    told = found[:, _ENERGY:]
    length = np.linalg.norm(told, axis=1, keepdims=True)
    return np.asarray(told / np.maximum(length, np.finfo(np.float32).tiny), dtype=np.float32)


def _kept(
    bundle: Bundle,
    engine: Engine,
    manifest: Manifest,
    rows: Sequence[Row],
    where: tuple[Path, Tell],
) -> Directions:
    folder, tell = where
    about = {
        "model": bundle.digest,
        "orientations": bundle.description.orientations,
        "rows": [[row.sha256, repr(row.box)] for row in rows],
        "version": _VERSION,
    }
    name = sha256(canonical_json(about).encode()).hexdigest()[:24]
    path = folder / f"training-{name}.npy"
    if path.exists():
        try:
            return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
        except (ValueError, OSError, EOFError):
            path.unlink()  # a damaged file is made again
    found = _asked(bundle, engine, manifest, rows, tell)
    file = io.BytesIO()
    np.save(file, found, allow_pickle=False)
    write_bytes(path, file.getvalue())
    return found


def _asked(
    bundle: Bundle, engine: Engine, manifest: Manifest, rows: Sequence[Row], tell: Tell
) -> Directions:
    # Rows of one field lie together by path, so that each field is decoded once.
    order = sorted(range(len(rows)), key=lambda place: str(rows[place].path))
    sources = [
        replace(source, name=rows[place].id)
        for place, source in zip(
            order, sources_of(manifest, [rows[place] for place in order]), strict=True
        )
    ]
    waiting: list[npt.NDArray[np.uint8]] = []
    parts: list[Directions] = []
    for done, square in enumerate(prepare(sources, bundle.description.preprocess), start=1):
        if isinstance(square, ImageError):
            raise square
        waiting.append(square)
        if len(waiting) == _CHUNK or done == len(rows):
            parts.append(directions_of(engine, np.stack(waiting)))
            waiting.clear()
            tell("training cells", done, len(rows))
    found = np.concatenate(parts)
    back = np.empty_like(found)
    back[order] = found
    return back

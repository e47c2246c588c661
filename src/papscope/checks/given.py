"""Anybody's split of a manifest's images: ours, a table of theirs, or the parts they came in.

Takes   a manifest, and a file that says who is where, or nothing
Gives   a frozen `Given`: a `Split`, with what the file says twice or of images unknown
Never   guesses: a name that fits two files is placed nowhere, and told

A table has a column that names images (`id`, `path`, `filename`, ...) and one that names their part
(`part`, `split`, `set`, `fold`, ...). An image is known by its id, its path below the root, its
file's name, or that without its ending: the first of these that fits one file alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from papscope.errors import SplitError, TableError
from papscope.manifest import Manifest
from papscope.sources.base import some
from papscope.sources.rows import CsvRows, below, read_csv
from papscope.sources.table import NAMES
from papscope.sources.tree import part_of
from papscope.split import PARTS, Protocol, Split, read_split

IMAGE_COLUMNS = ("id", "image_id", *NAMES["path"], "name")
"""Columns that name images, in lower case, the first that is there."""

PART_COLUMNS = (*NAMES["part"], "subset", "partition", "fold")
"""Columns that name parts, in lower case, the first that is there."""

_MORE_WORDS = {"dev": "val", "development": "val", "eval": "test", "holdout": "test"}
_FOLD = re.compile(r"(?:fold[ _-]?)?(\d{1,3})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Given:
    """Who is in which part, by somebody's word."""

    split: Split
    """Of the images that could be placed; an image of two parts is in the later one."""
    told: str
    """What the parts were read from, as a phrase."""
    twice: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Images that are listed in several parts: row id to these."""
    unplaced: tuple[str, ...] = ()
    """Names that are listed and fit no image of the manifest, or several."""


def given_parts(manifest: Manifest, split: Split | Path | None) -> Given:
    """Find out who is in which part.

    Args:
        manifest: the images.
        split: a split of ours, also of an older manifest of the same images; a CSV file, ours or
            anybody's; None for the parts in which the images came, or in whose folders they lie.

    Raises:
        TableError: the file cannot be read, or has no column of images or of parts.
        SplitError: none of its images is in the manifest, or all are in one part.
    """
    if split is None:
        found = _of_source(manifest)
    elif isinstance(split, Split):
        found = _of_ours(manifest, split, "a split of papscope's")
    elif _is_ours(split):
        found = _of_ours(manifest, read_split(split), f"{split.name}, a split of papscope's")
    else:
        found = _of_table(manifest, read_csv(split))
    if not found.split.part_of:
        raise SplitError(
            f"none of the images that {found.told} names is in {manifest.dataset}"
            + (f": {some(found.unplaced)}" if found.unplaced else ""),
            hint="name them by id, by path below the data set's folder, or by file name",
        )
    if len(found.split.parts) < 2:
        raise SplitError(
            f"all images are in one part, {found.split.parts[0]}, by {found.told}",
            hint="give a split with images to learn from and images to be tested by",
        )
    return found


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(3) == b"# {"
    except OSError as problem:
        raise TableError(
            f"{path} cannot be read: {problem.strerror}", hint="give a split, or a CSV file"
        ) from None


def _of_ours(manifest: Manifest, split: Split, told: str) -> Given:
    known = {row.id for row in manifest.rows}
    kept = {name: part for name, part in split.part_of.items() if name in known}
    strange = tuple(sorted(set(split.part_of) - known))
    return Given(Split(split.protocol, kept, manifest.digest), told, unplaced=strange)


def _of_source(manifest: Manifest) -> Given:
    """Take the parts that the import found, or else the folders' names."""
    parts = {row.id: row.part for row in manifest.rows if row.part in PARTS}
    if not parts:
        parts = {row.id: part for row in manifest.rows if (part := part_of(str(row.path)))}
    if not parts:
        raise SplitError(
            f"{manifest.dataset} did not come divided, and no folder is called train or test",
            hint="name a split with --split",
        )
    listed = {name: {str(part)} for name, part in parts.items()}
    return _given(manifest, listed, (), "the folders or table that the images came with")


def _of_table(manifest: Manifest, rows: CsvRows) -> Given:
    lower = {name.lower(): name for name in reversed(rows.columns)}
    image = next((lower[name] for name in IMAGE_COLUMNS if name in lower), None)
    part = next((lower[name] for name in PART_COLUMNS if name in lower), None)
    if image is None or part is None:
        lack, want = ("images", IMAGE_COLUMNS) if image is None else ("parts", PART_COLUMNS)
        raise TableError(
            f"{rows.path.name} has no column of {lack} among {', '.join(rows.columns)}",
            hint=f"name it {', '.join(want[:3])}",
        )
    known = _known_names(manifest)
    listed: dict[str, set[str]] = defaultdict(set)
    unplaced = []
    for line, cells in rows.lines:
        if not cells[part]:
            continue  # listed without a part: left out by whoever divided
        where = _part(cells[part], rows.where(line))
        ids = _found(cells[image], known, manifest.root)
        if not ids:
            unplaced.append(cells[image])
        for one in ids:
            listed[one].add(where)
    return _given(manifest, listed, unplaced, f"{rows.path.name}, by its column {part}")


def _part(text: str, where: str) -> str:
    word = text.lower()
    fold = _FOLD.fullmatch(word)
    found = part_of(f"{word}/x") or _MORE_WORDS.get(word) or (fold and str(int(fold[1])))
    if not found:
        raise TableError(f"{where}: {text!r} is no part", hint="write train, val, test, or a fold")
    return found


def _known_names(manifest: Manifest) -> tuple[dict[str, list[str]], ...]:
    """List the row ids behind each id, path, file name and stem; a name of two files has none."""
    rows: tuple[dict[str, list[str]], ...] = ({}, {}, {}, {})
    files: tuple[dict[str, set[str]], ...] = ({}, {}, {}, {})
    for row in manifest.rows:
        file = str(row.path)
        for level, name in enumerate((row.id, file, row.path.name, row.path.stem)):
            rows[level].setdefault(name, []).append(row.id)
            files[level].setdefault(name, set()).add(file)
    return tuple(
        {name: ids for name, ids in of.items() if len(files[level][name]) == 1}
        for level, of in enumerate(rows)
    )


def _found(text: str, known: tuple[dict[str, list[str]], ...], root: Path) -> list[str]:
    path = below(text, root)
    name = text.replace("\\", "/").rpartition("/")[2]
    wanted = (text, path if path is not None else text, name, name)
    for names, one in zip(known, wanted, strict=True):
        if one in names:
            return names[one]
    return known[3].get(name.rpartition(".")[0], [])


def _given(
    manifest: Manifest, listed: Mapping[str, set[str]], unplaced: Iterable[str], told: str
) -> Given:
    every = {part for parts in listed.values() for part in parts}
    folds = sorted(every - set(PARTS), key=int)
    if folds and len(folds) < len(every):
        raise TableError(
            f"{told} names folds ({folds[0]}) and parts ({min(every & set(PARTS))})",
            hint="give folds alone, or train, val and test",
        )
    number = {part: str(place) for place, part in enumerate(folds)}  # some count folds from 1
    rank = [*PARTS, *number.values()]
    parts_of = {
        name: sorted((number.get(part, part) for part in parts), key=rank.index)
        for name, parts in listed.items()
    }
    protocol = Protocol(
        by="given",
        seed=0,
        shares={},
        folds=len(folds),
        group_is=manifest.group_is,
        left_out=len(manifest.rows) - len(listed),
    )
    order = [row.id for row in manifest.rows if row.id in parts_of]
    return Given(
        split=Split(protocol, {name: parts_of[name][-1] for name in order}, manifest.digest),
        told=told,
        twice={name: tuple(parts_of[name]) for name in order if len(parts_of[name]) > 1},
        unplaced=tuple(unplaced),
    )

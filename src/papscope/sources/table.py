"""Anybody's table of images: one line an image, or a cell of one.

Takes   a CSV file with a column of paths and, where known, of classes, groups and boxes
Gives   `Finds`: one line each
Never   takes a column for something that it was not told or that its name does not say
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path, PurePosixPath

from papscope.errors import SettingError, SourceError
from papscope.image import Box
from papscope.sources.base import NO_GROUPS, Find, Finds, distinct, group_note, plain, some
from papscope.sources.rows import CsvRows, below, read_csv
from papscope.sources.tree import files_below, part_of
from papscope.taxonomy import named

NAMES: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "image", "image_path", "file", "filename", "file_name", "image_filename"),
    "label": ("label", "class", "class_name", "category", "bethesda_system", "diagnosis"),
    "group": ("group", "slide", "slide_id", "patient", "patient_id", "case", "case_id"),
    "strict_group": ("strict_group",),
    "part": ("part", "split", "set"),
}
"""The columns' names that are understood, in lower case, the first that is there."""
BOX = ("left", "top", "box_width", "box_height")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column holds what; None where the name is to be found among `NAMES`."""

    path: str | None = None
    label: str | None = None
    group: str | None = None
    box: tuple[str, str, str, str] | None = None
    """Left, top, width and height, in pixels; `BOX` where such columns are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    path: str
    label: str | None
    group: str | None
    strict_group: str | None
    part: str | None
    box: tuple[str, ...] | None


def find(
    root: Path,
    *,
    table: Path | None = None,
    columns: Columns | None = None,
    abnormal: tuple[str, ...] = (),
    bethesda: Mapping[str, str] | None = None,
    dataset: str | None = None,
) -> Finds:
    """Find the images that a table names.

    Args:
        root: the folder that the paths start from.
        table: the table; by default the only CSV file that lies in the root.
        columns: which column holds what.
        abnormal: the classes that count as abnormal; the others are then normal.
        bethesda: the Bethesda category of a class's cells, where somebody says so.
        dataset: what to call the data; the root's name by default.

    Raises:
        SettingError: a column that was named is not there, or a name in `abnormal` or `bethesda`
            is no class.
        SourceError: there is no table, or a line of it means nothing.
    """
    rows = read_csv(table or _only_table(root))
    chosen = _chosen(rows, columns or Columns())
    items = _unique(tuple(_find(rows, line, cells, chosen, root) for line, cells in rows.lines))
    if not items:
        raise SourceError(f"{rows.path} has no lines", hint="give a table with a line an image")
    labels = [item.label for item in items if item.label is not None]
    told = _group_notes(items, chosen.group)
    return Finds(
        dataset=dataset or plain(root.resolve().name) or "csv",
        classes=named(labels, abnormal=abnormal, bethesda=bethesda),
        items=distinct(items),
        licence="",
        citation="",
        group_is=chosen.group or "group",
        notes=(*told, *_part_note(rows, chosen), *_label_note(items)),
        missing=_missing(items, root),
        settings={
            "table": rows.path.name,
            "abnormal": list(abnormal),
            **({"bethesda": dict(bethesda)} if bethesda else {}),
            **_told(chosen),
        },
    )


def _only_table(root: Path) -> Path:
    tables = [path for path in files_below(root) if path.lower().endswith(".csv")]
    tables = [path for path in tables if "/" not in path]
    if len(tables) != 1:
        raise SourceError(
            f"{root} holds {len(tables)} CSV files", hint="name the table with --table"
        )
    return root / tables[0]


def _chosen(rows: CsvRows, columns: Columns) -> _Chosen:
    lower = {name.lower(): name for name in reversed(rows.columns)}

    def column(what: str, given: str | None) -> str | None:
        if given is None:
            return next((lower[name] for name in NAMES[what] if name in lower), None)
        return _there(rows, given)

    path = column("path", columns.path)
    if path is None:
        raise SettingError(
            f"{rows.path.name} has no column of paths among {', '.join(rows.columns)}",
            hint="name it with --path-column",
        )
    box: tuple[str, ...] | None = None
    if columns.box is not None:
        box = tuple(_there(rows, name) for name in columns.box)
    elif all(name in lower for name in BOX):
        box = tuple(lower[name] for name in BOX)
    return _Chosen(
        path=path,
        label=column("label", columns.label),
        group=column("group", columns.group),
        strict_group=column("strict_group", None),
        part=column("part", None),
        box=box,
    )


def _there(rows: CsvRows, name: str) -> str:
    if name not in rows.columns:
        raise SettingError(
            f"{rows.path.name} has no column {name}", hint=f"it has {', '.join(rows.columns)}"
        )
    return name


def _told(chosen: _Chosen) -> dict[str, object]:
    return {
        "path_column": chosen.path,
        "label_column": chosen.label,
        "group_column": chosen.group,
        "box_columns": list(chosen.box) if chosen.box else None,
    }


def _find(rows: CsvRows, line: int, cells: Mapping[str, str], chosen: _Chosen, root: Path) -> Find:
    where = rows.where(line)
    path = below(cells[chosen.path], root) if cells[chosen.path] else None
    if path is None:
        what = "leaves the folder" if cells[chosen.path] else "is empty"
        raise SourceError(
            f"{where}: the path {cells[chosen.path]!r} {what}",
            hint=f"paths start below {root}",
        )

    def text(column: str | None) -> str | None:
        return (plain(cells[column]) or None) if column is not None else None

    box = _box(where, [cells[name] for name in chosen.box]) if chosen.box else None
    part = text(chosen.part)
    return Find(
        id=plain(path),
        path=PurePosixPath(path),
        label=text(chosen.label),
        group=text(chosen.group),
        strict_group=text(chosen.strict_group),
        box=box,
        part=part_of(f"{part}/x") if part else None,
        parent=plain(path) if box else None,
        where=where,
    )


def _box(where: str, texts: list[str]) -> Box | None:
    if not any(texts):
        return None
    try:
        left, top, width, height = (round(float(text)) for text in texts)
        return Box(left, top, width, height)
    except (ValueError, OverflowError):
        raise SourceError(
            f"{where}: {texts} is no box", hint="give left, top, width and height in pixels"
        ) from None


def _unique(items: tuple[Find, ...]) -> tuple[Find, ...]:
    """Add the box to the ids of cells that share an image."""
    times = Counter(item.id for item in items)
    return tuple(
        replace(item, id=f"{item.id}:{','.join(map(str, astuple(item.box)))}")
        if item.box is not None and times[item.id] > 1
        else item
        for item in items
    )


def _group_notes(items: tuple[Find, ...], column: str | None) -> tuple[str, ...]:
    if column is None:
        return (NO_GROUPS,)
    return group_note(items, column, f"fill the column {column} for every line")


def _label_note(items: tuple[Find, ...]) -> tuple[str, ...]:
    bare = sum(item.label is None for item in items)
    return (f"{bare} lines have no label",) if bare else ()


def _part_note(rows: CsvRows, chosen: _Chosen) -> tuple[str, ...]:
    if chosen.part is None:
        return ()
    texts = {cells[chosen.part] for _, cells in rows.lines} - {""}
    odd = sorted(text for text in texts if part_of(f"{text}/x") is None)
    what = f"column {chosen.part} has values that are none of train, val and test"
    return (f"{what}, and say nothing here: {some(odd)}",) if odd else ()


def _missing(items: tuple[Find, ...], root: Path) -> tuple[str, ...]:
    paths = sorted({item.path for item in items})
    return tuple(str(path) for path in paths if not (root / path).is_file())

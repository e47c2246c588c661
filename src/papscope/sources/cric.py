"""CRIC Cervix: cells of six Bethesda categories, one nucleus point each, in 400 fields of view.

Takes   the folder of the fields and `classifications.csv` or `classifications.json`
Gives   `Finds`: one square around each nucleus
Never   keeps a square inside its field: it may reach over the border, where it is reflected

Source: Rezende et al., Scientific Data 8:151, 2021; https://database.cric.com.br/downloads.
Neighbouring squares overlap, so a group is a field.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from papscope.errors import SettingError, SourceError
from papscope.image import Box
from papscope.sources.base import Find, Finds, distinct, some
from papscope.sources.rows import read_csv
from papscope.sources.tree import PassedOver, files_below, is_image, nothing_found, split_name
from papscope.taxonomy import classes_of

CELLS = {"NILM": 6779, "ASC-US": 606, "LSIL": 1360, "ASC-H": 925, "HSIL": 1703, "SCC": 161}
FIELDS = 400
FIELD_SIZE = (1376, 1020)
CROP = 100
"""Side of the square around a nucleus, in pixels of the field."""
LICENCE = "CC BY 4.0"
CITATION = (
    "Rezende MT, Silva R, Bernardo FO, et al. Cric searchable image database as a public platform "
    "for conventional pap smear cytology data. Scientific Data 8, 151 (2021). "
    "DOI 10.1038/s41597-021-00933-8."
)
_SHORT = {"Negative for intraepithelial lesion": "NILM"}
_TABLES = ("classifications.csv", "classifications.json")
_COLUMNS = ("image_filename", "cell_id", "bethesda_system", "nucleus_x", "nucleus_y")


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of the table."""

    field: str
    """The field's file name."""
    cell: str
    label: str
    x: float
    y: float
    where: str


def find(root: Path, *, table: Path | None = None, crop: int = CROP, grades: int = 6) -> Finds:
    """Find CRIC's cells.

    Args:
        root: the folder that holds the fields, at any depth.
        table: the cells; by default `classifications.csv` or `.json` below the root.
        crop: side of the square around each nucleus, in pixels.
        grades: 6 for all categories; 4 leaves ASC-US and ASC-H out.

    Raises:
        SettingError: crop or grades is out of range.
        SourceError: there is no table, or a line of it means nothing.
    """
    if not 8 <= crop <= 1000:
        raise SettingError(f"crop is {crop} pixels", hint="give 8 to 1000; 100 is customary")
    if grades not in (4, 6):
        raise SettingError(f"grades is {grades}", hint="give 6, or 4 to leave ASC out")
    files = files_below(root)
    place = table or root / _table_among(root, files)
    wanted = {one.name for one in classes_of("cric" if grades == 6 else "cric-4")}
    cells = list(_cells(place))
    kept = [cell for cell in cells if cell.label in wanted]
    items, missing = _placed(kept, [path for path in files if is_image(path)], crop)
    if not items:
        raise nothing_found(root, files, f"the fields that {place.name} names")
    strays = _strays(files, cells, place)
    return Finds(
        dataset="cric",
        classes=classes_of("cric" if grades == 6 else "cric-4"),
        items=distinct(items),
        licence=LICENCE,
        citation=CITATION,
        group_is="field",
        notes=(*_left_out(cells, wanted), *strays.notes()),
        expected={name: count for name, count in CELLS.items() if name in wanted},
        expected_groups=FIELDS if grades == 6 else None,
        published_size=FIELD_SIZE,
        missing=missing,
        settings={"table": place.name, "crop": crop, "grades": grades},
    )


def _table_among(root: Path, files: list[str]) -> str:
    for wanted in _TABLES:
        found = [path for path in files if path.rpartition("/")[2].lower() == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            raise SourceError(
                f"{root} holds several tables: {some(found)}", hint="choose one with --table"
            )
    raise SourceError(
        f"{root} holds neither {_TABLES[0]} nor {_TABLES[1]}",
        hint="download it from database.cric.com.br, or name it with --table",
    )


def _cells(table: Path) -> Iterator[Cell]:
    records = _from_json(table) if table.suffix.lower() == ".json" else _from_csv(table)
    known = {*CELLS, *_SHORT}
    for where, record in records:
        empty = [name for name in _COLUMNS if record.get(name) in (None, "")]
        if empty:
            raise SourceError(f"{where}: no {', '.join(empty)}", hint="get the table again")
        label = str(record["bethesda_system"])
        if label not in known:
            raise SourceError(
                f"{where}: {label!r} is no category of this data set",
                hint=f"the categories are {', '.join(sorted(known))}",
            )
        try:
            x, y = float(record["nucleus_x"]), float(record["nucleus_y"])
        except (TypeError, ValueError):
            x = y = math.nan
        if not (math.isfinite(x) and math.isfinite(y)):
            raise SourceError(f"{where}: the nucleus has no place", hint="get the table again")
        name = str(record["image_filename"])
        yield Cell(name, str(record["cell_id"]), _SHORT.get(label, label), x, y, where)


def _from_csv(table: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    rows = read_csv(table)
    lacking = [name for name in _COLUMNS if name not in rows.columns]
    if lacking:
        raise SourceError(
            f"{table} has no column {', '.join(lacking)}", hint="give CRIC's classifications.csv"
        )
    for line, record in rows.lines:
        yield rows.where(line), record


def _from_json(table: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        fields = json.loads(table.read_text(encoding="utf-8-sig"))
        for field in fields:
            name = field.get("image_name") or field.get("image_filename")
            for cell in field["classifications"]:
                where = f"{table.name}, field {name}, cell {cell.get('cell_id')}"
                yield where, {"image_filename": name, **cell}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise SourceError(
            f"{table} is not CRIC's classifications.json ({problem})", hint="get the table again"
        ) from None


def _placed(cells: list[Cell], images: list[str], crop: int) -> tuple[list[Find], tuple[str, ...]]:
    """Find each cell's field on the disk; give also the fields that are not there."""
    places = _by_name(images)
    found, missing = [], set()
    for cell in cells:
        name = cell.field.lower()
        path = places.get(name) or places.get(split_name(name)[1])
        if path is None:
            missing.add(cell.field)
        else:
            found.append(_find(cell, path, crop))
    return found, tuple(sorted(missing))


def _by_name(images: list[str]) -> dict[str, str]:
    """Index images by name, and by name without ending: copies have another format."""
    places: dict[str, str] = {}
    for path in images:
        name = path.rpartition("/")[2].lower()
        if name in places:
            raise SourceError(
                f"two fields have one name: {places[name]} and {path}", hint="keep one of them"
            )
        places[name] = path
    stems = {split_name(name)[1]: path for name, path in places.items()}
    return {**stems, **places}


def _find(cell: Cell, path: str, crop: int) -> Find:
    stem = split_name(path)[1]
    left, top = (math.floor(middle - crop / 2 + 0.5) for middle in (cell.x, cell.y))
    return Find(
        id=f"{stem}:{cell.cell}",
        path=PurePosixPath(path),
        label=cell.label,
        group=stem,
        box=Box(left, top, crop, crop),
        centre=(cell.x, cell.y),
        parent=stem,
        where=cell.where,
    )


def _left_out(cells: list[Cell], wanted: set[str]) -> tuple[str, ...]:
    out = Counter(cell.label for cell in cells if cell.label not in wanted)
    told = ", ".join(f"{count} {name}" for name, count in sorted(out.items()))
    return (f"four grades: left out {out.total()} cells that have none ({told})",) if out else ()


def _strays(files: list[str], cells: list[Cell], table: Path) -> PassedOver:
    passed = PassedOver()
    named = {split_name(cell.field.lower())[1] for cell in cells}
    for path in files:
        if not is_image(path):
            if path.rpartition("/")[2] not in (table.name, *_TABLES):
                passed.add("no image", path)
        elif split_name(path.lower())[1] not in named:
            passed.add(f"field that {table.name} does not name", path)
    return passed

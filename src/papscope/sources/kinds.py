"""The kinds of data sets that can be imported, and what each can be asked.

Takes   a kind, a folder and options
Gives   that kind's `Finds`
Never   lets an option that a kind does not know pass unheard
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from papscope.errors import SettingError, SourceError
from papscope.progress import Tell, silent
from papscope.sources import cric, folder, herlev, mendeley, sipakmed, synthetic
from papscope.sources import table as tables
from papscope.sources.base import Finds
from papscope.sources.synthetic import SyntheticSettings
from papscope.taxonomy import Side, classes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What an import can be asked; None where the kind's own default is wanted."""

    what: sipakmed.What | None = None
    """sipakmed, synthetic: `cells` (default) or `clusters`."""
    metaplastic: Side | None = None
    """sipakmed, synthetic: the side on which metaplastic cells count; normal by default."""
    crop: int | None = None
    """cric: side of the square around each nucleus in pixels; 100 by default."""
    grades: int | None = None
    """cric: 6 (default), or 4 to leave ASC-US and ASC-H out."""
    table: Path | None = None
    """cric, csv: the table; one that lies in the root is found by itself."""
    groups: folder.GroupsFrom | None = None
    """folder: what tells the groups."""
    columns: tables.Columns | None = None
    """csv: which column holds what."""
    abnormal: tuple[str, ...] | None = None
    """folder, csv: the classes that count as abnormal."""
    bethesda: Mapping[str, str] | None = None
    """folder, csv: the Bethesda category of a class's cells, where somebody says so."""
    dataset: str | None = None
    """folder, csv: what to call the data; the folder's name by default."""
    drawing: SyntheticSettings | None = None
    """synthetic: how many cells, and how hard."""
    seed: int | None = None
    """synthetic: 0 by default."""
    skip_unreadable: bool = field(default=False, metadata={"every_kind": True})
    """Whether files that are no readable images are left out, with a note."""


_FLAGS = {
    "groups": "--group-regex or --groups",
    "columns": "--path-column, --label-column, --group-column or --box-columns",
    "drawing": "--slides, --cells-per-slide or --image-size",
}
"""What the command line calls options that hold several settings."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data set."""

    find: Callable[..., Finds]
    options: tuple[str, ...]
    """Fields of `ImportOptions` that it can be asked."""


def _drawn(
    root: Path,
    *,
    tell: Tell,
    drawing: SyntheticSettings | None = None,
    seed: int = 0,
    **options: Any,
) -> Finds:
    """Draw a data set into a folder, and find it."""
    settings = drawing or SyntheticSettings()
    synthetic.draw(root, settings, seed, tell)
    finds = sipakmed.find(root, **options)
    return replace(
        finds,
        dataset="synthetic",
        licence="made by papscope; no rights are claimed",
        citation="",
        notes=("made images: drawn, not photographed; no result on them says anything of cells",),
        expected=None,
        expected_groups=None,
        sizes_vary=False,
        settings={**finds.settings, "seed": seed, **asdict(settings)},
    )


def _cells_of_comparison_detector(root: Path) -> Finds:
    """Find the reference cells of ComparisonDetector: one folder a class, of eleven."""
    finds = folder.find(root)
    known = classes_of("lbc11")
    strange = sorted({one.name for one in finds.classes} - {one.name for one in known})
    if strange:
        raise SourceError(
            f"{root} holds folders that are no class of lbc11: {', '.join(strange)}",
            hint=f"its classes are {', '.join(one.name for one in known)}; for others, import "
            "the folder as one of your own: papscope import folder",
        )
    return replace(
        finds,
        dataset="lbc11",
        classes=known,
        licence="no licence text; research use only",
        citation=_LBC11,
        settings={},
    )


_LBC11 = (
    "Liang Y, Tang Z, Yan M, et al. Comparison detector for cervical cell/clumps detection in the "
    "limited data scenario. Neurocomputing 437 (2021) 195-205."
)

KINDS: Mapping[str, Kind] = {
    "sipakmed": Kind(sipakmed.find, ("what", "metaplastic")),
    "herlev": Kind(herlev.find, ()),
    "cric": Kind(cric.find, ("table", "crop", "grades")),
    "mendeley": Kind(mendeley.find, ()),
    "lbc11": Kind(_cells_of_comparison_detector, ()),
    "folder": Kind(folder.find, ("groups", "abnormal", "bethesda", "dataset")),
    "csv": Kind(tables.find, ("table", "columns", "abnormal", "bethesda", "dataset")),
    "synthetic": Kind(_drawn, ("what", "metaplastic", "drawing", "seed")),
}


def find_images(kind: str, root: Path, options: ImportOptions, tell: Tell = silent) -> Finds:
    """Find the images of a data set.

    Args:
        kind: a key of `KINDS`.
        root: the data set's folder; `synthetic` draws into it.
        options: what the kind is asked.
        tell: told of cells drawn.

    Raises:
        SettingError: the kind is unknown or has no such option, or an option is out of range.
        SourceError: the folder is not what the kind wants.
    """
    known = KINDS.get(kind)
    if known is None:
        raise SettingError(f"{kind!r} is no kind of data set", hint=f"give {', '.join(KINDS)}")
    asked = {
        one.name: value
        for one in fields(options)
        if "every_kind" not in one.metadata and (value := getattr(options, one.name)) is not None
    }
    strange = sorted(set(asked) - set(known.options))
    if strange:
        able = ", ".join(_flags(name) for name in known.options) or "none of its own"
        raise SettingError(
            f"{kind} takes no {', '.join(_flags(name) for name in strange)}",
            hint=f"the options of {kind}: {able}",
        )
    if options.table is not None:
        asked["table"] = _located(options.table, root)
    return known.find(root, **asked, **({"tell": tell} if kind == "synthetic" else {}))


def _flags(name: str) -> str:
    return _FLAGS.get(name, f"--{name}")


def _located(path: Path, root: Path) -> Path:
    """Find a table that was named from here or from the data set's folder."""
    for place in (path, root / path):
        if place.is_file():
            return place
    raise SourceError(f"there is no table {path}", hint="name it from here, or from ROOT")

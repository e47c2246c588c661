"""The words of `papscope import`, and the options that they make.

Takes   what stands on the command line
Gives   `ImportOptions`
Never   imports an image
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

if TYPE_CHECKING:
    from papscope.sources.kinds import ImportOptions

_OWN = "Your own data"
_SIPAKMED = "SIPaKMeD"
_CRIC = "CRIC"
_MADE = "Made images"


def _option(text: str, panel: str | None = None) -> Any:  # typer's own type here is Any
    return typer.Option(help=text, rich_help_panel=panel)


Kind: TypeAlias = Annotated[
    str,
    typer.Argument(
        help="sipakmed, herlev, cric, mendeley, lbc11, folder (one folder a class), csv (a table), "
        "or synthetic (drawn here)."
    ),
]
Root: TypeAlias = Annotated[
    Path, typer.Argument(help="The data set's folder; for csv, the table itself will do.")
]
Output: TypeAlias = Annotated[
    Path | None, typer.Option("--output", "-o", help="The manifest; KIND.csv by default.")
]
AllowPartial: TypeAlias = Annotated[
    bool,
    typer.Option("--allow-partial", help="Note what is missing or more; do not refuse it."),
]
SkipUnreadable: TypeAlias = Annotated[
    bool, typer.Option("--skip-unreadable", help="Leave out files that are no readable images.")
]
Force: TypeAlias = Annotated[
    bool, typer.Option("--force", help="Replace a manifest of other content.")
]
What: TypeAlias = Annotated[
    Literal["cells", "clusters"] | None,
    _option("Single cells, or whole cluster images; cells by default.", _SIPAKMED),
]
Metaplastic: TypeAlias = Annotated[
    Literal["normal", "abnormal"] | None,
    _option("What metaplastic cells count as; normal by default.", _SIPAKMED),
]
Crop: TypeAlias = Annotated[
    int | None, _option("Side of the square around a nucleus, in pixels; 100 by default.", _CRIC)
]
Grades: TypeAlias = Annotated[
    int | None, _option("6 classes (default), or 4 to leave ASC-US and ASC-H out.", _CRIC)
]
TablePath: TypeAlias = Annotated[Path | None, _option("The table, for csv and cric.", _OWN)]
GroupRegex: TypeAlias = Annotated[
    str | None,
    _option(
        "Pattern whose first bracket, or (?P<group>...), is the slide in a file's name; it is "
        "searched in the path where it holds a /.",
        _OWN,
    ),
]
GroupsPath: TypeAlias = Annotated[
    Path | None, _option("CSV of path, group and, if wanted, strict_group.", _OWN)
]
PathColumn: TypeAlias = Annotated[str | None, _option("csv: the column of paths.", _OWN)]
LabelColumn: TypeAlias = Annotated[str | None, _option("csv: the column of classes.", _OWN)]
GroupColumn: TypeAlias = Annotated[str | None, _option("csv: the column of slides.", _OWN)]
BoxColumns: TypeAlias = Annotated[
    str | None, _option("csv: the columns of left,top,width,height.", _OWN)
]
Abnormal: TypeAlias = Annotated[
    str | None, _option("The classes that are abnormal, with commas between.", _OWN)
]
Bethesda: TypeAlias = Annotated[
    str | None,
    _option(
        "The Bethesda category of classes, where you say so: normal=NILM,cin1=LSIL. Reports then "
        "call their cells consistent with it.",
        _OWN,
    ),
]
Dataset: TypeAlias = Annotated[
    str | None, _option("What to call the data; the folder's name by default.", _OWN)
]
Slides: TypeAlias = Annotated[int | None, _option("Slides of each class; 20 by default.", _MADE)]
CellsPerSlide: TypeAlias = Annotated[
    int | None, _option("Cells of each slide; 5 by default.", _MADE)
]
ImageSize: TypeAlias = Annotated[
    int | None, _option("Side of a cell's image, in pixels; 96 by default.", _MADE)
]
Seed: TypeAlias = Annotated[
    int | None, _option("The same seed draws the same; 0 by default.", _MADE)
]


def options_from(words: Mapping[str, Any]) -> ImportOptions:
    """Make options from what was given; what is None was not given.

    Raises:
        SettingError: a value is out of range, or two words contradict each other.
    """
    from papscope.sources.folder import GroupsFrom
    from papscope.sources.kinds import ImportOptions
    from papscope.sources.synthetic import SyntheticSettings
    from papscope.sources.table import Columns

    groups = _given(regex=words["group_regex"], table=words["groups"])
    columns = _given(
        path=words["path_column"],
        label=words["label_column"],
        group=words["group_column"],
        box=_four(words["box_columns"]),
    )
    drawing = _given(
        slides_per_class=words["slides"],
        cells_per_slide=words["cells_per_slide"],
        image_size=words["image_size"],
    )
    plain = ("what", "metaplastic", "crop", "grades", "table", "dataset", "seed")
    return ImportOptions(
        **{name: words[name] for name in plain},
        abnormal=_listed(words["abnormal"]),
        bethesda=_paired(words["bethesda"]),
        groups=GroupsFrom(**groups) if groups else None,
        columns=Columns(**columns) if columns else None,
        drawing=SyntheticSettings(**drawing) if drawing else None,
        skip_unreadable=words["skip_unreadable"],
    )


def _given(**words: Any) -> dict[str, Any]:
    return {name: value for name, value in words.items() if value is not None}


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(one.strip() for one in text.split(",") if one.strip())


def _paired(text: str | None) -> dict[str, str] | None:
    from papscope.errors import SettingError

    pairs = [tuple(map(str.strip, one.split("="))) for one in _listed(text) or ()]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise SettingError(
            f"--bethesda {text!r} does not pair classes with categories",
            hint="give CLASS=CATEGORY, with commas between: normal=NILM,cin1=LSIL",
        )
    return {pair[0]: pair[1] for pair in pairs} if pairs else None


def _four(text: str | None) -> tuple[str, ...] | None:
    from papscope.errors import SettingError

    names = _listed(text)
    if names is not None and len(names) != 4:
        raise SettingError(
            f"--box-columns names {len(names)} columns",
            hint="give four, with commas between: left,top,width,height",
        )
    return names

"""Herlev (DTU, smear2005): 917 single cells of seven classes, each with a mask.

Takes   the folder of the unpacked archive, or a copy that keeps the class folders and the names
Gives   `Finds`: one cell each, its mask beside it
Never   takes a mask (`-d`) for an image

Source: Jantzen, Norup, Dounias, Bjerregaard, NiSIS 2005. The names are
`<9 digits>-<9 digits>-<3 digits>`. What the numbers mean is not published; measured on the 917
names, the first 19 characters give 538 groups, each of a single class, and the first 9 give 323, of
which 39 span classes.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from papscope.sources.base import Find, Finds, distinct, group_note
from papscope.sources.tree import (
    ClassFolders,
    PassedOver,
    files_below,
    letters,
    nothing_found,
    part_of,
    split_name,
)
from papscope.taxonomy import classes_of

CELLS = {
    "normal_superficiel": 74,
    "normal_intermediate": 70,
    "normal_columnar": 98,
    "light_dysplastic": 182,
    "moderate_dysplastic": 146,
    "severe_dysplastic": 197,
    "carcinoma_in_situ": 150,
}
GROUPS = 538
LICENCE = "research use; no licence text is published: do not share"
CITATION = (
    "Jantzen J, Norup J, Dounias G, Bjerregaard B. Pap-smear benchmark data for pattern "
    "classification. Nature inspired Smart Information Systems (NiSIS), 2005, 1-9."
)
_MEANINGS = {letters(name): name for name in CELLS} | {"normalsuperficial": "normal_superficiel"}
_NAME = re.compile(r"\d{9}-\d{9}-\d{3}")
_GROUP, _STRICT = 19, 9
"""Characters of a name that give its group, and its stricter group."""


def find(root: Path) -> Finds:
    """Find Herlev's cells.

    Args:
        root: the folder that holds the class folders, at any depth.

    Raises:
        SourceError: there are none, one is there twice, or the names do not tell the groups.
    """
    folders, passed = ClassFolders(_MEANINGS), PassedOver()
    files = files_below(root)
    images, masks = [], {}
    for path in passed.images(files):
        folder, stem, _ = split_name(path)
        if stem.lower().endswith("-d"):
            masks[f"{folder}/{stem[:-2]}".lower()] = path
        elif folders.label_of(path, root) is None:
            passed.add("no class folder", path)
        else:
            images.append(path)
    if not images:
        raise nothing_found(root, files, "<class>/NNNNNNNNN-NNNNNNNNN-NNN.BMP, seven classes")
    items = [_find(path, folders.label_of(path, root), masks) for path in images]
    told = group_note(items, "group", "the published names are needed: NNNNNNNNN-NNNNNNNNN-NNN")
    return Finds(
        dataset="herlev",
        classes=classes_of("herlev"),
        items=distinct(items),
        licence=LICENCE,
        citation=CITATION,
        group_is="group",
        notes=(*_always(items), *told, *passed.notes()),
        expected=CELLS,
        expected_groups=GROUPS,
        sizes_vary=True,
    )


def _always(items: list[Find]) -> tuple[str, ...]:
    what = "what the names' numbers mean is not published: groups are their first 19 characters, "
    bare = sum(item.mask is None for item in items)
    lacking = (f"{bare} images have no mask",) if bare else ()
    return (f"{what}strict groups their first 9", *lacking)


def _find(path: str, label: str | None, masks: dict[str, str]) -> Find:
    folder, stem, _ = split_name(path)
    named = _NAME.fullmatch(stem) is not None
    mask = masks.get(f"{folder}/{stem}".lower())
    return Find(
        id=f"{label}/{stem}",
        path=PurePosixPath(path),
        label=label,
        group=stem[:_GROUP] if named else None,
        strict_group=stem[:_STRICT] if named else None,
        mask=PurePosixPath(mask) if mask else None,
        part=part_of(path),
    )

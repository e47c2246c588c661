"""Mendeley LBC (zddtpgzv63): 962 fields of liquid-based cytology in four Bethesda categories.

Takes   the folder that holds the four class folders
Gives   `Finds`: one field each
Never   takes the stray `Results.csv` for anything

Source: Hussain et al., Data in Brief 30 (2020) 105589, DOI 10.17632/zddtpgzv63.4. A name is the
slide's, then a number in brackets; the slide is written in several ways (`scc_1`, `SCC_3`,
`NL_10_`), so it is stripped and put into lower case.
"""

from __future__ import annotations

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

FIELDS = {"NILM": 612, "LSIL": 113, "HSIL": 163, "SCC": 74}
SLIDES = 61
LICENCE = "CC BY 4.0"
CITATION = (
    "Hussain E, Mahanta LB, Borah H, Das CR. Liquid based-cytology Pap smear dataset for automated "
    "multi-class diagnosis of pre-cancerous and cervical cancer lesions. Data in Brief 30 (2020) "
    "105589. DOI 10.17632/zddtpgzv63.4."
)
_FOLDERS = {
    "High squamous intra-epithelial lesion": "HSIL",
    "Low squamous intra-epithelial lesion": "LSIL",
    "Negative for Intraepithelial malignancy": "NILM",
    "Squamous cell carcinoma": "SCC",
    "HSIL": "HSIL",
    "LSIL": "LSIL",
    "NILM": "NILM",
    "NL": "NILM",
    "SCC": "SCC",
}
_MEANINGS = {letters(folder): label for folder, label in _FOLDERS.items()}


def find(root: Path) -> Finds:
    """Find the fields of the Mendeley LBC data set.

    Args:
        root: the folder that holds the class folders, at any depth.

    Raises:
        SourceError: there are none, one is there twice, or the names do not tell the slides.
    """
    folders, passed = ClassFolders(_MEANINGS), PassedOver()
    files = files_below(root)
    items = []
    for path in passed.images(files):
        label = folders.label_of(path, root)
        if label is None:
            passed.add("no class folder", path)
        else:
            items.append(_find(path, label))
    if not items:
        raise nothing_found(root, files, ", ".join(f"{name}/*.jpg" for name in list(_FOLDERS)[:4]))
    told = group_note(items, "slide", "the published names are needed: `HSIL_2 (10).jpg`")
    return Finds(
        dataset="mendeley",
        classes=classes_of("mendeley"),
        items=distinct(items),
        licence=LICENCE,
        citation=CITATION,
        group_is="slide",
        notes=(*told, *passed.notes()),
        expected=FIELDS,
        expected_groups=SLIDES,
    )


def slide_of(stem: str) -> str | None:
    """Give the slide that a file's name tells, or None where it tells none.

    >>> slide_of("NL_10_ (5)"), slide_of("scc_1 (21)"), slide_of("holiday")
    ('nl_10', 'scc_1', None)
    """
    before, bracket, _ = stem.partition("(")
    slide = before.strip(" _").lower()
    return slide if bracket and slide else None


def _find(path: str, label: str) -> Find:
    _, stem, _ = split_name(path)
    return Find(
        id=f"{label}/{stem}",
        path=PurePosixPath(path),
        label=label,
        group=slide_of(stem),
        part=part_of(path),
    )

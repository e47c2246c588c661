"""SIPaKMeD: single cells, or whole cluster images, with their outlines.

Takes   the folder of the unpacked archives, in any of the layouts that are about
Gives   `Finds`: one cell, or one cluster image, each
Never   takes an outline, a mask or an augmented copy for an image

Source: Plissiti et al., ICIP 2018; https://www.cs.uoi.gr/~marina/sipakmed.html. The published
layout is `im_<Class>/NNN.bmp` and `im_<Class>/CROPPED/NNN_MM.bmp`; copies double the class folder,
call it `normal_<Class>`, misspell it, or divide it into train, val and test. Cluster numbers start
again in each class, so a group is (class, NNN).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

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
from papscope.taxonomy import Side, classes_of

What = Literal["cells", "clusters"]

CELLS = {
    "Dyskeratotic": 813,
    "Koilocytotic": 825,
    "Metaplastic": 793,
    "Parabasal": 787,
    "Superficial-Intermediate": 831,
}
CLUSTERS = {
    "Dyskeratotic": 223,
    "Koilocytotic": 238,
    "Metaplastic": 271,
    "Parabasal": 108,
    "Superficial-Intermediate": 126,
}
LICENCE = "publicly available, may be used for experimental purposes; no open licence: do not share"
CITATION = (
    "Plissiti ME, Dimitrakopoulos P, Sfikas G, Nikou C, Krikoni O, Charchanti A. SIPAKMED: a new "
    "dataset for feature and image based classification of normal and pathological cervical cells "
    "in Pap smear images. IEEE ICIP 2018, 3144-3148."
)
_PREFIXES = ("", "im", "normal", "abnormal", "benign")
_MEANINGS = {prefix + letters(name): name for name in CELLS for prefix in _PREFIXES}
_MEANINGS["supint"] = "Superficial-Intermediate"
_CELL = re.compile(r"(?:[A-Za-z][A-Za-z _-]*[ _-])?(\d{1,5})_(\d{1,4})")
_CLUSTER = re.compile(r"\d{1,5}")
_NOT_A_PICTURE = re.compile(r"_(cyt|nuc)\d*$|-d$|_mask$", re.IGNORECASE)
_CLUSTER_OUTLINE = re.compile(r"(\d{1,5})_(cyt|nuc)(\d{1,4})", re.IGNORECASE)
_CELL_OUTLINE = re.compile(r"(.+)_(cyt|nuc)", re.IGNORECASE)
_OUTLINES = {"cyt": "cytoplasm", "nuc": "nucleus"}


@dataclass(slots=True)
class _Reading:
    """What is gathered while the names are gone through."""

    root: Path
    what: What
    folders: ClassFolders = field(default_factory=lambda: ClassFolders(_MEANINGS, misspelt=True))
    passed: PassedOver = field(default_factory=PassedOver)
    outlines: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """By folder and stem of the image, in lower case."""


def find(root: Path, *, what: What = "cells", metaplastic: Side = "normal") -> Finds:
    """Find SIPaKMeD's cells or cluster images.

    Args:
        root: the folder that holds the class folders, at any depth.
        what: `cells` for the images of single cells, `clusters` for whole images.
        metaplastic: the side on which metaplastic cells count.

    Raises:
        SourceError: there are none, one is there twice, or the names do not tell the clusters.
    """
    reading = _Reading(root, what)
    files = files_below(root)
    images = reading.passed.images(_without_outlines(files, reading))
    items = [found for path in images if (found := _find(path, reading)) is not None]
    if not items:
        raise nothing_found(root, files, "im_<Class>/CROPPED/NNN_MM.bmp, im_<Class>/NNN.bmp")
    hint = "use `papscope import folder` with --group-regex for renamed files"
    told = group_note(items, "cluster image", hint)
    return Finds(
        dataset="sipakmed",
        classes=classes_of("sipakmed", metaplastic=metaplastic),
        items=distinct(items),
        licence=LICENCE,
        citation=CITATION,
        group_is="cluster image",
        notes=(*_always(metaplastic), *told, *reading.folders.notes(), *reading.passed.notes()),
        expected=CELLS if what == "cells" else CLUSTERS,
        expected_groups=sum(CLUSTERS.values()),
        sizes_vary=what == "cells",
        settings={"what": what, "metaplastic": metaplastic},
    )


def _always(metaplastic: Side) -> tuple[str, ...]:
    return (
        "no patient or slide is published: groups are cluster images, the strictest split possible",
        f"metaplastic cells count as {metaplastic}; the data set's authors call them benign",
    )


def _without_outlines(files: list[str], reading: _Reading) -> list[str]:
    rest = []
    for path in files:
        folder, stem, ending = split_name(path)
        if ending != ".dat" or not _keep_outline(path, folder, stem, reading.outlines):
            rest.append(path)
    return rest


def _keep_outline(path: str, folder: str, stem: str, kept: dict[str, dict[str, str]]) -> bool:
    cluster = _CLUSTER_OUTLINE.fullmatch(stem)
    if cluster is not None:
        number, name, cell = cluster.groups()
        kept[f"{folder}/{number}".lower()][f"{_OUTLINES[name.lower()]}-{int(cell):02d}"] = path
        return True
    cropped = _CELL_OUTLINE.fullmatch(stem)
    if cropped is None:
        return False
    kept[f"{folder}/{cropped[1]}".lower()][_OUTLINES[cropped[2].lower()]] = path
    return True


def _find(path: str, reading: _Reading) -> Find | None:
    folder, stem, _ = split_name(path)
    label = reading.folders.label_of(path, reading.root)
    why = _not_wanted(stem, label, reading.what)
    if why is not None or label is None:
        reading.passed.add(why or "no class folder", path)
        return None
    cell, cluster = _CELL.fullmatch(stem), _CLUSTER.fullmatch(stem)
    name, group = f"{folder}/{stem}", None
    if cell is not None:
        group = f"{label}/{int(cell[1]):03d}"
        name = f"{group}_{int(cell[2]):02d}"
    elif cluster is not None:
        name = group = f"{label}/{int(stem):03d}"
    return Find(
        id=name,
        path=PurePosixPath(path),
        label=label,
        group=group,
        outlines=reading.outlines.get(f"{folder}/{stem}".lower(), {}),
        part=part_of(path),
        parent=group if cell is not None else None,
    )


def _not_wanted(stem: str, label: str | None, what: What) -> str | None:
    """Say why an image is none of those wanted, or None where it is one."""
    if _NOT_A_PICTURE.search(stem):
        return "mask or outline"
    if label is None:
        return "no class folder"
    if what == "cells" and _CLUSTER.fullmatch(stem):
        return "whole cluster image; --what clusters takes these"
    if what == "clusters" and not _CLUSTER.fullmatch(stem):
        return "single cell; --what cells takes these"
    return None

"""The files below a folder, and what their names tell.

Takes   a folder
Gives   the names of its files in a fixed order, told apart into images and the rest
Never   opens a file; follows a folder twice, however the links go
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal

from papscope.errors import SourceError
from papscope.image import SUFFIXES
from papscope.sources.base import some

Part = Literal["train", "val", "test"]
_PARTS: Mapping[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_ARCHIVES = frozenset({".7z", ".rar", ".tar", ".tgz", ".zip"})
_AUGMENTED = re.compile(r"\.(bmp|png|jpe?g|tiff?)\s*_?new", re.IGNORECASE)
"""`001_01.bmpnew3.jpg`: what older scripts for offline augmentation left beside the originals."""
_NEAR, _APART = 0.9, 0.1
"""A misspelt name is at least so near to its class, and so much nearer than to any other."""


def files_below(root: Path) -> list[str]:
    """List all files below a folder, as sorted paths with `/` that start below it.

    Hidden files and folders are left out, and what macOS adds to archives. Links to folders are
    followed, each real folder once.

    Raises:
        SourceError: there is no such folder, it cannot be read, or a name is not text.
    """
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise SourceError(f"{root} {what}", hint="give the folder that holds the data set")
    found: list[str] = []
    seen: set[str] = set()
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if _visible(name))
        start = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if start == "." else f"{start}/"
        found.extend(prefix + name for name in names if _visible(name))
    _demand_text(found)
    return sorted(found)


def _refuse(problem: OSError) -> None:
    raise SourceError(
        f"{problem.filename} cannot be read: {problem.strerror}",
        hint="check the folder's permissions",
    )


def _visible(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _demand_text(names: list[str]) -> None:
    odd = [repr(name) for name in names if any("\ud800" <= letter <= "\udfff" for letter in name)]
    if odd:
        raise SourceError(
            f"{len(odd)} file names are not UTF-8 text: {some(odd)}", hint="rename these files"
        )


def split_name(path: str) -> tuple[str, str, str]:
    """Part a path into folder, stem and ending; the ending in lower case.

    >>> split_name("a/b/001.BMP")
    ('a/b', '001', '.bmp')
    """
    folder, _, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return (folder, stem, f".{ending.lower()}") if dot else (folder, name, "")


def is_image(path: str) -> bool:
    """Whether a file's ending is one that is opened as a picture."""
    return split_name(path)[2] in SUFFIXES


def is_augmented(path: str) -> bool:
    """Whether a file's name is one that older augmentation scripts gave.

    >>> is_augmented("x/001_01.bmpnew3.jpg"), is_augmented("x/new_001_01.jpg")
    (True, False)
    """
    return _AUGMENTED.search(path.rpartition("/")[2]) is not None


def part_of(path: str) -> Part | None:
    """Give the part of an already divided data set that a path's folders name.

    >>> part_of("data/Train/im_Parabasal/001_01.bmp")
    'train'
    """
    folders = path.split("/")[:-1]
    return next((_PARTS[name.lower()] for name in folders if name.lower() in _PARTS), None)


def letters(name: str) -> str:
    """Give a name's letters in lower case, without spaces, digits and signs."""
    return "".join(letter for letter in name.casefold() if letter.isalpha())


@dataclass(slots=True)
class ClassFolders:
    """Knows which class a folder's name means."""

    meanings: Mapping[str, str]
    """Letters of a folder's name, as `letters` gives them, to the class."""
    misspelt: bool = False
    """Whether a name that is near to one class and to no other is taken for it."""
    taken: dict[str, str] = field(default_factory=dict)
    """Misspelt folder names that were met, and the class each was taken for."""
    _known: dict[str, str | None] = field(default_factory=dict)

    def label_of(self, path: str, root: Path) -> str | None:
        """Give the class that the nearest of a file's folders names, or the root itself."""
        folders = path.split("/")[:-1]
        for name in (*reversed(folders), root.name):
            if name not in self._known:
                self._known[name] = self._meaning(name)
            label = self._known[name]
            if label is not None:
                return label
        return None

    def _meaning(self, name: str) -> str | None:
        text = letters(name)
        if text in self.meanings or not self.misspelt or not text:
            return self.meanings.get(text)
        nearness: dict[str, float] = defaultdict(float)
        for known, label in self.meanings.items():
            near = SequenceMatcher(None, text, known).ratio()
            nearness[label] = max(near, nearness[label])
        first, second = sorted(nearness, key=lambda one: -nearness[one])[:2]
        if nearness[first] < _NEAR or nearness[first] - nearness[second] < _APART:
            return None
        self.taken[name] = first
        return first

    def notes(self) -> list[str]:
        """Tell which misspelt names were taken for which class."""
        return [f"folder {name} taken for {label}" for name, label in sorted(self.taken.items())]


@dataclass(slots=True)
class PassedOver:
    """Counts the files that were not imported, and why."""

    _of: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, why: str, path: str) -> None:
        """Note one file that was passed over."""
        self._of[why].append(path)

    def notes(self) -> list[str]:
        """Tell each reason with its count and examples."""
        return [
            f"passed over {len(paths)} {'file' if len(paths) == 1 else 'files'}: {why} "
            f"({some(paths)})"
            for why, paths in sorted(self._of.items())
        ]

    def images(self, paths: list[str]) -> list[str]:
        """Give the files that may be images, noting the others."""
        kept = []
        for path in paths:
            if not is_image(path):
                self.add("no image", path)
            elif is_augmented(path):
                self.add("left over from an old augmentation script", path)
            else:
                kept.append(path)
        return kept


def nothing_found(root: Path, files: list[str], wanted: str) -> SourceError:
    """Say that a folder holds nothing that an importer knows, and what it should hold."""
    archives = [path for path in files if split_name(path)[2] in _ARCHIVES]
    if archives:
        return SourceError(
            f"{root} holds archives and no images of the data set: {some(archives)}",
            hint="unpack them first; `papscope fetch` does so for the published data sets",
        )
    return SourceError(f"{root} holds no images of the data set", hint=f"wanted: {wanted}")

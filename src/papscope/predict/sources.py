"""Which pictures somebody means who names files, folders, patterns or a manifest.

Takes   the words of a command line, and a list of further ones
Gives   sources in a stable order
Never   opens a picture, or drops one that was named twice
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from papscope.errors import SettingError
from papscope.image import SUFFIXES
from papscope.manifest import read_manifest
from papscope.preprocess import Source
from papscope.shape.reading import outlined

STDIN = "-"
"""The word that stands for a list of files and folders, one a line."""


def named_by(words: Sequence[str], listed: Iterable[str] = ()) -> list[Source]:
    """Give the pictures that words stand for.

    A file stands for itself, even if it is missing or no picture: that is told when it is read. A
    folder stands for all pictures below it, by the ending of their names and sorted; what is
    hidden is left out. A pattern (`*`, `?`, `[...]`, `**` for any depth) stands for all it
    matches, sorted, whether or not the shell has seen to it. A `.csv` file stands for the rows of
    that manifest, each with its box and named by its id. What is named twice is answered twice.

    Args:
        words: files, folders, patterns, manifests, or `-`.
        listed: files and folders, taken in the place of `-`.

    Raises:
        SettingError: nothing is named, a folder has no picture, or a pattern matches nothing.
        TableError: a `.csv` file is no manifest.
    """
    if not words:
        raise SettingError("no picture is named", hint="give files, folders, patterns or -")
    found: list[Source] = []
    for word in words:
        if word == STDIN:
            lines = [line for line in listed if line]
            if not lines:
                raise SettingError("the list is empty", hint="give one path a line")
            found.extend(source for line in lines for source in _meant(line))
        elif _is_pattern(word):
            found.extend(_matched(word))
        else:
            found.extend(_meant(word))
    return found


def _is_pattern(word: str) -> bool:
    """Tell whether a word is to be expanded; a file whose name looks like a pattern is not."""
    return glob.has_magic(word) and not os.path.lexists(word)


def _matched(pattern: str) -> Iterator[Source]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 -- takes absolute ones
    if not matches:
        raise SettingError(f"{pattern} matches no file", hint="check the pattern and the folder")
    files = [match for match in matches if not Path(match).is_dir()]
    # `**` gives folders, and what lies in them again.
    for match in files if "**" in pattern and files else matches:
        yield from _meant(match)


def _meant(word: str) -> Iterator[Source]:
    path = Path(word)
    if path.is_dir():
        yield from (Source(file) for file in below(path))
    elif path.suffix.lower() == ".csv":
        manifest = read_manifest(path)
        yield from outlined(manifest, manifest.rows, strict=False)
    else:
        yield Source(path)


def below(folder: Path) -> list[Path]:
    """Give all pictures below a folder, sorted; hidden ones and links to folders are left out.

    Raises:
        SettingError: there is none, or a folder may not be read.
    """
    found: list[Path] = []
    for place, folders, files in os.walk(folder, onerror=_told):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found.extend(
            Path(place, name)
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        )
    if not found:
        raise SettingError(
            f"{folder} has no picture in it",
            hint=f"pictures end in {', '.join(sorted(SUFFIXES))}",
        )
    return sorted(found, key=Path.as_posix)  # the same on every system


def _told(problem: OSError) -> None:
    raise SettingError(
        f"{problem.filename} may not be read ({problem.strerror})", hint="check its permissions"
    ) from None

"""Which of the words of a command line name a model, and which name pictures.

Takes   words, and the model where it is named apart
Gives   a bundle, and the words that are left for pictures
Never   takes a word for pictures that looks like a mistyped bundle

The first word is a bundle if it is a folder that holds `bundle.json`, or the name of a shipped
model and nothing on the disk. Otherwise the default model answers, and all words are pictures.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from papscope.errors import BundleError, SettingError
from papscope.image import SUFFIXES
from papscope.predict.sources import STDIN, below
from papscope.shipped import Found, find_bundle, hint_for, is_bundle, shipped_models


def model_and_pictures(
    words: Sequence[str], model: str | None = None
) -> tuple[Found, tuple[str, ...]]:
    """Tell the model from the pictures.

    Args:
        words: `[BUNDLE] PATHS...`, in that order.
        model: a bundle's folder or a shipped model's name; then all words are pictures.

    Raises:
        BundleError: the model is none, the first word looks like a mistyped one, or no model is
            named and none is shipped.
        SettingError: there is no word.
    """
    if model is not None:
        return find_bundle(model), tuple(words)
    if not words:
        raise SettingError("no picture is named", hint="give files, folders, patterns or -")
    first, rest = words[0], tuple(words[1:])
    place = Path(first)
    named = first in {one.name for one in shipped_models()}
    if is_bundle(place) or (named and not place.exists()):
        return find_bundle(first), rest
    wrong = _mistyped(first)
    if wrong is not None:
        raise BundleError(f"{first} is {wrong}", hint=hint_for(place))
    return find_bundle(), tuple(words)


def _mistyped(word: str) -> str | None:
    """Say why a first word is neither a bundle nor pictures; None where it may be pictures."""
    place = Path(word)
    if place.is_dir():
        return None if _has_pictures(place) else "neither a bundle nor a folder with pictures"
    if place.exists():
        beside = place.suffix.lower() not in SUFFIXES and is_bundle(place.parent)
        return "a part of a bundle: the bundle is its folder" if beside else None
    if word == STDIN or glob.has_magic(word) or place.suffix.lower() in {".csv", *SUFFIXES}:
        return None
    return "neither a bundle nor a picture: there is nothing of that name"


def _has_pictures(folder: Path) -> bool:
    try:
        return bool(below(folder))
    except SettingError:
        return False

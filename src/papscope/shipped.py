"""The models that come with papscope, and what somebody means who names a model.

Takes   the name of a shipped model, a bundle's folder, or nothing
Gives   the folder of a bundle, and what is known of the shipped models
Never   reads weights, or writes anything

A shipped model is a bundle in the package's folder `models`, named by its folder. Its
`provenance.shipped` says in one line what it is for, its licence, and whether it is the one that
answers where none is named.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from papscope.bundle import DESCRIPTION, Description, read_card, read_description
from papscope.errors import BundleError

HOME = Path(__file__).parent / "models"
"""Where the bundles lie, one folder each."""

MARK = "shipped"
"""The key of a bundle's provenance under which it says what it is shipped for."""


@dataclass(frozen=True)
class Shipped:
    """One model that comes with papscope."""

    name: str
    folder: Path
    digest: str
    """SHA-256 that names the model."""
    about: Description

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names, in the model's order."""
        return tuple(one.name for one in self.about.classes)

    @property
    def purpose(self) -> str:
        """What it is for, in one line; empty where the bundle does not say."""
        return str(self._told.get("purpose", ""))

    @property
    def expects(self) -> str:
        """Which pictures it knows, in one line; empty where the bundle does not say."""
        return str(self._told.get("expects", ""))

    @property
    def licence(self) -> str:
        """Of the weights; empty where the bundle does not say."""
        return str(self._told.get("licence", ""))

    @property
    def marked(self) -> bool:
        """Whether the bundle says that it answers where no model is named."""
        return self._told.get("default") is True

    @cached_property
    def megabytes(self) -> float:
        """All its files together, in millions of bytes."""
        return sum(one.stat().st_size for one in self.folder.iterdir() if one.is_file()) / 1e6

    @property
    def card(self) -> str:
        """Its card, in Markdown."""
        return read_card(self.folder)

    def sentence(self) -> str:
        """Say which model it is, for whoever did not choose it."""
        data = self.about.provenance.get("dataset", "unknown data")
        return f"shipped model {self.name} ({self.digest[:12]}), trained on {data}; research only"

    def to_json(self) -> dict[str, Any]:
        """Give what `papscope models --json` tells."""
        return {
            "name": self.name,
            "digest": self.digest,
            "default": self == default_model(),
            "purpose": self.purpose,
            "expects": self.expects,
            "licence": self.licence,
            "classes": list(self.classes),
            "backbone": self.about.backbone,
            "input": self.about.preprocess.to_json(),
            "megabytes": round(self.megabytes, 3),
            "metrics": dict(self.about.metrics),
            "calibration": dict(self.about.calibration),
        }

    @property
    def _told(self) -> Mapping[str, Any]:
        told = self.about.provenance.get(MARK)
        return told if isinstance(told, dict) else {}


def shipped_models() -> tuple[Shipped, ...]:
    """Give the models that come with this installation, by name; none where none do.

    Raises:
        BundleError: one is damaged.
    """
    found = []
    for place in sorted(HOME.iterdir()) if HOME.is_dir() else ():
        if is_bundle(place):
            about, digest = read_description(place)
            found.append(Shipped(place.name, place, digest, about))
    return tuple(found)


def shipped_model(name: str) -> Shipped:
    """Give the model of a name.

    Raises:
        BundleError: no model of that name comes with this installation; says which do.
    """
    every = {one.name: one for one in shipped_models()}
    if name not in every:
        near = get_close_matches(name, every, n=1)
        known = f"there are: {', '.join(every)}" if every else "train one with `papscope train`"
        raise BundleError(
            f"no model named {name!r} comes with this installation of papscope",
            hint=f"did you mean {near[0]}?" if near else known,
        )
    return every[name]


def default_model() -> Shipped:
    """Give the model that answers where none is named.

    Raises:
        BundleError: no model comes with this installation, or none of several is marked.
    """
    every = shipped_models()
    if not every:
        raise BundleError(
            "no model comes with this installation of papscope",
            hint="name the bundle that `papscope train` made, or install a release with a model",
        )
    marked = [one for one in every if one.marked] or list(every)
    if len(marked) > 1:
        raise BundleError(
            f"which model shall answer: {' or '.join(one.name for one in marked)}?",
            hint="name one of them",
        )
    return marked[0]


@dataclass(frozen=True, slots=True)
class Found:
    """A bundle that somebody named."""

    folder: Path
    shipped: Shipped | None
    """None for a folder of one's own."""

    @property
    def called(self) -> str:
        """The word for it on a command line."""
        return self.shipped.name if self.shipped else str(self.folder)

    def sentence(self) -> str:
        """Say which was taken."""
        return f"model: {self.shipped.sentence() if self.shipped else self.called}"


def is_bundle(folder: Path) -> bool:
    """Tell whether a folder says that it is a bundle."""
    return (folder / DESCRIPTION).is_file()


def find_bundle(named: str | os.PathLike[str] | None = None) -> Found:
    """Give the bundle that somebody means: a folder, a shipped model by name, or the default.

    What is on the disk goes before a shipped model of the same name.

    Args:
        named: a bundle's folder or a shipped model's name; None for the default.

    Raises:
        BundleError: it is neither, or there is no default; says what is near.
    """
    if named is None:
        one = default_model()
        return Found(one.folder, one)
    place = Path(named)
    if is_bundle(place):
        return Found(place, None)
    every = {one.name: one for one in shipped_models()}
    text = os.fspath(named)
    if text in every and not place.exists():
        return Found(every[text].folder, every[text])
    raise BundleError(f"{named} is {_what(place)}", hint=hint_for(place))


def _what(place: Path) -> str:
    if place.is_dir():
        return f"not a bundle: it has no {DESCRIPTION}"
    if place.exists():
        return "not a bundle, which is a folder"
    return "not a bundle: there is no such folder, and no shipped model of that name"


def hint_for(place: Path) -> str:
    """Say which model may have been meant by a word that names none."""
    beside = (place / "bundle", place.parent)
    for one in beside:
        if place.exists() and is_bundle(one):
            return f"did you mean {one}?"
    names = [one.name for one in shipped_models()]
    near = get_close_matches(place.name, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    known = f", or one of papscope's models: {', '.join(names)}" if names else ""
    return f"give the `bundle` folder that `papscope train` made{known}"

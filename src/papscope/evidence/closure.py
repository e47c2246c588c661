"""Which installed parts papscope needs, and which of them each needs in turn.

Takes   what the installed distributions say of themselves
Gives   every part in use, with its version, licence and needs, in the order of names
Never   asks a package index, or lists what is not installed
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageMetadata, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from papscope.errors import MissingExtra

ROOT = "papscope"
_NOT_IN_USE = ("dev",)
"""Extras for those who work on papscope; no model needs them."""
_CLASSIFIED = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
"""Trove classifiers that stand for one SPDX identifier; `BSD License` stands for several."""
_LONGEST_NAME = 80
"""Letters of a licence's name; what is longer is the licence itself."""


@dataclass(frozen=True, slots=True)
class Installed:
    """One installed distribution."""

    name: str
    """As package indexes compare names: lower case, hyphens."""
    version: str
    licence: str
    """An SPDX expression, or the name that it gives; empty where it says none."""
    needs: tuple[str, ...]
    """Of what is installed."""


def installed_parts(extras: Sequence[str] | None = None) -> tuple[Installed, ...]:
    """Give papscope and all that it needs of what is installed.

    Args:
        extras: papscope's extras that are in use; None for those whose needs are all installed.

    Raises:
        MissingExtra: papscope itself is not installed, so nothing says what it needs.
    """
    root = _found(ROOT)
    if root is None:
        raise MissingExtra(
            "papscope is run from its source and was not installed: nothing says what it needs",
            hint='install it: pip install -e ".[train]"',
        )
    chosen = tuple(_extras_in_use(root) if extras is None else extras)
    wanted: dict[str, set[str]] = {ROOT: set(chosen)}
    waiting = [ROOT]
    while waiting:
        name = waiting.pop()
        one = _found(name)
        for need in () if one is None else _needs(one, wanted[name]):
            key = canonicalize_name(need.name)
            known = wanted.get(key)
            if known is None or not need.extras <= known:
                wanted[key] = (known or set()) | need.extras
                waiting.append(key)
    return tuple(
        _told(name, one, wanted) for name in sorted(wanted) if (one := _found(name)) is not None
    )


def _found(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _needs(one: Distribution, extras: set[str]) -> Iterator[Requirement]:
    """Give what a distribution needs here, with some of its extras."""
    for text in one.requires or ():
        need = Requirement(text)
        if need.marker is None or any(
            need.marker.evaluate({"extra": extra}) for extra in ("", *sorted(extras))
        ):
            yield need


def _extras_in_use(root: Distribution) -> Iterator[str]:
    for extra in sorted(root.metadata.get_all("Provides-Extra") or ()):
        plain = {need.name for need in _needs(root, set())}
        added = [need for need in _needs(root, {extra}) if need.name not in plain]
        if extra not in _NOT_IN_USE and all(_found(need.name) is not None for need in added):
            yield extra


def _told(name: str, one: Distribution, wanted: dict[str, set[str]]) -> Installed:
    needs = {canonicalize_name(need.name) for need in _needs(one, wanted[name])} - {name}
    there = tuple(sorted(need for need in needs if _found(need) is not None))
    return Installed(name, one.version, _licence(one), there)


def said_once(told: PackageMetadata, key: str) -> str:
    """Give the first value of a key of a distribution's metadata; empty where there is none."""
    return str((told.get_all(key) or [""])[0])


def _licence(one: Distribution) -> str:
    """Give the SPDX expression, the identifier that a classifier stands for, or the plain name."""
    told = one.metadata
    expression, whole = (said_once(told, key) for key in ("License-Expression", "License"))
    lines = whole.strip().splitlines()
    name = lines[0] if len(lines) == 1 and len(lines[0]) <= _LONGEST_NAME else ""
    classified = [
        text.rpartition(" :: ")[2]
        for text in told.get_all("Classifier") or ()
        if text.startswith("License :: ")
    ]
    known = [_CLASSIFIED[text] for text in classified if text in _CLASSIFIED]
    if expression or (len(known) == 1 and len(classified) == 1):
        return expression or known[0]
    return name or " and ".join(classified)

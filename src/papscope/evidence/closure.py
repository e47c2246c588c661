"""Which installed parts papscope needs, and which of them each needs in turn.

Takes   what the installed distributions say of themselves
Gives   every part in use, with its version, licence and needs, in the order of names
Never   asks a package index, or lists what is not installed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution

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
    root = _read(ROOT)
    if root is None:
        raise MissingExtra(
            "papscope is run from its source and was not installed: nothing says what it needs",
            hint='install it: pip install -e ".[train]"',
        )
    chosen = _extras_in_use(root) if extras is None else extras
    wanted: dict[str, set[str]] = {ROOT: set(chosen)}
    waiting = [ROOT]
    while waiting:
        name = waiting.pop()
        one = _read(name)
        for need in () if one is None else one.needs(wanted[name]):
            key = canonicalize_name(need.name)
            known = wanted.get(key)
            if known is None or not need.extras <= known:
                wanted[key] = (known or set()) | need.extras
                waiting.append(key)
    return tuple(
        _told(name, one, wanted) for name in sorted(wanted) if (one := _read(name)) is not None
    )


@dataclass(frozen=True, slots=True)
class _Distribution:
    """What one distribution says of itself, read once."""

    version: str
    metadata: PackageMetadata
    requirements: tuple[Requirement, ...]

    def needs(self, extras: Iterable[str]) -> Iterator[Requirement]:
        """Give what it needs here, with some of its extras."""
        asked = ("", *sorted(extras))
        for need in self.requirements:
            if need.marker is None or any(need.marker.evaluate({"extra": one}) for one in asked):
                yield need


@cache
def _read(name: str) -> _Distribution | None:
    try:
        one = distribution(name)
    except PackageNotFoundError:
        return None
    requirements = tuple(Requirement(text) for text in one.requires or ())
    return _Distribution(one.version, one.metadata, requirements)


def _extras_in_use(root: _Distribution) -> Iterator[str]:
    """Give the extras whose needs are all installed; one that only joins others is none."""
    plain = {need.name for need in root.needs(())}
    for extra in sorted(root.metadata.get_all("Provides-Extra") or ()):
        added = {need.name for need in root.needs((extra,))} - plain
        there = ROOT not in added and all(_read(name) is not None for name in added)
        if extra not in _NOT_IN_USE and there:
            yield extra


def _told(name: str, one: _Distribution, wanted: Mapping[str, set[str]]) -> Installed:
    needs = {canonicalize_name(need.name) for need in one.needs(wanted[name])} - {name}
    there = tuple(sorted(need for need in needs if _read(need) is not None))
    return Installed(name, one.version, _licence(one.metadata), there)


def said_once(told: PackageMetadata, key: str) -> str:
    """Give the first value of a key of a distribution's metadata; empty where there is none."""
    return str((told.get_all(key) or [""])[0])


def _licence(told: PackageMetadata) -> str:
    """Give the SPDX expression, the identifier that a classifier stands for, or the plain name."""
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

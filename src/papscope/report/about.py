"""What scores tell of themselves, read into a record whose every field may be unknown.

Takes   the `about` of scores, which an older papscope or another program may have written
Gives   a frozen `About`; what is absent or not of the right kind is None or empty
Never   guesses what is not recorded
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from papscope.errors import SettingError
from papscope.split import PARTS, Protocol

Value = TypeVar("Value")

Facts: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values for a list on a page, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Where scores come from."""

    dataset: str | None
    part: str | None
    root: str | None
    papscope_version: str | None
    command: str | None
    manifest_name: str | None
    manifest_sha256: str | None
    split_sha256: str | None
    licence: str | None
    citation: str | None
    notes: tuple[str, ...]
    group_is: str
    """What a group is, for sentences; `group` where it is not recorded."""
    protocol: Protocol | None
    counts: Mapping[str, Mapping[str, int]]
    """Part, then class, to the number of images."""
    group_counts: Mapping[str, int]
    bundle_sha256: str | None
    model_leaks: str | None
    """The stamp of the split that the model learned from; None where it has none."""
    model: Facts
    members: int
    """How many models answer together; 0 for one alone."""
    settings: Facts
    """Of its training; those that all members share where there are several."""
    history: tuple[Mapping[str, float], ...]
    """What was noted after each epoch; every entry has `epoch`."""
    seconds: float | None
    versions: Facts

    @property
    def made(self) -> bool:
        """Whether the images are drawn by a program and show no person's cells."""
        told = (self.dataset or "", *self.notes)
        return any(one.startswith(("synthetic", "made images")) for one in told)


def read_about(told: Mapping[str, Any]) -> About:
    """Read what scores tell of themselves.

    >>> read_about({"dataset": "herlev", "counts": "many"}).counts
    {}
    """
    manifest, model, training = (_mapping(told, key) for key in ("manifest", "model", "training"))
    notes = manifest.get("notes")
    return About(
        dataset=_text(told, "dataset"),
        part=_text(told, "part"),
        root=_text(told, "root"),
        papscope_version=_text(told, "papscope_version"),
        command=_text(told, "command"),
        manifest_name=_text(manifest, "name"),
        manifest_sha256=_text(manifest, "sha256"),
        split_sha256=_text(_mapping(told, "split"), "sha256") or _text(told, "split_sha256"),
        licence=_text(manifest, "licence"),
        citation=_text(manifest, "citation"),
        notes=tuple(str(one) for one in notes) if isinstance(notes, list | tuple) else (),
        group_is=_text(manifest, "group_is") or "group",
        protocol=_protocol(_mapping(told, "protocol")),
        counts={part: _counts(by) for part, by in _mapping(told, "counts").items()},
        group_counts=_counts(told.get("group_counts")),
        bundle_sha256=_text(model, "bundle_sha256"),
        model_leaks=_text(model, "leaks"),
        model=_facts({key: model[key] for key in model if key not in ("bundle_sha256", "leaks")}),
        members=_many(model.get("members")),
        settings=_facts(_mapping(training, "settings")),
        history=_history(training.get("history")),
        seconds=_number(training.get("seconds")),
        versions=_facts(_mapping(told, "versions")),
    )


def in_order(parts: Mapping[str, Value]) -> dict[str, Value]:
    """Put parts in the order in which they are used; others follow.

    >>> list(in_order({"test": 1, "all": 2, "train": 3}))
    ['train', 'test', 'all']
    """
    return {part: parts[part] for part in sorted(parts, key=(*PARTS, *sorted(parts)).index)}


def _mapping(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = told.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(told: Mapping[str, Any], key: str) -> str | None:
    value = told.get(key)
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and math.isfinite(value) else None  # type: ignore[arg-type]


def _many(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else 0


def _counts(value: object) -> dict[str, int]:
    found = value if isinstance(value, Mapping) else {}
    return {str(key): number for key, number in found.items() if isinstance(number, int)}


def _facts(values: Mapping[str, Any]) -> Facts:
    """Write values as text, one line each; what is None or empty is left out.

    >>> _facts({"size": 224, "learning_rate": 0.001, "path": None, "mean": [0.5, 0.25]})
    (('size', '224'), ('learning rate', '0.001'), ('mean', '0.5, 0.25'))
    """
    kept = ((key, value) for key, value in values.items() if value not in (None, "", {}, []))
    return tuple((str(key).replace("_", " "), _plain(value)) for key, value in kept)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f") if abs(value) >= 10_000 else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(value[key])}" for key in value)
    return value if isinstance(value, str) else json.dumps(value)


def _history(value: object) -> tuple[Mapping[str, float], ...]:
    found = []
    for entry in value if isinstance(value, list | tuple) else ():
        if isinstance(entry, Mapping):
            numbers = {str(key): _number(one) for key, one in entry.items()}
            kept = {key: one for key, one in numbers.items() if one is not None}
            if "epoch" in kept:
                found.append(kept)
    return tuple(found)


def _protocol(value: Mapping[str, Any]) -> Protocol | None:
    try:
        told = Protocol.from_json(value)
        return replace(told, shares=in_order(told.shares))
    except SettingError:
        return None

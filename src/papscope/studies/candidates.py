"""Candidates: named settings of which each fold of a cross-validation chooses one.

Takes   a TOML file with a table `[candidates.NAME]` for each, and the settings below them
Gives   whole training settings by name
Never   passes over a name that it does not know
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from papscope.config import read_toml, settings_of
from papscope.errors import SettingError
from papscope.train.settings import TrainSettings

_TABLE = "candidates"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
_EXAMPLE = "write [candidates.small] and below it size = 96"


def read_candidates(path: Path, below: TrainSettings) -> dict[str, TrainSettings]:
    """Read candidates and lay each over the settings that all share.

    Args:
        path: of a TOML file such as

                [candidates.plain]

                [candidates.small]
                size = 96
                [candidates.small.augment]
                rotation = 15
        below: the settings that each candidate changes.

    Raises:
        SettingError: the file is missing or no TOML, holds something else, fewer than two
            candidates or two alike, or a setting is unknown or wrong.
    """
    if not path.is_file():
        raise SettingError(f"there is no file {path}", hint=_EXAMPLE)
    found = read_toml(str(path), shipped=(), offered=())
    for name in found:
        if name != _TABLE:
            near = get_close_matches(name, [_TABLE], n=1)
            raise SettingError(
                f"{path} has no use for {name!r}",
                hint=f"did you mean {near[0]!r}?" if near else _EXAMPLE,
            )
    tables = found.get(_TABLE)
    if not isinstance(tables, dict) or len(tables) < 2:
        raise SettingError(f"{path} has nothing to choose from", hint=f"{_EXAMPLE}, twice or more")
    ground = _as_tables(below)
    made = {name: _candidate(path, name, table, ground) for name, table in tables.items()}
    _refuse_alike(path, made)
    return made


def _candidate(
    path: Path, name: str, table: object, ground: Mapping[str, Mapping[str, Any]]
) -> TrainSettings:
    if not _NAME.fullmatch(name):
        raise SettingError(
            f"{path}: {name!r} cannot be a folder's name", hint="use letters, digits, - and _"
        )
    if not isinstance(table, dict):
        raise SettingError(f"{path}: candidate {name} is no table", hint=_EXAMPLE)
    augment = table.get("augment", {})
    if not isinstance(augment, dict):
        raise SettingError(
            f"{path}: candidate {name}: augment is {augment!r}",
            hint=f"write a table [{_TABLE}.{name}.augment]",
        )
    own = {"train": {k: v for k, v in table.items() if k != "augment"}, "augment": augment}
    where = f"{path}: candidate {name}"
    try:
        return settings_of([ground, own], {}, where)
    except SettingError as wrong:
        told = str(wrong)
        raise SettingError(
            told if told.startswith(where) else f"{where}: {told}", hint=wrong.hint
        ) from None


def _as_tables(settings: TrainSettings) -> dict[str, dict[str, Any]]:
    """Give settings as the tables of a recipe; what is None is as good as not set."""
    train = {name: value for name, value in asdict(settings).items() if value is not None}
    return {
        "train": {k: v for k, v in train.items() if k != "augment"},
        "augment": train["augment"],
    }


def _refuse_alike(path: Path, made: Mapping[str, TrainSettings]) -> None:
    seen: dict[str, str] = {}
    for name, settings in made.items():
        other = seen.setdefault(repr(settings), name)
        if other != name:
            raise SettingError(
                f"{path}: candidates {other} and {name} are the same",
                hint="change a setting, or leave one out",
            )

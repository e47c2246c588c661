"""Recipes: settings in a TOML file, and words of a command line laid over them.

Takes   a shipped recipe's name or a file, and settings that override it
Gives   a `TrainSettings`
Never   passes over a name that it does not know
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from papscope.augment.settings import OnlineSettings
from papscope.errors import SettingError
from papscope.train.settings import TrainSettings

SHIPPED = ("original", "laptop", "best")
"""Names of the recipes that come with papscope."""

Settings = TypeVar("Settings")

_TABLES = ("train", "augment")


def train_settings(
    recipe: str | None, overrides: Mapping[str, Any], texts: Mapping[str, str] | None = None
) -> TrainSettings:
    """Make settings from a recipe and what is laid over it.

    Args:
        recipe: a name in `SHIPPED`, the path of a TOML file with the tables `[train]` and
            `[augment]`, or None for the defaults.
        overrides: settings of `[train]` by name; None leaves a setting as it is.
        texts: settings as text, `name` or `augment.name`, as a command line gives them.

    Raises:
        SettingError: a name is unknown, or a value is of the wrong type or out of range.

    >>> train_settings(None, {"epochs": 3}, {"augment.rotation": "15"}).augment.rotation
    15.0
    >>> train_settings(None, {"epoch": 3})
    Traceback (most recent call last):
    papscope.errors.SettingError: [train] has no setting 'epoch'
    """
    tables = {name: dict(table) for name, table in _recipe(recipe).items()}
    where = f"recipe {recipe}" if recipe else ""
    tables.setdefault("train", {}).update({k: v for k, v in overrides.items() if v is not None})
    tables.setdefault("augment", {})
    for name, text in (texts or {}).items():
        table, _, setting = name.rpartition(".")
        if table not in ("", *_TABLES):
            raise SettingError(
                f"there is no table {table!r}", hint=f"settings are in {', '.join(_TABLES)}"
            )
        tables[table or "train"][setting] = _value(text)
    augment = read(OnlineSettings, tables["augment"], f"{where} [augment]".strip())
    if "augment" in tables["train"]:
        raise SettingError("[train] holds 'augment'", hint="write a table [augment] beside it")
    return read(TrainSettings, {**tables["train"], "augment": augment}, f"{where} [train]".strip())


def _recipe(recipe: str | None) -> Mapping[str, Mapping[str, Any]]:
    if recipe is None:
        return {}
    if recipe in SHIPPED:
        text = files("papscope").joinpath("recipes", f"{recipe}.toml").read_text(encoding="utf-8")
    else:
        try:
            text = Path(recipe).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise SettingError(
                f"there is no recipe {recipe!r}",
                hint=f"give {', '.join(SHIPPED)}, or the path of a TOML file",
            ) from None
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise SettingError(f"recipe {recipe} is not TOML: {wrong}", hint="mend that line") from None
    for name, table in found.items():
        if name not in _TABLES or not isinstance(table, dict):
            raise SettingError(
                f"recipe {recipe} has no use for {name!r}",
                hint=f"its tables are [{'] and ['.join(_TABLES)}]",
            )
    return found


def _value(text: str) -> Any:
    """Read a value as TOML does, and a bare word as text."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def read(kind: type[Settings], table: Mapping[str, Any], where: str) -> Settings:
    """Fill a settings class from a table, refusing what it does not know.

    Every setting has a default, and the default's type is the type wanted; a whole number will do
    for a real one.

    Raises:
        SettingError: a name is unknown, or a value is of the wrong type or out of range.

    >>> read(OnlineSettings, {"scale": "big"}, "[augment]")
    Traceback (most recent call last):
    papscope.errors.SettingError: [augment]: scale is 'big'; want a number
    """
    defaults = {one.name: _default(one) for one in fields(kind)}  # type: ignore[arg-type]
    values = {}
    for key, value in table.items():
        if key not in defaults:
            near = get_close_matches(key, defaults, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"settings: {', '.join(defaults)}"
            raise SettingError(f"{where} has no setting {key!r}", hint=hint)
        values[key] = _typed(value, type(defaults[key]), f"{where}: {key}")
    return kind(**values)


def _default(one: Field[Any]) -> Any:
    if one.default is not MISSING:
        return one.default
    assert one.default_factory is not MISSING
    return one.default_factory()


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def _typed(value: Any, want: type, where: str) -> Any:
    if want is float and type(value) is int:
        return float(value)
    if type(value) is not want:
        raise SettingError(
            f"{where} is {value!r}; want {_WORDS.get(want, want.__name__)}", hint="change its value"
        )
    return value

"""Recipes: settings in a TOML file, and words of a command line laid over them.

Takes   a shipped recipe's name or a file, and settings that override it
Gives   a `TrainSettings`
Never   passes over a name that it does not know
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from papscope.augment.settings import OnlineSettings
from papscope.errors import SettingError
from papscope.train.settings import TrainSettings

SHIPPED = ("original", "laptop", "best", "shipped")
"""Names of the recipes that come with papscope."""

CHAINS = ("triple", "herlev-cric", "cric-herlev")
"""Names of the chains of stages that come with papscope; `papscope chain` follows them."""

Settings = TypeVar("Settings")

Tables: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Settings by table and name."""

TABLES = ("train", "augment")
"""The tables of a recipe."""


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
    given = {name: value for name, value in overrides.items() if value is not None}
    where = f"recipe {recipe}" if recipe else ""
    return settings_of([recipe_tables(recipe), {"train": given}], texts or {}, where)


def settings_of(layers: Sequence[Tables], texts: Mapping[str, str], where: str) -> TrainSettings:
    """Make settings from tables, each laid over those before it, and from words over them all.

    Args:
        layers: tables `train` and `augment`.
        texts: as for `train_settings`.
        where: what to call the tables' origin in an error; may be empty.

    Raises:
        SettingError: a name is unknown, or a value is of the wrong type or out of range.
    """
    tables: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
    for layer in layers:
        for name, given in layer.items():
            tables[name].update(given)
    for name, text in texts.items():
        table, _, setting = name.rpartition(".")
        if table not in ("", *TABLES):
            raise SettingError(
                f"there is no table {table!r}", hint=f"settings are in {', '.join(TABLES)}"
            )
        tables[table or "train"][setting] = _value(text)
    augment = read(OnlineSettings, tables["augment"], f"{where} [augment]".strip())
    if "augment" in tables["train"]:
        raise SettingError("[train] holds 'augment'", hint="write a table [augment] beside it")
    return read(TrainSettings, {**tables["train"], "augment": augment}, f"{where} [train]".strip())


def recipe_tables(recipe: str | None) -> Tables:
    """Give the tables of a recipe, as they stand there.

    Raises:
        SettingError: there is no such recipe, it is a chain of stages, or holds something else.
    """
    if recipe is None:
        return {}
    found = read_toml(recipe, shipped=(*SHIPPED, *CHAINS), offered=SHIPPED)
    if "stage" in found or "chain" in found:
        raise SettingError(
            f"recipe {recipe} is a chain of stages, not settings of one training",
            hint=f"run `papscope chain {recipe}`, or name a recipe such as {', '.join(SHIPPED)}",
        )
    for name, table in found.items():
        if name not in TABLES or not isinstance(table, dict):
            raise SettingError(
                f"recipe {recipe} has no use for {name!r}",
                hint=f"its tables are [{'] and ['.join(TABLES)}]",
            )
    return found


def read_toml(recipe: str, *, shipped: Sequence[str], offered: Sequence[str]) -> dict[str, Any]:
    """Read a shipped recipe by its name, or a file.

    Args:
        recipe: a name, or a path.
        shipped: names of the files in `papscope/recipes` that are meant.
        offered: names to offer where there is no such recipe.

    Raises:
        SettingError: there is no such recipe, or it is not TOML.
    """
    try:
        if recipe in shipped:
            folder = files("papscope").joinpath("recipes")
            text = folder.joinpath(f"{recipe}.toml").read_text(encoding="utf-8")
        else:
            text = Path(recipe).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        near = get_close_matches(recipe, offered, n=1)
        raise SettingError(
            f"there is no recipe {recipe!r}",
            hint=f"did you mean {near[0]!r}?"
            if near
            else f"give {', '.join(offered)}, or the path of a TOML file",
        ) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise SettingError(f"recipe {recipe} is not TOML: {wrong}", hint="mend that line") from None


def _value(text: str) -> Any:
    """Read a value as TOML does, yes and no in any case, and a bare word as text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def read(kind: type[Settings], table: Mapping[str, Any], where: str) -> Settings:
    """Fill a settings class from a table, refusing what it does not know.

    Every setting has a default, and the default's type is the type wanted, or that of the
    annotation where the default is None; a whole number will do for a real one, and a list of
    texts for a tuple of them.

    Raises:
        SettingError: a name is unknown, or a value is of the wrong type or out of range.

    >>> read(OnlineSettings, {"scale": "big"}, "[augment]")
    Traceback (most recent call last):
    papscope.errors.SettingError: [augment]: scale is 'big'; want a number
    """
    defaults = {one.name: _default(one) for one in fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    values = {}
    for key, value in table.items():
        if key not in defaults:
            near = get_close_matches(key, defaults, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"settings: {', '.join(defaults)}"
            raise SettingError(f"{where} has no setting {key!r}", hint=hint)
        default = defaults[key]
        want = _type_in(hints[key]) if default is None else type(default)
        values[key] = _typed(value, want, f"{where}: {key}")
    return kind(**values)


def _default(one: Field[Any]) -> Any:
    if one.default is not MISSING:
        return one.default
    assert one.default_factory is not MISSING
    return one.default_factory()


def _type_in(hint: Any) -> type:
    """Give the type that an annotation `... | None` wants.

    >>> _type_in(int | None), _type_in(Literal["a", "b"] | None), _type_in(tuple[str, ...] | None)
    (<class 'int'>, <class 'str'>, <class 'tuple'>)
    """
    inner = next(one for one in get_args(hint) if one is not NoneType)
    if get_origin(inner) is Literal:
        return type(get_args(inner)[0])
    found = get_origin(inner) or inner
    assert isinstance(found, type)
    return dict if found is Mapping else found


_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    tuple: "a list of texts",
    dict: "a table",
}


def _typed(value: Any, want: type, where: str) -> Any:
    if want is float and type(value) is int:
        return float(value)
    if want is tuple and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if type(value) is not want:
        raise SettingError(
            f"{where} is {value!r}; want {_WORDS.get(want, want.__name__)}", hint="change its value"
        )
    return value

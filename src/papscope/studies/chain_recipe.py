"""A recipe of a chain: stages in a row, each with its data and how to train on them.

Takes   a shipped chain's name or a TOML file, and words laid over its settings
Gives   a frozen `ChainRecipe`
Never   passes over a name that it does not know, or opens the stages' data
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from papscope.config import (
    CHAINS,
    SHIPPED,
    TABLES,
    Tables,
    read,
    read_toml,
    recipe_tables,
    settings_of,
)
from papscope.errors import PapscopeError, SettingError
from papscope.studies.chain_settings import ChainSettings, StageSettings
from papscope.train.settings import TrainSettings

_TOP = ("chain", "stage", *TABLES)
_STAGE = tuple(one.name for one in fields(StageSettings))
_TRAIN = tuple(one.name for one in fields(TrainSettings) if one.name != "augment")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


@dataclass(frozen=True, slots=True)
class Stage:
    """One training of a chain."""

    number: int
    """From 1."""
    data: StageSettings
    train: TrainSettings
    """Its `weights` count in the first stage; a later one begins from the stage before it."""

    @property
    def called(self) -> str:
        """What it is called in messages: `stage 2, herlev`."""
        return f"stage {self.number}, {self.data.called}"

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return f"stage-{self.number}-{self.data.called}"

    @contextmanager
    def named(self) -> Iterator[None]:
        """Say in every error on the way which stage it is about."""
        with _named(self.called):
            yield


@dataclass(frozen=True, slots=True)
class ChainRecipe:
    """A chain, all of whose names and values have been checked."""

    about: ChainSettings
    stages: tuple[Stage, ...]
    folder: Path
    """Where paths in the recipe may start from."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form of what decides the chain's weights; no path of a folder."""
        return {
            "name": self.about.name,
            "seed": self.about.seed,
            "stages": [
                {
                    "data": {k: v for k, v in asdict(one.data).items() if v is not None},
                    "train": asdict(one.train),
                }
                for one in self.stages
            ],
        }


def read_chain(recipe: str, texts: Mapping[str, str] | None = None) -> ChainRecipe:
    """Read a chain's recipe.

    Args:
        recipe: a name in `papscope.config.CHAINS`, or the path of a TOML file.
        texts: settings of training as text, `name` or `augment.name`, laid over every stage.

    Raises:
        SettingError: there is no such recipe, it is one of a single training, a name in it is
            unknown, a value is wrong, or two contradict each other.

    >>> [stage.called for stage in read_chain("triple").stages]
    ['stage 1, sipakmed-extended', 'stage 2, herlev', 'stage 3, sipakmed']
    """
    found = read_toml(recipe, shipped=(*CHAINS, *SHIPPED), offered=CHAINS)
    where = f"recipe {recipe}"
    if "stage" not in found and "chain" not in found and set(found) <= set(TABLES):
        raise SettingError(
            f"{where} holds the settings of one training, not a chain of stages",
            hint=f"run `papscope train --recipe {recipe}`, or give {', '.join(CHAINS)} or a file "
            "with [[stage]] tables",
        )
    _refuse_unknown(found, _TOP, where)
    folder = Path() if recipe in CHAINS else Path(recipe).parent
    about = read(ChainSettings, {"name": Path(recipe).stem, **_table(found, "chain")}, "[chain]")
    common = {name: _table(found, name) for name in TABLES}
    _refuse_unknown(common["train"], _TRAIN, "[train]")
    ground = [{"train": {"seed": about.seed}}, _ground(about.recipe, folder), common]
    stages = tuple(
        _stage(number, table, ground, texts or {})
        for number, table in enumerate(_stage_tables(found, where), start=1)
    )
    _refuse_mixture(stages)
    return ChainRecipe(about, stages, folder)


def near(path: str, folder: Path) -> Path:
    """Find a file that was named from here or from the recipe's folder."""
    here, there = Path(path), folder / path
    return there if not here.exists() and there.exists() else here


def _ground(recipe: str, folder: Path) -> Tables:
    if not recipe:
        return {}
    return recipe_tables(recipe if recipe in SHIPPED else str(near(recipe, folder)))


def _table(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = found.get(name, {})
    if not isinstance(table, dict):
        raise SettingError(f"{name} is {table!r}, not a table", hint=f"write [{name}]")
    return table


def _stage_tables(found: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    tables = found.get("stage", [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise SettingError(f"{where}: stage is no row of tables", hint="write [[stage]] for each")
    if len(tables) < 2:
        raise SettingError(
            f"{where} has {len(tables)} stages, which is no chain",
            hint="write [[stage]] twice or more, or train with `papscope train`",
        )
    return tables


def _stage(
    number: int, table: Mapping[str, Any], ground: Sequence[Tables], texts: Mapping[str, str]
) -> Stage:
    with _named(f"stage {number}"):
        _refuse_unknown(table, (*_STAGE, *_TRAIN, "augment"), "[[stage]]")
        data = read(StageSettings, {k: v for k, v in table.items() if k in _STAGE}, "[[stage]]")
        if not _NAME.fullmatch(data.called):
            raise SettingError(
                f"it is called {data.called!r}, which cannot name a folder",
                hint='give it a name of letters, digits and hyphens, as name = "herlev"',
            )
        if number > 1 and "weights" in table:
            raise SettingError(
                "it has weights of its own, but begins from the stage before it",
                hint="set weights in the first stage or in [train]",
            )
        own = {
            "train": {k: v for k, v in table.items() if k in _TRAIN},
            "augment": _table(table, "augment"),
        }
        return Stage(number, data, settings_of([*ground, own], texts, ""))


def _refuse_mixture(stages: Sequence[Stage]) -> None:
    """Refuse stages of different networks, or on several devices."""
    first = stages[0].train
    for stage in stages:
        if stage.train.backbone != first.backbone:
            raise SettingError(
                f"{stage.called} is a {stage.train.backbone}, the first a {first.backbone}: "
                "a stage goes on with the network of the one before",
                hint="set backbone once, in [train]",
            )
        if stage.train.devices * stage.train.nodes > 1:
            raise SettingError(
                f"{stage.called} asks for {stage.train.devices} devices on {stage.train.nodes} "
                "nodes; a chain trains on one",
                hint="set devices = 1 and nodes = 1, or train the stages with `papscope train`",
            )


def _refuse_unknown(found: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for name in found:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            raise SettingError(
                f"{where} has no use for {name!r}",
                hint=f"did you mean {close[0]!r}?" if close else f"it knows {', '.join(known)}",
            )


@contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except PapscopeError as wrong:
        wrong.args = (f"{what}: {wrong}",)  # of the same kind, with the same hint and reason
        raise

"""What a chain of trainings, and each of its stages, can be told.

Takes   names and values from a recipe
Gives   frozen settings, whose contradictions are refused
Never   opens a file, or says how to train: that is `TrainSettings`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from papscope.errors import SettingError
from papscope.sources.kinds import KINDS, ImportOptions

StageBy = Literal["group", "strict"]
Extension = Literal["original", "gentle"]
What = Literal["cells", "clusters"]
Metaplastic = Literal["normal", "abnormal"]

NAMED = ("sipakmed", "herlev", "cric", "mendeley")
"""Data sets that a stage can name; others are imported first and given as a manifest."""

_IMPORT = ("what", "metaplastic", "crop", "grades", "table")
_CHOICES = {
    "by": get_args(StageBy),
    "extend": get_args(Extension),
    "what": get_args(What),
    "metaplastic": get_args(Metaplastic),
    "dataset": NAMED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """What holds for a whole chain: the table `[chain]` of its recipe."""

    name: str = ""
    """What to call it; empty for the recipe's own name."""
    recipe: str = ""
    """A training recipe that all stages begin from: a shipped name or a file."""
    seed: int = 0
    """Of the splits that are cut, and of training where no `seed` of its own is set."""
    compare: bool = True
    """Whether the last stage is also trained alone, and both are compared on its test images."""
    resamples: int = 2000
    """How many times groups are drawn for that comparison."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise SettingError(f"seed is {self.seed}; want 0 or more", hint="change seed")
        if self.resamples < 100:
            raise SettingError(
                f"{self.resamples} resamples are too few for an interval", hint="use 100 or more"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """What a stage learns from: keys of `[[stage]]` beside those of `TrainSettings`."""

    name: str = ""
    """What to call it; empty for that of its data."""
    dataset: str | None = None
    """`sipakmed`, `herlev`, `cric` or `mendeley`, imported by the chain itself."""
    manifest: str | None = None
    """A manifest's file, from here or from the recipe's folder; instead of `dataset`."""
    split: str | None = None
    """The manifest's split; without one the chain cuts one."""
    fold: int | None = None
    """Which fold of that split is the test set."""
    what: What | None = None
    """As `papscope import --what`."""
    metaplastic: Metaplastic | None = None
    """As `papscope import --metaplastic`."""
    crop: int | None = None
    """As `papscope import --crop`."""
    grades: int | None = None
    """As `papscope import --grades`."""
    table: str | None = None
    """As `papscope import --table`."""
    allow_partial: bool = False
    """As `papscope import --allow-partial`."""
    skip_unreadable: bool = False
    """As `papscope import --skip-unreadable`."""
    by: StageBy | None = None
    """What the chain's own cut keeps together; `group`, or as an earlier stage of the same data."""
    shares: Mapping[str, float] | None = None
    """Of `train`, `val` and `test` in that cut; 0.6, 0.2 and 0.2, or as an earlier stage."""
    classes: tuple[str, ...] | None = None
    """The classes that are kept; all of them by default."""
    extend: Extension | None = None
    """Multiply the training images beforehand, as `papscope augment` does."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise SettingError(f"{name} is {value!r}", hint=f"choose {', '.join(choices)}")
        if (self.dataset is None) == (self.manifest is None):
            raise SettingError(
                "it names both a data set and a manifest" if self.dataset else "it names no data",
                hint='give either dataset = "herlev" or manifest = "mine.csv"',
            )
        self._refuse_idle()
        self._refuse_shares_and_classes()

    def _refuse_idle(self) -> None:
        """Refuse what would not be listened to."""
        own = KINDS[self.dataset].options if self.dataset else ()
        imports = [name for name in _IMPORT if getattr(self, name) is not None]
        flags = [name for name in ("allow_partial", "skip_unreadable") if getattr(self, name)]
        for wrong, what, hint in (
            (self.split and not self.manifest, "split goes with a manifest", "give both"),
            (self.fold is not None and not self.split, "fold goes with a split", "give both"),
            (
                self.split and (self.by or self.shares),
                "by and shares are for a split that the chain cuts",
                "leave them or the split out",
            ),
            (
                self.manifest and (imports or flags),
                f"{', '.join(imports + flags)} is for a data set that the chain imports",
                "import the manifest so",
            ),
            (
                self.dataset and set(imports) - set(own),
                f"{self.dataset} takes no {', '.join(sorted(set(imports) - set(own)))}",
                f"the options of {self.dataset}: {', '.join(own) or 'none of its own'}",
            ),
        ):
            if wrong:
                raise SettingError(what, hint=hint)

    def _refuse_shares_and_classes(self) -> None:
        for part, share in (self.shares or {}).items():
            if isinstance(share, bool) or not isinstance(share, int | float):
                raise SettingError(
                    f"the share of {part} is {share!r}",
                    hint="write shares = {train = 0.6, val = 0.2, test = 0.2}",
                )
        if self.classes is not None and len(set(self.classes)) < max(2, len(self.classes)):
            raise SettingError(
                f"classes are {', '.join(self.classes) or 'none'}",
                hint="name two or more, each once",
            )

    @property
    def called(self) -> str:
        """What the stage is called."""
        return self.name or self.dataset or Path(str(self.manifest)).stem

    @property
    def cuts(self) -> bool:
        """Whether it says by itself how its data are divided."""
        return any(one is not None for one in (self.split, self.by, self.shares))

    def options(self) -> ImportOptions:
        """Give what its import is asked."""
        asked = {name: getattr(self, name) for name in _IMPORT}
        table = None if self.table is None else Path(self.table)
        return ImportOptions(**{**asked, "table": table}, skip_unreadable=self.skip_unreadable)

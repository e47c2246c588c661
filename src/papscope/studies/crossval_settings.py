"""What a cross-validation can be told, beside how to train.

Takes   names and values
Gives   a frozen `CrossvalSettings`, whose contradictions are refused
Never   says how to train: that is `TrainSettings`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from papscope.errors import SettingError
from papscope.evaluate.folds import CHOICES

FoldsBy = Literal["group", "strict", "image"]

_LEAST = {"folds": 2, "repeats": 1, "inner_folds": 2, "resamples": 100, "seed": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossvalSettings:
    """How to cut folds, how often, and how to choose."""

    folds: int = 5
    by: FoldsBy = "group"
    """What no fold divides: `group`, `strict`, or `image`, which stamps all results as leaking."""
    repeats: int = 1
    """How often all images are cut into folds and answered; each repeat has a seed of its own."""
    seed: int = 0
    """Of the first repeat's folds; the next have the next numbers."""
    inner_folds: int = 3
    """Folds of the training part of each fold, on which candidates are tried."""
    choose_by: str = "macro_f1"
    """`macro_f1`, `accuracy`, `balanced_accuracy`, `abnormal_auroc` or `log_loss`: the mean over
    the inner folds."""
    also_leaky: bool = False
    """Whether the same is done with folds cut by image, to show how much that flatters."""
    resamples: int = 2000
    """How many times groups are drawn for the intervals."""
    command: str = ""
    """The command line that asked for it, to be printed on the page; empty where there is none."""

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise SettingError(
                    f"{name} is {getattr(self, name)}; want {least} or more", hint=f"change {name}"
                )
        for name, choices in (("by", get_args(FoldsBy)), ("choose_by", tuple(CHOICES))):
            if getattr(self, name) not in choices:
                raise SettingError(
                    f"{name} is {getattr(self, name)!r}", hint=f"choose {', '.join(choices)}"
                )
        if self.also_leaky and self.by == "image":
            raise SettingError(
                "folds by image leak already: there is no honest number to set beside them",
                hint="cut by group or strict, or leave --also-leaky out",
            )

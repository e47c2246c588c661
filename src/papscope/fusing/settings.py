"""How features are joined: every setting, and what it may be.

Takes   names and values, from the command line or a script
Gives   a frozen `FuseSettings`
Never   touches torch or scikit-learn, so that settings can be read and refused at once
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from papscope.errors import SettingError

HeadKind = Literal["linear", "svm", "boosting", "mlp", "late"]
Balance = Literal["none", "root", "full"]
FitTo = Literal["squash", "pad", "crop"]

ORIGINAL = ("timm:resnet50:layer3.2:max", "timm:vgg16:features.22:max")
"""The student project's: ResNet-50 in the middle of its third stage, and VGG-16 at the third
convolution of its fourth block; at 224 pixels 14 x 14 x 1024 and 28 x 28 x 512."""

AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class FuseSettings:
    """What to join, and what to put on top."""

    blocks: tuple[str, ...] = ()
    """Each `BUNDLE[:LAYER[:POOL]]`, a bundle's folder or `timm:NAME`; POOL is `avg`, `max` or
    `both`; without LAYER, the features that the network's own head would get."""
    weights: tuple[str, ...] = ()
    """Of the `timm:` blocks, in order, or one for all: `imagenet`, `packaged`, `none` or a file;
    empty takes what a package carries, and else ImageNet's."""
    size: int = 0
    """Side of the input of `timm:` blocks, in pixels; 0 takes the bundles', or 224 without any."""
    fit: FitTo = "squash"
    """How a picture becomes a square, where no block is a bundle."""
    head: HeadKind = "linear"
    """`linear`, `svm`, `boosting` or `mlp`, of all features; or `late`, the mean of what each block
    says by a head of its own: a bundle's by the one it was trained with, another's by a linear
    one, measured cells by a support vector machine."""
    original: bool = False
    """Whether each block first gets a dense layer of its own, as in the student project."""
    shape: bool = False
    """Whether measures of cells from masks or outlines are joined too."""
    experts: tuple[str, ...] = ()
    """Classes that get a support vector machine of their own, or `auto` for weak classes."""
    orientations: bool = False
    """Whether the head learns from all eight orientations of each training image."""
    balance: Balance = "none"
    """Against unequal classes: `full` makes all count the same, `root` goes half the way."""
    inner_folds: int = 4
    """Folds by group of the training images, on which the head's settings are chosen."""
    hidden: int = 1024
    """Width of the hidden layer of `mlp`, and of each block's own layer in the original."""
    epochs: int = 60
    """Of `mlp` and the original; the epoch is chosen on validation."""
    lr: float = 1e-3
    """Of `mlp` and the original."""
    seed: int = 0
    threads: int = 0
    """Threads of the processor; 0 leaves it to torch."""
    cache: Path | None = None
    """Folder in which features are kept; None for `cache` beside the bundle."""

    def __post_init__(self) -> None:
        for name, kind in (("head", HeadKind), ("balance", Balance), ("fit", FitTo)):
            if getattr(self, name) not in get_args(kind):
                raise SettingError(
                    f"{name} is {getattr(self, name)!r}",
                    hint=f"choose {', '.join(get_args(kind))}",
                )
        if not self.blocks:
            raise SettingError(
                "no block is named, so there is nothing to join",
                hint="give --block BUNDLE or --block timm:NAME once or more, or --original",
            )
        for name, low, high in _RANGES:
            if not low <= getattr(self, name) <= high:  # also false for NaN
                raise SettingError(
                    f"{name} is {getattr(self, name)}; want {low} to {high}", hint=f"change {name}"
                )
        if self.original and (self.shape or self.experts or self.head != "mlp"):
            raise SettingError(
                "the original joins its two blocks by dense layers and takes no shape, experts or "
                "other head",
                hint="leave --original out and name the blocks",
            )
        if self.experts and self.head in ("mlp", "late"):
            raise SettingError(
                f"experts are weighed on inner folds, which the head {self.head} does not use",
                hint="take the head linear, svm or boosting",
            )


_RANGES = (
    ("inner_folds", 2, 20),
    ("hidden", 1, 16384),
    ("epochs", 1, 100_000),
    ("lr", 1e-9, 100),
    ("seed", 0, 2**53),
    ("threads", 0, 4096),
    ("size", 0, 1024),
)


def original(weights: tuple[str, ...] = (), *, size: int = 224, seed: int = 0) -> FuseSettings:
    """Give the student project's fusion."""
    return FuseSettings(
        blocks=ORIGINAL, weights=weights, size=size, seed=seed, head="mlp", original=True
    )

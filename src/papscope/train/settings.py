"""How a network is trained: every setting, its unit, and what it may be.

Takes   names and values, from the command line or a recipe
Gives   a frozen `TrainSettings`
Never   touches torch, so that settings can be read and refused at once
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from papscope.augment.settings import OnlineSettings
from papscope.errors import SettingError

Balance = Literal["none", "sampler", "weights", "logit", "focal"]
Schedule = Literal["onecycle", "cosine", "constant"]
Optimiser = Literal["adamw", "adam", "sgd"]
Precision = Literal["auto", "32-true", "16-mixed", "bf16-mixed"]
FitTo = Literal["squash", "pad", "crop"]
StainNorm = Literal["none", "reinhard", "macenko"]
Keep = Literal["best", "last"]

_CHOICES = {
    "balance": get_args(Balance),
    "schedule": get_args(Schedule),
    "optimiser": get_args(Optimiser),
    "precision": get_args(Precision),
    "fit": get_args(FitTo),
    "stain_norm": get_args(StainNorm),
    "keep": get_args(Keep),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """How to train; the defaults are those of the student project papscope began from."""

    backbone: str = "resnet50"
    """timm's name of the network."""
    weights: str = "imagenet"
    """`imagenet`, `packaged`, `none`, or the path of a weights file or a bundle."""
    size: int = 224
    """Side of the network's input, in pixels."""
    fit: FitTo = "squash"
    """How a picture becomes a square: `squash`, `pad` or `crop`."""
    stain_norm: StainNorm = "none"
    """Whether each picture is brought to the stain of the training images, and how: `none`,
    `reinhard` or `macenko`."""
    epochs: int = 50
    batch_size: int = 10
    """Images a step and device."""
    lr: float = 1e-3
    """Peak learning rate of the head."""
    schedule: Schedule = "onecycle"
    """`onecycle` rises and falls, `cosine` falls, `constant` stays."""
    optimiser: Optimiser = "adamw"
    weight_decay: float = 0.01
    head_epochs: int = 0
    """Epochs at the start in which only the head learns."""
    freeze: int = 0
    """Lowest layers that stay as they came, of those that `layer_decay` counts; saves time."""
    layer_decay: float = 1.0
    """Factor on the rate from each layer to the one below; 1 gives all the same rate."""
    balance: Balance = "none"
    """Against unequal classes: `sampler` draws rare ones more often, `weights` counts them more,
    `logit` shifts logits by the classes' shares, `focal` counts sure images less."""
    balance_power: float = 1.0
    """For `sampler`, `weights` and `logit`: 1 evens classes out, 0.5 goes half the way."""
    label_smoothing: float = 0.0
    mixup: float = 0.0
    """Alpha of the Beta distribution that mixes pairs of images; 0 mixes none."""
    cutmix: float = 0.0
    """Alpha of the Beta distribution of the share that a rectangle of another image does not
    cover; 0 cuts none in. With `mixup`, each batch has one of the two at random."""
    ema: float = 0.0
    """Decay of the running average of weights that is kept as the model; 0 keeps the last."""
    drop_rate: float = 0.0
    """Share of features dropped before the head in training."""
    drop_path_rate: float = 0.0
    """Share of residual branches dropped in training."""
    keep: Keep = "best"
    """`best` keeps the epoch of the best validation macro-F1; `last` keeps the last epoch and needs
    no validation part, so that all images but the test part can be learned from."""
    tta: bool = False
    """Whether the model answers with the mean over the eight orientations of a picture, wherever it
    is used; eight times the work then, none more in training."""
    patience: int = 0
    """Epochs without a better validation macro-F1 before stopping; 0 never stops early."""
    clip: float = 0.0
    """Largest norm of a gradient; 0 does not clip."""
    precision: Precision = "auto"
    """`auto` is mixed on a CUDA GPU and 32 bits elsewhere."""
    accelerator: str = "auto"
    """`auto`, `cpu`, `gpu`, `mps`: Lightning's names."""
    devices: int = 1
    """Devices a node."""
    nodes: int = 1
    seed: int = 0
    threads: int = 0
    """Threads of the processor; 0 leaves it to torch."""
    augment: OnlineSettings = field(default_factory=OnlineSettings)

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise SettingError(
                    f"{name} is {getattr(self, name)!r}", hint=f"choose {', '.join(choices)}"
                )
        for name in ("epochs", "batch_size", "devices", "nodes"):
            _within(name, getattr(self, name), 1, 1_000_000)
        _within("size", self.size, 16, 1024)
        _within("head_epochs", self.head_epochs, 0, self.epochs)
        for name in ("freeze", "patience", "threads", "seed", "clip", "weight_decay"):
            _within(name, getattr(self, name), 0, 2**53)
        for name in ("mixup", "cutmix"):
            _within(name, getattr(self, name), 0, 2**53)
        for name in ("balance_power", "layer_decay"):
            _within(name, getattr(self, name), 0, 2)
        for name in ("label_smoothing", "ema", "drop_rate", "drop_path_rate"):
            _within(name, getattr(self, name), 0, 0.99999)
        _within("lr", self.lr, 1e-9, 100)
        self._refuse_nonsense()

    def _refuse_nonsense(self) -> None:
        if self.keep == "last" and self.patience:
            raise SettingError(
                "patience stops by validation, and keep = last does not look at it",
                hint="set patience to 0, or keep to best",
            )
        if self.batch_size < 2:
            raise SettingError(
                "batch_size is 1, too few for batch normalisation",
                hint="take 2 or more",
            )


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also false for NaN
        raise SettingError(f"{name} is {value}; want {low} to {high}", hint=f"change {name}")

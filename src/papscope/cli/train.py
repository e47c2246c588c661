"""The commands `papscope train` and `papscope find-lr`.

Takes   a manifest, a split of it, a recipe and settings laid over it
Gives   a run's folder with a bundle in it, or a learning rate to begin with
Never   computes: it fills settings, and shows what training tells
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from papscope.cli.terminal import progress, told_on_terminal
from papscope.errors import MissingExtra, SettingError

if TYPE_CHECKING:
    from papscope.manifest import Manifest
    from papscope.split import Split
    from papscope.train.module import EpochDone
    from papscope.train.settings import TrainSettings

MANIFEST = Annotated[Path, typer.Argument(help="The manifest to train on.")]
_SPLIT = Annotated[Path, typer.Option("--split", help="The split that `papscope split` made.")]
_FOLD = Annotated[
    int | None, typer.Option(help="Of a split into folds: the fold that is kept for testing.")
]
RECIPE = Annotated[
    str | None,
    typer.Option(
        help="original, laptop, best, shipped, or a TOML file. [default: the original's settings]"
    ),
]
BACKBONE = Annotated[str | None, typer.Option(help="timm's name of the network.")]
WEIGHTS = Annotated[
    str | None,
    typer.Option(help="imagenet, packaged, none, a .pth or .safetensors file, or a bundle."),
]
SIZE = Annotated[int | None, typer.Option(help="Side of the network's input, in pixels.")]
BATCH = Annotated[int | None, typer.Option("--batch-size", help="Images a step and device.")]
THREADS = Annotated[int | None, typer.Option(help="Processor threads; 0 leaves it to torch.")]
_SEED = Annotated[int | None, typer.Option(help="The same seed trains the same network.")]
ACCELERATOR = Annotated[str | None, typer.Option(help="auto, cpu, gpu or mps.")]
MORE = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Any other setting, e.g. augment.rotation=15."
    ),
]


def train(
    manifest: MANIFEST,
    split: _SPLIT,
    output: Annotated[Path, typer.Option("--output", "-o", help="The run's folder.")] = Path("run"),
    fold: _FOLD = None,
    recipe: RECIPE = None,
    backbone: BACKBONE = None,
    weights: WEIGHTS = None,
    size: SIZE = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch_size: BATCH = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate of the head.")] = None,
    schedule: Annotated[str | None, typer.Option(help="onecycle, cosine or constant.")] = None,
    head_epochs: Annotated[
        int | None, typer.Option(help="First epochs in which only the head learns.")
    ] = None,
    freeze: Annotated[
        int | None, typer.Option(help="Lowest layers that stay as they came.")
    ] = None,
    layer_decay: Annotated[
        float | None, typer.Option(help="Factor on the rate from a layer to the one below.")
    ] = None,
    balance: Annotated[
        str | None, typer.Option(help="none, sampler, weights, logit or focal.")
    ] = None,
    label_smoothing: Annotated[float | None, typer.Option(help="0 to below 1.")] = None,
    mixup: Annotated[float | None, typer.Option(help="Alpha of mixing pairs; 0: none.")] = None,
    ema: Annotated[
        float | None, typer.Option(help="Decay of the average of weights; 0: none.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without gain before stopping; 0: never.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="auto, 32-true, 16-mixed or bf16-mixed.")
    ] = None,
    accelerator: ACCELERATOR = None,
    devices: Annotated[int | None, typer.Option(help="Devices a node.")] = None,
    nodes: Annotated[int | None, typer.Option(help="Nodes, under torchrun or SLURM.")] = None,
    seed: _SEED = None,
    threads: THREADS = None,
    more: MORE = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder.")
    ] = False,
) -> None:
    """Train a network on the training images, choosing the epoch by the validation images.

    The test images are never looked at. Ctrl-C stops between two batches and keeps the last whole
    epoch; `--resume` goes on from it and ends as if nothing had happened.
    """
    given = {name: value for name, value in locals().items() if name in _NAMES}
    with told_on_terminal():
        need_torch()
        from papscope.train.fit import fit
        from papscope.train.trainer import Watch

        settings = _settings(recipe, given, more)
        images, parts = _read(manifest, split, fold)
        if parts.protocol.leaks:
            typer.secho(parts.protocol.leaks.upper(), fg="red", bold=True, err=True)
        with progress() as tell:
            watch = Watch(tell, show_epoch, lambda note: typer.echo(note, err=True))
            done = fit(images, parts, settings, output, resume=resume, watch=watch)
        typer.echo(_kept(done.best, settings.keep))
        typer.echo(f"bundle: {done.bundle}")
        if done.interrupted:
            typer.echo("stopped; go on with the same command and --resume", err=True)
            raise typer.Exit(130)
        typer.echo(f"next: papscope evaluate {done.bundle} {manifest} --split {split}")


_NAMES = frozenset(
    {
        "backbone",
        "weights",
        "size",
        "epochs",
        "batch_size",
        "lr",
        "schedule",
        "head_epochs",
        "freeze",
    }
    | {"layer_decay", "balance", "label_smoothing", "mixup", "ema", "patience", "precision"}
    | {"accelerator", "devices", "nodes", "seed", "threads"}
)
"""The options of these commands that are settings of `TrainSettings`."""


def find_lr(
    manifest: MANIFEST,
    split: _SPLIT,
    fold: _FOLD = None,
    recipe: RECIPE = None,
    backbone: BACKBONE = None,
    weights: WEIGHTS = None,
    size: SIZE = None,
    batch_size: BATCH = None,
    accelerator: ACCELERATOR = None,
    seed: _SEED = None,
    threads: THREADS = None,
    more: MORE = None,
) -> None:
    """Raise the learning rate step by step, and say at which the loss falls fastest."""
    given = {name: value for name, value in locals().items() if name in _NAMES}
    with told_on_terminal():
        need_torch()
        from papscope.train.rates import find_rate
        from papscope.train.trainer import Watch

        settings = _settings(recipe, given, more)
        images, parts = _read(manifest, split, fold)
        with progress() as tell:
            watch = Watch(tell, on_note=lambda note: typer.echo(note, err=True))
            found = find_rate(images, parts, settings, watch)
        for rate, loss in found.curve():
            typer.echo(f"{rate:.2e}  {loss:.4f}")
        typer.echo(f"next: papscope train {manifest} --split {split} --lr {found.rate:.2e}")


def need_torch() -> None:
    """Refuse to train where the base installation is all there is."""
    if importlib.util.find_spec("torch") is None:
        raise MissingExtra(
            "training needs torch, which the base installation leaves out",
            hint='pip install "papscope[train]"',
        )


def _settings(recipe: str | None, given: dict[str, Any], more: list[str] | None) -> TrainSettings:
    from papscope.config import train_settings

    return train_settings(recipe, given, texts_of(more))


def texts_of(more: list[str] | None) -> dict[str, str]:
    """Read the words of `--set`.

    Raises:
        SettingError: one of them has no `=`.
    """
    texts = {}
    for one in more or []:
        name, equals, value = one.partition("=")
        if not equals:
            raise SettingError(f"--set {one} has no =", hint="write --set NAME=VALUE")
        texts[name.strip()] = value.strip()
    return texts


def _read(manifest: Path, split: Path, fold: int | None) -> tuple[Manifest, Split]:
    from papscope.cutting import fold_split
    from papscope.manifest import read_manifest
    from papscope.split import read_split

    images, parts = read_manifest(manifest), read_split(split)
    if fold is not None:
        parts = fold_split(parts, images, fold)
    elif parts.protocol.folds and parts.protocol.fold is None:
        raise SettingError(
            f"{split} has {parts.protocol.folds} folds", hint="say which with --fold 0"
        )
    return images, parts


def _kept(epoch: EpochDone, keep: str) -> str:
    if epoch.val_macro_f1 is None:
        return f"kept epoch: {epoch.epoch}, the last; no image was held back for validation"
    measured = f"validation macro-F1 {epoch.val_macro_f1:.3f}, accuracy {epoch.val_accuracy:.3f}"
    if keep == "last":
        return f"kept epoch: {epoch.epoch}, the last ({measured})"
    return (
        f"best epoch: {epoch.epoch} ({measured}: the epoch was chosen by it, so it is too hopeful)"
    )


def show_epoch(done: EpochDone) -> None:
    """Tell of an epoch on standard error."""
    line = f"epoch {done.epoch:3d}  loss {done.train_loss:.3f}"
    if done.val_loss is not None:
        line += (
            f"  validation: loss {done.val_loss:.3f}  accuracy {done.val_accuracy:.3f}  "
            f"macro-F1 {done.val_macro_f1:.3f}"
        )
    typer.echo(line, err=True)

"""Lightning's trainer, set up as every run here wants it.

Takes   the settings, the run's folder and who listens
Gives   a trainer that keeps the best and the last epoch, and says no more than is asked
Never   logs to other machines, or writes a pickle
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import papscope.torchvision_ops  # noqa: F401 -- first: makes lightning importable

import torch
from lightning import Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from papscope.errors import TrainingError
from papscope.progress import Tell, silent
from papscope.train.callbacks import Listener
from papscope.train.checkpoint import PlainCheckpoints
from papscope.train.module import EpochDone
from papscope.train.run import BEST, LAST
from papscope.train.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears how a run goes."""

    tell: Tell = silent
    on_epoch: Callable[[EpochDone], None] = lambda _: None
    on_note: Callable[[str], None] = lambda _: None
    """Hears sentences: which weights were taken, where a resumed run goes on."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back Lightning's advice to programmers, which a user can do nothing with."""
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", module="torch.optim.lr_scheduler")
        try:
            yield
        finally:
            logger.setLevel(before)


def make_trainer(settings: TrainSettings, run: Path, watch: Watch, *also: Callback) -> Trainer:
    """Make Lightning's trainer, keeping the best and the last epoch as plain checkpoints.

    Args:
        settings: of the training.
        run: the folder of checkpoints.
        watch: who hears how far it is.
        also: further callbacks.
    """
    gpu = settings.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    precision = settings.precision
    if precision == "auto":
        precision = "32-true"
        if gpu:
            precision = "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    strategy = "auto"
    if settings.devices * settings.nodes > 1:
        strategy = (
            "ddp_find_unused_parameters_true" if settings.head_epochs or settings.freeze else "ddp"
        )
    return Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        num_nodes=settings.nodes,
        strategy=strategy,
        precision=precision,
        max_epochs=settings.epochs,
        gradient_clip_val=settings.clip or None,
        callbacks=[*_callbacks(settings, run, watch), *also],
        plugins=[PlainCheckpoints()],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=run,
    )


def _callbacks(settings: TrainSettings, run: Path, watch: Watch) -> list[Callback]:
    """Give the callbacks; the best epoch is kept before the last, whose state speaks of it."""
    last = ModelCheckpoint(dirpath=run, filename=Path(LAST).stem, enable_version_counter=False)
    last.FILE_EXTENSION = ".safetensors"
    listeners: list[Callback] = [Listener(run, watch.tell, watch.on_epoch)]
    if settings.keep == "last":
        return [*listeners, last]
    best = ModelCheckpoint(
        dirpath=run,
        filename=Path(BEST).stem,
        monitor="val_macro_f1",
        mode="max",
        save_weights_only=True,
        enable_version_counter=False,
    )
    best.FILE_EXTENSION = ".safetensors"
    stop = [EarlyStopping("val_macro_f1", patience=settings.patience, mode="max")]
    return [*listeners, *(stop if settings.patience else []), best, last]


@contextmanager
def told_of_memory(settings: TrainSettings) -> Iterator[None]:
    """Turn torch's words for too little memory into ours.

    Raises:
        TrainingError: memory ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        words = str(problem).lower()
        if not isinstance(problem, MemoryError) and not any(
            sign in words for sign in ("out of memory", "can't allocate", "cannot allocate")
        ):
            raise
        raise TrainingError(
            f"memory ran out with {settings.backbone} at {settings.size} px and "
            f"batches of {settings.batch_size}",
            hint="lower --batch-size or --size, or take a smaller backbone",
        ) from problem

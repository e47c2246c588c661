"""A whole training run, from a manifest and a split to a bundle.

Takes   a manifest, a split of it, the settings, and a folder for the run
Gives   a bundle of the epoch that did best on validation; a run that was cut off goes on
Never   looks at the test part

The run's folder holds `run.json` (what was asked for), `history.json` (each epoch),
`last.safetensors` (all that resuming needs), `best.safetensors` (the best weights so far) and,
in the end, `bundle/`.
"""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import papscope.torchvision_ops  # noqa: F401 -- first: makes lightning importable

import numpy as np
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch.utils.data import DataLoader

from papscope.bundle import Description, write_bundle
from papscope.dataset import Batch, EpochOrder, Share, SquareBatches, squares, targets
from papscope.errors import TrainingError
from papscope.manifest import Manifest, Row
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.network.weights import Taken, fill
from papscope.preprocess import Preprocess
from papscope.progress import Tell, silent
from papscope.seeds import key
from papscope.split import Split, part_rows
from papscope.train.account import card, description_of
from papscope.train.callbacks import Listener, StopBetweenBatches, Stopped
from papscope.train.checkpoint import PlainCheckpoints, read_state
from papscope.train.losses import chances, loss_for
from papscope.train.module import Classifier, EpochDone
from papscope.train.run import BEST, BUNDLE, LAST, SQUARES, open_run
from papscope.train.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a run came to."""

    bundle: Path
    digest: str
    history: tuple[EpochDone, ...]
    best: EpochDone
    taken: Taken
    interrupted: bool
    """Whether Ctrl-C ended it; it can be resumed."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears how a run goes."""

    tell: Tell = silent
    on_epoch: Callable[[EpochDone], None] = lambda _: None
    on_note: Callable[[str], None] = lambda _: None
    """Hears sentences: which weights were taken, where a resumed run goes on."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The pictures of training and validation, ready."""

    train: SquareBatches
    val: SquareBatches
    class_counts: np.ndarray[tuple[int], np.dtype[np.int64]]


def fit(
    manifest: Manifest,
    split: Split,
    settings: TrainSettings,
    run: Path,
    *,
    resume: bool = False,
    watch: Watch | None = None,
) -> Fitted:
    """Train a network and write its bundle.

    Args:
        manifest: the images.
        split: which of them are `train` and `val`.
        settings: how to train.
        run: the run's folder; made if absent.
        resume: go on with a run that was cut off; it ends with the same weights, to the byte, as
            one that was not (on a processor, with the same versions and number of threads).
        watch: who hears how it goes.

    Raises:
        TrainingError: a class has no training image, validation is empty, the loss is no number,
            memory runs out, or there is another run in the folder.
        ImageError: a picture cannot be used.
        DiskError: the disk is full; the last whole checkpoint is kept.
        WeightsError: the weights to start from do not fit.
    """
    watch = watch or Watch()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    rows = _rows(manifest, split)
    open_run(run, manifest, split, settings, resume=resume)
    preprocess = preprocess_for(settings.backbone, size=settings.size, fit=settings.fit)
    torch.manual_seed(key(settings.seed, "first weights"))
    network = build(
        settings.backbone,
        len(manifest.classes),
        size=settings.size,
        drop_rate=settings.drop_rate,
        drop_path_rate=settings.drop_path_rate,
    )
    taken = fill(network, settings.backbone, settings.weights, manifest.class_names)
    watch.on_note(taken.sentence())
    parts = _parts(manifest, rows, preprocess, run, watch.tell)
    loss = loss_for(parts.class_counts, settings)
    module = Classifier(network, preprocess, loss, settings)
    with _told_of_memory(settings):
        interrupted = _learn(module, parts, settings, run, resume, watch)
    description = description_of(manifest, split, settings, preprocess, taken, module.history)
    return _finished(run, module, description, taken, interrupted)


def _rows(manifest: Manifest, split: Split) -> dict[str, tuple[Row, ...]]:
    """Give the labelled rows of training and validation, or say what is missing."""
    found = {
        part: tuple(row for row in part_rows(split, manifest, part) if row.label is not None)
        for part in ("train", "val")
    }
    seen = {row.label for row in found["train"]}
    missing = [name for name in manifest.class_names if name not in seen]
    if missing:
        raise TrainingError(
            f"no training image is {', '.join(missing)}",
            hint="split again with another --seed, or import without that class",
        )
    return found


def _parts(
    manifest: Manifest,
    rows: dict[str, tuple[Row, ...]],
    preprocess: Preprocess,
    run: Path,
    tell: Tell,
) -> _Parts:
    folder = run / SQUARES
    batches = {
        part: SquareBatches(
            squares(manifest, chosen, preprocess, folder, tell=tell), targets(manifest, chosen)
        )
        for part, chosen in rows.items()
    }
    counts = np.bincount(batches["train"].classes, minlength=len(manifest.classes))
    return _Parts(batches["train"], batches["val"], counts)


class _told_of_memory:  # noqa: N801 -- reads as a verb where it is used
    """Turn torch's words for too little memory into ours."""

    def __init__(self, settings: TrainSettings) -> None:
        self.settings = settings

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        words = str(problem).lower()
        memory = isinstance(problem, MemoryError) or (
            isinstance(problem, RuntimeError)
            and ("out of memory" in words or "can't allocate" in words)
        )
        if memory:
            raise TrainingError(
                f"memory ran out with {self.settings.backbone} at {self.settings.size} px and "
                f"batches of {self.settings.batch_size}",
                hint="lower --batch-size or --size, or take a smaller backbone",
            ) from problem


def _learn(
    module: Classifier,
    parts: _Parts,
    settings: TrainSettings,
    run: Path,
    resume: bool,
    watch: Watch,
) -> bool:
    """Run the epochs that are left; give whether Ctrl-C ended them."""
    last = run / LAST
    if resume and last.exists():
        watch.on_note(f"resuming from {last}")
    with _quiet():
        trainer = make_trainer(settings, run, watch)
        try:
            trainer.fit(
                module,
                train_batches(parts.train, parts.class_counts, settings, trainer),
                val_batches(parts.val, settings),
                ckpt_path=last if resume and last.exists() else None,
            )
        except Stopped:
            return True
    return False


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back Lightning's advice to programmers, which a user can do nothing with."""
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", module="torch.optim.lr_scheduler")
        try:
            yield
        finally:
            logger.setLevel(before)


def make_trainer(settings: TrainSettings, run: Path, watch: Watch) -> Trainer:
    """Make Lightning's trainer, keeping the best and the last epoch as plain checkpoints."""
    gpu = settings.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    precision = settings.precision
    if precision == "auto":
        precision = "32-true"
        if gpu:
            precision = "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    strategy = "auto"
    if settings.devices * settings.nodes > 1:
        strategy = "ddp_find_unused_parameters_true" if settings.head_epochs else "ddp"
    return Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        num_nodes=settings.nodes,
        strategy=strategy,
        precision=precision,
        max_epochs=settings.epochs,
        gradient_clip_val=settings.clip or None,
        callbacks=_callbacks(settings, run, watch),
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
    best = ModelCheckpoint(
        dirpath=run,
        filename=Path(BEST).stem,
        monitor="val_macro_f1",
        mode="max",
        save_weights_only=True,
        enable_version_counter=False,
    )
    last = ModelCheckpoint(dirpath=run, filename=Path(LAST).stem, enable_version_counter=False)
    for keeper in (best, last):
        keeper.FILE_EXTENSION = ".safetensors"
    stop = [EarlyStopping("val_macro_f1", patience=settings.patience, mode="max")]
    listeners: list[Callback] = [
        Listener(run, watch.tell, watch.on_epoch),
        StopBetweenBatches(),
        *(stop if settings.patience else []),
    ]
    return [*listeners, best, last]


def train_batches(
    pictures: SquareBatches,
    class_counts: np.ndarray[tuple[int], np.dtype[np.int64]],
    settings: TrainSettings,
    trainer: Trainer,
) -> DataLoader[Batch]:
    """Give the training batches, in an order that depends on the seed and the epoch alone."""
    order = EpochOrder(
        len(pictures),
        settings.batch_size,
        seed=settings.seed,
        chances=chances(pictures.classes, class_counts, settings),
        share=Share(trainer.global_rank, trainer.world_size),
    )
    return DataLoader(pictures, sampler=order, batch_size=None)


def val_batches(pictures: SquareBatches, settings: TrainSettings) -> DataLoader[Batch]:
    """Give the validation batches, in order."""
    step = max(settings.batch_size, 32)
    places = [
        list(range(start, min(start + step, len(pictures))))
        for start in range(0, len(pictures), step)
    ]
    return DataLoader(pictures, sampler=places, batch_size=None)


def _finished(
    run: Path, module: Classifier, description: Description, taken: Taken, interrupted: bool
) -> Fitted:
    if not (run / BEST).exists():
        raise TrainingError(
            f"stopped before the first epoch was over; nothing is learnt in {run}",
            hint="start again with --resume",
        )
    state = read_state(run / BEST)["state_dict"]
    judged = "averaged.module." if module.averaged is not None else "network."
    kept = {
        name.removeprefix(judged): tensor
        for name, tensor in state.items()
        if name.startswith(judged)
    }
    module.judged().load_state_dict(kept)
    folder = run / BUNDLE
    digest = write_bundle(folder, description, tensors_of(module.judged()), card(description))
    if not interrupted:
        shutil.rmtree(run / SQUARES, ignore_errors=True)
    history = tuple(module.history)
    best = max(history, key=lambda done: done.val_macro_f1)
    return Fitted(folder, digest, history, best, taken, interrupted)

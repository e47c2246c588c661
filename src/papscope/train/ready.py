"""Everything that must be right before the first step: rows, weights, pictures, loss.

Takes   a manifest, a split and the settings
Gives   a network and its pictures, ready to learn
Never   begins before each class has a training image
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader

from papscope.dataset import Batch, EpochOrder, Share, SquareBatches, squares
from papscope.errors import TrainingError
from papscope.labelled import targets
from papscope.manifest import Manifest, Row
from papscope.network.backbones import build, preprocess_for
from papscope.network.weights import Taken, fill
from papscope.preprocess import Preprocess
from papscope.progress import Tell
from papscope.seeds import key
from papscope.split import Split, part_rows
from papscope.train.losses import chances, loss_for
from papscope.train.module import Classifier
from papscope.train.settings import TrainSettings
from papscope.train.stain import stain_of
from papscope.train.trainer import Watch


@dataclass(frozen=True, slots=True)
class Ready:
    """A network and its pictures."""

    module: Classifier
    preprocess: Preprocess
    taken: Taken
    train: SquareBatches
    val: SquareBatches | None
    """None where no image is in validation."""
    class_counts: npt.NDArray[np.int64]
    """(c,), training images of each class."""


def make_ready(
    manifest: Manifest, split: Split, settings: TrainSettings, folder: Path, watch: Watch
) -> Ready:
    """Build the network, fill it, and decode the pictures.

    Args:
        manifest: the images.
        split: which of them are `train` and `val`.
        settings: how to train.
        folder: where decoded pictures are kept.
        watch: who hears how it goes.

    Raises:
        TrainingError: a class has no training image, or validation is empty.
        ImageError, DiskError, WeightsError, SettingError: see `fit`.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    rows = labelled_rows(manifest, split, settings)
    preprocess = preprocess_for(settings.backbone, size=settings.size, fit=settings.fit)
    preprocess = replace(preprocess, stain=stain_of(manifest, rows["train"], settings))
    torch.manual_seed(key(settings.seed, "first weights"))
    network = build(
        settings.backbone,
        len(manifest.classes),
        size=settings.size,
        drop_rate=settings.drop_rate,
        drop_path_rate=settings.drop_path_rate,
    )
    # The order of memory that convolutions are fastest in, on processors and GPUs alike.
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    taken = fill(network, settings.backbone, settings.weights, manifest.class_names)
    watch.on_note(taken.sentence())
    train = _pictures(manifest, rows["train"], preprocess, folder, watch.tell)
    val = _pictures(manifest, rows["val"], preprocess, folder, watch.tell) if rows["val"] else None
    class_counts = np.bincount(train.classes, minlength=len(manifest.classes))
    module = Classifier(network, preprocess, loss_for(class_counts, settings), settings)
    return Ready(module, preprocess, taken, train, val, class_counts)


def labelled_rows(
    manifest: Manifest, split: Split, settings: TrainSettings
) -> dict[str, tuple[Row, ...]]:
    """Give the labelled rows of training and validation.

    Raises:
        TrainingError: a class has no training image, or validation is empty and the epoch is
            to be chosen by it.
    """
    found = {
        part: tuple(row for row in part_rows(split, manifest, part) if row.label is not None)
        for part in ("train", "val")
        if part in split.parts or part == "train" or settings.keep == "best"
    }
    seen = {row.label for row in found["train"]}
    missing = [name for name in manifest.class_names if name not in seen]
    if missing:
        raise TrainingError(
            f"no training image is {', '.join(missing)}",
            hint="split again with another --seed, or import without that class",
        )
    found.setdefault("val", ())
    if not found["val"] and settings.keep == "best":
        raise TrainingError(
            "no image is in validation, so no epoch can be chosen",
            hint="split with a val share, or --set keep=last",
        )
    return found


def _pictures(
    manifest: Manifest,
    rows: tuple[Row, ...],
    preprocess: Preprocess,
    folder: Path,
    tell: Tell,
) -> SquareBatches:
    decoded = squares(manifest, rows, preprocess, folder, tell=tell)
    return SquareBatches(decoded, targets(manifest, rows))


def train_batches(ready: Ready, settings: TrainSettings, share: Share) -> DataLoader[Batch]:
    """Give the training batches, in an order that depends on the seed and the epoch alone."""
    order = EpochOrder(
        len(ready.train),
        settings.batch_size,
        seed=settings.seed,
        chances=chances(ready.train.classes, ready.class_counts, settings),
        share=share,
    )
    return DataLoader(ready.train, sampler=order, batch_size=None)


def val_batches(
    pictures: SquareBatches | None, settings: TrainSettings
) -> DataLoader[Batch] | None:
    """Give the validation batches, in order; None where there are none."""
    if pictures is None:
        return None
    step = max(settings.batch_size, 32)
    places = [
        list(range(start, min(start + step, len(pictures))))
        for start in range(0, len(pictures), step)
    ]
    return DataLoader(pictures, sampler=places, batch_size=None)

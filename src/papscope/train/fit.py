"""A whole training run, from a manifest and a split to a bundle.

Takes   a manifest, a split of it, the settings, and a folder for the run
Gives   a bundle of the best epoch, or of the last; a run that was cut off goes on
Never   looks at the test part

The run's folder holds `run.json` (what was asked for), `history.json` (each epoch),
`last.safetensors` (all that resuming needs), `best.safetensors` (the best weights so far) and,
in the end, `bundle/`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import papscope.torchvision_ops  # noqa: F401 -- first: makes lightning importable

from lightning.fabric.utilities.rank_zero import rank_zero_only

from papscope.bundle import Description, write_bundle
from papscope.dataset import Share
from papscope.errors import TrainingError
from papscope.manifest import Manifest
from papscope.network.backbones import tensors_of
from papscope.network.weights import Taken
from papscope.split import Split
from papscope.train.account import card, description_of, kept_epoch
from papscope.train.callbacks import StopBetweenBatches, Stopped
from papscope.train.checkpoint import read_state
from papscope.train.module import Classifier, EpochDone
from papscope.train.ready import Ready, labelled_rows, make_ready, train_batches, val_batches
from papscope.train.run import BEST, BUNDLE, LAST, SQUARES, open_run
from papscope.train.settings import TrainSettings
from papscope.train.trainer import Watch, make_trainer, quiet, told_of_memory


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a run came to."""

    bundle: Path
    digest: str
    history: tuple[EpochDone, ...]
    best: EpochDone
    """The epoch that is kept: the best by validation, or the last where the settings say so."""
    taken: Taken
    interrupted: bool
    """Whether Ctrl-C ended it; it can be resumed."""


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
        TrainingError: a class has no training image, validation is empty though the epoch is
            to be chosen by it, the loss is no number, memory runs out, or there is another run
            in the folder.
        ImageError: a picture cannot be used.
        DiskError: the disk is full; the last whole checkpoint is kept.
        WeightsError: the weights to start from do not fit.
    """
    first = getattr(rank_zero_only, "rank", 0) == 0
    watch = watch if first and watch is not None else Watch()
    labelled_rows(manifest, split, settings)  # refuses before a folder is made
    open_run(run, manifest, split, settings, resume=resume)
    with told_of_memory(settings):
        ready = make_ready(manifest, split, settings, run / SQUARES, watch)
        interrupted = _learn(ready, settings, run, resume, watch)
    if not first:
        # Lightning started this process, by the same command, to share the work of the first.
        raise SystemExit(0)
    module = ready.module
    description = description_of(
        manifest, split, settings, ready.preprocess, ready.taken, module.history
    )
    return _finished(run, module, description, ready.taken, interrupted)


def _learn(ready: Ready, settings: TrainSettings, run: Path, resume: bool, watch: Watch) -> bool:
    """Run the epochs that are left; give whether Ctrl-C ended them."""
    last = run / LAST
    if resume and last.exists():
        watch.on_note(f"resuming from {last}")
    stop = StopBetweenBatches()
    with quiet(), stop.listening():
        trainer = make_trainer(settings, run, watch, stop)
        share = Share(trainer.global_rank, trainer.world_size)
        try:
            trainer.fit(
                ready.module,
                train_batches(ready, settings, share),
                val_batches(ready.val, settings),
                ckpt_path=last if resume and last.exists() else None,
            )
        except Stopped:
            return True
    return False


def _finished(
    run: Path, module: Classifier, description: Description, taken: Taken, interrupted: bool
) -> Fitted:
    kept_in = run / (LAST if module.settings.keep == "last" else BEST)
    if not kept_in.exists():
        raise TrainingError(
            f"stopped before the first epoch was over; nothing is learnt in {run}",
            hint="start again with --resume",
        )
    state = read_state(kept_in)["state_dict"]
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
    return Fitted(folder, digest, history, kept_epoch(history, module.settings), taken, interrupted)

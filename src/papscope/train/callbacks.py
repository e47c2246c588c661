"""What happens around the loop: progress, history, and a stop that loses nothing.

Takes   Lightning's calls
Gives   calls to whoever listens; a clean stop on Ctrl-C
Never   changes what is learnt
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import papscope.torchvision_ops  # noqa: F401 -- first: makes lightning importable

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from papscope.files import write_json
from papscope.progress import Tell
from papscope.train.module import Classifier, EpochDone


class Stopped(Exception):
    """The user pressed Ctrl-C; raised between two batches, where the state is whole."""


class Listener(Callback):
    """Tells how far a run is, and writes its history after each epoch."""

    def __init__(self, run: Path, tell: Tell, on_epoch: Callable[[EpochDone], None]) -> None:
        """Listen to a run.

        Args:
            run: the folder in which `history.json` is kept.
            tell: hears of each batch.
            on_epoch: hears of each epoch.
        """
        self.run, self.tell, self.on_epoch = run, tell, on_epoch

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,
    ) -> None:
        """Tell of a batch."""
        what = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        if trainer.is_global_zero:
            self.tell(what, batch_idx + 1, int(trainer.num_training_batches))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell of an epoch, when the network has closed its account of it."""
        assert isinstance(pl_module, Classifier)
        self._over(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the account of an epoch without validation, before a checkpoint is written."""
        assert isinstance(pl_module, Classifier)
        if not trainer.enable_validation:
            pl_module.close_epoch()
            self._over(trainer, pl_module)

    def _over(self, trainer: Trainer, module: Classifier) -> None:
        if trainer.is_global_zero:
            write_json(self.run / "history.json", [done.to_json() for done in module.history])
            self.on_epoch(module.history[-1])


class StopBetweenBatches(Callback):
    """Turns Ctrl-C into a stop between two batches; a second Ctrl-C stops at once."""

    def __init__(self) -> None:
        self.wanted = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take over Ctrl-C, where this thread may, and give it back however training ends.

        No hook of Lightning would do for that: it keeps what hears signals after its first hooks,
        and puts that back after its last.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._heard)
        try:
            yield
        finally:
            if before is not None:  # what no Python code has set, none can set again
                signal.signal(signal.SIGINT, before)

    def _heard(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True

    def on_train_batch_end(
        self,
        trainer: Trainer,  # noqa: ARG002
        pl_module: LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Stop, if it was asked for."""
        if self.wanted:
            raise Stopped

"""At which learning rate a network's loss falls fastest.

Takes   what a training run takes
Gives   a rate, and the curve that it was read from
Never   keeps the weights that the search ruined

Source: L. N. Smith, Cyclical learning rates for training neural networks, WACV 2017; the search is
Lightning's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import papscope.torchvision_ops  # noqa: F401 -- first: makes lightning importable

from lightning.pytorch.tuner.tuning import Tuner

from papscope.dataset import Share
from papscope.errors import TrainingError
from papscope.manifest import Manifest
from papscope.split import Split
from papscope.train.ready import make_ready, train_batches, val_batches
from papscope.train.settings import TrainSettings
from papscope.train.trainer import Watch, make_trainer, quiet, told_of_memory

_STEPS = 100
_LOWEST, _HIGHEST = 1e-6, 1.0


@dataclass(frozen=True, slots=True)
class RateFound:
    """A learning rate and how it was found."""

    rate: float
    rates: tuple[float, ...]
    losses: tuple[float, ...]

    def curve(self) -> Iterator[tuple[float, float]]:
        """Give every fifth point of the curve: rate and smoothed loss."""
        yield from list(zip(self.rates, self.losses, strict=True))[::5]


def find_rate(
    manifest: Manifest, split: Split, settings: TrainSettings, watch: Watch | None = None
) -> RateFound:
    """Try rising learning rates, one a batch.

    Raises:
        TrainingError: no rate makes the loss fall.
    """
    # As many passes as the search's steps take, however few batches a pass has.
    settings = replace(settings, schedule="constant", head_epochs=0, patience=0, epochs=_STEPS)
    with tempfile.TemporaryDirectory(prefix="papscope-") as name, told_of_memory(settings):
        folder = Path(name)
        ready = make_ready(manifest, split, settings, folder, watch or Watch())
        with quiet():
            found = Tuner(make_trainer(settings, folder, Watch())).lr_find(
                ready.module,
                train_batches(ready, settings, Share()),
                val_batches(ready.val, settings),
                min_lr=_LOWEST,
                max_lr=_HIGHEST,
                num_training=_STEPS,
                update_attr=False,
                attr_name="lr",
            )
        best = found.suggestion() if found is not None else None
        if found is None or best is None:
            raise TrainingError(
                "the loss falls at no learning rate", hint="check the labels with `papscope check`"
            )
        results = found.results
        return RateFound(best, tuple(results["lr"]), tuple(results["loss"]))

"""How far a study of many trainings is, and how long it will still take.

Takes   how many epochs there will be at most, and each as it is done
Gives   sentences, and progress over all trainings together
Never   prints, or lets an estimate into a result
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from papscope.train.module import EpochDone
from papscope.train.settings import TrainSettings
from papscope.train.trainer import Watch

_ALL, _ONE = "all epochs", "this epoch"


@dataclass(slots=True)
class Clock:
    """Counts epochs over all trainings of a study."""

    total: int
    """Epochs if none is stopped early."""
    watch: Watch
    done: int = 0
    worked: int = 0
    """Of those, the epochs of this session."""
    begun: float = field(default_factory=time.monotonic)
    told: set[str] = field(default_factory=set)

    def of(self, where: str, settings: TrainSettings) -> Watch:
        """Give the listener of one training.

        Args:
            where: which training, for sentences: `fold 2 of 5`.
            settings: its settings.
        """

        def on_epoch(one: EpochDone) -> None:
            self.worked += 1
            self.watch.tell(_ALL, self.done + one.epoch, self.total)
            self.watch.on_epoch(one)
            self.watch.on_note(f"{where}, {_sentence(one, settings.epochs)}")

        def on_note(note: str) -> None:
            if note not in self.told:  # the weights, which are the same for every fold
                self.told.add(note)
                self.watch.on_note(f"{where}: {note}")

        def tell(what: str, done: int, total: int | None) -> None:
            self.watch.tell(_ONE if what.startswith("epoch ") else what, done, total)

        return Watch(tell, on_epoch, on_note)

    def finished(self, settings: TrainSettings) -> None:
        """Count a training as done, with the epochs that it spared."""
        self.done += settings.epochs
        self.watch.tell(_ALL, self.done, self.total)

    def left(self) -> str:
        """Say how long it will still take; empty where nobody can know.

        >>> Clock(10, Watch()).left()
        ''
        """
        if not self.worked or self.done >= self.total:
            return ""
        spent = time.monotonic() - self.begun
        return f"about {in_words(spent / self.worked * (self.total - self.done))} left"


def in_words(seconds: float) -> str:
    """Write a time as people say it.

    >>> in_words(42), in_words(600), in_words(9000)
    ('42 s', '10 min', '2 h 30 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _sentence(one: EpochDone, epochs: int) -> str:
    said = f"epoch {one.epoch} of {epochs}: loss {one.train_loss:.3f}"
    if one.val_loss is None or one.val_macro_f1 is None:
        return said
    return f"{said}, validation loss {one.val_loss:.3f}, macro-F1 {one.val_macro_f1:.3f}"

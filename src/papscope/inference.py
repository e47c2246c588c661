"""A network's answers to many pictures, the same whatever came with them.

Takes   a network and prepared squares
Gives   probabilities, (n, c)
Never   trains, and never answers differently because of the batch size

A convolution's last bits depend on how many pictures go through at once and on how many threads
share the work, because libraries choose other kernels for other shapes. Squares therefore always go
through in tiles of one fixed number, the last one filled up, and on a processor each tile is one
thread's: several threads take several tiles. That is also the fastest there, for no thread ever
waits for another in the middle of a layer, which on a busy machine costs more than the layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from papscope.errors import SettingError
from papscope.preprocess import Preprocess, Squares, to_planes
from papscope.scores import Probabilities, softmax

CPU_TILE = 4
"""One thread is about as quick with 1 as with 16; few keep the answer for one picture quick."""

DEVICE_TILE = 64


_Tile: TypeAlias = Sequence[npt.NDArray[Any]]
"""Squares, and what else belongs to them, of as many pictures as go through at once."""


@dataclass(frozen=True, slots=True)
class Runner:
    """A network made ready for one device."""

    network: nn.Module
    settings: Preprocess
    device: torch.device
    tile: int
    workers: int
    """How many tiles are worked on at once."""
    classes: int | None = None
    """How many of the network's outputs are logits, where features follow; None: all."""

    @classmethod
    def of(
        cls,
        network: nn.Module,
        settings: Preprocess,
        device: str = "auto",
        threads: int = 0,
        *,
        classes: int | None = None,
    ) -> Runner:
        """Make a network ready.

        Args:
            network: from (n, 3, s, s) to (n, c); is put in evaluation mode.
            settings: its preprocessing.
            device: `auto`, or torch's name of a device.
            threads: of the processor; 0 takes as many as torch would.
            classes: how many of its outputs are logits, where features follow; None: all.

        Raises:
            SettingError: there is no such device here.
        """
        place = device_named(device)
        ready = network.eval().to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if place.type == "cpu":
            workers = threads or torch.get_num_threads()
            return cls(ready, settings, place, CPU_TILE, workers, classes)
        return cls(ready, settings, place, DEVICE_TILE, 1, classes)

    @property
    def at_once(self) -> int:
        """How many squares keep it busy."""
        return self.tile * self.workers

    def probabilities(self, squares: Squares) -> Probabilities:
        """Answer for any number of squares.

        Args:
            squares: (n, s, s, 3), RGB, 0..255.

        Returns:
            (n, c), each row sums to 1.
        """
        return softmax(self.outputs(squares)[:, : self.classes])

    def measured(self, squares: Squares, measures: npt.NDArray[np.float32]) -> Probabilities:
        """Answer for squares and measures of their cells, for a network that takes both.

        Args:
            squares: (n, s, s, 3), RGB, 0..255.
            measures: (n, k); NaN for a cell that was not measured.

        Returns:
            (n, c), each row sums to 1.
        """
        return softmax(self.outputs(squares, measures)[:, : self.classes])

    def featured(
        self, squares: Squares, measures: npt.NDArray[np.float32] | None = None
    ) -> tuple[Probabilities, npt.NDArray[np.float32] | None]:
        """Answer, and tell what the answer rests on.

        Args:
            squares: (n, s, s, 3), RGB, 0..255.
            measures: as for `measured`; None where the network takes none.

        Returns:
            Probabilities (n, c); energy and features (n, 1 + d), None if the network tells none.
        """
        found = self.outputs(squares) if measures is None else self.outputs(squares, measures)
        if self.classes is None:
            return softmax(found), None
        return softmax(found[:, : self.classes]), found[:, self.classes :].astype(np.float32)

    def outputs(self, squares: Squares, *more: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Give what the network gives, (n, c), for any number of squares (n, s, s, 3).

        Args:
            squares: RGB, 0..255.
            more: what else the network takes of each picture, (n, k).
        """
        if not len(squares):
            raise ValueError("there is no square to answer for")
        ends = [(start, start + self.tile) for start in range(0, len(squares), self.tile)]
        given: list[npt.NDArray[Any]] = [squares, *more]
        tiles = ([one[start:end] for one in given] for start, end in ends)
        if self.device.type == "cpu":
            return np.concatenate(self._shared_out(tiles))
        return np.concatenate([self._tile(tile) for tile in tiles])

    def _shared_out(self, tiles: Iterable[_Tile]) -> list[npt.NDArray[np.float64]]:
        """Let several threads take tiles, each of which torch gives one thread for each."""
        before = torch.get_num_threads()
        own = ThreadPoolExecutor(
            self.workers, "papscope-answer", initializer=torch.set_num_threads, initargs=(1,)
        )
        try:
            with own as pool:
                return list(pool.map(self._tile, tiles))
        finally:
            torch.set_num_threads(before)  # what a thread sets, torch in part takes for all

    def _tile(self, given: _Tile) -> npt.NDArray[np.float64]:
        count = len(given[0])
        squares, *more = (_filled(one, self.tile) for one in given)
        planes = torch.from_numpy(to_planes(squares, self.settings))
        with torch.inference_mode():
            ready = planes.to(self.device, memory_format=torch.channels_last)
            others = [torch.from_numpy(one).to(self.device) for one in more]
            found = self.network(ready, *others).double().cpu().numpy()[:count]
        return np.asarray(found, dtype=np.float64)


def _filled(values: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """Fill up with zeros to a number of rows."""
    filling = np.zeros((count - len(values), *values.shape[1:]), dtype=values.dtype)
    return np.concatenate([values, filling]) if len(filling) else values


def best_device() -> str:
    """Name the fastest device that is there: a CUDA or Apple GPU, or the processor."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def device_named(name: str) -> torch.device:
    """Give a device that is there.

    Args:
        name: `auto`, or torch's name: `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        SettingError: there is no such device here.
    """
    try:
        device = torch.device(best_device() if name == "auto" else name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as problem:
        why = str(problem).strip().partition("\n")[0][:80]
        raise SettingError(
            f"there is no device {name!r} here ({why})", hint=f"take {best_device()}, or auto"
        ) from None
    return device

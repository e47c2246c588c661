"""A network's answers to many pictures, the same whatever came with them.

Takes   a network and prepared squares
Gives   probabilities, (n, c)
Never   trains, and never answers differently because of the batch size

A convolution's last bits depend on how many pictures go through at once, because libraries
choose other kernels for other shapes. Squares therefore always go through in tiles of one fixed
number, the last one filled up; this is also the fastest on a processor, whose caches a large
batch overflows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from papscope.errors import SettingError
from papscope.preprocess import Preprocess, Squares, to_planes
from papscope.scores import Probabilities

CPU_TILE = 8
DEVICE_TILE = 64


@dataclass(frozen=True, slots=True)
class Runner:
    """A network made ready for one device."""

    network: nn.Module
    settings: Preprocess
    device: torch.device
    tile: int

    @classmethod
    def of(cls, network: nn.Module, settings: Preprocess, device: str = "auto") -> Runner:
        """Make a network ready.

        Args:
            network: from (n, 3, s, s) to (n, c); is put in evaluation mode.
            settings: its preprocessing.
            device: `auto`, or torch's name of a device.

        Raises:
            SettingError: there is no such device here.
        """
        place = device_named(device)
        ready = network.eval().to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(ready, settings, place, CPU_TILE if place.type == "cpu" else DEVICE_TILE)

    def probabilities(self, squares: Squares) -> Probabilities:
        """Answer for any number of squares.

        Args:
            squares: (n, s, s, 3), RGB, 0..255.

        Returns:
            (n, c), each row sums to 1.
        """
        if not len(squares):
            raise ValueError("there is no square to answer for")
        answers = [
            self._tile(squares[start : start + self.tile])
            for start in range(0, len(squares), self.tile)
        ]
        return np.concatenate(answers)

    def _tile(self, squares: Squares) -> Probabilities:
        count = len(squares)
        full = squares
        if count < self.tile:
            filling = np.zeros((self.tile - count, *squares.shape[1:]), dtype=np.uint8)
            full = np.concatenate([squares, filling])
        planes = torch.from_numpy(to_planes(full, self.settings))
        with torch.inference_mode():
            ready = planes.to(self.device, memory_format=torch.channels_last)
            logits = self.network(ready).double().cpu().numpy()[:count]
        return softmax(logits)


def softmax(logits: npt.NDArray[np.float64]) -> Probabilities:
    """Turn logits (n, c) into probabilities (n, c), in double precision."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


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

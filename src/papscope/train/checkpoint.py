"""A training run's whole state in one file, without a pickle.

Takes   the nested state that Lightning gathers: weights, optimiser, schedule, loops
Gives   one safetensors file, written in one step; and the state read back, equal to the bit
Never   reads or writes anything that can run code

Tensors go into the file as tensors. All else (numbers, texts, the nesting) goes into its header as
JSON, with a tag for what JSON has no word for: tuples, and keys that are no texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import papscope.torchvision_ops  # noqa: F401 -- first: makes lightning importable

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from papscope.errors import TrainingError
from papscope.files import write_bytes

_HEAD = "papscope"


def write_state(path: Path, state: Mapping[str, Any]) -> str:
    """Write a nested state in one step and give the SHA-256 of the file."""
    tensors: dict[str, torch.Tensor] = {}
    plain = json.dumps(_flat(state, tensors))
    return write_bytes(path, save(tensors, metadata={_HEAD: plain}))


def read_state(path: Path) -> dict[str, Any]:
    """Read a nested state.

    Raises:
        TrainingError: the file is missing, damaged, or no state of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            plain = (file.metadata() or {}).get(_HEAD)
            if plain is None:
                raise ValueError("it was not written by papscope")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        state = _nested(json.loads(plain), tensors)
    except (OSError, SafetensorError, ValueError, KeyError) as problem:
        raise TrainingError(
            f"{path} cannot be resumed from: {problem}", hint="train again without --resume"
        ) from None
    assert isinstance(state, dict)
    return state


def _flat(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """Replace tensors by their places in a list, and tag what JSON cannot say."""
    if isinstance(value, torch.Tensor):
        name = f"{len(tensors):06d}"
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"map": [[_flat(k, tensors), _flat(v, tensors)] for k, v in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_flat(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_flat(item, tensors) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}")


def _nested(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if isinstance(value, list):
        return [_nested(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((tag, content),) = value.items()
    if tag == "tensor":
        return tensors[content]
    if tag == "tuple":
        return tuple(_nested(item, tensors) for item in content)
    return {_nested(k, tensors): _nested(v, tensors) for k, v in content}


class PlainCheckpoints(CheckpointIO):
    """Lightning's checkpoints through `write_state` and `read_state`."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any = None,  # noqa: ARG002 -- Lightning passes it
    ) -> None:
        """Write a checkpoint; a crash leaves the old one whole."""
        write_state(Path(path), checkpoint)

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any = None,  # noqa: ARG002 -- Lightning moves tensors itself
        weights_only: bool | None = None,  # noqa: ARG002 -- there is nothing else to load
    ) -> dict[str, Any]:
        """Read a checkpoint."""
        return read_state(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove a checkpoint that a better one replaced."""
        Path(path).unlink(missing_ok=True)

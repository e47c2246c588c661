"""One network's tensors under another library's names.

Takes   tensors named by torchvision, fastai, Lightning or a package, and timm's own tensors
Gives   the tensors under names that may be timm's, the likeliest first
Never   guesses by size alone: order and every shape must agree
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import torch

State: TypeAlias = Mapping[str, torch.Tensor]

_PREFIXES = ("module.", "model.", "network.", "backbone.", "encoder.", "_orig_mod.")

_FASTAI_RESNET = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3"} | {
    "7": "layer4"
}
"""fastai cuts a ResNet into a numbered sequence: `0.` the body, `1.` the head."""


def candidates(state: State, own: State, head: frozenset[str]) -> Iterator[State]:
    """Give a file's tensors under each naming that may be the network's.

    Args:
        state: the file's tensors.
        own: the network's tensors, in its order.
        head: the names in `own` of the last layer.
    """
    plain = _without_prefix(state, own)
    yield plain
    for rename in (_from_fastai, _from_torchvision_vgg):
        renamed = rename(plain)
        if renamed is not None:
            yield renamed
    ordered = _by_order(plain, own, head)
    if ordered is not None:
        yield ordered


def _without_prefix(state: State, own: State) -> State:
    current = dict(state)
    while not current.keys() & own.keys():
        prefix = next((p for p in _PREFIXES if all(k.startswith(p) for k in current)), None)
        if prefix is None:
            break
        current = {name.removeprefix(prefix): tensor for name, tensor in current.items()}
    return current


def _renamed(state: State, rule: Callable[[str], str | None]) -> State:
    pairs = ((rule(name), tensor) for name, tensor in state.items())
    return {name: tensor for name, tensor in pairs if name is not None}


def _from_fastai(state: State) -> State | None:
    """Map `0.4.1.conv1.weight` to `layer1.1.conv1.weight`; fastai's head has no counterpart."""
    if not any(name.startswith("0.4.") for name in state):
        return None

    def rule(name: str) -> str | None:
        part, _, rest = name.removeprefix("0.").partition(".")
        known = name.startswith("0.") and part in _FASTAI_RESNET
        return f"{_FASTAI_RESNET[part]}.{rest}" if known else None

    return _renamed(state, rule)


def _from_torchvision_vgg(state: State) -> State | None:
    """Turn torchvision's three linear layers into timm's two convolutions and a head."""
    first = state.get("classifier.0.weight")
    if first is None or "features.0.weight" not in state or first.ndim != 2:
        return None
    layers = {"0": "pre_logits.fc1", "3": "pre_logits.fc2", "6": "head.fc"}
    found = {}
    for name, tensor in state.items():
        _, _, rest = name.partition("classifier.")
        layer, _, kind = rest.partition(".")
        if not name.startswith("classifier.") or layer not in layers:
            found[name] = tensor
            continue
        convolution = kind == "weight" and layer in ("0", "3")
        side = 7 if layer == "0" else 1
        shape = (tensor.shape[0], -1, side, side) if convolution else tensor.shape
        found[f"{layers[layer]}.{kind}"] = tensor.reshape(shape)
    return found


def _by_order(state: State, own: State, head: frozenset[str]) -> State | None:
    """Match tensors by place where both lists have the same shapes from end to end.

    Libraries that write down the same network list its tensors in the same order; the head may
    have another number of classes and is then left out.
    """
    if len(state) != len(own):
        return None
    pairs = list(zip(own.items(), state.values(), strict=True))
    if any(mine.shape != theirs.shape for (name, mine), theirs in pairs if name not in head):
        return None
    return {name: theirs for (name, _), theirs in pairs}

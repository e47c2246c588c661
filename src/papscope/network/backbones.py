"""Networks by timm's names, with a head for the classes at hand.

Takes   a backbone's name, or a bundle
Gives   a `torch.nn.Module` from (n, 3, s, s) planes to (n, c) logits
Never   downloads: weights are `weights`' matter
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import papscope.torchvision_ops  # noqa: F401 -- first: makes timm importable

import timm
import torch
from torch import nn

from papscope.bundle import Bundle
from papscope.errors import BundleError, SettingError
from papscope.preprocess import Preprocess


def check_name(backbone: str) -> None:
    """Refuse a name that timm does not know, and say which ones are near.

    Raises:
        SettingError: no network has that name.
    """
    name = backbone.partition(".")[0]
    if not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), n=4)
        hint = f"did you mean {', '.join(near)}?" if near else "see timm's list of models"
        raise SettingError(f"there is no backbone {backbone!r}", hint=hint)


def build(
    backbone: str, classes: int, *, size: int, drop_rate: float = 0.0, drop_path_rate: float = 0.0
) -> nn.Module:
    """Build a network with random weights.

    Args:
        backbone: timm's name, e.g. `resnet50`.
        classes: number of outputs.
        size: side of its input, in pixels; only networks of a fixed input size ask for it.
        drop_rate: share of features dropped before the head in training, 0..1.
        drop_path_rate: share of residual branches dropped in training, 0..1; refused by
            networks without residual branches.

    Raises:
        SettingError: no network has that name, or it takes no input of that size.
    """
    check_name(backbone)
    wanted: dict[str, Any] = {"num_classes": classes, "drop_rate": drop_rate}
    settings = timm.get_pretrained_cfg(backbone)
    if settings is not None and settings.fixed_input_size:
        wanted["img_size"] = size
    if drop_path_rate:
        wanted["drop_path_rate"] = drop_path_rate
    try:
        network = timm.create_model(backbone, pretrained=False, **wanted)
        assert isinstance(network, nn.Module)
        _try(network, size)
    except (AssertionError, TypeError, RuntimeError, ValueError) as problem:
        raise SettingError(
            f"{backbone} cannot be built with {wanted} for {size} pixels: {problem}",
            hint="change size or dropout",
        ) from problem
    _calm_head(network)
    return network


def _try(network: nn.Module, size: int) -> None:
    """Show it one picture: only then many networks say that they take no such size."""
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, size, size))
    network.train()


def _calm_head(network: nn.Module) -> None:
    """Let a new head begin with near-equal answers.

    Some of timm's networks draw it so wide for few classes (EfficientNet: 1 / sqrt(classes))
    that the first losses are ten times too large and wreck pretrained layers below.
    """
    for layer in head_layers(network):
        for part in layer.modules():
            if isinstance(part, nn.Linear | nn.Conv2d):
                nn.init.normal_(part.weight, std=0.01)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)


def head_layers(network: nn.Module) -> tuple[nn.Module, ...]:
    """Give the layers that turn features into logits: one, or two where timm distils."""
    head = network.get_classifier()  # type: ignore[operator]  # every timm network has one
    return head if isinstance(head, tuple) else (head,)


def preprocess_for(backbone: str, *, size: int, fit: str = "squash") -> Preprocess:
    """Give the preprocessing that a backbone's pretrained weights expect, at a size of choice."""
    check_name(backbone)
    known = timm.get_pretrained_cfg(backbone)
    if known is None:
        return Preprocess(size=size, fit=fit)  # type: ignore[arg-type]  # checked when made
    return Preprocess(
        size=size,
        fit=fit,  # type: ignore[arg-type]  # checked when made
        filter="bicubic" if known.interpolation == "bicubic" else "bilinear",
        mean=_three(known.mean),
        std=_three(known.std),
    )


def _three(numbers: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (float(number) for number in numbers)
    return red, green, blue


def head_names(network: nn.Module) -> frozenset[str]:
    """Give the names of the tensors of the last layer, which depend on the classes."""
    layers = head_layers(network)
    inside = {id(one) for layer in layers for one in layer.state_dict(keep_vars=True).values()}
    state = network.state_dict(keep_vars=True)
    return frozenset(name for name, tensor in state.items() if id(tensor) in inside)


def tensors_of(network: nn.Module) -> dict[str, Any]:
    """Give a network's tensors as numpy arrays, for a bundle."""
    return {
        name: tensor.detach()
        .to("cpu", torch.float32 if tensor.is_floating_point() else None)
        .contiguous()
        .numpy()
        for name, tensor in network.state_dict().items()
    }


def from_bundle(bundle: Bundle) -> nn.Module:
    """Build the network of a bundle of kind `single`, in evaluation mode; see `assembly`.

    Raises:
        BundleError: the weights are not those of the network that the bundle names.
    """
    about = bundle.description
    rates: Mapping[str, Any] = about.network
    network = build(
        about.backbone,
        len(about.classes),
        size=about.preprocess.size,
        drop_rate=float(rates.get("drop_rate", 0.0)),
    )
    state = {name: torch.from_numpy(value.copy()) for name, value in bundle.tensors.items()}
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as problem:
        raise BundleError(
            f"the weights are not those of {about.backbone}: {str(problem)[:300]}",
            hint="copy the bundle again from where it was made",
        ) from None
    return network.eval()

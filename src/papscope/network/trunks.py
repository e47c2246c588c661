"""The lower part of a network, up to a layer of choice, with what lies above left out.

Takes   a backbone's name, a layer's and a manner of pooling
Gives   a module from planes (n, 3, s, s) to features (n, d), holding only what these need
Never   draws weights that matter: they are loaded
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args

import papscope.torchvision_ops  # noqa: F401 -- first: makes timm importable

import timm
import torch
from timm.models import create_feature_extractor
from torch import nn

from papscope.errors import BundleError, SettingError
from papscope.network.backbones import check_name

Pool = Literal["avg", "max", "both"]

POOLS: tuple[str, ...] = get_args(Pool)

_OUT = "features"
_SHOWN = 24


class Trunk(nn.Module):
    """Planes to features."""

    def __init__(self, network: nn.Module, pool: str | None, *, channels_last: bool) -> None:
        super().__init__()
        self.network = network
        self.pool = pool
        self.channels_last = channels_last

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Give features (n, d) for planes (n, 3, s, s)."""
        maps = self.network(planes)
        maps = maps[_OUT] if isinstance(maps, dict) else maps
        if maps.ndim < 3 or self.pool is None:
            return torch.as_tensor(maps).contiguous()
        places = (1,) if maps.ndim == 3 else (1, 2) if self.channels_last else (2, 3)
        wanted = ("avg", "max") if self.pool == "both" else (self.pool,)
        pooled = [maps.mean(places) if one == "avg" else maps.amax(places) for one in wanted]
        return torch.cat(pooled, 1)


def build_trunk(
    backbone: str,
    layer: str | None,
    pool: str | None,
    tensors: Mapping[str, torch.Tensor],
    *,
    size: int,
) -> Trunk:
    """Build the lower part of a network and fill it.

    Args:
        backbone: timm's name.
        layer: a module's name, e.g. `layer3.2`; None for the pooled features below the head.
        pool: `avg`, `max` or `both` over the layer's places or tokens; None where layer is None.
        tensors: the network's, or at least those of its lower part, by timm's names.
        size: side of the input, in pixels; only networks of a fixed input size ask for it.

    Raises:
        SettingError: there is no such backbone or layer; says which layers there are.
        BundleError: the tensors are not those of the network.
    """
    check_name(backbone)
    trunk = _filled(backbone, layer, pool, tensors, size, "meta")
    left = [*trunk.parameters(), *trunk.buffers()]
    if any(one.is_meta for one in left):  # what is computed when built, and not stored
        trunk = _filled(backbone, layer, pool, tensors, size, "cpu")
    return trunk.eval()


def _filled(
    backbone: str,
    layer: str | None,
    pool: str | None,
    tensors: Mapping[str, torch.Tensor],
    size: int,
    device: str,
) -> Trunk:
    """Build on a device; on `meta`, nothing is drawn that is then overwritten or left out."""
    with torch.device(device):
        network = timm.create_model(
            backbone, pretrained=False, num_classes=0, **_fixed(backbone, size)
        )
    network.eval()
    last = str(getattr(network, "output_fmt", "")).endswith("NHWC")
    if layer is not None:
        network = _cut(network, backbone, layer)
    own = network.state_dict()
    missing = [name for name in own if name not in tensors]
    unlike = [
        name for name in own if name not in missing and own[name].shape != tensors[name].shape
    ]
    if missing or unlike:
        raise BundleError(
            f"the weights are not those of {backbone}: {(missing + unlike)[0]}",
            hint="copy the bundle again from where it was made",
        )
    network.load_state_dict({name: tensors[name] for name in own}, strict=True, assign=True)
    return Trunk(network.requires_grad_(False), pool, channels_last=last)


def _fixed(backbone: str, size: int) -> dict[str, Any]:
    """Tell the input size to networks that store something for each of their patches."""
    settings = timm.get_pretrained_cfg(backbone)
    return {"img_size": size} if settings is not None and settings.fixed_input_size else {}


def _cut(network: nn.Module, backbone: str, layer: str) -> nn.Module:
    known = [name for name, _ in network.named_modules() if name]
    if layer not in known:
        near = get_close_matches(layer, known, n=4)
        shown = near or [name for name in known if name.count(".") < 2][:_SHOWN]
        raise SettingError(
            f"{backbone} has no layer {layer!r}", hint=f"its layers are such as {', '.join(shown)}"
        )
    try:
        cut = create_feature_extractor(network, {layer: _OUT})
    except Exception as problem:  # a tracer may stumble over anything that a network does
        raise SettingError(
            f"{backbone} cannot be cut at {layer}: {str(problem).splitlines()[0][:160]}",
            hint="take another layer, or none for the features below the head",
        ) from None
    assert isinstance(cut, nn.Module)
    return cut

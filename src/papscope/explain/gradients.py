"""Maps by gradients: Grad-CAM++, LayerCAM and integrated gradients, for any bundle of torch's.

Takes   a bundle with weights for torch, squares and a class
Gives   maps
Never   leaves a hook on a network, or guesses where a network has no convolutional stage

An answer over orientations is explained over orientations: all eight squares go through, and their
maps are turned back and averaged. Of several networks, Grad-CAM++ and LayerCAM explain each by its
own logit and average the maps; integrated gradients explain the joint answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import papscope.torchvision_ops  # noqa: F401 -- first: makes timm importable

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import nn
from torch.nn import functional

from papscope.bundle import Bundle
from papscope.errors import SettingError
from papscope.explain.maps import Map, faded
from papscope.explain.stages import (
    grad_cam_pp,
    largest_one,
    layer_cam,
    seen_in,
    stages_of,
    stretched,
)
from papscope.image import Pixels
from papscope.inference import device_named
from papscope.network.assembly import from_bundle
from papscope.network.averaging import ORIENTATIONS, Oriented
from papscope.network.ensemble import Ensemble
from papscope.network.fusion import Fusion
from papscope.preprocess import Preprocess, to_planes

IG_STEPS = 24
"""Points between the picture without detail and the picture, by Gauss and Legendre."""

_AT_ONCE = 4


@dataclass(frozen=True, slots=True, eq=False)
class ByGradients:
    """A network made ready to be explained by its gradients."""

    network: nn.Module
    settings: Preprocess
    device: torch.device
    method: Literal["grad-cam++", "layer-cam", "integrated-gradients"]

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        method: Literal["grad-cam++", "layer-cam", "integrated-gradients"],
        device: str = "auto",
    ) -> ByGradients:
        """Make a bundle ready.

        Raises:
            BundleError: it was exported, or its weights are not those of its network.
            SettingError: there is no such device.
        """
        place = device_named(device)
        network = from_bundle(bundle).to(place).requires_grad_(False)
        return cls(network, bundle.description.preprocess, place, method)

    def __call__(self, square: Pixels, place: int) -> Map:
        """Explain the class at a place, for a square (s, s, 3), RGB, 0..255.

        Raises:
            SettingError: the network has no convolutional stage, or an answer without gradients.
        """
        if self.method == "integrated-gradients":
            return self._integrated(square, place)
        found = [self._activations(one, square, place) for one in parts_of(self.network)]
        return np.asarray(torch.stack(found).mean(0).cpu().numpy(), dtype=np.float32)

    def _integrated(self, square: Pixels, place: int) -> Map:
        """M. Sundararajan et al., Axiomatic attribution for deep networks, ICML 2017."""

        def asked(planes: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(planes)
            rest = [other for other in range(logits.shape[1]) if other != place]
            return logits[:, place] - torch.logsumexp(logits[:, rest], 1)

        given, below = (self._planes(one) for one in (square, faded(square)))
        try:
            found = IntegratedGradients(asked).attribute(
                given, below, n_steps=IG_STEPS, internal_batch_size=_AT_ONCE
            )
        except RuntimeError as problem:
            raise _without_gradients(problem) from None
        return np.asarray(found[0].sum(0).detach().cpu().numpy(), dtype=np.float32)

    def _activations(self, part: Part, square: Pixels, place: int) -> torch.Tensor:
        """Give one network's map (s, s), at most 1."""
        planes = self._planes(square)
        ready = (turned(planes) if part.turned else planes).requires_grad_()
        with torch.enable_grad(), seen_in(part.below) as noted:
            logit = part.network(ready)[:, place].sum()
        stages = stages_of(noted, len(ready))
        if stages is None or part.channels_last:
            raise SettingError(
                f"{self.method} needs a network that ends in a convolutional stage, and this one "
                "ends in tokens",
                hint="take integrated-gradients or occlusion",
            )
        try:
            slopes = torch.autograd.grad(logit, stages)
        except RuntimeError as problem:
            raise _without_gradients(problem) from None
        values = tuple(one.detach() for one in stages)
        size = len(square)
        maps = _enlarged(self._formula(values, slopes, size), size)
        back = turned_back(maps) if part.turned else maps
        return largest_one(back.mean(0, keepdim=True))[0]

    def _formula(
        self, values: tuple[torch.Tensor, ...], slopes: tuple[torch.Tensor, ...], size: int
    ) -> torch.Tensor:
        if self.method == "grad-cam++":
            return grad_cam_pp(values[0], slopes[0])
        last = largest_one(layer_cam(values[0], slopes[0]))
        if values[1].shape == values[0].shape:
            return last
        finer = stretched(layer_cam(values[1], slopes[1]))
        return torch.maximum(_enlarged(last, size), _enlarged(finer, size))

    def _planes(self, square: Pixels) -> torch.Tensor:
        return torch.from_numpy(to_planes(square[None], self.settings)).to(self.device)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One network of a model, and the trunk whose stages are looked at."""

    network: nn.Module
    below: nn.Module
    turned: bool

    @property
    def channels_last(self) -> bool:
        """Whether its layers give (n, h, w, k), as some transformers do."""
        form = str(getattr(self.below, "output_fmt", ""))
        return form.endswith("NHWC") or bool(getattr(self.below, "channels_last", False))


def parts_of(network: nn.Module, *, turned: bool = False) -> tuple[Part, ...]:
    """Take a model apart: members of an ensemble, trunks of a fused model."""
    if isinstance(network, Oriented):
        return parts_of(network.network, turned=True)
    if isinstance(network, Ensemble):
        return tuple(part for one in network.members for part in parts_of(one, turned=turned))
    if isinstance(network, Fusion):
        return tuple(Part(network, block, turned) for block in network.blocks)
    return (Part(network, network, turned),)


def turned(planes: torch.Tensor) -> torch.Tensor:
    """Give the eight orientations of one picture (1, 3, s, s), as `Oriented` does: (8, 3, s, s)."""
    return torch.cat(
        [
            side
            for across in (planes, planes.transpose(2, 3))
            for side in (across, across.flip(2), across.flip(3), across.flip(2, 3))
        ]
    ).contiguous()


def turned_back(maps: torch.Tensor) -> torch.Tensor:
    """Turn the maps of eight orientations (8, s, s) back to how the picture lies."""
    sides: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (0, 1))
    upright = [one.flip(sides[place % len(sides)]) for place, one in enumerate(maps)]
    half = ORIENTATIONS // 2
    return torch.stack([*upright[:half], *(one.T for one in upright[half:])])


def _enlarged(maps: torch.Tensor, size: int) -> torch.Tensor:
    wide = functional.interpolate(
        maps[:, None], size=(size, size), mode="bilinear", align_corners=False
    )
    return wide[:, 0]


def _without_gradients(problem: RuntimeError) -> SettingError:
    told = (str(problem).strip().splitlines() or ["no gradient"])[0][:120]
    return SettingError(
        f"the answer of this model has no gradient to explain it by: {told}",
        hint="take occlusion, which asks for answers alone",
    )

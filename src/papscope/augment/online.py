"""Changes of pictures while training, drawn anew each time a picture is seen.

Takes   a batch of pictures 0..255 and a random generator
Gives   the batch moved, restained, recoloured, blurred, with noise and compressed
Never   touches validation or test pictures, and never a global random state

The whole batch is changed at once, each picture by its own numbers. The order is that of the
things themselves: a cell lies somewhere, is stained, lit, seen through a lens, taken by a camera
and saved. A change that is left out draws no numbers.
"""

from __future__ import annotations

import torch

from papscope.augment.draws import between
from papscope.augment.geometry import moved, oriented
from papscope.augment.optics import blurred, compressed
from papscope.augment.settings import OnlineSettings
from papscope.augment.staining import stained

_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601


def augment(
    pictures: torch.Tensor, settings: OnlineSettings, generator: torch.Generator
) -> torch.Tensor:
    """Change a batch of pictures.

    Args:
        pictures: (n, 3, s, s), float, 0..255.
        settings: how strongly.
        generator: on the processor, whatever device the pictures are on, so that the same
            numbers are drawn everywhere.

    Returns:
        (n, 3, s, s), float, 0..255.
    """
    if settings.orientations:
        pictures = oriented(pictures, generator)
    if _moves(settings):
        pictures = moved(pictures, settings, generator)
    if settings.stain:
        pictures = stained(pictures, settings.stain, generator)
    if settings.brightness or settings.contrast or settings.saturation or settings.tint:
        pictures = _recoloured(pictures, settings, generator)
    pictures = _taken(pictures, settings, generator)
    return pictures.clamp_(0, 255)


def _moves(settings: OnlineSettings) -> bool:
    affine = settings.rotation or settings.scale or settings.shift
    return bool(affine or settings.crop or settings.elastic)


def _taken(
    pictures: torch.Tensor, settings: OnlineSettings, generator: torch.Generator
) -> torch.Tensor:
    """Take the pictures with another lens and camera, and save them."""
    if settings.blur:
        pictures = blurred(pictures, settings.blur, generator)
    if settings.noise:
        spread = between(pictures, 0.0, settings.noise * 255, generator)
        noise = torch.randn(pictures.shape, generator=generator).to(pictures.device)
        pictures = pictures + spread * noise
    if settings.jpeg:
        pictures = compressed(pictures, settings.jpeg, generator)
    return pictures


def _recoloured(
    pictures: torch.Tensor, settings: OnlineSettings, generator: torch.Generator
) -> torch.Tensor:
    n, device = len(pictures), pictures.device
    gain = 1 + settings.contrast * (2 * between(pictures, 0, 1, generator) - 1).view(-1, 1, 1)
    colour = 1 + settings.saturation * (2 * between(pictures, 0, 1, generator) - 1).view(-1, 1, 1)
    light = settings.brightness * 255 * (2 * between(pictures, 0, 1, generator) - 1)
    tint = 1 + settings.tint * (2 * torch.rand((n, 3, 1), generator=generator).to(device) - 1)
    grey = torch.tensor(_GREY, device=device).expand(3, 3)
    matrix = (colour * torch.eye(3, device=device) + (1 - colour) * grey) * gain * tint
    middle = pictures.mean(dim=(1, 2, 3), keepdim=True)
    flat = torch.bmm(matrix, (pictures - middle).flatten(2)).view_as(pictures)
    return flat + middle + light

"""Changes of pictures while training, drawn anew each time a picture is seen.

Takes   a batch of pictures 0..255 and a random generator
Gives   the batch turned, mirrored, moved, scaled and recoloured
Never   touches validation or test pictures, and never a global random state

The whole batch is changed at once, each picture by its own numbers, with torch's own sampling
(`affine_grid`, `grid_sample`); colour changes are one 3 x 3 matrix and a shift a picture.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from papscope.augment.settings import OnlineSettings

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
        pictures = _oriented(pictures, generator)
    if settings.rotation or settings.scale or settings.shift:
        pictures = _moved(pictures, settings, generator)
    if settings.brightness or settings.contrast or settings.saturation or settings.tint:
        pictures = _recoloured(pictures, settings, generator)
    if settings.noise:
        spread = _between(pictures, 0.0, settings.noise * 255, generator)
        noise = torch.randn(pictures.shape, generator=generator).to(pictures.device)
        pictures = pictures + spread * noise
    return pictures.clamp_(0, 255)


def _between(
    pictures: torch.Tensor, low: float, high: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw one number a picture, shaped (n, 1, 1, 1)."""
    draws = torch.rand(len(pictures), generator=generator).to(pictures.device)
    return (low + (high - low) * draws).view(-1, 1, 1, 1)


def _oriented(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    which = torch.randint(8, (len(pictures),), generator=generator).to(pictures.device)
    turned = torch.empty_like(pictures)
    for orientation in range(8):
        chosen = which == orientation
        some = torch.rot90(pictures[chosen], orientation % 4, (2, 3))
        turned[chosen] = some.flip(3) if orientation >= 4 else some
    return turned


def _moved(
    pictures: torch.Tensor, settings: OnlineSettings, generator: torch.Generator
) -> torch.Tensor:
    limit = torch.tensor(settings.rotation).deg2rad().item()
    angle = _between(pictures, -limit, limit, generator).flatten()
    growth = torch.tensor(1 + settings.scale).log().item()
    zoom = _between(pictures, -growth, growth, generator).flatten().exp()
    right = _between(pictures, -2 * settings.shift, 2 * settings.shift, generator).flatten()
    down = _between(pictures, -2 * settings.shift, 2 * settings.shift, generator).flatten()
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    rows = (torch.stack([cosine, -sine, right], 1), torch.stack([sine, cosine, down], 1))
    grid = functional.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    return functional.grid_sample(
        pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )


def _recoloured(
    pictures: torch.Tensor, settings: OnlineSettings, generator: torch.Generator
) -> torch.Tensor:
    n, device = len(pictures), pictures.device
    gain = 1 + settings.contrast * (2 * _between(pictures, 0, 1, generator) - 1).view(-1, 1, 1)
    colour = 1 + settings.saturation * (2 * _between(pictures, 0, 1, generator) - 1).view(-1, 1, 1)
    light = settings.brightness * 255 * (2 * _between(pictures, 0, 1, generator) - 1)
    tint = 1 + settings.tint * (2 * torch.rand((n, 3, 1), generator=generator).to(device) - 1)
    grey = torch.tensor(_GREY, device=device).expand(3, 3)
    matrix = (colour * torch.eye(3, device=device) + (1 - colour) * grey) * gain * tint
    middle = pictures.mean(dim=(1, 2, 3), keepdim=True)
    flat = torch.bmm(matrix, (pictures - middle).flatten(2)).view_as(pictures)
    return flat + middle + light

"""Moves of pictures: turned, mirrored, cropped, scaled, shifted and bent.

Takes   a batch of pictures and a random generator
Gives   the batch moved, each picture by its own numbers
Never   samples a picture more than once, as each sampling blurs it a little
"""

from __future__ import annotations

import torch
from torch.nn import functional

from papscope.augment.draws import between, both_ways
from papscope.augment.elastic import displacements
from papscope.augment.settings import OnlineSettings


def oriented(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Give each picture one of the eight turns and mirrorings, which move samples and keep them."""
    which = torch.randint(8, (len(pictures),), generator=generator).to(pictures.device)
    turned = torch.empty_like(pictures)
    for orientation in range(8):
        chosen = which == orientation
        some = torch.rot90(pictures[chosen], orientation % 4, (2, 3))
        turned[chosen] = some.flip(3) if orientation >= 4 else some
    return turned


def moved(
    pictures: torch.Tensor, settings: OnlineSettings, generator: torch.Generator
) -> torch.Tensor:
    """Turn, scale, shift, crop and bend pictures in one sampling; borders are mirrored."""
    places = _affine(pictures, settings, generator)
    if settings.crop:
        places = _cropped(pictures, places, settings.crop, generator)
    grid = functional.affine_grid(places, list(pictures.shape), align_corners=False)
    if settings.elastic:
        bends = displacements(pictures, settings.elastic, generator)
        # Bent first and then moved, so that no zoom makes a bend fold the picture over.
        grid = grid + torch.einsum("nxyi,nji->nxyj", bends, places[:, :, :2])
    return functional.grid_sample(
        pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )


def _affine(
    pictures: torch.Tensor, settings: OnlineSettings, generator: torch.Generator
) -> torch.Tensor:
    """Draw a turn, a zoom and a shift a picture, (n, 2, 3)."""
    limit = torch.tensor(settings.rotation).deg2rad().item()
    angle = between(pictures, -limit, limit, generator).flatten()
    growth = torch.tensor(1 + settings.scale).log().item()
    zoom = between(pictures, -growth, growth, generator).flatten().exp()
    right = between(pictures, -2 * settings.shift, 2 * settings.shift, generator).flatten()
    down = between(pictures, -2 * settings.shift, 2 * settings.shift, generator).flatten()
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    rows = (torch.stack([cosine, -sine, right], 1), torch.stack([sine, cosine, down], 1))
    return torch.stack(rows, 1)


def _cropped(
    pictures: torch.Tensor, places: torch.Tensor, most: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw a square window a picture, and look at the moved picture through it.

    Windows stay square, as the shape of a nucleus tells something.
    """
    kept = 1 - between(pictures, 0.0, most, generator).view(-1, 1, 1)
    corner = (1 - kept) * both_ways(pictures, (2, 1), generator)
    turn, shift = places[:, :, :2], places[:, :, 2:]
    return torch.cat([turn * kept, turn @ corner + shift], 2)

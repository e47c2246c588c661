"""Smooth random bending of pictures, as cells bend under a cover slip.

Takes   a batch of pictures and how far a point may move
Gives   where each point of the bent pictures comes from
Never   samples a picture (that is `geometry`, once for all moves), or folds one over

A coarse grid of control points is displaced at random and spread over the pixels by cubic
B-splines: D. Rueckert et al., IEEE Trans. Med. Imaging 18 (1999), 712-721. Displacements below
1 / 2.046 of the control points' distance cannot fold: Y. Choi and S. Lee, Graph. Models 62 (2000),
411-427.
"""

from __future__ import annotations

import torch

from papscope.augment.draws import both_ways

_CELLS = 4  # along a side, between control points: bends of a quarter of the picture and more


def displacements(
    pictures: torch.Tensor, largest: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw how far each point is displaced.

    Args:
        pictures: (n, 3, s, s); only the shape and the device matter.
        largest: along each axis, as a share of the side.
        generator: on the processor.

    Returns:
        (n, s, s, 2), right and down, where 2 is the side, as `grid_sample` counts.
    """
    points = _CELLS + 3
    control = 2 * largest * both_ways(pictures, (2, points, points), generator)
    spread = _splines(pictures.shape[-1]).to(pictures.device)
    return (spread @ control @ spread.T).permute(0, 2, 3, 1)


def _splines(side: int) -> torch.Tensor:
    """Give the weight of each control point at each pixel along one axis, (s, points).

    >>> _splines(16).shape, bool(torch.allclose(_splines(16).sum(1), torch.ones(16)))
    (torch.Size([16, 7]), True)
    """
    place = (torch.arange(side) + 0.5) / side * _CELLS
    cell = place.long()
    t = place - cell
    basis = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    weights = torch.zeros(side, _CELLS + 3)
    for step, values in enumerate(basis):
        weights[torch.arange(side), cell + step] = values / 6
    return weights

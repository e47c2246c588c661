"""What a deal of blocks to parts costs, and the moves and exchanges that make it cheaper.

Takes   kinds of blocks, the parts' weights, and how many blocks of each kind each part holds
Gives   the cost, and a deal that no single move or exchange makes cheaper
Never   computes with a fraction: whole numbers round alike everywhere

The cost is the sum, over classes and parts, of the squared distance between the share reached
and the share wanted: of the class's images, of all images, and, with less weight, of the class's
blocks. A part without any image of a class costs more than all distances together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Counts: TypeAlias = npt.NDArray[np.int64]
"""Whole numbers; the shape is said where it is used."""

_SCALE = 100_000
"""A share is counted in steps of one part in this many."""
_EMPTY = 10**14
"""The cost of a part without any image of a class; above the sum of all squared distances."""
_IMAGE_WEIGHT, _BLOCK_WEIGHT = 16, 1
_EXCHANGED = 200
"""Kinds of blocks on each side between which exchanges are tried."""


@dataclass(frozen=True, slots=True, eq=False)
class Deal:
    """What is dealt (equal blocks are one kind), and to what."""

    kinds: Counts
    """(k, f), the features of each kind of block."""
    totals: Counts
    """(f,), of all blocks together."""
    classes: int
    weights: tuple[int, ...]
    """(p,)"""

    def cost(self, content: Counts, part: int) -> Counts:
        """Give the cost of what a part would hold: (..., f) to (...)."""
        whole, all_weights = np.maximum(self.totals, 1), sum(self.weights)
        off = content * all_weights - self.weights[part] * self.totals
        steps = off * _SCALE // (whole * all_weights)
        squares, images = steps * steps, self.classes + 1
        near = _IMAGE_WEIGHT * squares[..., :images].sum(axis=-1)
        near += _BLOCK_WEIGHT * squares[..., images:].sum(axis=-1)
        empty = (content[..., : self.classes] == 0) & (self.totals[: self.classes] > 0)
        return np.asarray(near + _EMPTY * empty.sum(axis=-1), dtype=np.int64)

    def cost_of_all(self, held: Counts) -> int:
        """Give the cost of a whole deal, from (p, k) blocks held."""
        return sum(int(self.cost(held[p] @ self.kinds, p)) for p in range(len(self.weights)))


def improved(deal: Deal, held: Counts) -> Counts:
    """Make the best move, or else the best exchange, until none lowers the cost."""
    pairs = list(permutations(range(len(deal.weights)), 2))
    while True:
        step = min((_best_move(deal, held, *pair) for pair in pairs), default=None)
        if step is None or step.gain >= 0:
            two_way = (_best_exchange(deal, held, *pair) for pair in pairs if pair[0] < pair[1])
            step = min(two_way, default=None)
        if step is None or step.gain >= 0:
            return held
        held[step.source, step.goes] -= 1
        held[step.target, step.goes] += 1
        if step.comes >= 0:
            held[step.target, step.comes] -= 1
            held[step.source, step.comes] += 1


@dataclass(frozen=True, slots=True, order=True)
class _Step:
    """A block that changes its part, and perhaps another that comes back for it."""

    gain: int
    """Change of the cost; below 0 is better."""
    source: int
    target: int
    goes: int
    comes: int
    """A kind of block; -1 for none."""


def _best_move(deal: Deal, held: Counts, source: int, target: int) -> _Step:
    mine = np.flatnonzero(held[source])
    if not len(mine):
        return _Step(0, source, target, -1, -1)
    here, there = held[source] @ deal.kinds, held[target] @ deal.kinds
    now = deal.cost(here, source) + deal.cost(there, target)
    moved = deal.kinds[mine]
    after = deal.cost(here - moved, source) + deal.cost(there + moved, target)
    best = int(np.argmin(after))
    return _Step(int(after[best] - now), source, target, int(mine[best]), -1)


def _best_exchange(deal: Deal, held: Counts, source: int, target: int) -> _Step:
    mine, theirs = _some(held[source]), _some(held[target])
    if not len(mine) or not len(theirs):
        return _Step(0, source, target, -1, -1)
    here, there = held[source] @ deal.kinds, held[target] @ deal.kinds
    now = deal.cost(here, source) + deal.cost(there, target)
    moved = deal.kinds[mine][:, None, :] - deal.kinds[theirs][None, :, :]
    after = deal.cost(here - moved, source) + deal.cost(there + moved, target)
    best, other = divmod(int(np.argmin(after)), len(theirs))
    gain = int(after[best, other] - now)
    return _Step(gain, source, target, int(mine[best]), int(theirs[other]))


def _some(held: Counts) -> Counts:
    """Give the kinds of blocks in a part, at most `_EXCHANGED` of them, evenly chosen."""
    kinds = np.flatnonzero(held)
    return kinds[:: -(-len(kinds) // _EXCHANGED)] if len(kinds) else kinds

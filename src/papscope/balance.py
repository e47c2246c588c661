"""Deal indivisible blocks of images to parts so that every class keeps the wanted shares.

Takes   how many images of each class each block holds, and what the parts weigh
Gives   the part of each block; the same for the same seed on every system
Never   divides a block, or computes with a fraction: whole numbers round alike everywhere

The cost is the sum, over classes and parts, of the squared distance between the share reached
and the share wanted: of the class's images, of all images, and, with less weight, of the class's
blocks. A part without any image of a class costs more than all distances together. Blocks are
dealt one after another in an order drawn from the seed, each to the part where it costs least;
then the best single move or exchange is made until none helps. This is done several times with
different orders, and the cheapest result is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.seeds import key

Counts: TypeAlias = npt.NDArray[np.int64]
"""(b, c); images of class c in block b."""

_SCALE = 100_000
"""A share is counted in steps of one part in this many."""
_EMPTY = 10**14
"""The cost of a part without any image of a class; above the sum of all squared distances."""
_IMAGE_WEIGHT, _BLOCK_WEIGHT = 16, 1
_MOST_TRIES, _DEALT_IN_ALL = 8, 20_000
_EXCHANGED = 200
"""Kinds of blocks on each side between which exchanges are tried."""


def balance(
    counts: Counts, weights: Sequence[int], names: Sequence[str], seed: int
) -> tuple[int, ...]:
    """Deal blocks to parts.

    Args:
        counts: (b, c), images of class c in block b.
        weights: whole numbers above 0, in proportion to the parts' wanted shares.
        names: of the blocks, each different; with the seed they decide the order of dealing, so
            the order in which the blocks are given does not matter.
        seed: the run's seed.

    Returns:
        For each block the place of its part in `weights`.

    >>> balance(np.array([[4], [4], [4], [4]]), [3, 1], ["a", "b", "c", "d"], seed=0)
    (0, 0, 1, 0)
    """
    features = _features(counts)
    kinds, kind_of = np.unique(features, axis=0, return_inverse=True)
    deal = _Deal(kinds, features.sum(axis=0), counts.shape[1], tuple(weights))
    tries = max(1, min(_MOST_TRIES, _DEALT_IN_ALL // max(1, len(names))))
    best: tuple[int, tuple[int, ...]] | None = None
    for attempt in range(tries):
        order = sorted(
            range(len(names)), key=lambda b: (key(seed, f"split {attempt}: {names[b]}"), names[b])
        )
        dealt = [int(kind_of.flat[b]) for b in order]
        held = _improved(deal, _dealt(deal, dealt))
        cost = deal.cost_of_all(held)
        if best is None or cost < best[0]:
            best = (cost, _handed_out(order, dealt, held))
    return best[1] if best else ()


def _features(counts: Counts) -> Counts:
    """Give (b, 2c + 1): images by class, all images, and whether a class occurs."""
    total = counts.sum(axis=1, keepdims=True)
    return np.concatenate([counts, total, (counts > 0).astype(np.int64)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Deal:
    """What is dealt (equal blocks are one kind), and what a part's content costs."""

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


def _dealt(deal: _Deal, kinds: Sequence[int]) -> Counts:
    """Deal blocks one by one to where they cost least; give (p, k) blocks held."""
    parts = range(len(deal.weights))
    held = np.zeros((len(parts), len(deal.kinds)), dtype=np.int64)
    content = np.zeros((len(parts), deal.kinds.shape[1]), dtype=np.int64)
    costs = [int(deal.cost(content[p], p)) for p in parts]
    for kind in kinds:
        after = [int(deal.cost(content[p] + deal.kinds[kind], p)) for p in parts]
        part = min(parts, key=lambda p: after[p] - costs[p])
        held[part, kind] += 1
        content[part] += deal.kinds[kind]
        costs[part] = after[part]
    return held


def _improved(deal: _Deal, held: Counts) -> Counts:
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


def _best_move(deal: _Deal, held: Counts, source: int, target: int) -> _Step:
    mine = np.flatnonzero(held[source])
    if not len(mine):
        return _Step(0, source, target, -1, -1)
    here, there = held[source] @ deal.kinds, held[target] @ deal.kinds
    now = deal.cost(here, source) + deal.cost(there, target)
    moved = deal.kinds[mine]
    after = deal.cost(here - moved, source) + deal.cost(there + moved, target)
    best = int(np.argmin(after))
    return _Step(int(after[best] - now), source, target, int(mine[best]), -1)


def _best_exchange(deal: _Deal, held: Counts, source: int, target: int) -> _Step:
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


def _handed_out(order: Sequence[int], kinds: Sequence[int], held: Counts) -> tuple[int, ...]:
    """Say which block goes where, taking the blocks of a kind in the order of dealing."""
    left = held.copy()
    part_of = [0] * len(order)
    for block, kind in zip(order, kinds, strict=True):
        part = int(np.argmax(left[:, kind] > 0))
        left[part, kind] -= 1
        part_of[block] = part
    return tuple(part_of)

"""Deal indivisible blocks of images to parts so that every class keeps the wanted shares.

Takes   how many images of each class each block holds, and what the parts weigh
Gives   the part of each block; the same for the same seed on every system
Never   divides a block, or computes with a fraction: whole numbers round alike everywhere

Blocks are
dealt one after another in an order drawn from the seed, each to the part where it costs least;
then the best single move or exchange is made until none helps. This is done several times with
different orders, and the cheapest result is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from papscope.parts.deal import Counts, Deal, improved
from papscope.seeds import key

_MOST_TRIES, _DEALT_IN_ALL = 8, 20_000


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
    deal = Deal(kinds, features.sum(axis=0), counts.shape[1], tuple(weights))
    tries = max(1, min(_MOST_TRIES, _DEALT_IN_ALL // max(1, len(names))))
    best: tuple[int, tuple[int, ...]] | None = None
    for attempt in range(tries):
        order = sorted(
            range(len(names)), key=lambda b: (key(seed, f"split {attempt}: {names[b]}"), names[b])
        )
        dealt = [int(kind_of.flat[b]) for b in order]
        held = improved(deal, _dealt(deal, dealt))
        cost = deal.cost_of_all(held)
        if best is None or cost < best[0]:
            best = (cost, _handed_out(order, dealt, held))
    return best[1] if best else ()


def _features(counts: Counts) -> Counts:
    """Give (b, 2c + 1): images by class, all images, and whether a class occurs."""
    total = counts.sum(axis=1, keepdims=True)
    return np.concatenate([counts, total, (counts > 0).astype(np.int64)], axis=1)


def _dealt(deal: Deal, kinds: Sequence[int]) -> Counts:
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


def _handed_out(order: Sequence[int], kinds: Sequence[int], held: Counts) -> tuple[int, ...]:
    """Say which block goes where, taking the blocks of a kind in the order of dealing."""
    left = held.copy()
    part_of = [0] * len(order)
    for block, kind in zip(order, kinds, strict=True):
        part = int(np.argmax(left[:, kind] > 0))
        left[part, kind] -= 1
        part_of[block] = part
    return tuple(part_of)

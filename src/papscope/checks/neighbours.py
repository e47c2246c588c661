"""Which of many 64-bit hashes lie close together, without comparing all with all.

Takes   hashes of pictures, each turned in several ways
Gives   the pairs within a number of differing bits, and how many comparisons that took
Never   misses a pair within the radius, but for pictures that share one hash by chance

Two words of 64 bits that differ in at most 6 are equal in one of 7 bands at least, for six
differences cannot touch seven bands. So hashes are sorted by each band, and only those that share
one are compared: M. Norouzi, A. Punjani and D. J. Fleet, Fast Search in Hamming Space with
Multi-Index Hashing, CVPR 2012. Of evenly spread hashes 1 pair in 79 is compared; see
`benchmarks/check.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from papscope.progress import Tell, silent

Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]

RADIUS = 6
"""Bits in which two hashes of one picture may differ; copies differ in 0 to 6, see the manual."""

_STEP = 1 << 21
"""Comparisons made at a time: 2 million take about 50 MB."""

_CHAIN = 8
"""Pictures of one and the same hash are each compared with so many that follow.

All of them are then one chain; comparing all with all would be quadratic where thousands of
copies of one picture lie in a folder.
"""


@dataclass(frozen=True, slots=True)
class Close:
    """Pairs that lie within the radius."""

    pairs: Numbers
    """(m, 3): first < second, and the way in which the first is turned; sorted, none twice."""
    compared: int
    """How many times two hashes were compared."""


def close_pairs(turned: Words, radius: int = RADIUS, tell: Tell = silent) -> Close:
    """Find the pairs of pictures of which one, turned somehow, has nearly the other's hash.

    Args:
        turned: (n, ways): column 0 has the hash of each picture as it is.
        radius: differing bits allowed, 0..30.
        tell: is told the number of bands done.

    >>> words = np.array([[0b1010], [0b1011], [0xFFFFFFFF]], dtype=np.uint64)
    >>> close_pairs(words).pairs.tolist()
    [[0, 1, 0]]
    """
    alike = _same_hash(turned[:, 0])
    _, first = np.unique(turned[:, 0], return_index=True)
    first = np.sort(first)  # keeps the order of the rows, whatever their hashes are
    few = turned[first]
    found, compared = [alike], len(alike)
    for done, band in enumerate(_bands(radius + 1), start=1):
        for pairs, tried in _within_band(few, band, radius):
            compared += tried
            pairs[:, :2] = first[pairs[:, :2]]
            found.append(pairs)
        tell("comparing hashes", done, radius + 1)
    return Close(np.unique(np.concatenate(found), axis=0), compared)


def _bands(count: int) -> Iterator[np.uint64]:
    """Give masks that part 64 bits; each takes every count-th bit, as neighbours go together."""
    for start in range(count):
        yield np.uint64(sum(1 << bit for bit in range(start, 64, count)))


def _same_hash(words: Words) -> Numbers:
    order = np.argsort(words, kind="stable").astype(np.int64)
    found = [np.empty((0, 3), dtype=np.int64)]
    for lag in range(1, min(_CHAIN, len(order) - 1) + 1):
        same = words[order[lag:]] == words[order[:-lag]]
        pair = np.stack([order[:-lag][same], order[lag:][same]], axis=1)
        found.append(np.column_stack([np.sort(pair, axis=1), np.zeros(len(pair), np.int64)]))
    return np.concatenate(found)


def _within_band(turned: Words, band: np.uint64, radius: int) -> Iterator[tuple[Numbers, int]]:
    base = turned[:, 0]
    order = np.argsort(base & band, kind="stable")
    keys = (base & band)[order]
    for way in range(turned.shape[1]):
        wanted = turned[:, way] & band
        start = np.searchsorted(keys, wanted, side="left")
        length = np.searchsorted(keys, wanted, side="right") - start
        for some in _portions(length):
            one = np.repeat(np.arange(some.start, some.stop), length[some])
            offset = np.arange(len(one)) - np.repeat(
                np.cumsum(length[some]) - length[some], length[some]
            )
            other = order[np.repeat(start[some], length[some]) + offset]
            # A turned to look like B is B turned back to look like A: once is enough.
            ahead = other > one
            one, other = one[ahead], other[ahead]
            near = np.bitwise_count(turned[one, way] ^ base[other]) <= radius
            ways = np.full(int(near.sum()), way)
            yield np.column_stack([one[near], other[near], ways]).astype(np.int64), len(one)


def _portions(length: Numbers) -> Iterator[slice]:
    """Cut rows into stretches of about `_STEP` comparisons, one row at least."""
    total = np.cumsum(length)
    start = 0
    while start < len(length):
        before = int(total[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(total, before + _STEP, side="right")))
        yield slice(start, stop)
        start = stop

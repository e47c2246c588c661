"""Which pictures teach most if somebody reads them next.

Takes   the model's probabilities for pictures, and which have been read
Gives   an order: those that the model doubts, each unlike what was read or stands before it
Never   looks at anybody's verdict, which the second reader must not see shine through

Greedy: the next picture is that of the greatest doubt x distance x need. Doubt is one minus the
margin between the two likeliest classes (T. Scheffer et al., IDA 2001, LNCS 2189, 309-318).
Distance is Hellinger's, to the nearest picture that was read or chosen: choosing the farthest is
the greedy k-center of T. F. Gonzalez, Theor. Comput. Sci. 38 (1985), 293-306, by which O. Sener
and S. Savarese, ICLR 2018, cover a data set. Need is 1 / sqrt(1 + how many of its class, as the
model calls it, were read or chosen), so that a common class does not fill the list.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]

_SAME = 1e-3
"""Added to distances, so that pictures that the model sees alike are still told apart by doubt."""


def most_useful(
    unread: Probabilities, read: Probabilities, *, first: int | None = None
) -> list[int]:
    """Order the pictures that have not been read.

    Args:
        unread: (n, c), the model's probabilities; each row sums to 1.
        read: (m, c), of pictures that have been read.
        first: how many places of the order are asked for; None for all. What follows them is
            ordered by doubt alone.

    Returns:
        n places in `unread`, the most useful first; where two are alike, the first is taken.

    >>> sure, doubtful, alike = [0.9, 0.1, 0.0], [0.4, 0.35, 0.25], [0.41, 0.34, 0.25]
    >>> most_useful(np.array([sure, alike, doubtful]), np.zeros((0, 3)))
    [2, 0, 1]
    """
    count = len(unread)
    wanted = count if first is None else min(first, count)
    if count == 0:
        return []
    doubt = _doubt(unread)
    roots = np.sqrt(unread)
    called = unread.argmax(axis=1)
    of_class = np.bincount(read.argmax(axis=1), minlength=unread.shape[1]).astype(np.float64)
    nearest = _nearest(roots, np.sqrt(read))
    left = np.ones(count, dtype=bool)
    order: list[int] = []
    for _ in range(wanted):
        need = 1 / np.sqrt(1 + of_class)
        worth = np.where(left, doubt * (nearest + _SAME) * need[called], -1.0)
        chosen = int(worth.argmax())
        order.append(chosen)
        left[chosen] = False
        of_class[called[chosen]] += 1
        nearest = np.minimum(nearest, _distances(roots, roots[chosen]))
    rest = np.flatnonzero(left)
    return order + [int(place) for place in rest[np.argsort(-doubt[rest], kind="stable")]]


def _doubt(rows: Probabilities) -> Probabilities:
    """Give one minus the margin, 0..1; at least a little, so that nothing is worth nothing."""
    if rows.shape[1] < 2:
        return np.ones(len(rows))
    two = np.sort(rows, axis=1)[:, -2:]
    return np.maximum(1 - (two[:, 1] - two[:, 0]), 1e-6)


def _nearest(roots: Probabilities, read: Probabilities) -> Probabilities:
    nearest = np.ones(len(roots))  # as far as distributions can be, where nothing has been read
    for row in np.unique(read, axis=0):
        nearest = np.minimum(nearest, _distances(roots, row))
    return nearest


def _distances(roots: Probabilities, root: Probabilities) -> Probabilities:
    """Give Hellinger's distances, 0..1, from the square roots of probabilities."""
    shared = np.clip(roots @ root, 0.0, 1.0)
    return np.asarray(np.sqrt(1 - shared))

"""Whether two sets of pictures differ, and by how much, when pictures come in groups.

Takes   measures of pictures, which group each is of, and which groups are new
Gives   an energy coefficient with its interval, a p-value by permuting groups, differences
Never   takes pictures of one group for independent of each other, or asks which labels they have

Each group counts the same. Under the hypothesis that both sets are alike, any groups could have
been the new ones: so the groups, whole, are dealt out again and again.

Sources: G. Szekely and M. Rizzo, J. Stat. Plan. Inference 143 (2013), 1249-1272 (energy distance
and its coefficient); B. Phipson and G. Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010), 39 (p-values
of permutations are never 0); S. Holm, Scand. J. Stat. 6 (1979), 65-70; G. Glass, Educ. Res. 5
(1976), 3-8 (differences in units of the first set's spread).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.errors import SettingError
from papscope.evaluate.intervals import Bounds, Estimate, interval, resamples_of
from papscope.seeds import key, stream

Values: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.int64]

MOST_DIFFERENCE = 20.0
"""Standardised differences are cut off here: farther apart than apart says nothing more."""

_FURTHEST = 10.0
"""Standard deviations beyond which one picture pulls no harder."""


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Measures of the pictures of one set."""

    values: Values
    """(n, k), finite."""
    place: Places
    """(n,), the group of each picture, 0 to `number` - 1; each group has a picture."""
    number: int

    def known(self, columns: list[int]) -> Grouped:
        """Keep some measures, and the pictures of which all of these are known."""
        values = self.values[:, columns]
        fine = np.isfinite(values).all(axis=1)
        left, place = np.unique(self.place[fine], return_inverse=True)
        return Grouped(values[fine], place.astype(np.int64), len(left))

    def of_groups(self, values: Values) -> Values:
        """Give the mean of values (n, m) in each group, (g, m)."""
        total = np.zeros((self.number, values.shape[1]))
        np.add.at(total, self.place, values)
        counts = np.bincount(self.place, minlength=self.number)
        return np.asarray(total / counts[:, None])


@dataclass(frozen=True, slots=True)
class Tested:
    """What a two-sample test came to."""

    coefficient: Estimate
    """Energy coefficient, 0 where the sets are alike to 1 where nothing is shared; n is the
    number of new pictures."""
    p: float
    least_p: float
    """The least that so few groups can give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """How much is drawn, from which seed."""

    most: int = 1000
    """Pictures of each set that are looked at, drawn at random where there are more."""
    permutations: int = 1999
    """How often the groups are dealt out anew for a p-value."""
    resamples: int = 1000
    """How often the groups are drawn anew for an interval."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.most < 2 or self.permutations < 99 or self.resamples < 100:
            raise SettingError(
                f"{self.most} pictures, {self.permutations} permutations and {self.resamples} "
                "resamples are too few",
                hint="take 2, 99 and 100 at least",
            )


def energy_test(train: Grouped, new: Grouped, draws: Draws) -> Tested:
    """Test whether two sets of pictures are alike in all measures at once.

    Measures are centred and scaled by the spread of both sets together, so that dealing out the
    groups changes nothing of it.

    Args:
        train: of g groups.
        new: of h groups; likewise (n, k).
        draws: how often, and from which seed.
    """
    distances = _between_groups(train, new)
    inside = np.diag(distances).copy()
    np.fill_diagonal(distances, 0.0)
    g, h = train.number, new.number
    is_new = np.arange(g + h) >= g
    found = _energy(distances, inside, is_new[None, :])[0]
    dealt = stream(draws.seed, "shift permutations").permuted(
        np.tile(is_new, (draws.permutations, 1)), axis=1
    )
    as_far = _energy(distances, inside, dealt)[:, 0] >= found[0] - 1e-12
    p = (1 + int(as_far.sum())) / (1 + draws.permutations)
    drawn = _resampled(distances, g, h, draws)
    low, high = interval(
        max(0.0, found[1]), drawn, Bounds(lowest=0.0, highest=1.0, groups=min(g, h))
    )
    coefficient = Estimate(max(0.0, float(found[1])), low, high, len(new.values))
    return Tested(coefficient, p, max(1 / comb(g + h, h), 1 / (1 + draws.permutations)))


def _between_groups(train: Grouped, new: Grouped) -> npt.NDArray[np.float32]:
    """Give mean distances between the pictures of each two groups; within one, of two pictures."""
    from scipy.spatial.distance import cdist

    every = np.concatenate([train.values, new.values])
    place = np.concatenate([train.place, new.place + train.number])
    order = np.argsort(place, kind="stable")
    place = place[order]
    scaled = every[order] - every.mean(axis=0)
    scaled = np.clip(scaled / np.maximum(every.std(axis=0), 1e-12), -_FURTHEST, _FURTHEST)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    sizes = np.bincount(place).astype(np.float64)
    sums = np.add.reduceat(np.add.reduceat(cdist(scaled, scaled), starts, 0), starts, 1)
    pairs = np.outer(sizes, sizes)
    np.fill_diagonal(pairs, np.maximum(sizes * (sizes - 1), 1.0))  # no picture is its own pair
    return np.asarray(sums / pairs, dtype=np.float32)


def _energy(
    distances: npt.NDArray[np.float32],
    inside: npt.NDArray[np.float32],
    is_new: npt.NDArray[np.bool_],
) -> Values:
    """Give energy distances and coefficients, (p, 2), for p ways to deal out the groups (p, g)."""
    b = is_new.astype(np.float32)
    toward = b @ distances
    h = b.sum(axis=1, dtype=np.float64)
    g = b.shape[1] - h
    new = (toward * b).sum(axis=1, dtype=np.float64)
    across = toward.sum(axis=1, dtype=np.float64) - new
    train = distances.sum(dtype=np.float64) - new - 2 * across
    across = across / (g * h)
    # One group alone has no other to be held against: its own pictures must do.
    alone_new, alone_train = b @ inside, (1 - b) @ inside
    new = np.where(h > 1, new / np.maximum(h * (h - 1), 1), alone_new)
    train = np.where(g > 1, train / np.maximum(g * (g - 1), 1), alone_train)
    energy = 2 * across - new - train
    return np.column_stack([energy, energy / np.maximum(2 * across, 1e-12)])


def _resampled(distances: npt.NDArray[np.float32], g: int, h: int, draws: Draws) -> Values:
    """Draw the groups of both sets anew and give the coefficient each time, (r,)."""
    found = []
    seeds = draws.seed, key(draws.seed, "shift, new")
    sides = [
        resamples_of(number, resamples=draws.resamples, seed=seed, width=g + h)
        for number, seed in zip((g, h), seeds, strict=True)
    ]
    blocks = [np.concatenate(list(side)).astype(np.float32) for side in sides]
    for a, b in zip(*(np.array_split(one, 8) for one in blocks), strict=True):
        across = ((a @ distances[:g, g:]) * b).sum(axis=1, dtype=np.float64) / (g * h)
        within = []
        for counts, part in ((a, distances[:g, :g]), (b, distances[g:, g:])):
            total = ((counts @ part) * counts).sum(axis=1, dtype=np.float64)
            number = counts.sum(axis=1, dtype=np.float64)
            pairs = number**2 - (counts**2).sum(axis=1, dtype=np.float64)
            within.append(np.where(pairs > 0, total / np.maximum(pairs, 1), np.nan))
        found.append((2 * across - within[0] - within[1]) / np.maximum(2 * across, 1e-12))
    return np.concatenate(found)


def standardised(train: Grouped, new: Grouped, column: int, draws: Draws) -> Estimate:
    """Give the difference of the means of one measure, new less train, in training spreads.

    Each group counts the same. The spread is never taken for less than a twentieth of the range of
    all values, so that a measure that does not vary in training has a difference too.
    """
    both = [one.values[:, column] for one in (train, new)]
    every = np.concatenate(both)
    least = float(np.ptp(every)) / MOST_DIFFERENCE
    moments = [
        side.of_groups(np.column_stack([one, one**2]))
        for side, one in zip((train, new), both, strict=True)
    ]
    here = [one.mean(axis=0)[None] for one in moments]
    value = _difference(here[0], here[1], least)[0]
    seeds = draws.seed, key(draws.seed, "shift, new")
    means = []
    for one, seed in zip(moments, seeds, strict=True):
        counts = resamples_of(len(one), resamples=draws.resamples, seed=seed)
        means.append(np.concatenate([block @ one for block in counts]) / len(one))
    limits = Bounds(
        lowest=-MOST_DIFFERENCE,
        highest=MOST_DIFFERENCE,
        groups=min(train.number, new.number),
    )
    low, high = interval(float(value), _difference(means[0], means[1], least), limits)
    return Estimate(float(value), low, high, len(both[1]))


def _difference(train: Values, new: Values, least: float) -> Values:
    spread = np.sqrt(np.maximum(train[:, 1] - train[:, 0] ** 2, 0.0))
    apart = (new[:, 0] - train[:, 0]) / np.maximum(np.maximum(spread, least), 1e-12)
    return np.clip(apart, -MOST_DIFFERENCE, MOST_DIFFERENCE)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values so that one false alarm among all is as rare as one p-value promises.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    adjusted, least = {}, 0.0
    for place, name in enumerate(sorted(p_values, key=lambda one: (p_values[one], one))):
        least = max(least, min(1.0, (len(p_values) - place) * p_values[name]))
        adjusted[name] = least
    return {name: adjusted[name] for name in p_values}

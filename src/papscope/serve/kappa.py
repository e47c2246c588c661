"""How far readers agree, beyond what chance would bring about.

Takes   what readers called the same pictures
Gives   the share of agreement, Cohen's and Fleiss' kappa, each with its n and what is known of it
Never   gives NaN: where a number does not exist, it says why

Sources: J. Cohen, Educ. Psychol. Meas. 20 (1960), 37-46 (kappa); J. Cohen, Psychol. Bull. 70
(1968), 213-220 (weights, here the squared distance of grades); J. L. Fleiss, Psychol. Bull. 76
(1971), 378-382 (more than two readers); E. B. Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212 (the
interval of a share); B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13
(the percentile interval of kappa, over pictures).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
import numpy.typing as npt

from papscope.seeds import stream
from papscope.taxonomy import CellClass, grades

Counts = npt.NDArray[np.float64]

DRAWS = 2000
_LOST = 0.05
"""Share of draws for which kappa may not exist before its interval is not believed."""
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and how well it is known."""

    value: float
    low: float | None
    """Of the 95 % interval; None where that does not exist."""
    high: float | None
    n: int
    """Pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How far two readers agree."""

    n: int
    agreement: Estimate | None
    kappa: Estimate | None
    weighted_kappa: Estimate | None
    """By the squared distance of the classes' grades."""
    why: Mapping[str, str] = field(default_factory=dict)
    """For each number or interval that does not exist, the reason."""


def compared(
    first: Sequence[str], second: Sequence[str], classes: Sequence[CellClass], *, seed: int = 0
) -> Compared:
    """Compare two readers.

    Args:
        first: what one called each of n pictures: names of classes.
        second: what the other called the same.
        classes: all that they could say.
        seed: of the bootstrap.

    >>> classes = (CellClass("NILM", grade=0), CellClass("HSIL", grade=4))
    >>> one = compared(["NILM", "NILM", "HSIL", "HSIL"], ["NILM", "HSIL", "HSIL", "HSIL"], classes)
    >>> one.agreement.value, one.kappa.value, one.n
    (0.75, 0.5, 4)
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} readings are not of the same pictures")
    n = len(first)
    if n == 0:
        none = "no picture was read by both"
        whys = dict.fromkeys(("agreement", "kappa", "weighted_kappa"), none)
        return Compared(n=0, agreement=None, kappa=None, weighted_kappa=None, why=whys)
    same = sum(one == other for one, other in zip(first, second, strict=True))
    places = {one.name: place for place, one in enumerate(classes)}
    plain, of_plain = _kappa(first, second, places, None, seed)
    steps = _steps(classes)
    weighted, of_weighted = None, "not every class has a place in one order of severity"
    if steps is not None:
        weighted, of_weighted = _kappa(first, second, steps, "quadratic", seed)
    why = {"kappa": of_plain, "weighted_kappa": of_weighted}
    return Compared(
        n=n,
        agreement=share(same, n),
        kappa=plain,
        weighted_kappa=weighted,
        why={name: reason for name, reason in why.items() if reason},
    )


def _steps(classes: Sequence[CellClass]) -> dict[str, int] | None:
    """Give each class's grade, counted from the mildest; None unless all are graded."""
    found = grades(classes)
    if found is None:
        return None
    return {one.name: grade - min(found) for one, grade in zip(classes, found, strict=True)}


def share(hits: int, n: int) -> Estimate:
    """Give a share of n with Wilson's interval.

    >>> one = share(8, 10)
    >>> f"{one.value:.2f} [{one.low:.3f}, {one.high:.3f}] of {one.n}"
    '0.80 [0.490, 0.943] of 10'
    """
    value = hits / n
    middle = (value + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z * sqrt(value * (1 - value) / n + _Z * _Z / (4 * n * n)) / (1 + _Z * _Z / n)
    return Estimate(value, max(0.0, middle - half), min(1.0, middle + half), n)


def fleiss(readings: Sequence[Sequence[str]], classes: Sequence[str]) -> tuple[float | None, str]:
    """Give Fleiss' kappa of several readers, or why it does not exist.

    Args:
        readings: n pictures, each with what every one of k readers called it.
        classes: all that they could say.

    >>> round(fleiss([["a", "a", "b"], ["b", "b", "b"]], ["a", "b"])[0], 6)
    0.25
    """
    if not readings:
        return None, "no picture was read by all"
    places = {name: place for place, name in enumerate(classes)}
    table = np.zeros((len(readings), len(classes)))
    for row, said in enumerate(readings):
        for name in said:
            table[row, places[name]] += 1
    k = len(readings[0])
    by_chance = float(((table.sum(axis=0) / table.sum()) ** 2).sum())
    if by_chance >= 1:
        return None, _ONE_CLASS
    alike = float(((table**2).sum(axis=1) - k).mean() / (k * (k - 1)))
    return (alike - by_chance) / (1 - by_chance), ""


_ONE_CLASS = "only one class was named, so that chance alone makes all agree"


def _kappa(
    first: Sequence[str],
    second: Sequence[str],
    places: Mapping[str, int],
    weights: str | None,
    seed: int,
) -> tuple[Estimate | None, str]:
    """Give kappa of classes at places in an order, or why it, or its interval, does not exist."""
    from sklearn.metrics import cohen_kappa_score

    ones, others = [places[one] for one in first], [places[one] for one in second]
    every = list(range(max(places.values()) + 1))
    table = np.zeros((len(every), len(every)))
    np.add.at(table, (np.array(ones), np.array(others)), 1)
    apart = _apart(len(every), weights)
    if not _by_chance(table, apart) > 0:
        return None, _ONE_CLASS
    value = float(cohen_kappa_score(ones, others, labels=every, weights=weights))
    low, high, reason = _interval(table, apart, seed)
    return Estimate(value, low, high, len(ones)), reason


def _apart(count: int, weights: str | None) -> Counts:
    """Give how much each disagreement weighs, (k, k)."""
    places = np.arange(count, dtype=np.float64)
    gaps = np.subtract.outer(places, places)
    return np.asarray(gaps**2 if weights else (gaps != 0).astype(np.float64))


def _by_chance(tables: Counts, apart: Counts) -> Counts:
    """Give the weight of the disagreements that chance would bring about, of (..., k, k)."""
    rows, columns = tables.sum(axis=-1), tables.sum(axis=-2)
    return np.asarray(np.einsum("...i,ij,...j->...", rows, apart, columns) / rows.sum(axis=-1) ** 2)


def _interval(table: Counts, apart: Counts, seed: int) -> tuple[float | None, float | None, str]:
    if not float((table * apart).sum()) > 0:
        return None, None, "no disagreement was seen: see the interval of the share of agreement"
    n, k = int(table.sum()), len(table)
    draw = stream(seed, "kappa").multinomial(n, (table / n).ravel(), size=DRAWS)
    drawn = draw.reshape(DRAWS, k, k).astype(np.float64) / n
    chance = _by_chance(drawn, apart)
    there = chance > 0
    if 1 - float(there.mean()) > _LOST:
        return None, None, "too few pictures for an interval"
    seen = (drawn * apart).sum(axis=(1, 2))
    low, high = np.quantile(1 - seen[there] / chance[there], (0.025, 0.975))
    if low == high:  # who names one class alone has a kappa of 0 whatever the pictures
        return None, None, "one of them named one class only"
    return float(low), float(high), ""

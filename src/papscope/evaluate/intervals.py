"""How well a measure is known: 95 % intervals by resampling whole groups.

Takes   the group of each image, and values of a measure in resampled data
Gives   an `Estimate` with its interval, or `Undefined` with the reason
Never   gives a number for what does not exist, or treats cells of one slide as independent

The images of one slide resemble each other, so what is drawn again and again, with replacement,
are groups and not images (the cluster bootstrap). An image whose group is not known is a group of
its own.

Sources: B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile
interval) and 13.3 (reflected); C. Field and A. Welsh, J. R. Stat. Soc. B 69 (2007), 369-390
(groups); C. Clopper and E. Pearson, Biometrika 26 (1934), 404-413 (the exact bound).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.seeds import stream

LEVEL = 0.95
"""The share of such intervals that should hold the true value."""

FEW_GROUPS = 10
"""With fewer groups than this an interval by resampling is rough, and usually too narrow."""

_TAIL = (1 - LEVEL) / 2
_DIGITS = 12
_BLOCK = 1 << 21
"""Numbers held at once for each block of resamples; 16 MB as whole numbers of 64 bits."""

Counts: TypeAlias = npt.NDArray[np.int64]
"""(b, g); how often each of g groups was drawn, in each of b resamples."""

Values: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure and how well it is known."""

    value: float
    low: float
    """Lower end of the 95 % interval; never above the value."""
    high: float
    """Upper end of the 95 % interval; never below the value."""
    n: int
    """Images that the measure speaks of: all, those of a class, or those called a class."""

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} is not within {self.low} to {self.high}")

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form; 12 digits after the point, the same on every processor."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return {**{name: round(number, _DIGITS) for name, number in ends.items()}, "n": self.n}


@dataclass(frozen=True, slots=True)
class Undefined:
    """A measure that does not exist for these images: neither 0 nor a number."""

    why: str
    """A phrase for a table or a sentence, without a full stop."""
    n: int
    """Images that the measure would have spoken of."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form, told apart from an estimate's by the key `undefined`."""
        return {"undefined": self.why, "n": self.n}


Measure: TypeAlias = Estimate | Undefined


def measure_from_json(value: Mapping[str, Any]) -> Measure:
    """Read the JSON form of a measure.

    >>> measure_from_json(Estimate(0.5, 0.25, 0.75, 4).to_json())
    Estimate(value=0.5, low=0.25, high=0.75, n=4)
    """
    if "undefined" in value:
        return Undefined(str(value["undefined"]), int(value["n"]))
    here, low, high = (float(value[name]) for name in ("value", "low", "high"))
    return Estimate(here, low, high, int(value["n"]))


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Which of g groups each of n images belongs to."""

    place: npt.NDArray[np.int64]
    """(n,), from 0 to g - 1."""
    number: int
    """g."""
    alone: int
    """Images whose group is not known; each is counted as a group of its own."""

    @classmethod
    def of(cls, names: Sequence[str | None]) -> Groups:
        """Number the groups in the order of their names, so that the order of rows hardly matters.

        >>> Groups.of(["b", None, "a", "b"]).place.tolist()
        [1, 2, 0, 1]
        """
        known = {name: index for index, name in enumerate(sorted({n for n in names if n}))}
        place, extra = [], len(known)
        for name in names:
            place.append(known[name] if name else extra)
            extra += not name
        return cls(np.array(place, dtype=np.int64), extra, extra - len(known))

    def touched(self, chosen: npt.NDArray[np.bool_]) -> int:
        """Count the groups that hold at least one of the chosen images, (n,)."""
        return int(np.unique(self.place[chosen]).size)

    def sums(self, values: npt.NDArray[Any]) -> Values:
        """Add up the rows of (n, m) values within each group, giving (g, m)."""
        total = np.zeros((self.number, values.shape[1]), dtype=np.float64)
        np.add.at(total, self.place, values)
        return total


def resamples_of(
    groups: int, *, resamples: int, seed: int, width: int | None = None
) -> Iterator[Counts]:
    """Draw the groups again and again, with replacement, as many as there are.

    Args:
        groups: how many there are, 1 or more.
        resamples: how many times to draw them all.
        seed: the run's seed.
        width: numbers that the caller will hold for each resample, such as one an image.

    Yields:
        Blocks of counts (b, groups), whose sizes add up to `resamples`. How many come in a block
        follows from `width` and changes no number.
    """
    draw = stream(seed, "bootstrap")
    size = max(1, _BLOCK // max(groups, width or 0))
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        drawn = draw.integers(0, groups, size=(rows, groups), dtype=np.int64)
        drawn += np.arange(rows, dtype=np.int64)[:, None] * groups
        yield np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What an interval must know of its measure beside the resamples."""

    lowest: float
    """The least value that the measure can have."""
    highest: float
    groups: int
    """Groups that hold images the measure speaks of."""
    reflect: bool = False
    """Mirror the interval at the value, for measures that resampling itself pushes upwards."""


def interval(value: float, resampled: Values, bounds: Bounds) -> tuple[float, float]:
    """Give the 95 % interval of a value; it always holds the value.

    Three cases that the percentiles cannot see are treated apart. With one group (or without any
    resample in which the measure exists) nothing is known of the spread: the interval is the whole
    range. Where every resample gives the best or the worst value, as when no error was seen, the
    far end is the exact binomial bound for as many successes as there are groups. A reflected
    interval is widened to hold the value.

    Args:
        value: of the measure on the images as they are.
        resampled: (r,), NaN where a resample leaves the measure undefined.
        bounds: of the measure.

    >>> perfect = np.ones(100)
    >>> low, high = interval(1.0, perfect, Bounds(lowest=0.0, highest=1.0, groups=10))
    >>> (round(low, 3), high)
    (0.692, 1.0)
    """
    defined = resampled[np.isfinite(resampled)]
    if bounds.groups < 2 or not defined.size:
        return bounds.lowest, bounds.highest
    low, high = (float(end) for end in np.quantile(defined, [_TAIL, 1 - _TAIL]))
    if low == high and value in (bounds.lowest, bounds.highest):
        far = (bounds.highest - bounds.lowest) * (1 - _TAIL ** (1 / bounds.groups))
        low, high = (value, value + far) if value == bounds.lowest else (value - far, value)
    elif bounds.reflect:
        low, high = 2 * value - high, 2 * value - low
    return min(value, max(low, bounds.lowest)), max(value, min(high, bounds.highest))

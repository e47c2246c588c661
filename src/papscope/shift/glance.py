"""One line on whether pictures look like those that a model learned from, told while it answers.

Takes   some of the pictures that are answered for, and what the model calls them
Gives   a sentence, or None where there is too little to say
Never   fails a prediction, or takes pictures for independent that may be of one slide

Slides differ in stain and focus. What is asked is whether the mean of the new pictures lies farther
out than that of new slides of the same source would, in spreads of such a mean. Nobody says how
many slides there are: that is guessed from how much the pictures differ among themselves.
The spread between groups and that within are found by the method of moments (W. Searle et al.,
Variance Components, 1992, chapter 3). Each class is held against its own, so that a slide with many
abnormal cells is not called unlike for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.appearance import NAMES, appearance
from papscope.gate.detectors import levelled
from papscope.gate.reference import Reference
from papscope.image import Pixels
from papscope.scores import Probabilities
from papscope.shift.found import listed
from papscope.shift.measures import COLOUR, MEMBERS, SHARPNESS, WORDS

Values: TypeAlias = npt.NDArray[np.float64]

LEAST = 20
"""Fewer pictures than this are not judged."""

MOST = 100
"""Pictures that are measured, spread evenly over all."""

LIMIT = 5.0
"""Farther out than this lies the farthest of ten measures for about one new slide in thirty; by the
normal quantile 3.1 would do, but slides have longer tails: see "Shift" in `docs/results.md`."""

_MOST_SLIDES = 10

_LEAST_GROUPS = 10
_LOOKED_AT = (*MEMBERS[COLOUR], *MEMBERS[SHARPNESS])
GLANCED = [NAMES.index(one) for one in _LOOKED_AT]
"""Places of the measures that are looked at, among those of `appearance`."""


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What is usual in training pictures: of each class the mean, and how far groups stray."""

    means: Values
    """(c, m), of each class."""
    between: Values
    """(m,), the variance of the means of groups."""
    within: Values
    """(m,), the variance of pictures within a group."""

    @classmethod
    def of(cls, looks: Values, labels: Sequence[int], groups: Sequence[int], classes: int) -> Usual:
        """Find what is usual.

        Args:
            looks: (n, m).
            labels: (n,), places of classes.
            groups: (n,).
            classes: how many there are; one without pictures gets the mean of all.

        Raises:
            ValueError: there are fewer than ten groups, or no two pictures of one.
        """
        place = np.asarray(labels)
        means = np.tile(looks.mean(axis=0), (classes, 1))
        for one in np.unique(place):
            means[one] = looks[place == one].mean(axis=0)
        rest = looks - means[place]
        names, of_group = np.unique(np.asarray(groups), return_inverse=True)
        sizes = np.bincount(of_group).astype(np.float64)
        n, g = len(rest), len(names)
        if g < _LEAST_GROUPS or n <= g:
            raise ValueError(f"{n} pictures of {g} groups do not tell how groups differ")
        sums = np.zeros((g, rest.shape[1]))
        np.add.at(sums, of_group, rest)
        middles = sums / sizes[:, None]
        within = ((rest - middles[of_group]) ** 2).sum(axis=0) / (n - g)
        across = (sizes[:, None] * (middles - rest.mean(axis=0)) ** 2).sum(axis=0) / (g - 1)
        common = (n - (sizes**2).sum() / n) / (g - 1)
        return cls(means, np.maximum(0.0, (across - within) / common), within)

    def away(self, looks: Values, called: Sequence[int]) -> Values:
        """Say how far out the mean of new pictures lies, (m,), in spreads of one group's mean.

        Args:
            looks: (n, m), of one or more groups.
            called: (n,), the classes that the model says.
        """
        rest = looks - self.means[np.asarray(called)]
        spread = np.sqrt(self.between / self.slides(rest) + self.within / len(rest))
        return np.asarray(rest.mean(axis=0) / np.maximum(spread, 1e-9))

    def slides(self, rest: Values) -> float:
        """Guess how many groups pictures come from, 1 to 10, by how much they differ.

        Pictures of g groups vary by what is usual within one and, on the average, by 1 - 1 / g of
        what is usual between groups; the median of the measures decides.

        Args:
            rest: (n, m), looks less the mean of the class.
        """
        more = (rest.var(axis=0, ddof=1) - self.within) / np.maximum(self.between, 1e-9)
        return 1 / (1 - float(np.median(np.clip(more, 0, 1 - 1 / _MOST_SLIDES))))


def usual_of(reference: Reference, classes: int) -> Usual:
    """Find what is usual by the numbers that a bundle carries.

    Raises:
        ValueError: it carries none of the cells' looks, or too few groups.
    """
    if reference.cell_looks is None:
        raise ValueError("the bundle carries no looks of training cells")
    looks = reference.cell_looks[:, GLANCED].astype(np.float64)
    return Usual.of(looks, reference.labels.tolist(), reference.groups.tolist(), classes)


@dataclass(slots=True)
class Glance:
    """Keeps some of the pictures that go by, and says in the end what they look like."""

    reference: Reference
    step: int = 1
    """Each so-many-th picture is kept."""
    seen: int = 0
    squares: list[Pixels] = field(default_factory=list)
    called: list[int] = field(default_factory=list)

    @classmethod
    def among(cls, pictures: int, reference: Reference) -> Glance:
        """Watch so many pictures that are going to come."""
        return cls(reference, max(1, -(-pictures // MOST)))

    def __call__(self, squares: Sequence[Pixels], chances: Probabilities) -> None:
        """Keep some of a batch; see `predict.predictor.Watch`."""
        for square, row in zip(squares, chances, strict=True):
            if self.seen % self.step == 0:
                self.squares.append(square)
                self.called.append(int(np.argmax(row)))
            self.seen += 1

    def line(self, classes: int) -> str | None:
        """Say it in one line; None where too few pictures came, or too little is known of usual.

        Args:
            classes: of the model.
        """
        if self.seen < LEAST or len(self.squares) < 2:
            return None
        try:
            usual = usual_of(self.reference, classes)
        except ValueError:
            return None
        looks = levelled(np.stack([appearance(one) for one in self.squares]))[:, GLANCED]
        return sentence(usual.away(looks, self.called))


def sentence(away: Values) -> str:
    """Give the line for how far out each measure lies, (m,).

    >>> sentence(np.zeros(10))
    'these pictures look like those it learned from'
    """
    order = [int(one) for one in np.argsort(-np.abs(away), kind="stable")]
    far = [one for one in order if abs(away[one]) > LIMIT][:3]
    if not far:
        return "these pictures look like those it learned from"
    words = [WORDS[_LOOKED_AT[one]][int(away[one] > 0)] for one in far]
    return (
        f"these pictures look unlike those it learned from: {listed(words)}; do not trust its "
        "answers before looking (see papscope shift)"
    )

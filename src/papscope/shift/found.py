"""What a comparison of two sets of pictures came to, and the sentence that says it.

Takes   tests, differences and estimates
Gives   a frozen `Shift`, its verdict, its JSON form and an exit status
Never   calls sets alike that are too few to tell, or a difference without its size
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from papscope.evaluate.intervals import Estimate
from papscope.shift.expected import Expected
from papscope.shift.testing import Tested

Finding = Literal["different", "slight", "alike", "unknown"]

LEVEL = 0.05
"""An adjusted p-value below this is no chance."""

WORTH_SPREADS = 0.5
"""A difference of this many training spreads matters (J. Cohen, 1988, calls it medium)."""

WORTH_COEFFICIENT = 0.05
"""So does an energy coefficient of this much: as far as that of two bells half a spread apart."""

CAUTION = (
    "Such estimates see no labels: they fail where pictures are unlike the training images, where "
    "classes occur in other shares, and where the model is wrongly sure."
)

DIFFERENT_STATUS = 20
"""The exit status where something differs: that of warnings, as `papscope check` has it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one measure lies off."""

    name: str
    means: tuple[float, float]
    """Of the training and of the new pictures, each group counting the same."""
    size: Estimate
    """In training spreads; above 0 where the new pictures have more."""
    word: str
    """For the direction: darker, blurred, and so on."""


@dataclass(frozen=True, slots=True)
class Family:
    """Measures that are tested together."""

    name: str
    differences: tuple[Difference, ...]
    """The largest first; none of a network's features."""
    tested: Tested
    adjusted: float
    """The p-value among all families (Holm)."""
    families: int
    """How many were tested."""
    pictures: tuple[int, int]
    """Training and new pictures of which the measures are known."""

    @property
    def matters(self) -> bool:
        """Whether the difference is large enough to care."""
        far = max((abs(one.size.value) for one in self.differences), default=0.0)
        return far >= WORTH_SPREADS or self.tested.coefficient.value >= WORTH_COEFFICIENT

    @property
    def finding(self) -> Finding:
        """What to say of it."""
        if self.adjusted < LEVEL:
            return "different" if self.matters else "slight"
        hopeless = self.tested.least_p * self.families >= LEVEL
        return "unknown" if hopeless and self.matters else "alike"

    @property
    def words(self) -> tuple[str, ...]:
        """The directions of what is worth telling, at most three, the largest first."""
        told = [one for one in self.differences if abs(one.size.value) >= WORTH_SPREADS]
        return tuple(one.word for one in told[:3])

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "finding": self.finding,
            "coefficient": self.tested.coefficient.to_json(),
            "p": self.tested.p,
            "p_adjusted": self.adjusted,
            "least_p": self.tested.least_p,
            "pictures": {"train": self.pictures[0], "new": self.pictures[1]},
            "differences": {
                one.name: {
                    **one.size.to_json(),
                    "train": round(one.means[0], 9),
                    "new": round(one.means[1], 9),
                    "word": one.word,
                }
                for one in self.differences
            },
        }


@dataclass(frozen=True, slots=True)
class Counted:
    """How many pictures one side has."""

    name: str
    pictures: int
    of: int
    """Before some were drawn."""
    groups: int
    """A picture whose group is not known counts as one of its own."""
    alone: int
    """Pictures whose group is not known."""
    group_is: str
    failures: tuple[str, ...] = ()
    """Why some could not be used, a sentence each."""

    @property
    def sentence(self) -> str:
        """Name, pictures and groups in a few words."""
        drawn = f" of {self.of}" if self.of > self.pictures else ""
        whole = f"{self.pictures}{drawn} {'picture' if self.pictures == 1 else 'pictures'}"
        if self.alone:
            return f"{self.name} ({whole})"
        return f"{self.name} ({whole} of {self.groups} {self.group_is}{'s' * (self.groups > 1)})"

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        numbers = {"pictures": self.pictures, "of": self.of, "groups": self.groups}
        rest = {"without_group": self.alone, "unusable": list(self.failures)}
        return {"name": self.name, **numbers, **rest}


@dataclass(frozen=True, slots=True)
class Picks:
    """Which pictures show the difference best, by their place; empty where there are none."""

    train: tuple[int, ...]
    """Training pictures nearest to the middle of all training pictures."""
    new: tuple[int, ...]
    """New pictures nearest to the middle of all new ones."""
    unlike: tuple[int, ...]
    """New pictures farthest from the training pictures, the farthest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Whether new pictures look like those that a model learned from."""

    train: Counted
    new: Counted
    families: tuple[Family, ...]
    expected: Expected | None
    model: str | None
    """The first digits of the model's digest; None without one."""
    warnings: tuple[str, ...]
    picks: Picks
    permutations: int
    resamples: int
    seed: int

    def found(self, finding: Finding) -> tuple[Family, ...]:
        """Give the families of which this is found."""
        return tuple(one for one in self.families if one.finding == finding)

    @property
    def verdict(self) -> str:
        """The one line, without a full stop."""
        different, unknown = self.found("different"), self.found("unknown")
        if different:
            names = listed([one.name for one in different])
            words = [word for one in different for word in one.words[:2]]
            told = f" ({', '.join(words[:5])})" if words else ""
            return (
                f"Different in {names}{told}: do not trust what was measured on the training "
                "images; label some of the new ones and measure again"
            )
        if unknown:
            names = listed([one.name for one in unknown])
            return f"Too few groups to tell: {names} look different, and it may be chance"
        slight = self.found("slight")
        if slight:
            return "Much like the training images, but for small differences in " + listed(
                [one.name for one in slight]
            )
        return "Like the training images"

    @property
    def cost_sentences(self) -> tuple[str, ...]:
        """The expected drop and what it is worth, a sentence each; none where not estimated."""
        if self.expected is None:
            return ()
        cost = self.expected
        of = "" if cost.of == "classes" else f" ({cost.of})"
        lines = [
            f"Accuracy{of} was {_share(cost.held_out)} on held-out pictures of the training "
            f"source; expected here {_share(cost.thresholded)} by thresholded confidence, "
            f"{_share(cost.by_difference)} by difference of confidences.",
            CAUTION,
        ]
        if cost.true is not None:
            lines.append(f"Measured by the {cost.true.n} labels given: {_share(cost.true)}.")
        return tuple(lines)

    @property
    def exit_status(self) -> int:
        """0 unless something differs, or looks so and cannot be told."""
        return DIFFERENT_STATUS if self.found("different") or self.found("unknown") else 0

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "verdict": self.verdict,
            "different": [one.name for one in self.found("different")],
            "train": self.train.to_json(),
            "new": self.new.to_json(),
            "families": {one.name: one.to_json() for one in self.families},
            "expected": None if self.expected is None else self.expected.to_json(),
            "model": self.model,
            "warnings": list(self.warnings),
            "permutations": self.permutations,
            "resamples": self.resamples,
            "seed": self.seed,
        }


def _share(one: Estimate) -> str:
    return f"{100 * one.value:.1f} % ({100 * one.low:.1f} to {100 * one.high:.1f})"


def listed(names: Sequence[str]) -> str:
    """Join names as in a sentence.

    >>> listed(["colour", "scale", "features"])
    'colour, scale and features'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

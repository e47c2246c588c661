"""Whether a map may be shown.

Takes   what the checks of a model's maps came to
Gives   a sentence on why a map is not shown, or none
Never   shows a map that failed a check: there is no way round

Three checks, each with its numbers stated where it fails. The maps of this method change when the
network's weights are shuffled. What this map points at first lowers the answer sooner, when it is
removed, and brings it back sooner, when it is put back, than the same map does on the mean at
random places. And over several pictures both together do so by more than chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from scipy.stats import wilcoxon

from papscope.explain.removing import Areas

MOST_ALIKE = 0.5
"""The largest rank correlation, with all weights shuffled, at which a method passes."""

FEWEST = 6
"""Pictures from which on a method is judged over all of them too: of fewer, a signed-rank test can
hardly come below `BY_CHANCE`."""

BY_CHANCE = 0.05
"""The largest chance, one-sided, at which a method passes over several pictures."""


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike maps are before and after a part of the weights was shuffled: means."""

    rung: str
    rank: float
    """Spearman's correlation of the maps' absolute values, -1..1."""
    ssim: float
    """Structural similarity of the absolute values, each map scaled to 0..1."""


@dataclass(frozen=True, slots=True)
class Sanity:
    """What the check came to for one model and one method."""

    alike: tuple[Alike, ...]
    """From the top downwards; empty where the check was not made."""
    pictures: int
    not_made: str = ""
    """Why it was not made; empty where it was."""

    @property
    def passed(self) -> bool | None:
        """Whether maps change with the weights; None where that was not looked at."""
        return None if not self.alike else self.alike[-1].rank <= MOST_ALIKE

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "pictures": self.pictures,
            "not_made": self.not_made,
            "passed": self.passed,
            "weights_shuffled": [
                {"part": one.rung, "rank_correlation": one.rank, "ssim": one.ssim}
                for one in self.alike
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Sanity:
        """Read the JSON form.

        Raises:
            KeyError, TypeError, ValueError: it is another thing.
        """
        alike = tuple(
            Alike(str(one["part"]), float(one["rank_correlation"]), float(one["ssim"]))
            for one in value["weights_shuffled"]
        )
        return cls(alike, int(value["pictures"]), str(value["not_made"]))


@dataclass(frozen=True, slots=True)
class Judged:
    """One map's numbers beside those of the same map at random places."""

    areas: Areas
    random: tuple[Areas, ...]
    """The same of the map at random places."""

    @property
    def at_random(self) -> Areas:
        """The mean of the random places."""
        return Areas(
            fmean(one.deletion for one in self.random), fmean(one.insertion for one in self.random)
        )

    @property
    def gain(self) -> float:
        """By how much the map beats random places, the mean of deletion and insertion."""
        chance = self.at_random
        lower = chance.deletion - self.areas.deletion
        return (lower + self.areas.insertion - chance.insertion) / 2

    @property
    def passed(self) -> bool:
        """Whether the map beats random places both ways."""
        chance = self.at_random
        lower = self.areas.deletion < chance.deletion
        return lower and self.areas.insertion > chance.insertion


def fault_of_method(sanity: Sanity) -> str:
    """Say why no map of a method is shown for a model; empty where there is no such reason."""
    if sanity.passed is not False:
        return ""
    return (
        "its maps stay much the same when all weights are shuffled: rank correlation "
        f"{sanity.alike[-1].rank:.2f}, more than {MOST_ALIKE}"
    )


def fault_of_map(judged: Judged) -> str:
    """Say why one map is not shown; empty where there is no such reason."""
    if judged.passed:
        return ""
    found, chance = judged.areas, judged.at_random
    if found.deletion >= chance.deletion:
        return (
            "removing what it points at lowers the answer no sooner than removing as much at "
            f"random places: area {found.deletion:.3f}, random {chance.deletion:.3f}"
        )
    return (
        "showing what it points at brings the answer back no sooner than showing as much at random "
        f"places: area {found.insertion:.3f}, random {chance.insertion:.3f}"
    )


def fault_of_all(judged: Sequence[Judged]) -> str:
    """Say why a method's maps of several pictures are not shown; empty where there is no reason.

    By Wilcoxon's signed-rank test of the gains, one-sided; of fewer than `FEWEST` pictures nothing
    is said.
    """
    if len(judged) < FEWEST:
        return ""
    gains = [one.gain for one in judged]
    chance = float(wilcoxon(gains, alternative="greater").pvalue) if any(gains) else 1.0
    if chance <= BY_CHANCE:
        return ""
    return (
        f"over the {len(gains)} pictures it is no better than maps at random places: mean gain "
        f"{fmean(gains):.3f}, p = {chance:.2f}"
    )

"""What a cross-validation came to: each fold, the spread over repeats, and what a leak adds.

Takes   the scores of folds, of repeats, and of the same folds cut by image
Gives   frozen records, each measure with its interval over groups
Never   sees a network, or takes the mean of folds for the measure of all images together

Sources: M. Stone, J. R. Stat. Soc. B 36 (1974), 111-147 (cross-validation); S. Varma and R. Simon,
BMC Bioinformatics 7 (2006), 91 (a choice made on the folds that are reported is too hopeful, one
made on inner folds is not); S. Kapoor and A. Narayanan, Patterns 4 (2023), 100804 (leaks).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from papscope.evaluate.compare import MEASURES, Compared, Comparison, in_sentence
from papscope.evaluate.intervals import Bounds, Estimate, Measure, interval
from papscope.evaluate.proper import costs
from papscope.evaluate.reasons import scope_of_all
from papscope.evaluate.sample import Sample
from papscope.evaluate.summary import Summary, summarise
from papscope.scores import Scores

SHOWN = ("accuracy", "macro_f1", "abnormal_auroc")
"""What is shown of each fold and each repeat."""

CHOICES: Mapping[str, bool] = {
    "macro_f1": True,
    "accuracy": True,
    "balanced_accuracy": True,
    "abnormal_auroc": True,
    "log_loss": False,
}
"""What candidates can be chosen by, and whether more of it is better."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate on the inner folds."""

    name: str
    values: tuple[float, ...]
    """The measure on each inner fold."""

    @property
    def mean(self) -> float:
        """Over the inner folds."""
        return sum(self.values) / len(self.values)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which candidate an outer fold chose, and by which numbers."""

    by: str
    """A key of `CHOICES`."""
    tried: tuple[Tried, ...]

    @property
    def name(self) -> str:
        """The candidate of the best mean; the first named of equal ones."""
        more = CHOICES[self.by]
        best = (max if more else min)(self.tried, key=lambda one: one.mean)
        return best.name

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        tried = {one.name: [round(value, 12) for value in one.values] for one in self.tried}
        return {"by": self.by, "chosen": self.name, "tried": tried}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldLine:
    """One fold, answered by the network that learned from the others."""

    fold: int
    n: int
    groups: int
    measures: Mapping[str, Measure]
    """By the keys of `SHOWN`."""
    epochs: int
    """How many were trained."""
    kept_epoch: int
    seconds: float | None
    """Of training and answering; None where it was stopped and gone on with."""
    choice: Choice | None
    history: tuple[Mapping[str, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form, without the time, which is no result."""
        told = {"fold": self.fold, "n": self.n, "groups": self.groups}
        return {
            **told,
            "measures": {key: one.to_json() for key, one in self.measures.items()},
            "epochs": self.epochs,
            "kept_epoch": self.kept_epoch,
            "choice": self.choice.to_json() if self.choice else None,
        }


@dataclass(frozen=True, slots=True)
class Spread:
    """One measure over the repeats of a cross-validation."""

    values: tuple[float, ...]
    """Of each repeat."""
    mean: Estimate
    """Over the repeats, with its interval over groups."""
    deviation: float
    """Standard deviation over the repeats (n - 1): what other folds and other seeds do."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "values": [round(value, 12) for value in self.values],
            "mean": self.mean.to_json(),
            "deviation": round(self.deviation, 12),
        }


@dataclass(frozen=True, slots=True)
class Leak:
    """The same cross-validation with folds cut by image."""

    leaky: Summary
    """Stamped."""
    inflation: Comparison
    """Leaky less honest, on the same images."""

    def sentence(self) -> str:
        """Say which of both is to be believed.

        It is the honest one, whatever the difference.
        """
        measured = ((key, self.inflation.measures[key]) for key in SHOWN)
        gaps = [
            f"{in_sentence(MEASURES[key].title)} by {one.difference.value:+.3f}"
            for key, one in measured
            if isinstance(one, Compared)
        ]
        return (
            "Believe the honest numbers. Cutting by image, which puts cells of one slide on both "
            f"sides, changes {', '.join(gaps)}: nothing of that holds for new slides"
        )

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "leaks": self.leaky.leaks,
            "overall": {key: one.to_json() for key, one in self.leaky.overall.items()},
            "inflation": self.inflation.to_json(),
            "believe": "honest",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldsTold:
    """All that a table or a page tells of a cross-validation beside the pooled measures."""

    repeats: tuple[tuple[FoldLine, ...], ...]
    """By repeat, then by fold."""
    seeds: tuple[int, ...]
    """Of the repeats."""
    spread: Mapping[str, Spread] | None
    """By measure; None for a single repeat."""
    leak: Leak | None
    candidates: Mapping[str, Mapping[str, Any]]
    """The settings of each candidate that differ from one to another; empty without a choice."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "repeats": [
                {"seed": seed, "folds": [line.to_json() for line in lines]}
                for seed, lines in zip(self.seeds, self.repeats, strict=True)
            ],
            "spread": {key: one.to_json() for key, one in self.spread.items()}
            if self.spread
            else None,
            "leaky": self.leak.to_json() if self.leak else None,
            "candidates": {name: dict(one) for name, one in self.candidates.items()},
        }


def point(scores: Scores, key: str) -> float:
    """Measure scores once, without an interval, to choose by.

    Args:
        scores: of one or more images.
        key: of `CHOICES`.

    Returns:
        The measure; NaN where it does not exist for these images.
    """
    if key == "log_loss":
        return float(costs(scores)[key].mean())
    return float(Sample.of(scores).as_is().get(key, np.array(np.nan)))


def measures_of(scores: Scores, *, resamples: int, seed: int) -> tuple[Mapping[str, Measure], int]:
    """Give what is shown of a fold, and how many groups it has."""
    found = summarise(scores, resamples=resamples, seed=seed)
    return {key: found.overall[key] for key in SHOWN}, found.groups


def spread_of(repeats: Sequence[Scores], *, resamples: int, seed: int) -> Mapping[str, Spread]:
    """Measure the repeats of a cross-validation together.

    Each draw of groups measures all repeats, and their mean: so the interval is that of the mean.

    Args:
        repeats: two or more, of the same images in the same order.
        resamples: how many times to draw the groups.
        seed: of the draws.

    Returns:
        By measure; those that do not exist are left out.
    """
    samples = [Sample.of(one) for one in repeats]
    drawn = [one.resampled(resamples=resamples, seed=seed) for one in samples]
    found = {}
    for key in SHOWN:
        scopes = [scope_of_all(key, one, repeats[0].class_names) for one in samples]
        if any(scope.why for scope in scopes):
            continue
        values = tuple(float(one.as_is()[key]) for one in samples)
        mean = float(np.mean(values))
        bounds = Bounds(
            lowest=MEASURES[key].lowest,
            highest=MEASURES[key].highest,
            groups=min(scope.groups for scope in scopes),
        )
        ends = interval(mean, np.mean([one[key] for one in drawn], axis=0), bounds)
        deviation = float(np.std(values, ddof=1))
        found[key] = Spread(values, Estimate(mean, *ends, scopes[0].n), deviation)
    return found


def differing_settings(candidates: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Give of each candidate the settings that are not the same for all.

    Args:
        candidates: settings objects by name.
    """
    flat = {name: _flat(asdict(one)) for name, one in candidates.items()}
    keys = list(dict.fromkeys(key for one in flat.values() for key in one))
    moved = [key for key in keys if len({repr(one.get(key)) for one in flat.values()}) > 1]
    return {name: {key: one[key] for key in moved} for name, one in flat.items()}


def _flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found.update(_flat(value, f"{before}{key}."))
        else:
            found[f"{before}{key}"] = value
    return found

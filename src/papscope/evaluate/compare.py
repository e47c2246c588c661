"""Whether one model is better than another on the same images, and how sure that is.

Takes   two `Scores` of the same images
Gives   every measure of both, the difference with its 95 % interval, and a plain verdict
Never   calls a difference one that the images cannot show

The groups are drawn anew, and both models are measured on the same draw (paired bootstrap): what
makes a draw easy or hard, it does for both, so that differences are known far better than the two
intervals side by side would suggest.

Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 8 (units to be
resampled) and 13 (percentile interval).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from papscope.errors import MeasureError, SettingError
from papscope.evaluate.intervals import (
    FEW_GROUPS,
    LEVEL,
    Bounds,
    Estimate,
    Groups,
    Undefined,
    Values,
    interval,
)
from papscope.evaluate.pairing import Pair, paired
from papscope.evaluate.reasons import Scope, scope_of_all
from papscope.evaluate.sample import Sample
from papscope.evaluate.summary import METRICS, Metric
from papscope.scores import Scores

FORMAT = 1

MAIN = "macro_f1"
"""The measure of the verdict where no other is asked for."""

MEASURES: Mapping[str, Metric] = {
    key: METRICS[key]
    for key in (
        "accuracy",
        "macro_f1",
        "balanced_accuracy",
        "abnormal_auroc",
        "kappa_quadratic",
        "log_loss",
        "brier",
    )
}
"""What two models are compared by, in the order of tables."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of both models."""

    a: float
    b: float
    difference: Estimate
    """b - a, with its 95 % interval over groups."""
    b_better: float
    """The share of draws in which b is better, 0..1; a draw in which both are equal is a half."""
    lower_is_better: bool

    @property
    def better(self) -> str | None:
        """`a` or `b`, where the interval leaves no doubt; else None."""
        low, high = self.difference.low, self.difference.high
        if self.lower_is_better:
            low, high = -high, -low
        return "b" if low > 0 else "a" if high < 0 else None

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form; 12 digits after the point."""
        return {
            "a": round(self.a, 12),
            "b": round(self.b, 12),
            "difference": self.difference.to_json(),
            "b_better": round(self.b_better, 12),
            "better": self.better,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models on the same images."""

    n: int
    groups: int
    """Groups that were resampled; an image of unknown group is one of its own."""
    resamples: int
    seed: int
    measures: Mapping[str, Compared | Undefined]
    """By the keys of `MEASURES`."""
    leaks: tuple[str | None, str | None]
    """The stamps of a and of b."""
    warnings: tuple[str, ...]

    def verdict(self, key: str = MAIN, *, a: str = "a", b: str = "b") -> str:
        """Say in one sentence which is better by a measure, or that nobody can tell.

        Args:
            key: of `MEASURES`.
            a: what to call the first model.
            b: what to call the second.
        """
        one, title = self.measures[key], in_sentence(MEASURES[key].title)
        if isinstance(one, Undefined):
            return f"{title} cannot be compared: {one.why}"
        gap = one.difference
        if gap.low == gap.value == gap.high == 0:
            return f"{a} and {b} are the same in {title}"
        if one.better is None:
            return (
                f"no difference in {title} that these {self.n} images of {self.groups} groups can "
                f"show ({gap.value:+.3f}, {LEVEL:.0%} interval {gap.low:+.3f} to {gap.high:+.3f})"
            )
        winner = {"a": a, "b": b}[one.better]
        near, far = sorted((abs(gap.low), abs(gap.high)))
        return (
            f"{winner} is better in {title} by {abs(gap.value):.3f} "
            f"({LEVEL:.0%} interval {near:.3f} to {far:.3f})"
        )

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form: the same for the same scores and seed, and never NaN."""
        return {
            "papscope": "comparison",
            "format": FORMAT,
            "n": self.n,
            "groups": self.groups,
            "resamples": self.resamples,
            "seed": self.seed,
            "level": LEVEL,
            "measures": {key: one.to_json() for key, one in self.measures.items()},
            "leaks": {"a": self.leaks[0], "b": self.leaks[1]},
            "verdict": self.verdict(),
            "warnings": list(self.warnings),
        }


def compare(
    a: Scores, b: Scores, *, resamples: int = 2000, seed: int = 0, common: bool = False
) -> Comparison:
    """Compare two models on the same images, by the same draws of whole groups.

    Args:
        a: answers of one model.
        b: answers of another to the same images; their order does not matter.
        resamples: how many times to draw the groups anew, 100 or more.
        seed: of the draws.
        common: compare on the images that both answer, where they do not answer the same.

    Raises:
        MeasureError: the two are not about the same images, true classes and classes.
        SettingError: there are too few resamples for an interval.
    """
    if resamples < 100:
        raise SettingError(
            f"{resamples} resamples are too few for an interval", hint="use 100 or more"
        )
    if not len(a) or not len(b):
        raise MeasureError("there is no image to compare on", hint="score a part that has images")
    pair = paired(a, b, common=common)
    sides = [Sample.of(one) for one in (pair.a, pair.b)]
    as_is = [side.as_is() for side in sides]
    drawn = [side.resampled(resamples=resamples, seed=seed) for side in sides]
    names = pair.a.class_names
    return Comparison(
        n=len(pair.a),
        groups=sides[0].groups.number,
        resamples=resamples,
        seed=seed,
        measures={
            key: compared(
                key,
                [float(one[key]) for one in as_is] if key in as_is[0] else [],
                [one[key] for one in drawn] if key in drawn[0] else [],
                [scope_of_all(key, side, names) for side in sides],
            )
            for key in MEASURES
        },
        leaks=(pair.a.leaks, pair.b.leaks),
        warnings=tuple(_warnings(pair, sides[0])),
    )


def compared(
    key: str, values: list[float], drawn: list[Values], scopes: list[Scope]
) -> Compared | Undefined:
    """Compare two models by one measure.

    Args:
        key: of `MEASURES`.
        values: of a and of b, on the images as they are; none where it does not exist.
        drawn: of a and of b, (r,) each: of the same draws, or of draws that know nothing of each
            other; none where it does not exist.
        scopes: what it rests on, for a and for b.
    """
    why = next((scope.why for scope in scopes if scope.why), None)
    if why is not None:
        return Undefined(why, scopes[0].n)
    (a, b), gaps = values, drawn[1] - drawn[0]
    metric = MEASURES[key]
    widest = metric.highest - metric.lowest
    bounds = Bounds(lowest=-widest, highest=widest, groups=min(scope.groups for scope in scopes))
    defined = gaps[np.isfinite(gaps)]
    lower = metric.best < metric.highest
    gains = -defined if lower else defined
    share = float((gains > 0).mean() + (gains == 0).mean() / 2) if gains.size else 0.5
    return Compared(
        a, b, Estimate(b - a, *interval(b - a, gaps, bounds), scopes[0].n), share, lower
    )


def _warnings(pair: Pair, side: Sample) -> Iterator[str]:
    for name, one in (("a", pair.a), ("b", pair.b)):
        if one.leaks:
            yield f"{name} {one.leaks}: its measures are too good, and so is what it gains"
        if (part := one.about.get("part")) in ("train", "val"):
            yield f"{name} was scored on {part}: it learned from these images or was chosen by them"
    if any(pair.left_out):
        yield (
            f"{pair.left_out[0]} images that only a answers and {pair.left_out[1]} that only b "
            "answers are left out"
        )
    if pair.regrouped:
        yield "a and b know the groups differently: what shares a group in either was kept together"
    yield from _of_groups(side.groups)


def _of_groups(groups: Groups) -> Iterator[str]:
    n = len(groups.place)
    if groups.alone == n:
        yield "no group is known: each image counts as its own, and the intervals may be too narrow"
    elif groups.alone:
        yield f"{groups.alone} of {n} images have no known group: each counts as its own"
    if groups.number < FEW_GROUPS:
        yield f"there are only {groups.number} groups: the intervals are rough, often too narrow"


def in_sentence(title: str) -> str:
    """Write a measure's title inside a sentence.

    >>> in_sentence("F1, macro"), in_sentence("Accuracy"), in_sentence("AUROC for abnormal")
    ('macro F1', 'accuracy', 'AUROC for abnormal')
    """
    name, _, before = title.partition(", ")
    if before:
        return f"{before} {name}"
    kept = title[:2].isupper() or title.startswith("Brier")
    return title if kept else title[0].lower() + title[1:]

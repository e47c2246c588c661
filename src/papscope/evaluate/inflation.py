"""What a leak is worth: measures on a split as it was given, less those on a clean one.

Takes   scores of the given split's test images and of a clean split's, or a paired comparison
Gives   an `Inflation`: each measure on both, and the difference with its 95 % interval
Never   takes a difference of two test sets for one of the same images, or hides which it is

Where both answer the same images, the groups are drawn once for both (paired). Where the test sets
differ, each is drawn by itself: the interval then also holds what other slides would have given,
and is wider. B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from papscope.errors import MeasureError
from papscope.evaluate.compare import MEASURES, Compared, Comparison, compare, compared, in_sentence
from papscope.evaluate.intervals import Undefined
from papscope.evaluate.reasons import scope_of_all
from papscope.evaluate.sample import Sample
from papscope.scores import Scores

How = Literal["parts", "folds", "by image"]
"""What was trained: the given parts, the given folds, or folds by image in the split's stead."""

FORMAT = 1

TOLD = ("accuracy", "macro_f1")
"""What is told in sentences, of all that is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inflation:
    """A split as given beside a clean one."""

    how: How
    measures: Mapping[str, Compared | Undefined]
    """By the keys of `MEASURES`: a is the clean split, b the given one."""
    paired: bool
    """Whether both answer the same images."""
    n: tuple[int, int]
    """Test images: clean, given."""
    groups: tuple[int, int]
    """Their groups."""
    training: tuple[int, int]
    """Images learned from (by each network, on average over folds): clean, given."""
    resamples: int
    settings: Mapping[str, Any]
    """What both were trained with."""

    def sentence(self, key: str = "accuracy") -> str:
        """Tell one measure: on the split as given, on the clean one, and the difference."""
        one, title = self.measures[key], in_sentence(MEASURES[key].title)
        if isinstance(one, Undefined):
            return f"{title} cannot be measured: {one.why}"
        gap = one.difference
        return (
            f"{title} {one.b:.3f} {self.called}, {one.a:.3f} on the clean one: inflation "
            f"{gap.value:+.3f} (95 % interval {gap.low:+.3f} to {gap.high:+.3f})"
        )

    @property
    def called(self) -> str:
        """What the leaking side is, for sentences."""
        return "on folds by image" if self.how == "by image" else "on the given split"

    def meaning(self) -> str:
        """Say what the difference means, and what its interval does not hold."""
        better = {
            side: [
                in_sentence(MEASURES[key].title)
                for key in TOLD
                if isinstance(one := self.measures.get(key), Compared) and one.better == side
            ]
            for side in ("a", "b")
        }
        if better["b"]:
            shown = (
                f"In {' and '.join(better['b'])} the leak shows. Believe the clean numbers: the "
                "rest would be lost on new slides. "
            )
        elif better["a"]:
            shown = f"In {' and '.join(better['a'])} the clean split came out better. "
        else:
            shown = (
                "These images cannot show how much the leak is worth; that is no sign that it is "
                "worth nothing. "
            )
        same = (
            "Both answer the same images, and the interval is of the difference on them."
            if self.paired
            else "The two test sets differ, so the interval also holds the luck of which slides "
            "are in which; a measurement on folds, with --folds, has both answer the same images."
        )
        return f"{shown}{same} No interval here holds that another training would differ by chance."

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "papscope": "inflation",
            "format": FORMAT,
            "how": self.how,
            "paired": self.paired,
            "sides": "a is the clean split, b the given one",
            "n": list(self.n),
            "groups": list(self.groups),
            "training": list(self.training),
            "resamples": self.resamples,
            "settings": dict(self.settings),
            "measures": {key: one.to_json() for key, one in self.measures.items()},
            "sentence": self.sentence(),
        }


def difference(
    clean: Scores, given: Scores, *, resamples: int, seed: int = 0
) -> tuple[Mapping[str, Compared | Undefined], bool]:
    """Compare answers on a clean and on a given split, paired where the images are the same.

    Args:
        clean: of the clean split's test images.
        given: of the given one's.
        resamples: how many times groups are drawn.
        seed: of the draws.

    Returns:
        Each measure, a clean and b given; and whether both answer the same images.

    Raises:
        MeasureError: the classes differ, or one has no images.
        SettingError: there are too few resamples for an interval.
    """
    if set(clean.ids) == set(given.ids):
        return compare(clean, given, resamples=resamples, seed=seed).measures, True
    if clean.class_names != given.class_names or not len(clean) or not len(given):
        raise MeasureError(
            "the two splits cannot be compared: their classes differ, or one has no test image",
            hint="measure on one manifest",
        )
    sides = [Sample.of(clean), Sample.of(given)]
    as_is = [side.as_is() for side in sides]
    # Draws of their own: the slides of one test set say nothing of those of the other.
    drawn = [side.resampled(resamples=resamples, seed=seed + at) for at, side in enumerate(sides)]
    return {
        key: compared(
            key,
            [float(one[key]) for one in as_is] if key in as_is[0] else [],
            [one[key] for one in drawn] if key in drawn[0] else [],
            [scope_of_all(key, side, clean.class_names) for side in sides],
        )
        for key in MEASURES
    }, False


def of_folds(comparison: Comparison, training: int, settings: Mapping[str, Any]) -> Inflation:
    """Take the comparison of folds by strict group with folds by image.

    Args:
        comparison: a by strict group, b by image, as a cross-validation gives it.
        training: images that each network learned from.
        settings: what they were trained with.
    """
    return Inflation(
        how="by image",
        measures=comparison.measures,
        paired=True,
        n=(comparison.n, comparison.n),
        groups=(comparison.groups, comparison.groups),
        training=(training, training),
        resamples=comparison.resamples,
        settings=settings,
    )

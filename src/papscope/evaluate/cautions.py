"""What a reader of the measures must be warned of, in sentences.

Takes   scores, and the measures in resampled data
Gives   sentences, in a fixed order; none where there is nothing to say
Never   changes or hides a measure
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from papscope.evaluate.intervals import FEW_GROUPS, Values
from papscope.evaluate.sample import Sample
from papscope.scores import Scores

FEW_IMAGES_OF_CLASS = 10
FEW_GROUPS_OF_CLASS = 5
LEFT_OUT = 0.05
"""The share of resamples that may lack a measure before it is told."""


def cautions(scores: Scores, sample: Sample, drawn: Mapping[str, Values]) -> tuple[str, ...]:
    """Word all warnings.

    Args:
        scores: what was measured.
        sample: the same, prepared.
        drawn: every measure in each resample, NaN where undefined.
    """
    return (
        *_of_the_part(scores),
        *_of_groups(scores, sample),
        *_of_classes(scores, sample),
        *_of_resamples(scores, drawn),
    )


def told_protocol(scores: Scores) -> Mapping[str, Any] | None:
    """Give the protocol that the scores carry; None where there is none."""
    protocol = scores.about.get("protocol")
    return protocol if isinstance(protocol, Mapping) and protocol else None


def _of_the_part(scores: Scores) -> Iterator[str]:
    if scores.leaks:
        yield f"{scores.leaks}: the measures are too good, and the intervals do not show it"
    part = scores.about.get("part")
    if part in ("train", "val"):
        use = "learned from" if part == "train" else "was chosen by"
        yield f"these are the images of {part}, which the model {use}: they say little of new ones"
    if "part" in scores.about and part is None and "model" in scores.about:
        yield "no split was given: images that the model learned from may be among these"


def _of_groups(scores: Scores, sample: Sample) -> Iterator[str]:
    groups = sample.groups
    if groups.alone == len(scores):
        yield "no group is known: each image counts as its own, and the intervals may be too narrow"
    elif groups.alone:
        yield f"{groups.alone} of {len(scores)} images have no known group: each counts as its own"
    if groups.number < 2:
        yield "all images are of one group: nothing is known of how groups differ"
    elif groups.number < FEW_GROUPS:
        yield f"there are only {groups.number} groups: the intervals are rough, often too narrow"


def _of_classes(scores: Scores, sample: Sample) -> Iterator[str]:
    for place, name in enumerate(scores.class_names):
        of_it = sample.truth == place
        n, groups = int(of_it.sum()), sample.groups.touched(of_it)
        called = bool(np.any(sample.called == place))
        if not n:
            yield f"no image is of {name}: {_without_images(called)}"
        elif n < FEW_IMAGES_OF_CLASS or groups < FEW_GROUPS_OF_CLASS:
            yield f"{name} has {_many(n, 'image')} from {_many(groups, 'group')}: little is known"
        if n and not called:
            yield (
                f"no image was called {name}: its precision is undefined and counts as 0 in the "
                "averages"
            )


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _without_images(called: bool) -> str:
    if called:
        return (
            "it is left out of balanced accuracy, and counts as 0 in the macro averages because "
            "some image was called it"
        )
    return "it is left out of the averages"


def _of_resamples(scores: Scores, drawn: Mapping[str, Values]) -> Iterator[str]:
    """Tell where many resamples lack a measure that the images as they are have."""
    for key, values in drawn.items():
        lacking = np.isnan(values).mean(axis=0)
        for place, share in enumerate(np.atleast_1d(lacking)):
            if LEFT_OUT < share < 1:
                of = f" of {scores.class_names[place]}" if values.ndim > 1 else ""
                yield (
                    f"{key}{of} is undefined in {share:.0%} of the resamples, which its interval "
                    "leaves out"
                )

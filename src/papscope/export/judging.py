"""How well an exported model answers for labelled images, beside the one it was made from.

Takes   two engines, and labelled images
Gives   agreement, and each one's macro-F1 and AUROC
Never   sees an image that either has learned from by its labels: that is the caller's to choose
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.bundle import Description
from papscope.decision import calibrated
from papscope.errors import ImageError
from papscope.evaluate.sample import Sample
from papscope.image import Pixels
from papscope.predict.engine import Engine
from papscope.preprocess import Source, prepare
from papscope.progress import Tell, silent
from papscope.scores import Probabilities, Scores

LEAST_AGREEMENT = 0.98
"""Share of the images that both models must take for the same class."""

MOST_LOSS = 0.005
"""Of macro-F1: half a point."""

_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Quality:
    """What two models make of the same labelled images; pairs are (before, after)."""

    images: int
    agreement: float
    """Share of the images that both take for the same class, 0..1."""
    macro_f1: tuple[float, float]
    macro_auroc: tuple[float, float] | None
    """None where a class has no image, so that it does not exist."""
    largest_difference: float
    """Of any class's probability for any image."""

    @property
    def falls_short(self) -> tuple[str, ...]:
        """Say why the second model may not stand for the first; nothing where it may.

        >>> Quality(100, 0.97, (0.8, 0.79), None, 0.2).falls_short
        ('97.0 % of labels agree, less than 98 %', 'macro-F1 loses 1.0 points, more than 0.5')
        >>> Quality(100, 0.98, (0.8, 0.795), None, 0.2).falls_short
        ()
        """
        loss = self.macro_f1[0] - self.macro_f1[1]
        found = []
        # Turned round, so that what is no number falls short as well.
        if not self.agreement >= LEAST_AGREEMENT:
            found.append(
                f"{100 * self.agreement:.1f} % of labels agree, less than "
                f"{100 * LEAST_AGREEMENT:.0f} %"
            )
        if not loss <= MOST_LOSS + 1e-12:
            found.append(f"macro-F1 loses {100 * loss:.1f} points, more than {100 * MOST_LOSS:.1f}")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Give what `bundle.json` tells."""
        ranked: Mapping[str, Any] = (
            {"macro_auroc": None}
            if self.macro_auroc is None
            else {"macro_auroc": dict(zip(("before", "after"), self.macro_auroc, strict=True))}
        )
        return {
            "images": self.images,
            "agreement": self.agreement,
            "macro_f1": dict(zip(("before", "after"), self.macro_f1, strict=True)),
            **ranked,
            "largest_difference_of_probabilities": self.largest_difference,
        }


def judged(
    engines: tuple[Engine, Engine],
    about: Description,
    sources: Sequence[Source],
    truth: npt.NDArray[np.int64],
    tell: Tell = silent,
) -> Quality:
    """Let two models answer for labelled images.

    Args:
        engines: the model as it was, and as it shall be.
        about: what both say of themselves.
        sources: where the images lie.
        truth: (n,), the place of each one's class.
        tell: hears how far it is.

    Raises:
        ImageError: an image cannot be read.
    """
    found: tuple[list[Probabilities], list[Probabilities]] = ([], [])
    ready = prepare(sources, about.preprocess)
    done = 0
    while some := list(islice(_good(ready), _AT_ONCE)):
        squares = np.stack(some)
        for engine, answers in zip(engines, found, strict=True):
            answers.append(calibrated(engine.probabilities(squares), about.calibration))
        done += len(some)
        tell("judging answers", done, len(sources))
    before, after = (np.concatenate(one) for one in found)
    one, other = (_measured(about, truth, answers) for answers in (before, after))
    ranked = (one[1], other[1])
    return Quality(
        images=len(truth),
        agreement=float((before.argmax(axis=1) == after.argmax(axis=1)).mean()),
        macro_f1=(one[0], other[0]),
        macro_auroc=None if any(np.isnan(ranked)) else ranked,
        largest_difference=float(np.abs(before - after).max()),
    )


def _good(ready: Iterator[Pixels | ImageError]) -> Iterator[Pixels]:
    for square in ready:
        if isinstance(square, ImageError):
            raise square
        yield square


def _measured(
    about: Description, truth: npt.NDArray[np.int64], answers: Probabilities
) -> tuple[float, float]:
    """Give macro-F1 and macro-AUROC."""
    n = len(truth)
    sample = Sample.of(
        Scores(
            ids=tuple(map(str, range(n))),
            groups=(None,) * n,
            truth=truth,
            probabilities=answers,
            classes=about.classes,
            paths=("",) * n,
            boxes=(None,) * n,
        )
    ).as_is()
    return float(sample["macro_f1"]), float(sample["macro_auroc"])

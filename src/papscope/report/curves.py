"""Curves: ROC, precision over recall and reliability of one class, and risk over coverage.

Takes   which images are of the class and the probability given to it, or what `evaluate` counted
Gives   SVG text to stand inside a page
Never   computes the area under a curve: `evaluate` does, with its interval
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.ticker import MaxNLocator, PercentFormatter
from sklearn.metrics import precision_recall_curve, roc_curve

from papscope.evaluate.calibration import Bin
from papscope.report.drawing import MAIN, OTHER, SOFT, axes, canvas, svg

Flags: TypeAlias = npt.NDArray[np.bool_]
Shares: TypeAlias = npt.NDArray[np.float64]

_MOST_POINTS = 240
"""Of a curve; more are not seen at this size."""


@style.context("default")
def roc_svg(name: str, truth: Flags, chance: Shares, what: str) -> str:
    """Draw one class against the rest: sensitivity over the share of false alarms.

    Args:
        name: unique on the page.
        truth: (n,), which images are of the class; both kinds must occur.
        chance: (n,), the probability given to the class.
        what: the class, for screen readers.
    """
    false, true, _ = roc_curve(truth, chance)
    picture = _Unit("1 \N{MINUS SIGN} specificity", "sensitivity")
    picture.room.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, dashes=(3, 3))
    picture.room.fill_between(*_thin(false, true), color=MAIN, alpha=0.10, linewidth=0)
    picture.room.plot(*_thin(false, true), color=MAIN, linewidth=1.8)
    reached = [f"{float(np.interp(at, false, true)):.2f} at {at:g}" for at in (0.05, 0.1, 0.2)]
    return svg(
        picture.figure,
        name,
        f"ROC curve of {what}",
        f"Sensitivity {', '.join(reached)} of false alarms. The dashed line is chance.",
    )


@style.context("default")
def precision_recall_svg(name: str, truth: Flags, chance: Shares, what: str) -> str:
    """Draw one class against the rest: precision over recall; see `roc_svg`."""
    precision, recall, _ = precision_recall_curve(truth, chance)
    common = float(truth.mean())
    picture = _Unit("recall", "precision")
    picture.room.plot([0, 1], [common, common], color=SOFT, linewidth=0.8, dashes=(3, 3))
    along, up = _stairs(recall[::-1], precision[::-1])
    picture.room.fill_between(along, up, color=MAIN, alpha=0.10, linewidth=0, step="pre")
    picture.room.step(along, up, color=MAIN, linewidth=1.8, where="pre")
    return svg(
        picture.figure,
        name,
        f"Precision and recall of {what}",
        f"The dashed line is chance: {common:.3f}, the share of the class among the images.",
    )


@style.context("default")
def class_reliability_svg(name: str, bins: Sequence[Bin], what: str) -> str:
    """Draw how often images are of a class, at each probability of it.

    Args:
        name: unique on the page.
        bins: of the class's probability, in rising order.
        what: the class, for screen readers.
    """
    picture = _Unit("probability", "share that is of it")
    picture.room.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, dashes=(3, 3))
    for one in bins:
        ends = [one.share, one.probability]
        picture.room.plot([one.probability] * 2, ends, color=OTHER, linewidth=1.4)
    dots = [one.probability for one in bins], [one.share for one in bins]
    picture.room.plot(*dots, "o", color=MAIN, markersize=5, clip_on=False)
    told = "; ".join(f"{one.share:.2f} of {one.n} at {one.probability:.2f}" for one in bins)
    return svg(
        picture.figure,
        name,
        f"Reliability of {what}",
        f"Share of images that are of it, of how many, at which mean probability: {told}.",
    )


@style.context("default")
def risk_svg(name: str, curve: Shares) -> str:
    """Draw the share of wrong calls among the surest answers.

    Source: R. El-Yaniv and Y. Wiener, J. Mach. Learn. Res. 11 (2010), 1605-1641.

    Args:
        name: unique on the page.
        curve: (n,), among the k surest answers, k = 1 to n.
    """
    figure = canvas(380, 240)
    room = axes(figure, 50, 12, 24, 40)
    along = np.arange(1, len(curve) + 1) / len(curve)
    room.plot(*_thin(along, curve), color=MAIN, linewidth=1.8)
    room.fill_between(*_thin(along, curve), color=MAIN, alpha=0.10, linewidth=0)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    room.set(xlim=(0, 1), ylim=(0, None), xticks=ticks)
    room.set_xticklabels([f"{one:.0%}" for one in ticks])
    room.yaxis.set_major_locator(MaxNLocator(5))
    room.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    room.set_xlabel("answers given, surest first", color=SOFT, fontsize=11)
    room.set_ylabel("wrong among them", color=SOFT, fontsize=11)
    told = ", ".join(
        f"{curve[round(at * len(curve)) - 1]:.3f} at {at:.0%}"
        for at in (0.25, 0.5, 0.75, 1.0)
        if round(at * len(curve))
    )
    return svg(figure, name, "Wrong calls among the surest answers", f"Share wrong: {told}.")


class _Unit:
    """A small square picture whose axes go from 0 to 1."""

    def __init__(self, along: str, up: str) -> None:
        self.figure = canvas(220, 214)
        self.room = axes(self.figure, 40, 8, 12, 38)
        ticks = [0, 0.5, 1]
        self.room.set(xlim=(0, 1), ylim=(0, 1), xticks=ticks, yticks=ticks)
        self.room.set_xticklabels(["0", "0.5", "1"])
        self.room.set_yticklabels(["0", "0.5", "1"])
        self.room.set_xlabel(along, color=SOFT, fontsize=11, labelpad=3)
        self.room.set_ylabel(up, color=SOFT, fontsize=11, labelpad=1)


def _stairs(recall: Shares, precision: Shares) -> tuple[Shares, Shares]:
    """Keep the best precision at each recall, which is what average precision adds up.

    Args:
        recall: (m,), rising from 0.
        precision: (m,), at each recall.
    """
    along, first = np.unique(recall, return_index=True)
    up = precision[first[along > 0]]
    return _thin(along, np.concatenate([up[:1], up]))


def _thin(along: Shares, up: Shares) -> tuple[Shares, Shares]:
    """Keep at most `_MOST_POINTS` points of a curve, always both ends."""
    if len(along) <= _MOST_POINTS:
        return along, up
    kept = np.unique(np.linspace(0, len(along) - 1, _MOST_POINTS).round().astype(int))
    return along[kept], up[kept]

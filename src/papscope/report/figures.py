"""The pictures of a report: confusion, curves, reliability, and how training went.

Takes   plain arrays: counts, truth, probabilities, a training history
Gives   SVG text to stand inside a page
Never   computes a metric, and never relies on colour alone to tell things apart
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from papscope.evaluate.calibration import Bin
from papscope.report.drawing import BAD, GOOD, INK, MAIN, OTHER, RULE, SOFT, axes, canvas, svg

Flags: TypeAlias = npt.NDArray[np.bool_]
Shares: TypeAlias = npt.NDArray[np.float64]
History: TypeAlias = Sequence[Mapping[str, float]]

_LETTER = 6.4
"""Width of a letter of 11 pixels, on average, with room to spare for other typefaces."""


@style.context("default")
def confusion_svg(name: str, counts: npt.NDArray[np.int64], classes: Sequence[str]) -> str:
    """Draw a confusion matrix: counts, and shares of each true class as depth of colour.

    Args:
        name: unique on the page.
        counts: (c, c), rows what it is, columns what it was called.
        classes: (c,), the classes' names.
    """
    c = len(classes)
    cell = 64 if c <= 12 else 44
    longest = max(len(one) for one in classes) * _LETTER * 12.5 / 11
    side = max(round(longest) + 20, 110)
    head, right = round(longest * 0.6) + 30, max(40, round(longest * 0.85) - cell // 2 + 16)
    figure = canvas(side + c * cell + right, head + c * cell + 4)
    room = axes(figure, side, head, right, 4)
    room.set(xlim=(0, c), ylim=(c, 0), xticks=[], yticks=[])
    for edge in ("left", "bottom"):
        room.spines[edge].set_visible(False)
    totals = counts.sum(axis=1)
    for row in range(c):
        for column in range(c):
            share = counts[row, column] / totals[row] if totals[row] else 0.0
            _cell(room, (row, column), int(counts[row, column]), share)
    _names(room, classes, totals)
    right_ones = int(np.trace(counts))
    told = ", ".join(
        f"{one} {counts[place, place]} of {totals[place]}" for place, one in enumerate(classes)
    )
    return svg(
        figure,
        name,
        "Confusion matrix: true classes in rows, called classes in columns",
        f"{right_ones} of {int(totals.sum())} on the diagonal. Called rightly: {told}.",
    )


def _cell(room: Axes, place: tuple[int, int], count: int, share: float) -> None:
    from matplotlib.patches import Rectangle

    row, column = place
    colour = GOOD if row == column else BAD
    corner = (column + 0.02, row + 0.02)
    room.add_patch(Rectangle(corner, 0.96, 0.96, fill=False, edgecolor=RULE, linewidth=0.7))
    if count == 0:
        room.text(column + 0.5, row + 0.5, "·", color=SOFT, fontsize=11, ha="center", va="center")
        return
    depth = 0.08 + 0.92 * share
    room.add_patch(Rectangle(corner, 0.96, 0.96, facecolor=colour, alpha=depth, linewidth=0))
    middle = column + 0.5
    room.text(middle, row + 0.5, str(count), color=INK, fontsize=16, ha="center", va="bottom")
    percent = f"{100 * share:.0f} %"
    room.text(middle, row + 0.58, percent, color=INK, fontsize=11.5, ha="center", va="top")


def _names(room: Axes, classes: Sequence[str], totals: npt.NDArray[np.int64]) -> None:
    for place, one in enumerate(classes):
        fixed: dict[str, Any] = {"fontsize": 12.5, "parse_math": False, "color": INK}
        room.text(-0.12, place + 0.5, one, ha="right", va="center", **fixed)
        turned: dict[str, Any] = {
            "rotation": 35,
            "rotation_mode": "anchor",
            "ha": "left",
            "va": "bottom",
        }
        room.text(place + 0.42, -0.1, one, **turned, **fixed)
        room.text(
            len(classes) + 0.1,
            place + 0.5,
            f"{int(totals[place])}",
            color=SOFT,
            fontsize=12.5,
            va="center",
        )
    quiet: dict[str, Any] = {"fontsize": 12.5, "color": SOFT, "va": "bottom"}
    corner = "is \N{DOWNWARDS ARROW}\N{EM SPACE}called \N{RIGHTWARDS ARROW}"
    room.text(-0.12, -0.1, corner, ha="right", **quiet)
    room.text(len(classes) + 0.1, -0.1, "all", **quiet)


@style.context("default")
def reliability_svg(name: str, bins: Sequence[Bin], confidence: Shares, right: Flags) -> str:
    """Draw how often calls of each confidence are right, and below it how confident calls are.

    Source: M. DeGroot and S. Fienberg, The Statistician 32 (1983), 12-22.

    Args:
        name: unique on the page.
        bins: of the calls, in rising order of confidence.
        confidence: (n,), the probability of the called class.
        right: (n,), whether the call is right.
    """
    figure = canvas(420, 420)
    room, below = axes(figure, 50, 12, 14, 150), axes(figure, 50, 296, 14, 44)
    room.plot([0, 1], [0, 1], color=SOFT, linewidth=1, dashes=(3, 3))
    for one in bins:
        ends = [one.share, one.probability]
        room.plot([one.probability] * 2, ends, color=OTHER, linewidth=1.6, solid_capstyle="butt")
    dots = [one.probability for one in bins], [one.share for one in bins]
    room.plot(*dots, "o", color=MAIN, markersize=7, clip_on=False)
    edges = np.linspace(0, 1, 21)
    parts = [confidence[right], confidence[~right]]
    below.hist(
        parts, bins=edges.tolist(), stacked=True, color=[MAIN, OTHER], rwidth=0.86, linewidth=0
    )
    ticks = np.linspace(0, 1, 6)
    labels = ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    room.set(xlim=(0, 1), ylim=(0, 1), xticks=ticks, xticklabels=[], yticks=ticks)
    room.set_yticklabels(labels)
    room.set_ylabel("share of calls that are right", color=SOFT, fontsize=11)
    below.set(xlim=(0, 1), xticks=ticks, xticklabels=labels)
    below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    below.set_ylabel("images", color=SOFT, fontsize=11)
    below.set_xlabel("probability given to the called class", color=SOFT, fontsize=11)
    told = "; ".join(f"{one.share:.2f} of {one.n} at {one.probability:.2f}" for one in bins)
    return svg(
        figure,
        name,
        "Reliability: the share of calls that are right, at each confidence",
        f"Share right of how many at which mean confidence: {told}.",
    )


@style.context("default")
def history_svg(
    name: str, history: History, lines: Mapping[str, str], title: str, *, best: int | None = None
) -> str:
    """Draw what was noted after each epoch of training, each line named at its end.

    Args:
        name: unique on the page.
        history: one mapping an epoch with `epoch` and the keys of `lines`; gaps are left out.
        lines: key to label; at most three.
        title: of the picture.
        best: the epoch to mark, or None.
    """
    figure = canvas(380, 240)
    room = axes(figure, 46, 16, round(max(map(len, lines.values())) * _LETTER) + 18, 40)
    told, ends = [], []
    for (key, label), colour in zip(lines.items(), (MAIN, OTHER, SOFT), strict=False):
        noted = [(one["epoch"], one[key]) for one in history if key in one]
        if noted:
            ends.append((_line(room, noted, colour, best), label, colour))
            told.append(f"{label} from {noted[0][1]:.3f} to {noted[-1][1]:.3f}")
    if best is not None:
        room.axvline(best, color=SOFT, linewidth=1, dashes=(2, 3), zorder=0)
        told.append(f"best epoch {best}")
    room.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    room.yaxis.set_major_locator(MaxNLocator(5))
    room.grid(axis="y", color=RULE, linewidth=0.6, alpha=0.7)
    room.set_axisbelow(True)
    room.set_xlabel("epoch", color=SOFT, fontsize=11)
    _name_ends(room, ends)
    return svg(figure, name, title, "; ".join(told))


def _line(
    room: Axes, noted: Sequence[tuple[float, float]], colour: str, best: int | None
) -> tuple[float, float]:
    """Draw one line and a dot at the best epoch, and give the line's end."""
    epochs, values = zip(*noted, strict=True)
    room.plot(epochs, values, color=colour, linewidth=1.8, marker="o" if len(noted) < 3 else "")
    if best is not None and best in epochs:
        room.plot([best], [values[epochs.index(best)]], "o", color=colour, markersize=6)
    return noted[-1]


def _name_ends(room: Axes, ends: Sequence[tuple[tuple[float, float], str, str]]) -> None:
    """Write each line's name beside its end, the names at least a line of type apart."""
    low, high = room.get_ylim()
    apart = (high - low) * 14 / room.bbox.height
    lowest = low - apart
    for (epoch, value), label, colour in sorted(ends):
        up = max(value, lowest + apart)
        lowest = up
        room.annotate(
            label,
            (epoch, up),
            xytext=(8, 0),
            textcoords="offset points",
            color=colour,
            fontsize=11,
            va="center",
            annotation_clip=False,
        )

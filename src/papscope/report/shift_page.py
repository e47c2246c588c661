"""A shift as one HTML file: the verdict, both sets side by side, and every difference.

Takes   what `shift.run.measure_shift` came to
Gives   a page that needs nothing else: no network, no other file, no script
Never   shows a folder of this machine, or an estimate without its caution
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from papscope import __version__
from papscope.errors import ImageError
from papscope.evaluate.intervals import Estimate
from papscope.files import write_text
from papscope.preprocess import Source, originals
from papscope.progress import Tell, silent
from papscope.report.histograms import histogram_svg
from papscope.report.page import environment
from papscope.report.thumbs import data_uri
from papscope.shift.comparing import Compared
from papscope.shift.found import CAUTION, LEVEL, WORTH_COEFFICIENT, WORTH_SPREADS, Family
from papscope.shift.measures import LOGARITHMS, MEASURES, NAMES
from papscope.shift.measuring import Looked

FINDINGS = {
    "different": "different",
    "slight": "slightly different",
    "alike": "alike",
    "unknown": "too few groups to tell",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture of a mosaic."""

    name: str
    data: str | None
    """A data URI; None where it cannot be shown."""


def write_shift_page(path: Path, found: Compared, *, tell: Tell = silent) -> Path:
    """Write the page in one step; the same pictures and numbers give the same bytes.

    Args:
        path: of the HTML file.
        found: what is shown; a few pictures are opened again.
        tell: told as mosaics are made.

    Raises:
        DiskError: the place cannot be written.
    """
    shift = found.shift
    context = {
        "shift": shift,
        "families": [_family(one) for one in shift.families],
        "cost": _cost(found),
        "mosaics": _mosaics(found, tell),
        "histograms": _histograms(found),
        "caution": CAUTION,
        "level": LEVEL,
        "worth": (WORTH_SPREADS, WORTH_COEFFICIENT),
        "version": __version__,
    }
    write_text(path, environment().get_template("shift.html.j2").render(context))
    return path


def _family(one: Family) -> dict[str, Any]:
    energy = one.tested.coefficient
    return {
        "name": one.name,
        "finding": one.finding,
        "said": FINDINGS[one.finding],
        "words": one.words,
        "energy": f"{energy.value:.3f}",
        "energy_range": f"{energy.low:.3f} to {energy.high:.3f}",
        "p": _chance(one.adjusted),
        "pictures": one.pictures,
        "rows": [
            {
                "name": each.name,
                "meaning": MEASURES[each.name],
                "train": _mean(each.name, each.means[0]),
                "new": _mean(each.name, each.means[1]),
                "size": _signed(each.size.value),
                "range": f"{_signed(each.size.low)} to {_signed(each.size.high)}",
                "word": each.word if abs(each.size.value) >= WORTH_SPREADS else "",
            }
            for each in one.differences
        ],
    }


def _mean(name: str, value: float) -> str:
    return f"{2**value:.3g}" if name in LOGARITHMS else f"{value:.2f}"


def _chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _cost(found: Compared) -> list[dict[str, str]]:
    """Give the accuracy on held-out pictures, expected by each estimate, and measured."""
    cost = found.shift.expected
    if cost is None:
        return []
    rows: list[tuple[str, Estimate | None, Estimate | None]] = [
        ("on held-out pictures of the training source", cost.held_out, None),
        ("expected here, by thresholded confidence", cost.thresholded, cost.thresholded_drop),
        (
            "expected here, by difference of confidences",
            cost.by_difference,
            cost.by_difference_drop,
        ),
        ("measured here, by the labels given", cost.true, cost.true_drop),
    ]
    return [
        {
            "what": what,
            "value": _percent(one.value),
            "range": f"{_percent(one.low)} to {_percent(one.high)}",
            "drop": "" if drop is None else _points(drop.value),
            "drop_range": "" if drop is None else f"{_points(drop.low)} to {_points(drop.high)}",
        }
        for what, one, drop in rows
        if one is not None
    ]


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _points(drop: float) -> str:
    return f"{-100 * drop:+.1f}".replace("-", "\N{MINUS SIGN}")


def _mosaics(found: Compared, tell: Tell) -> list[dict[str, Any]]:
    picks = found.shift.picks
    wanted = (
        ("Training, nearest to their middle", found.train, picks.train),
        ("New, nearest to their middle", found.new, picks.new),
        ("New, most unlike training", found.new, picks.unlike),
    )
    shown = []
    for done, (title, looked, places) in enumerate(wanted, start=1):
        shown.append({"title": title, "cells": _cells(looked, places)})
        tell("making mosaics", done, len(wanted))
    return shown


def _cells(looked: Looked, places: Sequence[int]) -> list[Cell]:
    return [_cell(looked.given.sources[one]) for one in places if looked.given.sources]


def _cell(source: Source) -> Cell:
    name = source.name or (source.picture.name if isinstance(source.picture, Path) else "picture")
    try:
        (pixels,) = originals([source])
    except ImageError:
        return Cell(name, None)
    return Cell(name, data_uri(Image.fromarray(pixels)))


def _histograms(found: Compared) -> list[tuple[str, str]]:
    """Draw every measure that both sets have, the farthest apart first."""
    drawn = []
    sizes = {one.name: one for family in found.shift.families for one in family.differences}
    for name in sorted(sizes, key=lambda one: -abs(sizes[one].size.value)):
        values = [one.looks[:, NAMES.index(name)] for one in (found.train, found.new)]
        old, new = (one[np.isfinite(one)] for one in values)
        means = [_mean(name, one) for one in sizes[name].means]
        told = f"Training mean {means[0]}, new mean {means[1]}."
        drawn.append((name, histogram_svg(f"histogram-{name}", name, old, new, told)))
    return drawn

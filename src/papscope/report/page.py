"""A report as one HTML file that needs nothing else: no network, no other file, no script.

Takes   scores
Gives   a page with every measure, its interval, the pictures and the cells behind it
Never   needs torch or a model, prints a date or a folder of this machine, or hides a stamp
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from papscope import __version__
from papscope.evaluate.alone import left_alone
from papscope.evaluate.summary import CLASS_KEYS, OVERALL_KEYS, Summary, summarise
from papscope.files import digest_of, write_text
from papscope.literature import SOURCES
from papscope.progress import Tell, silent
from papscope.readings import reading_of
from papscope.report.about import About, in_order, read_about
from papscope.report.doubt import doubt
from papscope.report.gallery import Tile, choose, tiles
from papscope.report.numbers import shown
from papscope.report.pictures import pictures
from papscope.report.words import limits, protocol, title_of
from papscope.scores import Scores

_HEADLINE = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "abnormal_sensitivity",
    "abnormal_specificity",
    "abnormal_auroc",
)
_TABLES = (
    ("All classes", ("accuracy", "balanced_accuracy", "kappa_quadratic")),
    ("Normal against abnormal", tuple(key for key in OVERALL_KEYS if key.startswith("abnormal_"))),
    ("Mean of the classes, each counting the same", tuple(k for k in OVERALL_KEYS if "macro" in k)),
    (
        "Probabilities; less is better",
        ("calibration_error", "classwise_calibration_error", "log_loss", "brier"),
    ),
    (
        "Mean of the classes, each counting by its images",
        tuple(key for key in OVERALL_KEYS if key.startswith("weighted_")),
    ),
)

_SHORT = 10
"""Letters of a name that is never broken over two lines."""


@dataclass(frozen=True, slots=True)
class ClassCells:
    """One class's row of the gallery."""

    name: str
    right: tuple[Tile, ...]
    wrong: tuple[Tile, ...]
    n_right: int
    n_wrong: int


def write_report(
    path: Path,
    scores: Scores,
    *,
    resamples: int = 2000,
    seed: int = 0,
    scores_path: Path | None = None,
    tell: Tell = silent,
) -> Path:
    """Write a report in one step; the same scores, images and settings give the same bytes.

    Args:
        path: of the HTML file.
        scores: of one or more labelled images.
        resamples: how many times the groups are drawn anew for the intervals, 100 or more.
        seed: of the draws, and of the choice of cells that are shown.
        scores_path: the file that the scores were read from: its name and digest are printed, and
            a relative folder of images is looked for beside it.
        tell: told as the small pictures are made.

    Returns:
        The path.

    Raises:
        MeasureError: there is no image to measure.
        SettingError: there are too few resamples for an interval.
        DiskError: the disk is full, or the place cannot be written.
    """
    context = context_of(scores, resamples=resamples, seed=seed, scores_path=scores_path, tell=tell)
    write_text(path, environment().get_template("report.html.j2").render(context))
    return path


def context_of(
    scores: Scores, *, resamples: int, seed: int, scores_path: Path | None, tell: Tell
) -> dict[str, Any]:
    """Gather all that a page of scores shows, by the names that its template uses.

    Args:
        scores: as for `write_report`, and so the others.
        resamples: how many times the groups are drawn anew.
        seed: of the draws and of the choice of cells.
        scores_path: the file that the scores were read from.
        tell: told as the small pictures are made.
    """
    summary = summarise(scores, resamples=resamples, seed=seed)
    alone = left_alone(scores, resamples=resamples, seed=seed)
    about = read_about(scores.about)
    if about.root is not None and scores_path is not None:
        about = replace(about, root=str(scores_path.parent / about.root))
    return {
        **_measured(scores, summary, about),
        **_cells(scores, about, seed, tell),
        **_origin(scores, about, summary, scores_path),
        "doubt": doubt(alone),
        "more_sections": [],
    }


def environment() -> Environment:
    """Give the room in which the pages' templates are filled."""
    room = Environment(
        loader=PackageLoader("papscope.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    room.filters["breakable"] = _breakable
    room.filters["drawn"] = Markup  # only pictures, whose words are escaped where they are made
    room.filters["many"] = _many
    return room


def _breakable(name: str) -> Markup:
    """Let a long name break after its joints, and keep a short one whole."""
    text = str(escape(name))
    if len(name) <= _SHORT:
        return Markup(f'<span class="whole">{text}</span>')  # noqa: S704  # escaped above
    return Markup(text.replace("_", "_<wbr>").replace("-", "-<wbr>"))  # noqa: S704  # escaped above


def _many(number: int, what: str) -> str:
    """Count things: `1 image`, `12 images`, with thin spaces from 10 000 on."""
    digits = f"{number:,}".replace(",", "\u202f") if number >= 10_000 else str(number)
    return f"{digits} {what}{'' if number == 1 else 's'}"


def _measured(scores: Scores, summary: Summary, about: About) -> dict[str, Any]:
    overall = {key: shown(key, measure) for key, measure in summary.overall.items()}
    leaks = summary.leaks or about.model_leaks
    told = [one for one in summary.warnings if leaks is None or not one.startswith(leaks)]
    return {
        "summary": summary,
        "names": scores.class_names,
        "hits": int(summary.confusion.trace()),
        "overall": overall,
        "headline": [overall[key] for key in _HEADLINE],
        "tables": [(title, [overall[key] for key in keys]) for title, keys in _TABLES],
        "per_class": {
            name: {key: shown(key, measures[key]) for key in CLASS_KEYS}
            for name, measures in summary.per_class.items()
        },
        "row_totals": summary.confusion.sum(axis=1).tolist(),
        "confusion": summary.confusion.tolist(),
        "two_by_two": _two_by_two(summary),
        "pictures": pictures(scores, summary, about),
        "warnings": [one for one in told if "of the resamples" not in one],
        "footnotes": [one for one in told if "of the resamples" in one],
        "leaks": leaks,
    }


def _two_by_two(summary: Summary) -> dict[str, dict[str, int]] | None:
    """Count normal and abnormal images by the side of their called class: truth, then call."""
    if summary.sides is None:
        return None
    found = {truth: {"normal": 0, "abnormal": 0} for truth in ("normal", "abnormal")}
    names = [one.name for one in summary.classes]
    for row, truth in enumerate(names):
        for column, called in enumerate(names):
            number = int(summary.confusion[row, column])
            found[summary.sides[truth]][summary.sides[called]] += number
    return found


def _cells(scores: Scores, about: About, seed: int, tell: Tell) -> dict[str, Any]:
    chosen = choose(scores, seed=seed)
    root = None if about.root is None else Path(about.root)
    made = tiles(scores, chosen.all(), root, tell=tell)
    hits = scores.called == scores.truth
    rows = []
    for place, name in enumerate(scores.class_names):
        of_it = scores.truth == place
        right = tuple(made[one] for one in chosen.right[place])
        wrong = tuple(made[one] for one in chosen.wrong[place])
        counts = int((of_it & hits).sum()), int((of_it & ~hits).sum())
        rows.append(ClassCells(name, right, wrong, *counts))
    return {
        "worst": [made[one] for one in chosen.worst],
        "n_wrong": int((~hits).sum()),
        "cells": rows,
        "missing": sum(one.picture is None for one in made.values()),
        "tiles": len(made),
    }


def _origin(scores: Scores, about: About, summary: Summary, file: Path | None) -> dict[str, Any]:
    parts = list(in_order(about.counts))
    readings = [reading_of(one, about.dataset) for one in scores.classes]
    rest_on = {key for one in readings for key in one.sources}
    return {
        "readings": readings,
        "sources": [text for key, text in SOURCES.items() if key in rest_on],
        "about": about,
        "title": title_of(about.dataset),
        "parts": parts,
        "part_totals": {part: sum(about.counts[part].values()) for part in parts},
        "protocol": protocol(about),
        "limits": limits(about, scores.classes, all(scores.groups)),
        "version": __version__,
        "command": _command(file, summary),
        "scores_sha256": None if file is None else digest_of(file),
    }


def _command(file: Path | None, summary: Summary) -> str:
    """Give the command that makes the page again, with what differs from its defaults."""
    name = "SCORES.csv" if file is None else shlex.quote(file.name)
    options = {"--resamples": (summary.resamples, 2000), "--seed": (summary.seed, 0)}
    extra = [f" {key} {value}" for key, (value, usual) in options.items() if value != usual]
    return f"papscope report {name} -o report.html{''.join(extra)}"

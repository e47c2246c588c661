"""A cross-validation as one HTML file: all folds together, and each by itself.

Takes   the pooled scores and what is told of folds, repeats, choices and the leak
Gives   a page like that of any scores, with the sections that only a cross-validation has
Never   shows a leaking number without its stamp, or a mean of folds as the result
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from papscope.evaluate.compare import MEASURES, Compared
from papscope.evaluate.folds import CHOICES, SHOWN, FoldLine, FoldsTold, Leak
from papscope.evaluate.summary import METRICS, Summary
from papscope.files import write_text
from papscope.progress import Tell, silent
from papscope.report.figures import history_svg
from papscope.report.numbers import plain, shown, signed
from papscope.report.page import context_of, environment
from papscope.scores import Scores

_LOSS = {"train_loss": "training", "val_loss": "validation"}


def write_folds_page(
    path: Path,
    scores: Scores,
    told: FoldsTold,
    *,
    resamples: int = 2000,
    scores_path: Path | None = None,
    tell: Tell = silent,
) -> Path:
    """Write the page in one step.

    Args:
        path: of the HTML file.
        scores: of the first repeat, all folds together.
        told: each fold and the rest.
        resamples: how many times the groups are drawn for the intervals.
        scores_path: the scores' file, whose name and digest are printed.
        tell: told as the small pictures are made.

    Raises:
        DiskError: the disk is full, or the place cannot be written.
    """
    context = context_of(scores, resamples=resamples, seed=0, scores_path=scores_path, tell=tell)
    summary: Summary = context["summary"]
    choices = _choices(told)
    context |= {
        "told": told,
        "about": replace(context["about"], part=None),
        "lines": [_line(one) for one in told.repeats[0]],
        "timed": any(one.seconds is not None for one in told.repeats[0]),
        "spread": _spread(told),
        "choices": choices,
        "inflation": _inflation(summary, told.leak) if told.leak else [],
        "leak_stamp": told.leak.leaky.leaks if told.leak else "",
        "honest_by": _by(summary),
        "curves": [_curve(one) for one in told.repeats[0] if one.history],
        "scores_name": scores_path.name if scores_path else "SCORES.csv",
        "more_sections": _sections(told, bool(choices)),
    }
    write_text(path, environment().get_template("crossval.html.j2").render(context))
    return path


def _sections(told: FoldsTold, choices: bool) -> list[tuple[str, str]]:
    every = (
        ("folds", "Each fold", True),
        ("repeats", "Repeats", bool(told.spread)),
        ("choices", "What each fold chose", choices),
        ("leaky", "Honest and leaky", told.leak is not None),
    )
    return [(place, title) for place, title, there in every if there]


def _line(one: FoldLine) -> dict[str, Any]:
    return {
        **{key: shown(key, one.measures[key]) for key in SHOWN},
        "fold": one.fold,
        "n": one.n,
        "groups": one.groups,
        "epochs": one.epochs,
        "kept_epoch": one.kept_epoch,
        "choice": one.choice.name if one.choice else "",
        "time": "\N{EN DASH}" if one.seconds is None else _minutes(one.seconds),
    }


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _spread(told: FoldsTold) -> list[dict[str, Any]]:
    return [
        {
            "mean": shown(key, one.mean),
            "each": [plain(value) for value in one.values],
            "deviation": plain(one.deviation),
        }
        for key, one in (told.spread or {}).items()
    ]


def _choices(told: FoldsTold) -> list[dict[str, Any]]:
    """Give every fold's choice, of all repeats."""
    rows = []
    for repeat, lines in enumerate(told.repeats, start=1):
        for one in lines:
            if one.choice is None:
                continue
            tried = [
                (
                    plain(each.mean),
                    ", ".join(plain(value) for value in each.values),
                    each.name == one.choice.name,
                )
                for each in one.choice.tried
            ]
            by = _title(one.choice.by)
            rows.append(
                {"repeat": repeat, "fold": one.fold, "tried": tried, "name": one.choice.name}
                | {"by": by if CHOICES[one.choice.by] else f"{by} (less is better)"}
            )
    return rows


def _title(key: str) -> str:
    return (METRICS.get(key) or MEASURES[key]).title


def _inflation(honest: Summary, leak: Leak) -> list[dict[str, Any]]:
    rows = []
    for key, one in leak.inflation.measures.items():
        if not isinstance(one, Compared) or key not in METRICS:
            continue
        gap = one.difference
        ends: Mapping[str, float] = {"gap": gap.value, "low": gap.low, "high": gap.high}
        rows.append(
            {
                "honest": shown(key, honest.overall[key]),
                "leaky": shown(key, leak.leaky.overall[key]),
            }
            | {name: signed(value) for name, value in ends.items()}
        )
    return rows


def _by(summary: Summary) -> str:
    told = (summary.protocol or {}).get("by")
    return "By strict group" if told == "strict" else "By group"


def _curve(one: FoldLine) -> tuple[str, str]:
    title = f"Fold {one.fold}"
    lines = {key: label for key, label in _LOSS.items() if any(key in e for e in one.history)}
    name = f"fold-{one.fold}-loss"
    return title, history_svg(name, one.history, lines, f"{title}: loss", best=one.kept_epoch)

"""All pictures of one report, drawn from its scores.

Takes   scores, their summary, and what they tell of themselves
Gives   SVG text by place on the page
Never   draws a curve that does not exist: where a class has no images there is none
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from papscope.evaluate.calibration import reliability
from papscope.evaluate.summary import Summary
from papscope.report.about import About
from papscope.report.curves import (
    Flags,
    Shares,
    class_reliability_svg,
    precision_recall_svg,
    roc_svg,
)
from papscope.report.figures import confusion_svg, history_svg, reliability_svg
from papscope.report.numbers import Shown, shown
from papscope.scores import Scores

CurveKey = Literal["auroc", "average_precision"]


@dataclass(frozen=True, slots=True)
class Panel:
    """A class's curve and the number under it."""

    what: str
    svg: str
    measure: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures of a report."""

    confusion: str
    roc: tuple[Panel, ...]
    precision_recall: tuple[Panel, ...]
    abnormal: Panel | None
    reliability: str
    class_reliability: tuple[tuple[str, str], ...]
    """Class and picture."""
    training: tuple[tuple[str, str], ...]
    """Title and picture."""
    best_epoch: int | None


def pictures(scores: Scores, summary: Summary, about: About) -> Pictures:
    """Draw every picture that the scores have numbers for."""
    confidence = scores.probabilities.max(axis=1)
    right = scores.called == scores.truth
    best = best_epoch(about)
    return Pictures(
        confusion=confusion_svg("confusion", summary.confusion, scores.class_names),
        roc=_of_classes(scores, summary, "auroc"),
        precision_recall=_of_classes(scores, summary, "average_precision"),
        abnormal=_of_sides(scores, summary),
        reliability=reliability_svg(
            "reliability", reliability(confidence, right), confidence, right
        ),
        class_reliability=tuple(
            (one, class_reliability_svg(f"reliability-{place}", summary.reliability[one], one))
            for place, one in enumerate(scores.class_names)
        ),
        training=_of_training(about, best),
        best_epoch=best,
    )


def _of_classes(scores: Scores, summary: Summary, key: CurveKey) -> tuple[Panel, ...]:
    draw = roc_svg if key == "auroc" else precision_recall_svg
    panels = []
    for place, name in enumerate(scores.class_names):
        of_it: Flags = scores.truth == place
        if of_it.any() and not of_it.all():
            chance: Shares = scores.probabilities[:, place]
            picture = draw(f"{key.replace('_', '-')}-{place}", of_it, chance, name)
            panels.append(Panel(name, picture, shown(key, summary.per_class[name][key])))
    return tuple(panels)


def _of_sides(scores: Scores, summary: Summary) -> Panel | None:
    if summary.sides is None:
        return None
    abnormal = np.array([summary.sides[name] == "abnormal" for name in scores.class_names])
    truth: Flags = abnormal[scores.truth]
    if truth.all() or not truth.any():
        return None
    chance: Shares = scores.probabilities[:, abnormal].sum(axis=1)
    picture = roc_svg("abnormal-roc", truth, chance, "abnormal against normal")
    return Panel("abnormal", picture, shown("abnormal_auroc", summary.overall["abnormal_auroc"]))


def best_epoch(about: About) -> int | None:
    """Give the epoch whose weights were kept: the first of the highest validation macro-F1.

    None where it was not chosen: the last one is kept then.
    """
    if dict(about.settings).get("keep") == "last":
        return None
    noted = [one for one in about.history if "val_macro_f1" in one]
    if not noted:
        return None
    return int(max(noted, key=lambda one: (one["val_macro_f1"], -one["epoch"]))["epoch"])


_LOSS = {"train_loss": "training", "val_loss": "validation"}
_SCORE = {"val_macro_f1": "macro F1", "val_accuracy": "accuracy"}
_TRAINING = (
    ("training-loss", "Loss after each epoch", _LOSS),
    ("training-score", "On the validation part after each epoch", _SCORE),
)


def _of_training(about: About, best: int | None) -> tuple[tuple[str, str], ...]:
    drawn = []
    for name, title, lines in _TRAINING:
        if any(key in one for one in about.history for key in lines):
            drawn.append((title, history_svg(name, about.history, lines, title, best=best)))
    return tuple(drawn)

"""The numbers that a model tells of itself when it ships.

Takes   the out-of-fold scores of its cross-validation
Gives   measures with intervals, as a bundle carries them
Never   measures a model on images that it has learned from
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from papscope.errors import MeasureError
from papscope.evaluate.grades import graded
from papscope.evaluate.summary import ClassKey, Summary, summarise
from papscope.scores import Scores
from papscope.split import Protocol
from papscope.taxonomy import graded_places

_OF_ALL = ("accuracy", "macro_f1", "balanced_accuracy", "macro_auroc", "calibration_error")
_OF_GRADES = ("accuracy", "macro_f1", "macro_auroc", "abnormal_auroc", "kappa_quadratic")
_OF_SIDES = ("abnormal_auroc", "abnormal_sensitivity", "abnormal_specificity")
OF_CLASS: tuple[ClassKey, ...] = ("recall", "precision", "auroc")
"""What is told of each class."""


def measured(scores: Scores, *, resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Give the numbers that a shipped bundle carries as its metrics.

    Args:
        scores: of all folds of a cross-validation, as the calibrated model would tell them.
        resamples: as for `summarise`.
        seed: of the draws.

    Raises:
        MeasureError: the scores are of images that were learned from.
    """
    if scores.leaks or scores.about.get("part") == "train":
        raise MeasureError(
            f"the scores are of images that were learned from: {scores.leaks or 'part train'}",
            hint="give the scores of the folds that were left out",
        )
    summary = summarise(scores, resamples=resamples, seed=seed)
    sets = {f"{len(summary.classes)} classes": _chosen(summary, _OF_ALL)}
    if graded_places(scores.classes) is not None:
        four = summarise(graded(scores), resamples=resamples, seed=seed)
        sets["4 grades"] = _chosen(four, _OF_GRADES)
    if summary.sides is not None:
        sets["normal or abnormal"] = _chosen(summary, _OF_SIDES)
    return {
        "part": _by_what(summary),
        "n": summary.n,
        "groups": summary.groups,
        "sets": sets,
        "per_class": {
            name: {
                **{key: one[key].to_json() for key in OF_CLASS},
                "support": dict(one["support"]),
            }
            for name, one in summary.per_class.items()
        },
    }


def _chosen(summary: Summary, keys: Sequence[str]) -> dict[str, Any]:
    return {key: summary.overall[key].to_json() for key in keys}


def _by_what(summary: Summary) -> str:
    how = (
        Protocol.from_json(summary.protocol).sentence() if summary.protocol else "cross-validation"
    )
    return f"sister models, each on images of groups that it never saw: {how}"

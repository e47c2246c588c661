"""Scores made ready to be measured as they are, or resampled thousands of times.

Takes   `Scores`, and how often each group is drawn
Gives   every measure at once, one value a resample; NaN, inside this package, where undefined
Never   forms an interval, or words a reason

All measures of one resample see the same draw. Confusion matrices come from one matrix product,
(resamples, groups) by (groups, c * c), and rankings are sorted once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from papscope.evaluate import metrics
from papscope.evaluate.calibration import CalibrationError
from papscope.evaluate.intervals import Counts, Groups, Values, resamples_of
from papscope.evaluate.proper import MeanCosts
from papscope.evaluate.ranking import Ranking, auroc_and_average_precision
from papscope.scores import Scores
from papscope.taxonomy import grades, sides


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Everything about the images that does not change from resample to resample."""

    truth: npt.NDArray[np.int64]
    called: npt.NDArray[np.int64]
    groups: Groups
    cells: Values
    """(g, c * c), the confusion matrix of each group."""
    rankings: tuple[Ranking, ...]
    """Of each class against the rest."""
    abnormal: tuple[bool, ...] | None
    """Of each class; None where the classes have no two sides."""
    abnormal_ranking: Ranking | None
    grades: tuple[int, ...] | None
    """Of each class; None where the classes have no order."""
    calibration: CalibrationError
    """Of the called class."""
    class_calibrations: tuple[CalibrationError, ...]
    """Of each class's own probability."""
    costs: MeanCosts

    @classmethod
    def of(cls, scores: Scores) -> Sample:
        """Sort and count what can be sorted and counted once."""
        groups, called, c = Groups.of(scores.groups), scores.called, len(scores.classes)
        chances, truth = scores.probabilities, scores.truth
        cells = np.zeros((groups.number, c * c))
        np.add.at(cells, (groups.place, truth * c + called), 1.0)
        map_ = sides(scores.classes)
        abnormal = tuple(map_[n] == "abnormal" for n in scores.class_names) if map_ else None
        return cls(
            truth=truth,
            called=called,
            groups=groups,
            cells=cells,
            rankings=tuple(Ranking.of(chances[:, k], truth == k, groups.place) for k in range(c)),
            abnormal=abnormal,
            abnormal_ranking=_abnormal_ranking(scores, groups, abnormal) if abnormal else None,
            grades=grades(scores.classes),
            calibration=CalibrationError.of(chances.max(axis=1), called == truth, groups),
            class_calibrations=tuple(
                CalibrationError.of(chances[:, k], truth == k, groups) for k in range(c)
            ),
            costs=MeanCosts.of(scores, groups),
        )

    def measured(self, counts: Counts) -> dict[str, Values]:
        """Give every measure in each resample.

        Args:
            counts: (b, g), how often each group is drawn.

        Returns:
            By the key of the measure (b,), or (b, c) where each class has its own. Measures that
            need sides or grades are absent where there are none.
        """
        c = len(self.rankings)
        matrices = (counts.astype(np.float64) @ self.cells).reshape(-1, c, c)
        found = _of_matrices(matrices)
        ranked = [auroc_and_average_precision(one, counts) for one in self.rankings]
        for place, name in enumerate(("auroc", "average_precision")):
            found[name] = np.stack([pair[place] for pair in ranked], axis=1)
            found[f"macro_{name}"] = found[name].mean(axis=1)
        found["calibration_error"] = self.calibration(counts)
        each = [one(counts) for one in self.class_calibrations]
        found["classwise_calibration_error"] = np.mean(each, axis=0)
        found |= self.costs.measured(counts)
        if self.grades:
            found["kappa_quadratic"] = metrics.quadratic_kappa(matrices, self.grades)
        if self.abnormal and self.abnormal_ranking:
            found["abnormal_sensitivity"] = metrics.sensitivity(matrices, self.abnormal)
            found["abnormal_specificity"] = metrics.specificity(matrices, self.abnormal)
            found["abnormal_auroc"], _ = auroc_and_average_precision(self.abnormal_ranking, counts)
        return found

    def as_is(self) -> dict[str, Values]:
        """Give every measure of the images as they are: scalars (), or (c,) for each class."""
        once = self.measured(np.ones((1, self.groups.number), dtype=np.int64))
        return {name: values[0] for name, values in once.items()}

    def resampled(self, *, resamples: int, seed: int) -> Mapping[str, Values]:
        """Give every measure in each of r resamples: (r,), or (r, c) for each class."""
        draws = resamples_of(
            self.groups.number, resamples=resamples, seed=seed, width=len(self.truth)
        )
        blocks = [self.measured(counts) for counts in draws]
        return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _of_matrices(matrices: metrics.Matrices) -> dict[str, Values]:
    found = {
        "accuracy": metrics.accuracy(matrices),
        "balanced_accuracy": metrics.balanced_accuracy(matrices),
        "precision": metrics.precision(matrices),
        "recall": metrics.recall(matrices),
        "f1": metrics.f1(matrices),
    }
    for name in ("precision", "recall", "f1"):
        found[f"macro_{name}"] = metrics.averaged(found[name], matrices, "macro")
        found[f"weighted_{name}"] = metrics.averaged(found[name], matrices, "weighted")
    return found


def _abnormal_ranking(scores: Scores, groups: Groups, abnormal: Sequence[bool]) -> Ranking:
    flags = np.array(abnormal)
    chance = scores.probabilities[:, flags].sum(axis=1)
    return Ranking.of(chance, flags[scores.truth], groups.place)

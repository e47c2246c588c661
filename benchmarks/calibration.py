"""How right the probabilities are before and after calibration, by methods, on cross-validations.

Each fold is calibrated by what was fitted on the answers for the other folds: these are of sister
networks, each on groups that it never saw. No image has a part in its own calibration, nor in the
choice of the method by `auto`, which is made on inner folds of the other folds.

    papscope crossval cric-6.csv --recipe shipped -o runs/cric-6
    python benchmarks/calibration.py runs/cric-6

Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from papscope.decision import calibrated
from papscope.evaluate.calibrating import pooled
from papscope.evaluate.calibration import error_by_chance
from papscope.evaluate.candidates import METHODS, Method
from papscope.evaluate.scaling import Scaling, fit_scaling
from papscope.evaluate.summary import summarise
from papscope.evaluate.tables import said
from papscope.scores import Scores, read_scores

MEASURES = ("calibration_error", "classwise_calibration_error", "log_loss", "brier", "macro_recall")
HEADS = ("ECE", "by chance", "ECE of classes", "log-loss", "Brier", "macro recall")


@dataclass(frozen=True, slots=True)
class Outer:
    """One fold, calibrated by the others."""

    scaling: Scaling
    """Fitted on the other folds."""
    scores: Scores
    """Of the fold, calibrated."""


def main() -> None:
    """Measure every folder by every method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="of `papscope crossval`")
    parser.add_argument("--resamples", type=int, default=2000)
    asked = parser.parse_args()
    print(f"| images | method | n | groups | {' | '.join(HEADS)} |")
    print("|---|---|---:|---:|" + "---:|" * len(HEADS))
    for folder in asked.folders:
        folds = folds_of(folder)
        print(line(folder.name, "none", pooled(folds), asked.resamples), flush=True)
        for method in METHODS:
            found = list(outer(folds, method))
            chosen = sorted({str(one.scaling.calibration["method"]) for one in found})
            name = f"auto: {', '.join(chosen)}" if method == "auto" else method
            scores = pooled([one.scores for one in found])
            print(line(folder.name, name, scores, asked.resamples), flush=True)


def folds_of(folder: Path) -> list[Scores]:
    """Read the answers for each fold of a cross-validation's first repeat."""
    files = sorted(folder.glob("repeat-1/fold-*/scores.csv"))
    if len(files) < 3:
        raise SystemExit(f"{folder} is not the folder of a cross-validation of three or more folds")
    return [read_scores(one) for one in files]


def outer(folds: Sequence[Scores], method: Method) -> Iterator[Outer]:
    """Calibrate each fold by the others."""
    for place, fold in enumerate(folds):
        others = pooled([one for k, one in enumerate(folds) if k != place])
        scaling = fit_scaling(others, method)
        yield Outer(
            scaling,
            replace(fold, probabilities=calibrated(fold.probabilities, scaling.calibration)),
        )


def line(name: str, method: str, scores: Scores, resamples: int) -> str:
    """Measure, as a row."""
    found = summarise(scores, resamples=resamples)
    first, *others = (said(found.overall[key]) for key in MEASURES)
    chance = f"{error_by_chance(scores.probabilities):.3f}"
    cells = [name, method, str(found.n), str(found.groups), first, chance, *others]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

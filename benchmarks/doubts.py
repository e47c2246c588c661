"""Whether wrong labels are found: a known share is flipped in real out-of-fold scores.

Labels are moved to any other class, or to a class of a neighbouring grade, and what is then in
doubt is held against what was moved. Beside confident learning stand every label that the model
calls otherwise; as many labels by the least margin between the given and the best other class; and
what cleanlab picks by noise rates, its way unless told otherwise.

The networks had learned from the labels as they are, not from flipped ones: this measures how
labels are found in scores, and says nothing of what flipped labels do to a network. And labels that
were wrong before count as false alarms: precision is at least what is shown.

    papscope crossval cric-6.csv --recipe shipped -o runs/cric-6
    python benchmarks/doubts.py runs/cric-6

Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import roc_auc_score

from papscope.evaluate.doubts import Doubts, doubted, find_doubts
from papscope.evaluate.intervals import Measure
from papscope.evaluate.noise import APART, joint_of
from papscope.evaluate.tables import said
from papscope.scores import Scores, read_scores
from papscope.seeds import stream
from papscope.taxonomy import grades

SHARES = (0.05, 0.1)
WAYS = ("any class", "next grade")
FIRST = 100
"""Labels that a reader looks at before tiring."""

Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def main() -> None:
    """Measure every folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="of `papscope crossval`")
    parser.add_argument("--seeds", type=int, default=40, help="times that labels are flipped")
    parser.add_argument("--resamples", type=int, default=2000)
    asked = parser.parse_args()
    found = {
        one.name: find_doubts([read_scores(one / "scores.csv")], resamples=asked.resamples)
        for one in asked.folders
    }
    _as_they_are(found)
    _each_class(found)
    _flipped({name: one.scores for name, one in found.items()}, asked.seeds)


def _as_they_are(found: Mapping[str, Doubts]) -> None:
    print(
        "| images | labels | called otherwise | in doubt | estimated share | of them: "
        + ", ".join(APART.values())
        + " |\n|---|---:|---:|---:|---|---|"
    )
    for name, one in found.items():
        scores, far = one.scores, one.counts_apart
        called = int((scores.called != scores.truth).sum())
        told = ", ".join(str(far.get(key, "-")) for key in APART)
        print(
            f"| {name} | {len(scores)} | {called} | {len(one.suspects)} | "
            f"{_share(one.noise.share)} | {told} |"
        )


def _each_class(found: Mapping[str, Doubts]) -> None:
    print(
        "\n| images | given label | labels | in doubt | suggested most | estimated share |\n"
        "|---|---|---:|---:|---|---|"
    )
    for name, one in found.items():
        counts, names = one.counts, one.scores.class_names
        for place, given in enumerate(names):
            order = np.argsort(-counts[place], kind="stable")[:2]
            told = ", ".join(f"{names[k]} {counts[place, k]}" for k in order if counts[place, k])
            print(
                f"| {name} | {given} | {int((one.scores.truth == place).sum())} | "
                f"{int(counts[place].sum())} | {told} | {_share(one.noise.of_class[given])} |"
            )


def _share(measure: Measure) -> str:
    return said(measure).replace("[", "(").replace("]", ")").replace(", ", " to ")


def _flipped(found: Mapping[str, Scores], seeds: int) -> None:
    print(
        "\n| images | moved to | share moved | choice | in doubt | precision | recall |\n"
        "|---|---|---:|---|---:|---|---|"
    )
    ranked, risen = [], []
    for name, scores in found.items():
        before = 1 - joint_of(scores.truth, scores.probabilities).trace()
        for way in WAYS:
            for share in SHARES:
                each = [_once(scores, way, share, seed) for seed in range(seeds)]
                start = f"| {name} | {way} | {share:.0%} |"
                for choice in each[0].choices:
                    cells = np.array([one.choices[choice] for one in each]).T
                    numbers = " | ".join(map(_spread, cells[1:]))
                    print(f"{start} {choice} | {cells[0].mean():.0f} | {numbers} |", flush=True)
                for by in each[0].ranks:
                    cells = np.array([one.ranks[by] for one in each]).T
                    ranked.append(f"{start} {by} | {' | '.join(map(_spread, cells))} |")
                after = np.array([one.estimated for one in each])
                risen.append(
                    f"{start} {before:.3f} | {_spread(after)} | {_spread(after - before)} |"
                )
    print(
        f"\n| images | moved to | share moved | rank by | AUROC | of the first {FIRST}, moved |\n"
        "|---|---|---:|---|---|---|"
    )
    print("\n".join(ranked))
    print(
        "\n| images | moved to | share moved | estimated share before | after | rise |\n"
        "|---|---|---:|---:|---|---|"
    )
    print("\n".join(risen))


class _Once:
    """What came of one flip."""

    def __init__(self, labels: Places, moved: Flags, scores: Scores) -> None:
        chances = scores.probabilities
        quality, suspects = doubted(labels, chances)
        margin = get_label_quality_scores(labels, chances, method="normalized_margin")
        pruned = find_label_issues(labels, chances, n_jobs=1)
        least = np.argsort(margin, kind="stable")[: len(suspects)]
        self.choices = {
            "confident learning": _hits(suspects, moved),
            "as many, least margin": _hits(least, moved),
            "cleanlab's noise rates": _hits(np.flatnonzero(pruned), moved),
            "called otherwise": _hits(np.flatnonzero(scores.called != labels), moved),
        }
        self.ranks = {
            "probability of the label": _ranked(quality, moved),
            "margin": _ranked(margin, moved),
        }
        self.estimated = 1 - float(joint_of(labels, chances).trace())


def _once(scores: Scores, way: str, share: float, seed: int) -> _Once:
    draw = stream(seed, f"flip {way} {share}")
    moved = np.zeros(len(scores), dtype=bool)
    moved[draw.choice(len(scores), round(share * len(scores)), replace=False)] = True
    labels = scores.truth.copy()
    for place in np.flatnonzero(moved):
        labels[place] = draw.choice(_others(scores, int(labels[place]), way))
    return _Once(labels, moved, scores)


def _others(scores: Scores, label: int, way: str) -> Places:
    """Give the classes that a label may be moved to."""
    order = grades(scores.classes)
    if way == "any class" or order is None:
        return np.array([k for k in range(len(scores.classes)) if k != label])
    steps = np.abs(np.array(order) - order[label])
    return np.flatnonzero(steps == steps[steps > 0].min())


def _hits(chosen: Places, moved: Flags) -> tuple[float, float, float]:
    """Give how many labels are chosen, and precision and recall."""
    hits = float(moved[chosen].sum())
    return float(len(chosen)), hits / max(len(chosen), 1), hits / float(moved.sum())


def _ranked(quality: npt.NDArray[np.float64], moved: Flags) -> tuple[float, float]:
    first = np.argsort(quality, kind="stable")[:FIRST]
    return float(roc_auc_score(moved, -quality)), float(moved[first].mean())


def _spread(values: npt.NDArray[np.float64]) -> str:
    """Word the mean over flips, and where 95 % of them lie."""
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()

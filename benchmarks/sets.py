"""Whether prediction sets keep their promise for new groups, how large they are, who is referred.

Rules for each fold are fitted on the answers for the other folds, as `papscope calibrate --sets`
does, and measured on the fold: no image has a part in its own rule. Beside them stand the usual
limits, for which cells of a group are independent. How far the coverage strays is shown by halves:
limits from one half of the groups, coverage of the other, many times over.

    papscope crossval cric-6.csv --recipe shipped -o runs/cric-6
    python benchmarks/sets.py runs/cric-6

Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import ceil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration import Outer, folds_of, outer
from papscope.errors import MeasureError
from papscope.evaluate.alone import left_alone
from papscope.evaluate.calibrating import pooled
from papscope.evaluate.candidates import METHODS
from papscope.evaluate.conformal import Wanted, fit_rules, group_quantile
from papscope.evaluate.coverage import (
    abnormal_flags,
    measure_referral,
    referred,
    sets_measured,
    worst_flags,
)
from papscope.evaluate.intervals import Estimate, Groups, Measure
from papscope.rules import SCORES, Flags, Rules, Score, SetRule, Shares, held, strangeness
from papscope.scores import Scores
from papscope.seeds import stream

Quantile = Callable[[Shares, npt.NDArray[np.int64], float], float]
HALVES = 500
SENSITIVITY = 0.95


def main() -> None:
    """Measure every folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="of `papscope crossval`")
    parser.add_argument("--method", choices=METHODS, default="auto", help="of calibration")
    parser.add_argument("--coverage", type=float, default=0.9)
    parser.add_argument("--resamples", type=int, default=2000)
    asked = parser.parse_args()
    found = {one.name: list(outer(folds_of(one), asked.method)) for one in asked.folders}
    draws = (asked.resamples, 0)
    _sets(found, asked.coverage, draws)
    _referral(found, asked.coverage, draws)
    _halves(found, asked.coverage)
    _aside(found, draws)


def cell_quantile(values: Shares, _: npt.NDArray[np.int64], level: float) -> float:
    """Give the usual limit of split-conformal prediction, for which each cell is one of its own."""
    place = ceil((len(values) + 1) * level - 1e-9)
    return float(np.sort(values)[place - 1]) if place <= len(values) else float("inf")


def limits(
    scores: Scores, score: Score, by_class: bool, level: float, quantile: Quantile
) -> SetRule:
    """Fit limits by any quantile; a class that has none gets the loosest of the others."""
    own = strangeness(scores.probabilities, score)[np.arange(len(scores)), scores.truth]
    place = Groups.of(scores.groups).place
    c = len(scores.classes)
    chosen = [scores.truth == k if by_class else np.ones(len(scores), bool) for k in range(c)]
    found = [quantile(own[one], place[one], level) for one in chosen]
    loosest = max(one for one in found if np.isfinite(one))
    return SetRule(score=score, coverage=level, limits=tuple(min(one, loosest) for one in found))


def _sets(found: dict[str, list[Outer]], level: float, draws: tuple[int, int]) -> None:
    print(
        "| images | limits | score | coverage | each group alike | classes in a set | one class | "
        "empty | least of a class |\n|---|---|---|---:|---:|---:|---:|---:|---|"
    )
    for name, folds in found.items():
        every = pooled([one.scores for one in folds])
        groups = Groups.of(every.groups)
        for by_class in (True, False):
            for score in SCORES:
                for title, quantile in (("groups", group_quantile), ("cells", cell_quantile)):
                    flags = np.concatenate(
                        [
                            held(
                                one.scores.probabilities,
                                limits(one.scaling.held_out, score, by_class, level, quantile),
                            )
                            for one in folds
                        ]
                    )
                    told = sets_measured(every, flags, groups, level, draws=draws)
                    whose = "each class" if by_class else "all"
                    known = {k: m for k, m in told.per_class.items() if isinstance(m, Estimate)}
                    worst = min(known, key=lambda key: known[key].value)
                    cells = (told.coverage, told.coverage_of_groups)
                    shares = (told.single, told.empty)
                    print(
                        f"| {name} | {whose}, by {title} | {score} | "
                        f"{' | '.join(map(_percent, cells))} | {_number(told.size)} | "
                        f"{' | '.join(map(_percent, shares))} | {worst} {_percent(known[worst])} |",
                        flush=True,
                    )


def _referral(found: dict[str, list[Outer]], level: float, draws: tuple[int, int]) -> None:
    print(
        "\n| images | referred | of the abnormal | of HSIL or worse | right, of those not referred "
        "|\n|---|---:|---:|---:|---:|"
    )
    for name, folds in found.items():
        flags = []
        for one in folds:
            fitted = fit_rules(one.scaling.held_out, Wanted(coverage=level))
            rules = Rules.from_json(fitted.rules, len(one.scores.classes))
            flags.append(referred(one.scores.probabilities, one.scores.classes, rules))
        every = pooled([one.scores for one in folds])
        told = measure_referral(every, np.concatenate(flags), resamples=draws[0], seed=draws[1])
        cells = (told.referred, told.abnormal, told.worst, told.right_when_kept)
        print(f"| {name} | {' | '.join(map(_percent, cells))} |", flush=True)


def _halves(found: dict[str, list[Outer]], level: float) -> None:
    """Show how far the coverage of all cells strays from one half to the other."""
    print(
        "\n| images | halves | limits | mean coverage | of 20 halves the worst reaches | "
        "missing the promise by over two points |\n|---|---|---|---:|---:|---:|"
    )
    for name, folds in found.items():
        every = pooled([one.scores for one in folds])
        for halves in ("cells", "groups"):
            for title, quantile in (("cells", cell_quantile), ("groups", group_quantile)):
                one = np.array(_coverages(every, halves == "groups", level, quantile))
                low, missed = float(np.quantile(one, 0.05)), float((one < level - 0.02).mean())
                print(
                    f"| {name} | of {halves} | by {title} | {one.mean():.1%} | {low:.1%} | "
                    f"{missed:.0%} |",
                    flush=True,
                )


def _coverages(scores: Scores, by_group: bool, level: float, quantile: Quantile) -> list[float]:
    draw = stream(0, "halves")
    place = Groups.of(scores.groups).place
    own = strangeness(scores.probabilities, "lac")[np.arange(len(scores)), scores.truth]
    unit = place if by_group else np.arange(len(scores))
    found = []
    for _ in range(HALVES):
        first = (draw.permutation(unit.max() + 1) % 2 == 0)[unit]
        limit = quantile(own[first], place[first], level)
        found.append(float((own[~first] <= limit).mean()))
    return found


def _aside(found: dict[str, list[Outer]], draws: tuple[int, int]) -> None:
    """Set cells aside by thresholds from the other folds, and by one found on the cells."""
    print(
        "\n| images | target | threshold from | set aside | sensitivity |\n|---|---|---|---:|---:|"
    )
    for name, folds in found.items():
        every = pooled([one.scores for one in folds])
        classes = every.classes
        targets = {"HSIL or worse": worst_flags(classes), "abnormal": abnormal_flags(classes)}
        for target, flags in targets.items():
            if flags is None:
                continue
            for title, quantile in (("groups", group_quantile), ("cells", cell_quantile)):
                kept = np.concatenate([_kept(one, flags, quantile) for one in folds])
                told = _told(every, kept, flags, draws)
                print(f"| {name} | {target} | other folds, by {title} | {told} |", flush=True)
        for one in left_alone(every, resamples=draws[0]).aside:
            print(f"\n{name}: {one.sentence()}.", flush=True)


def _kept(one: Outer, flags: Flags, quantile: Quantile) -> Flags:
    others = one.scaling.held_out
    meant = flags[others.truth]
    chance = others.probabilities[:, flags].sum(axis=1)[meant]
    threshold = -quantile(-chance, Groups.of(others.groups).place[meant], SENSITIVITY)
    return np.asarray(one.scores.probabilities[:, flags].sum(axis=1) >= threshold)


def _told(scores: Scores, kept: Flags, flags: Flags, draws: tuple[int, int]) -> str:
    told = measure_referral(scores, kept, resamples=draws[0], seed=draws[1])
    of_target = told.worst if flags.sum() < abnormal_count(scores) else told.abnormal
    if not isinstance(told.referred, Estimate):
        raise MeasureError("there is no image", hint="give a cross-validation of some images")
    one = told.referred
    aside = Estimate(1 - one.value, 1 - one.high, 1 - one.low, one.n)
    return f"{_percent(aside)} | {_percent(of_target)}"


def abnormal_count(scores: Scores) -> int:
    """Count the abnormal classes."""
    flags = abnormal_flags(scores.classes)
    return 0 if flags is None else int(flags.sum())


def _percent(measure: Measure) -> str:
    if not isinstance(measure, Estimate):
        return "-"
    return f"{measure.value:.1%} ({measure.low:.1%} to {measure.high:.1%})"


def _number(measure: Measure) -> str:
    if not isinstance(measure, Estimate):
        return "-"
    return f"{measure.value:.2f} ({measure.low:.2f} to {measure.high:.2f})"


if __name__ == "__main__":
    main()

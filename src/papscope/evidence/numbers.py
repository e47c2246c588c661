"""Measures in words: each with its interval and its n.

Takes   measures as `metrics.json` and bundles have them
Gives   short texts; what is undefined says why
Never   gives a number without its interval and n
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeAlias

from papscope.evaluate.intervals import Estimate, measure_from_json
from papscope.evaluate.summary import METRICS
from papscope.evaluate.tables import said

Measures: TypeAlias = Mapping[str, Mapping[str, Any]]
"""By key of `METRICS`, as JSON has a measure."""

_HEADLINE = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auroc")
_SIDES = ("abnormal_sensitivity", "abnormal_specificity", "abnormal_auroc")
_MAIN = (*_HEADLINE, "kappa_quadratic", *_SIDES, "calibration_error", "log_loss", "brier")
_CONFUSIONS = 3


def measure(value: Mapping[str, Any]) -> str:
    """Write one measure.

    >>> measure({"value": 0.5, "low": 0.25, "high": 0.75, "n": 8})
    '0.500 [0.250, 0.750], n 8'
    >>> measure({"undefined": "no image is normal", "n": 0})
    'undefined (no image is normal)'
    """
    one = measure_from_json(value)
    return f"{said(one)}, n {one.n}" if isinstance(one, Estimate) else f"undefined ({one.why})"


def _of(value: Measures, keys: Iterable[str]) -> str:
    """Write the measures of some keys; those that do not exist are left out."""
    there = [(key, value[key]) for key in keys if key in value and "undefined" not in value[key]]
    return "; ".join(f"{METRICS[key].title} {measure(one)}" for key, one in there)


def _sets(value: Mapping[str, Measures], keys: Iterable[str]) -> str:
    """Write the measures of several sets of classes."""
    wanted = tuple(keys)
    told = ((title, _of(measures, wanted)) for title, measures in value.items())
    return "; ".join(f"{title}: {words}" for title, words in told if words)


def _by_class(value: Mapping[str, Mapping[str, Any]]) -> str:
    def one(measures: Mapping[str, Any]) -> str:
        return ", ".join(
            f"{key} {measure(measures[key])}" for key in ("recall", "precision") if key in measures
        )

    return "; ".join(f"{name}: {one(measures)}" for name, measures in value.items())


def _confusions(measured: Mapping[str, Any]) -> str:
    """Name the pairs of classes that are confused most often."""
    names = [one["name"] for one in measured["classes"]]
    rows = measured["confusion"]
    pairs = [
        (number, truth, called)
        for truth, row in enumerate(rows)
        for called, number in enumerate(row)
        if number and truth != called
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    return "; ".join(
        f"{names[truth]} called {names[called]}, {number} of {sum(rows[truth])}"
        for number, truth, called in islice(pairs, _CONFUSIONS)
    )


def _titles(value: Measures) -> str:
    return "; ".join(METRICS[key].title for key in METRICS if key in value)


def _set_titles(value: Mapping[str, Measures]) -> str:
    keys = {key for measures in value.values() for key in measures}
    return "; ".join(METRICS[key].title for key in METRICS if key in keys)


def _spread(value: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{METRICS[key].title} {', '.join(f'{number:.3f}' for number in one['values'])}"
        for key, one in value.items()
        if key in METRICS
    )


def _folds(repeats: list[Mapping[str, Any]]) -> str:
    """Give the accuracy in each fold of the first repeat."""
    return "; ".join(measure(fold["measures"]["accuracy"]) for fold in repeats[0]["folds"])


WORDS: Mapping[str, Callable[[Any], str]] = {
    "by-class": _by_class,
    "confusions": _confusions,
    "every-measure": lambda value: _of(value, _MAIN),
    "every-set": lambda value: _sets(value, _MAIN),
    "folds": _folds,
    "headline": lambda value: _of(value, _HEADLINE),
    "measure": measure,
    "set-titles": _set_titles,
    "sets-headline": lambda value: _sets(value, _HEADLINE),
    "sides": lambda value: _of(value, _SIDES),
    "spread": _spread,
    "titles": _titles,
}
"""What a gap may name for measures."""

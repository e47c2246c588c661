"""The key facts of a model's card, for a report on what it said.

Takes   a model that answered, and the models that answer here
Gives   pairs of words, and its known failures
Never   tells a number without saying what it was measured on
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from papscope.bundle import Description
from papscope.serve.case_list import ShownModel
from papscope.serve.models import Model, Models
from papscope.shipped import MARK

_TITLES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "abnormal_auroc": "AUROC of abnormal against normal",
}
"""The measures that a report repeats from a card; the card has all."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a report says of a model."""

    name: str
    digest: str
    facts: tuple[tuple[str, str], ...]
    failures: tuple[str, ...]


def model_facts(shown: ShownModel, models: Models) -> ModelFacts:
    """Give the facts of a model; little where it does not answer here any more."""
    model = models.of_digest(shown.digest)
    if model is None:
        gone = ("Card", "it does not answer here any more: see the card that came with it")
        return ModelFacts(shown.name, shown.digest, (gone,), ())
    return facts_of(model)


def facts_of(model: Model) -> ModelFacts:
    """Give the facts of a model that answers here."""
    about = model.predictor.about
    told: Mapping[str, Any] = about.provenance.get(MARK) or {}
    failures = tuple(str(one) for one in told.get("failures", ()))
    return ModelFacts(model.name, model.digest, tuple(_facts(about, told)), failures)


def _facts(about: Description, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    known = about.provenance
    yield "Classes", ", ".join(one.name for one in about.classes)
    if told.get("purpose"):
        yield "For", str(told["purpose"])
    if told.get("expects"):
        yield "Pictures that it knows", str(told["expects"])
    yield "Network", f"{about.backbone}, input {about.preprocess.size} x {about.preprocess.size} px"
    data = [str(known[key]) for key in ("dataset", "licence") if known.get(key)]
    if data:
        yield "Learned from", ", ".join(data)
    version = (known.get("versions") or {}).get("papscope")
    if version:
        yield "Made by", f"papscope {version}"
    leaks = (known.get("protocol") or {}).get("leaks")
    if leaks:
        yield "Beware", str(leaks)
    yield from _measured(about.metrics)
    yield "Calibration", _calibration(about.calibration)


def _measured(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    part = metrics.get("part", "the validation part, on which its best epoch was chosen")
    sets = metrics.get("sets") or {"": metrics}
    found = []
    for title, measures in sets.items():
        for key, name in _TITLES.items():
            number = _number(measures.get(key))
            if number:
                found.append(f"{name}{f' ({title})' if title else ''} {number}")
    if found:
        yield "Measured", "; ".join(found)
        yield "Measured on", str(part)


def _number(value: object) -> str:
    """Word a measure with its interval, or a plain number; nothing where it is neither."""
    if isinstance(value, Mapping) and isinstance(value.get("value"), int | float):
        low, high = value.get("low"), value.get("high")
        between = f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else ""
        return f"{value['value']:.3f}{between}"
    return f"{value:.3f}" if isinstance(value, float) else ""


def _calibration(calibration: Mapping[str, Any]) -> str:
    if not calibration:
        return "none: probabilities are as the network gives them"
    fitted = calibration.get("fitted_on", "pictures that are not named")
    return f"{calibration.get('method')}, fitted on {fitted}"

"""When a model must not decide alone: sets of classes, and cells that a person must see.

Takes   what a bundle carries as its rules, and calibrated probabilities
Gives   which classes each set holds, and the reasons for which a cell is referred to a person
Never   fits a threshold (`evaluate.conformal` does), or knows a network, a file or a picture

Sources: M. Sadinle et al., J. Am. Stat. Assoc. 114 (2019), 223-234 (`lac`); Y. Romano et al.,
NeurIPS 2020, 3581-3591 (`aps`, here without its random part, so that the same picture always gets
the same set); A. Angelopoulos et al., ICLR 2021 (`raps`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from papscope.errors import BundleError

Score = Literal["lac", "aps", "raps"]
"""By what a class is strange to a picture: `lac` by its own probability, `aps` by that of all
classes as likely or likelier, `raps` by the same and how many they are."""

SCORES: tuple[Score, ...] = ("lac", "aps", "raps")

FREE_RANKS, RANK_PENALTY = 1, 0.1
"""Of `raps`: each class after the first that is likelier or as likely costs a tenth."""

Shares: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

UNLIKE = "unlike-training"
"""The reason that voids an answer: it comes from a bundle's gate, with or without other rules."""

OTHERWISE = "other-orientations"
"""The reason that voids a promise: it holds for every cell that is answered otherwise than the
bundle says."""

REASONS: Mapping[str, str] = {
    UNLIKE: "the picture is unlike anything the model learned from",
    "no-class": "no class is likely enough: the prediction set is empty",
    "several-classes": "the prediction set holds more than one class",
    "abnormal": "the abnormal classes together are likelier than the rule's threshold",
    "blurred": "the picture is out of focus",
    "saturated": "the picture is burnt out or black in large part",
    OTHERWISE: "the rules were fitted for answers over other orientations: they promise nothing",
}
"""Why a cell is referred to a person, by the code that an answer carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRule:
    """Which classes a prediction set holds: those whose strangeness is within the class's limit."""

    score: Score
    coverage: float
    """The share of cells of a new group whose class shall be in the set, 0..1."""
    limits: tuple[float, ...]
    """(c,), the most strangeness with which each class is still held; infinite: always held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a bundle carries; both None where it carries nothing."""

    sets: SetRule | None = None
    abnormal: float | None = None
    """A cell is referred from this probability of the abnormal classes on, 0..1."""

    @classmethod
    def from_json(cls, told: Mapping[str, Any], classes: int) -> Rules:
        """Read a bundle's rules; `{}` has none.

        Raises:
            BundleError: they mean nothing for so many classes.

        >>> Rules.from_json({"refer": {"abnormal": 0.25, "sensitivity": 0.95}}, 2)
        Rules(sets=None, abnormal=0.25)
        """
        try:
            sets = _set_rule(told["sets"], classes) if "sets" in told else None
            abnormal = float(told["refer"]["abnormal"]) if "refer" in told else None
        except (KeyError, TypeError, ValueError, OverflowError):
            raise _damaged(classes) from None
        if abnormal is not None and not 0 <= abnormal <= 1:
            raise _damaged(classes)
        return cls(sets=sets, abnormal=abnormal)

    @property
    def any(self) -> bool:
        """Whether there is a rule at all."""
        return self.sets is not None or self.abnormal is not None


NO_RULES = Rules()
"""Of a bundle that carries none."""


def _set_rule(told: Mapping[str, Any], classes: int) -> SetRule:
    score, coverage = told["score"], float(told["coverage"])
    limits = tuple(np.inf if one is None else float(one) for one in told["limits"])
    known = score in SCORES and 0 < coverage < 1 and len(limits) == classes
    if not known or not all(one >= 0 for one in limits):
        raise ValueError
    return SetRule(score=cast("Score", score), coverage=coverage, limits=limits)


def _damaged(classes: int) -> BundleError:
    return BundleError(
        f"the bundle's rules for {classes} classes are damaged, or of a later papscope",
        hint="calibrate the bundle again with `papscope calibrate --sets`",
    )


def rules_to_json(rule: SetRule) -> dict[str, Any]:
    """Give the form in which a bundle carries a rule for sets; JSON has no infinite number."""
    limits = [one if isfinite(one) else None for one in rule.limits]
    return {"score": rule.score, "coverage": rule.coverage, "limits": limits}


def strangeness(probabilities: Shares, score: Score) -> Shares:
    """Say how strange each class would be as the truth of each picture; higher is stranger.

    Args:
        probabilities: (n, c), calibrated; each row sums to 1.
        score: see `Score`.

    Returns:
        (n, c), 0 or more.

    >>> row = np.array([[0.5, 0.125, 0.375]])
    >>> [strangeness(row, one).round(3).tolist()[0] for one in SCORES]
    [[0.5, 0.875, 0.625], [0.5, 1.0, 0.875], [0.5, 1.2, 0.975]]
    """
    if score == "lac":
        return np.asarray(1.0 - probabilities)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    together = np.take_along_axis(probabilities, order, axis=1).cumsum(axis=1)
    if score == "raps":
        rank = np.arange(1, probabilities.shape[1] + 1)
        together = together + RANK_PENALTY * np.maximum(0, rank - FREE_RANKS)
    found = np.empty_like(together)
    np.put_along_axis(found, order, together, axis=1)
    return found


def held(probabilities: Shares, rule: SetRule) -> Flags:
    """Say which classes each picture's set holds, (n, c).

    Args:
        probabilities: (n, c), calibrated.
        rule: the bundle's.

    >>> rule = SetRule(score="lac", coverage=0.9, limits=(0.7, 0.7, 0.7))
    >>> held(np.array([[0.5, 0.125, 0.375]]), rule).tolist()
    [[True, False, True]]
    """
    return np.asarray(strangeness(probabilities, rule.score) <= np.array(rule.limits))


def reasons(
    labels: Sequence[str] | None,
    abnormal: float | None,
    faults: Sequence[str],
    rules: Rules,
    *,
    unlike: bool = False,
) -> tuple[str, ...]:
    """Give the reasons for which a cell is referred, in the order of `REASONS`.

    Args:
        labels: its prediction set; None where there is none.
        abnormal: the probability of the abnormal classes; None where nobody knows which they are.
        faults: of its picture, as `quality.faults` names them.
        rules: the bundle's.
        unlike: whether the bundle's gate lets the picture not pass.
    """
    threshold = rules.abnormal
    found = {
        UNLIKE: unlike,
        "no-class": labels is not None and not labels,
        "several-classes": labels is not None and len(labels) > 1,
        "abnormal": threshold is not None and abnormal is not None and abnormal >= threshold,
        **{fault: True for fault in faults if fault in REASONS},
    }
    return tuple(code for code in REASONS if found.get(code, False))

"""Scaling of probabilities, fitted so that 80 % means 80 %.

Takes   `Scores` of images that the model had not learned from
Gives   a calibration, by one method or the best of several, and what it gains
Never   applies it: `decision.calibrated` does, for every answer of the bundle that carries it

What the scaling gains is measured by groups held out: each fifth of the groups is scaled by what
was fitted on the other four, so that no image tells of a fit that it took part in. Where a form is
to be chosen, it is chosen anew for each fifth, on the other four alone, by the log-loss of each of
these when fitted on the other three. What is kept is chosen and fitted on all.

Sources: S. Varma and R. Simon, BMC Bioinformatics 7 (2006), 91 (choices on inner folds); I. J.
Good, J. R. Stat. Soc. B 14 (1952), 107-114 (logarithmic score). For the forms, see `candidates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.decision import calibrated
from papscope.errors import MeasureError, SettingError
from papscope.evaluate.calibration import CalibrationError, error_by_chance
from papscope.evaluate.candidates import CANDIDATES, METHODS, Candidate, Method
from papscope.evaluate.intervals import Groups
from papscope.evaluate.proper import LEAST, costs
from papscope.scores import Scores

HELD_OUT = 5
"""Into how many parts the groups are put; fewer where there are fewer groups."""

_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """A fitted calibration and what it gains."""

    calibration: Mapping[str, Any]
    """As `decision.calibrated` applies it."""
    tried: Mapping[str, float]
    """The log-loss of each candidate on parts held out, by name; empty where there was but one."""
    held_out: Scores
    """Each image calibrated by what was fitted without its group."""
    n: int
    groups: int
    log_loss: tuple[float, float]
    """Mean of minus the logarithm of the true class's probability, before and after."""
    error: tuple[float, float]
    """Expected calibration error of the called class, before and after."""
    error_by_chance: float
    """What so many images show of the error of probabilities that are exactly right."""
    called_otherwise: int
    """Images that are called something else than before."""

    @property
    def temperature(self) -> float | None:
        """Above 1 where the model was too sure of itself; None of another method."""
        return self.calibration.get("temperature")

    @property
    def bias(self) -> tuple[float, ...] | None:
        """Added to each class's logarithm; None where only a temperature was fitted."""
        found = self.calibration.get("bias")
        return None if found is None else tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Give what a bundle carries as its calibration."""
        tried = {name: round(one, _DIGITS) for name, one in self.tried.items()}
        return {
            **self.calibration,
            **({"tried": tried} if tried else {}),
            "n": self.n,
            "groups": self.groups,
            "log_loss_before": round(self.log_loss[0], _DIGITS),
            "log_loss_after": round(self.log_loss[1], _DIGITS),
            "ece_before": round(self.error[0], _DIGITS),
            "ece_after": round(self.error[1], _DIGITS),
            "ece_by_chance": round(self.error_by_chance, _DIGITS),
        }


def fit_temperature(scores: Scores, *, bias: bool = False) -> Scaling:
    """Fit a temperature by the least log-loss.

    A temperature changes how sure a model is and never what it calls an image. A bias also undoes
    what training with weighted classes does to their shares, and thereby calls rare classes less
    often: better probabilities, fewer rare cells found.

    Args:
        scores: of images that the model had not learned from, not calibrated yet.
        bias: fit a bias for each class too.

    Raises:
        MeasureError: the images are of one group, or a class to be fitted has none.
    """
    return fit_scaling(scores, "temperature", bias=bias)


def fit_scaling(scores: Scores, method: Method, *, bias: bool = False) -> Scaling:
    """Fit a calibration by the least log-loss, choosing its form where there is a choice.

    Args:
        scores: of images that the model had not learned from, not calibrated yet.
        method: one of `METHODS`; `auto` takes the best of all, and of those that weigh classes none
            where some part of the groups lacks a class.
        bias: of `temperature`: fit a bias for each class too.

    Raises:
        MeasureError: the images are of one group, or a class to be fitted has none.
        SettingError: there is no such method, or it has no use for `bias`.
    """
    if method not in METHODS or (bias and method != "temperature"):
        raise SettingError(
            f"method is {method!r}{' with a bias' if bias else ''}",
            hint=f"give one of {', '.join(METHODS)}; a bias goes with temperature alone",
        )
    groups = Groups.of(scores.groups)
    if groups.number < 2:
        raise MeasureError(
            f"the {len(scores)} images are of one group, so that what a calibration gains cannot "
            "be told",
            hint="calibrate on images of more slides or fields",
        )
    parts = groups.place % min(HELD_OUT, groups.number)
    candidates = (Candidate("temperature", bias=True),) if bias else CANDIDATES[method]
    fits = Fits(scores, parts, _possible(scores, parts, candidates))
    after = np.empty_like(scores.probabilities)
    for part in np.unique(parts):
        held = parts == part
        after[held] = calibrated(scores.probabilities[held], fits.best({int(part)}))
    scaled = replace(scores, probabilities=after)
    return Scaling(
        calibration=fits.best(set()),
        tried=fits.log_losses(set()),
        held_out=scaled,
        n=len(scores),
        groups=groups.number,
        log_loss=(_log_loss(scores), _log_loss(scaled)),
        error=(_error(scores, groups), _error(scaled, groups)),
        error_by_chance=error_by_chance(after),
        called_otherwise=int((scores.called != scaled.called).sum()),
    )


class Fits:
    """Every candidate fitted on every choice of parts that is asked for, each once."""

    def __init__(
        self, scores: Scores, parts: npt.NDArray[np.int64], candidates: Sequence[Candidate]
    ) -> None:
        self.scores, self.parts, self.candidates = scores, parts, candidates
        self.known: dict[tuple[Candidate, frozenset[int]], dict[str, Any]] = {}

    def fitted(self, one: Candidate, without: set[int]) -> dict[str, Any]:
        """Fit a candidate on all parts but some."""
        key = one, frozenset(without)
        if key not in self.known:
            kept = ~np.isin(self.parts, list(without))
            self.known[key] = one.fitted(self.scores.probabilities[kept], self.scores.truth[kept])
        return self.known[key]

    def log_losses(self, without: set[int]) -> dict[str, float]:
        """Give each candidate's log-loss over parts held out in turn, some left out altogether."""
        if len(self.candidates) == 1:
            return {}
        total = dict.fromkeys((one.name for one in self.candidates), 0.0)
        inner = [int(part) for part in np.unique(self.parts) if int(part) not in without]
        chances, truth = self.scores.probabilities, self.scores.truth
        for part in inner:
            held = self.parts == part
            for one in self.candidates:
                scaled = calibrated(chances[held], self.fitted(one, without | {part}))
                of_truth = scaled[np.arange(int(held.sum())), truth[held]]
                total[one.name] -= float(np.log(np.clip(of_truth, LEAST, 1.0)).sum())
        n = int(np.isin(self.parts, inner).sum())
        return {name: loss / n for name, loss in total.items()}

    def best(self, without: set[int]) -> dict[str, Any]:
        """Give the candidate of the least such loss, fitted on all of these parts."""
        losses = self.log_losses(without)
        best = min(self.candidates, key=lambda one: losses.get(one.name, 0.0))
        return self.fitted(best, without)


def _possible(
    scores: Scores,
    parts: npt.NDArray[np.int64],
    candidates: Sequence[Candidate],
) -> Sequence[Candidate]:
    """Leave out what weighs classes that some choice of parts lacks; refuse if nothing is left."""
    places = [int(one) for one in np.unique(parts)]
    away = 2 if len(candidates) > 1 else 1
    if len(places) <= away:
        raise MeasureError(
            f"the {len(scores)} images are of {len(places)} groups: too few to choose a method by",
            hint="name the method, or calibrate on images of more slides or fields",
        )
    missing: set[str] = set()
    for without in combinations(places, away):
        kept = scores.truth[~np.isin(parts, without)]
        found = np.bincount(kept, minlength=len(scores.classes))
        missing |= {name for name, n in zip(scores.class_names, found, strict=True) if not n}
    left = [one for one in candidates if not missing or not one.weighs_classes]
    if not left:
        names = ", ".join(name for name in scores.class_names if name in missing)
        raise MeasureError(
            f"{names} is in too few groups for a bias of its own",
            hint="fit a temperature alone, or give more scores",
        )
    return left


def _log_loss(scores: Scores) -> float:
    return float(costs(scores)["log_loss"].mean())


def _error(scores: Scores, groups: Groups) -> float:
    right = scores.called == scores.truth
    error = CalibrationError.of(scores.probabilities.max(axis=1), right, groups)
    return float(error(np.ones((1, groups.number), dtype=np.int64))[0])

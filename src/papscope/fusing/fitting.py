"""The heads of a fused model: one for pictures alone, and one that knows the cell's measures too.

Takes   features of training and validation images, in memory
Gives   fitted heads, and how each block and all together did on validation
Never   reads a picture, or chooses a head by validation (an epoch it does, where there are any)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from papscope.fusing.account import Validated
from papscope.fusing.dense import Judged, fit_dense, fit_original
from papscope.fusing.experts import with_experts
from papscope.fusing.late import averaged, fit_parts, fit_shape, only_measures
from papscope.fusing.machines import Arrays
from papscope.fusing.sample import Numbers, Places, Sample, check_measured
from papscope.fusing.selecting import Chosen, Fitted, choose, fit_head, macro_f1
from papscope.fusing.settings import FuseSettings
from papscope.network.heads import head_from
from papscope.progress import Tell
from papscope.shape.measures import Measured


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Features of training and validation images, and their classes."""

    sample: Sample
    judged: Judged
    columns: tuple[slice, ...]
    """Of each block."""
    words: tuple[str, ...]
    """What each block is called."""
    measures: tuple[Measured, ...] = ()
    """Of training and validation cells, (n, k) each; empty where none are wanted."""
    own: tuple[Arrays | None, ...] = ()
    """Of each block, the head that it was trained with."""


def module_of(head: Fitted) -> nn.Module:
    """Give a head as a bundle's reader will build it."""
    arrays = {name: torch.from_numpy(np.array(value)) for name, value in head.arrays.items()}
    return head_from(head.words, arrays).eval()


def called_by(head: Fitted, features: Numbers) -> Places:
    """Give the class that a head calls for each row of features (n, d)."""
    with torch.inference_mode():
        return np.asarray(module_of(head)(torch.from_numpy(features)).argmax(1).numpy())


def fit_heads(
    data: Data, settings: FuseSettings, names: Sequence[str], tell: Tell
) -> tuple[dict[str, Fitted], list[Validated]]:
    """Fit all heads that the settings ask for.

    Args:
        data: what to fit them to, and to judge them by.
        settings: which head, how many folds.
        names: of the classes, in order.
        tell: hears how far it is.

    Returns:
        The heads by name, and how each block alone, and last all together, did on validation.

    Raises:
        TrainingError: too few images of a class have a mask.
    """
    if data.measures:
        check_measured(_measured(data).sample, names)
    if settings.head == "late":
        return _late(data, settings, tell)
    plain, validated = _plain(data, settings, names, tell)
    heads = {"plain": plain}
    if not data.measures:
        return heads, validated
    heads["shaped"] = _fit(_measured(data), settings, names, tell)[0]
    return heads, [*validated, *_with_shape(data, heads)]


def _late(
    data: Data, settings: FuseSettings, tell: Tell
) -> tuple[dict[str, Fitted], list[Validated]]:
    """Let each block answer by its own head, and average."""
    alone = fit_parts(data.sample, data.columns, data.own, settings.seed, tell)
    parts = list(zip(data.columns, alone, strict=True))
    heads = {"plain": averaged(parts)}
    validated = [
        *(
            _validated(word, data, called_by(head, data.judged.features[:, columns]))
            for word, (columns, head) in zip(data.words, parts, strict=True)
        ),
        _validated("joined", data, called_by(heads["plain"], data.judged.features)),
    ]
    if not data.measures:
        return heads, validated
    width, end = data.measures[0].shape[1], data.columns[-1].stop
    shape = fit_shape(only_measures(_measured(data).sample, width), settings.seed, tell)
    heads["shaped"] = averaged([*parts, (slice(end, end + width), shape)])
    return heads, [*validated, *_with_shape(data, heads)]


def _with_shape(data: Data, heads: dict[str, Fitted]) -> list[Validated]:
    """Show what all is worth together with cell shape, where there is a mask."""
    called = called_by(heads["plain"], data.judged.features)
    known = _known(data.measures[1])
    wide = np.concatenate([data.judged.features[known], data.measures[1][known]], axis=1)
    if known.any():
        called[known] = called_by(heads["shaped"], wide)
    what = f"joined, with cell shape of {known.sum()} of {len(known)}"
    return [_validated(what, data, called)]


def _plain(
    data: Data, settings: FuseSettings, names: Sequence[str], tell: Tell
) -> tuple[Fitted, list[Validated]]:
    """Fit the head for pictures alone, and show what each block is worth under such a head."""
    if settings.original:
        joint, alone = fit_original(data.sample, data.judged, data.columns, settings, tell=tell)
    else:
        joint, chosen = _fit(data, settings, names, tell)
        alone = [
            _again(data, columns, settings, chosen, tell)
            for columns in (data.columns if len(data.columns) > 1 else ())
        ]
    validated = [
        _validated(word, data, called_by(head, data.judged.features[:, columns]))
        for word, columns, head in zip(data.words, data.columns, alone, strict=False)
    ]
    return joint, [*validated, _validated("joined", data, called_by(joint, data.judged.features))]


def _fit(
    data: Data, settings: FuseSettings, names: Sequence[str], tell: Tell
) -> tuple[Fitted, Chosen | None]:
    if settings.head == "mlp":
        return fit_dense(data.sample, data.judged, settings, tell=tell), None
    what = f"choosing settings of the head {settings.head}"
    what += " with cell shape" if data.measures else ""
    chosen = choose(data.sample, settings.head, settings.seed, what=what, tell=tell)
    head = fit_head(data.sample, settings.head, chosen, settings.seed)
    if not settings.experts:
        return head[0], chosen
    joint = with_experts(head, data.sample, settings.experts, names, settings.seed, tell=tell)
    return joint, chosen


def _again(
    data: Data, columns: slice, settings: FuseSettings, chosen: Chosen | None, tell: Tell
) -> Fitted:
    """Fit the same head with the same settings to one block."""
    sample = data.sample.columns(columns)
    if chosen is None:
        judged = Judged(data.judged.features[:, columns], data.judged.truth)
        return fit_dense(sample, judged, settings, tell=tell)
    return fit_head(sample, settings.head, chosen, settings.seed)[0]


def _known(measures: Measured) -> npt.NDArray[np.bool_]:
    """Tell which cells were measured, (n,)."""
    return np.asarray(~np.isnan(measures).any(axis=1), dtype=np.bool_)


def _measured(data: Data) -> Data:
    """Give the images whose cells were measured, the measures beside their features."""
    known = [_known(values) for values in data.measures]
    sample = data.sample.part(known[0])
    own = np.broadcast_to(
        data.measures[0][known[0]],
        (len(sample.features), known[0].sum(), data.measures[0].shape[1]),
    )
    judged = Judged(
        np.concatenate([data.judged.features[known[1]], data.measures[1][known[1]]], axis=1),
        data.judged.truth[known[1]],
    )
    wide = np.concatenate([sample.features, own], axis=2)
    return replace(data, sample=replace(sample, features=wide), judged=judged)


def _validated(what: str, data: Data, called: Places) -> Validated:
    truth = data.judged.truth
    if not len(truth):
        return Validated(what, 0, 0.0, 0.0)  # shown to nobody: see `fit`
    score = macro_f1(truth, called, data.sample.classes)
    return Validated(what, len(truth), float((called == truth).mean()), score)

"""Dense layers on frozen features: the head `mlp`, and the student project's fusion.

Takes   features of training and validation images
Gives   the words and tensors of `network.heads.Perceptron`
Never   trains the networks below, or touches the test part

A branch is batch normalisation, dropout 0.5, dense (ReLU), batch normalisation, dropout 0.5, a
layer of c outputs. The original trains one for each network, joins what enters their last layers,
and trains dropout 0.75, batch normalisation and a last layer on top. In use dropout does nothing
and batch normalisation is a product and a sum, so that all this is two matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from papscope.fusing.machines import Arrays
from papscope.fusing.sample import Numbers, Places, Sample
from papscope.fusing.selecting import Fitted, macro_f1
from papscope.fusing.settings import FuseSettings
from papscope.progress import Tell, silent
from papscope.seeds import key, stream

_BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Validation images, by which the epoch is chosen."""

    features: Numbers
    """(n, d)."""
    truth: Places


def fit_dense(
    sample: Sample, judged: Judged, settings: FuseSettings, *, tell: Tell = silent
) -> Fitted:
    """Train one branch on all features."""
    branch, said = _branch(sample, judged, settings, "dense layer", tell)
    return Fitted({"kind": "mlp"}, folded([branch], branch[4], branch[6]), said)


def fit_original(
    sample: Sample,
    judged: Judged,
    blocks: Sequence[slice],
    settings: FuseSettings,
    *,
    tell: Tell = silent,
) -> tuple[Fitted, list[Fitted]]:
    """Train a branch for each block, then the joint layers; gives these and each branch alone."""
    branches, alone = [], []
    for number, columns in enumerate(blocks, start=1):
        own = Judged(judged.features[:, columns], judged.truth)
        branch, said = _branch(
            sample.columns(columns), own, settings, f"dense layer of block {number}", tell
        )
        branches.append(branch)
        alone.append(Fitted({"kind": "mlp"}, folded([branch], branch[4], branch[6]), said))
    lower = [branch[:5] for branch in branches]

    def joined(features: Numbers) -> Numbers:
        with torch.inference_mode():
            parts = [
                one.eval()(torch.from_numpy(features[..., columns].reshape(-1, _width(columns))))
                for one, columns in zip(lower, blocks, strict=True)
            ]
            return np.asarray(torch.cat(parts, 1).reshape(*features.shape[:-1], -1).numpy())

    torch.manual_seed(key(settings.seed, "joint layers"))
    width = settings.hidden * len(blocks)
    top = nn.Sequential(nn.Dropout(0.75), nn.BatchNorm1d(width), nn.Linear(width, sample.classes))
    wide = Sample(
        joined(sample.features), sample.truth, sample.fold, sample.weights, sample.classes
    )
    said = _train(
        top, wide, Judged(joined(judged.features), judged.truth), settings, "joint layers", tell
    )
    return Fitted({"kind": "mlp"}, folded(branches, top[1], top[2]), said), alone


def _width(columns: slice) -> int:
    return int(columns.stop - columns.start)


def _branch(
    sample: Sample, judged: Judged, settings: FuseSettings, what: str, tell: Tell
) -> tuple[nn.Sequential, dict[str, Any]]:
    torch.manual_seed(key(settings.seed, what))
    width, hidden = sample.features.shape[2], settings.hidden
    branch = nn.Sequential(
        nn.BatchNorm1d(width),
        nn.Dropout(0.5),
        nn.Linear(width, hidden),
        nn.ReLU(),
        nn.BatchNorm1d(hidden),
        nn.Dropout(0.5),
        nn.Linear(hidden, sample.classes),
    )
    return branch, _train(branch, sample, judged, settings, what, tell)


def _train(
    network: nn.Sequential,
    sample: Sample,
    judged: Judged,
    settings: FuseSettings,
    what: str,
    tell: Tell,
) -> dict[str, Any]:
    """Train in place, and leave the weights of the epoch that did best on validation."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.lr, weight_decay=0.01)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs)
    best, kept, chosen = -1.0, deepcopy(network.state_dict()), 0
    for epoch in range(1, settings.epochs + 1):
        _epoch(network, optimiser, sample, settings.seed, f"{what}, epoch {epoch}")
        rates.step()
        with torch.inference_mode():
            called = network.eval()(torch.from_numpy(judged.features)).argmax(1).numpy()
        score = macro_f1(judged.truth, called, sample.classes)
        if score > best:
            best, kept, chosen = score, deepcopy(network.state_dict()), epoch
        tell(what, epoch, settings.epochs)
    network.load_state_dict(kept)
    network.eval()
    return {"epoch": chosen, "val_macro_f1": round(best, 6)}


def _epoch(
    network: nn.Sequential,
    optimiser: torch.optim.Optimizer,
    sample: Sample,
    seed: int,
    purpose: str,
) -> None:
    """Go once over the images, each in an orientation that is drawn anew."""
    random = stream(seed, purpose)
    count = len(sample.truth)
    order = random.permutation(count)
    turns = random.integers(0, len(sample.features), count)
    network.train()
    # A batch of one image has no spread, which batch normalisation needs.
    for start in range(0, max(1, count - 1), _BATCH):
        places = order[start : start + _BATCH]
        logits = network(torch.from_numpy(sample.features[turns[places], places]))
        losses = functional.cross_entropy(
            logits, torch.from_numpy(sample.truth[places]), reduction="none"
        )
        loss = (losses * torch.from_numpy(sample.weights[places]).float()).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no hints for it
        optimiser.step()


def folded(branches: Sequence[nn.Sequential], norm: nn.Module, last: nn.Module) -> Arrays:
    """Write branches side by side, one normalisation and a last layer as two matrices.

    Args:
        branches: whose first three layers are normalisation, dropout and dense.
        norm: what follows the hidden layer: the branch's own, or the joint one.
        last: the layer of c outputs.
    """
    layers = [_layer(one[2]).weight.T for one in branches]
    first = torch.block_diag(*layers)  # type: ignore[no-untyped-call]  # likewise
    firsts = [_normal(one[0]) for one in branches]
    gain, shift = (torch.cat(parts) for parts in zip(*firsts, strict=True))
    first_bias = torch.cat([_layer(one[2]).bias for one in branches]) + shift @ first
    after, lift = _normal(norm)
    if len(branches) > 1:  # each branch's own second normalisation lies below the joint one
        owns = [_normal(one[4]) for one in branches]
        own, raised = (torch.cat(parts) for parts in zip(*owns, strict=True))
        after, lift = after * own, after * raised + lift
    weights = _layer(last).weight.T
    arrays = {
        "mean": torch.zeros_like(gain),
        "scale": 1 / gain,
        "first": first,
        "first_bias": first_bias,
        "second": after[:, None] * weights,
        "second_bias": lift @ weights + _layer(last).bias,
    }
    return {name: one.detach().numpy().astype(np.float32) for name, one in arrays.items()}


def _layer(layer: nn.Module) -> nn.Linear:
    assert isinstance(layer, nn.Linear)
    return layer


def _normal(norm: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Give batch normalisation in use as a factor and a summand of each feature."""
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return gain, norm.bias - norm.running_mean * gain

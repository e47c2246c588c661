"""What an answer rests on is told beside it, and the answer stays the same to the bit."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from papscope.export.graph import graph_of
from papscope.network.averaging import Oriented
from papscope.network.backbones import build
from papscope.network.ensemble import Ensemble
from papscope.network.featured import featured
from papscope.network.fusion import Fusion
from papscope.network.heads import Linear
from papscope.network.trunks import build_trunk

SIZE, CLASSES = 32, 4


def small(backbone: str = "test_efficientnet", seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    network = build(backbone, CLASSES, size=SIZE).eval()
    for layer in network.modules():  # a fresh head is nearly zero: let the logits differ
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight)
    return network


def fused() -> nn.Module:
    network = small()
    trunk = build_trunk("test_efficientnet", None, None, network.state_dict(), size=SIZE)
    width = trunk(planes()).shape[1]
    generator = torch.Generator().manual_seed(1)
    tensors = {
        "mean": torch.zeros(width),
        "scale": torch.ones(width),
        "weights": torch.randn(width, CLASSES, generator=generator),
        "bias": torch.zeros(CLASSES),
    }
    return Fusion([trunk], Linear(tensors)).eval()


def planes(count: int = 3) -> torch.Tensor:
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


def network_of(kind: str) -> nn.Module:
    if kind == "ensemble":
        return Ensemble([small(seed=1), small("test_resnet", 2)]).eval()
    if kind == "fusion":
        return fused()
    if kind == "oriented":
        return Oriented(small()).eval()
    if kind == "oriented ensemble":
        return Oriented(Ensemble([small(seed=1), small(seed=2)])).eval()
    return small(kind)


KINDS = [
    "test_efficientnet",
    "test_resnet",
    "test_vit",
    "test_convnext",
    "test_byobnet",
    "ensemble",
    "fusion",
    "oriented",
    "oriented ensemble",
]


@pytest.mark.parametrize("kind", KINDS)
def test_logits_stay_the_same_to_the_bit(kind: str) -> None:
    network = network_of(kind)

    with torch.inference_mode():
        plain, telling = network(planes()), featured(network, CLASSES)(planes())
        again = network(planes())

    assert torch.equal(plain, telling[:, :CLASSES])
    assert torch.equal(plain, again)
    assert telling.shape[1] > CLASSES + 8
    assert telling[:, CLASSES + 1 :].std() > 0


def test_features_are_what_the_last_layer_takes() -> None:
    network = small()

    with torch.inference_mode():
        told = featured(network, CLASSES)(planes())
        logits, energy, features = told[:, :CLASSES], told[:, CLASSES], told[:, CLASSES + 1 :]
        assert torch.allclose(network.get_classifier()(features), logits)  # type: ignore[operator]

    assert torch.allclose(energy, logits.exp().sum(1).log())


def test_an_ensembles_features_stand_side_by_side() -> None:
    first, second = small(seed=1), small("test_resnet", 2)

    with torch.inference_mode():
        parts = [featured(one, CLASSES)(planes()) for one in (first, second)]
        whole = featured(Ensemble([first, second]), CLASSES)(planes())

    joined = torch.cat([one[:, CLASSES + 1 :] for one in parts], 1)
    assert torch.equal(whole[:, CLASSES + 1 :], joined)
    energies = torch.stack([one[:, CLASSES] for one in parts])
    assert torch.allclose(whole[:, CLASSES], energies.mean(0))


def test_features_of_the_orientations_are_averaged() -> None:
    network = featured(Oriented(small()), CLASSES)

    with torch.inference_mode():
        as_it_lies, mirrored = network(planes()), network(planes().flip(3))

    assert torch.allclose(as_it_lies, mirrored, atol=1e-4)


@pytest.mark.parametrize("kind", ["test_efficientnet", "oriented ensemble", "fusion"])
def test_a_graph_tells_the_same_features(kind: str) -> None:
    network = network_of(kind)
    session = onnxruntime.InferenceSession(graph_of(network, SIZE, CLASSES))

    logits, features = session.run(None, {"planes": planes().numpy()})
    with torch.inference_mode():
        wanted = featured(network, CLASSES)(planes()).numpy()

    assert [one.name for one in session.get_outputs()] == ["logits", "features"]
    np.testing.assert_allclose(np.concatenate([logits, features], 1), wanted, atol=2e-4)

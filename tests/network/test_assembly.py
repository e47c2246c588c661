"""Any bundle becomes one network: single, of several, and over all orientations of a square."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from papscope.bundle import Bundle, Description
from papscope.errors import BundleError
from papscope.network.assembly import from_bundle
from papscope.network.averaging import Oriented
from papscope.network.backbones import build, tensors_of
from papscope.network.ensemble import Ensemble
from papscope.preprocess import Preprocess
from papscope.taxonomy import named

NAMES = ("test_resnet", "test_efficientnet", "test_vit")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def planes(count: int = 3, size: int = 32) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(count, 3, size, size))).float()


def lively(backbone: str, seed: int) -> nn.Module:
    """A network whose answers differ from picture to picture and from seed to seed."""
    torch.manual_seed(seed)
    network = build(backbone, 4, size=32)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if name.startswith(("fc", "head", "classifier")):
                tensor.normal_(std=2.0)
        network.train()(planes(8))
    return network.eval()


def bundled(tensors: dict[str, Any], **network: Any) -> Bundle:
    preprocess = Preprocess(size=32)
    about = Description(
        classes=named("abcd"), preprocess=preprocess, backbone="test_resnet", network=network
    )
    return Bundle(about, tensors, "0" * 64)


def joined(networks: dict[str, nn.Module], **network: Any) -> Bundle:
    members = [{"backbone": name, "network": {"drop_rate": 0.1}} for name in networks]
    tensors = {
        f"members.{place}.{name}": value
        for place, one in enumerate(networks.values())
        for name, value in tensors_of(one).items()
    }
    return bundled(tensors, kind="ensemble", members=members, **network)


def chances(network: nn.Module, given: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return torch.softmax(network(given).double(), dim=1)


def test_a_single_network_comes_back_to_the_bit_and_in_evaluation_mode() -> None:
    network = lively("test_resnet", 0)

    again = from_bundle(bundled(tensors_of(network)))

    assert not any(layer.training for layer in again.modules())
    with torch.inference_mode():
        assert torch.equal(again(planes()), network(planes()))


def test_an_ensemble_answers_with_the_mean_of_its_members_probabilities() -> None:
    members = {name: lively(name, seed) for seed, name in enumerate(NAMES)}

    ensemble = from_bundle(joined(members))

    wanted = torch.stack([chances(one, planes()) for one in members.values()]).mean(0)
    assert isinstance(ensemble, Ensemble)
    assert not any(layer.training for layer in ensemble.modules())
    assert (chances(members["test_resnet"], planes()) - wanted).abs().max() > 0.05
    assert torch.allclose(chances(ensemble, planes()), wanted, atol=1e-6)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_an_oriented_network_answers_alike_however_a_picture_lies(
    turns: int, mirrored: bool
) -> None:
    single = lively("test_resnet", 0)
    oriented = from_bundle(bundled(tensors_of(single), orientations=True))
    turned = torch.rot90(planes(), turns, (2, 3))
    turned = turned.flip(3) if mirrored else turned

    assert isinstance(oriented, Oriented)
    assert torch.allclose(chances(oriented, turned), chances(oriented, planes()), atol=1e-5)
    if turns or mirrored:
        moved = (chances(single, turned) - chances(single, planes())).abs().max()
        assert moved > 0.01, "the network alone must care, or nothing is shown"


def test_an_oriented_network_is_the_mean_over_the_eight_turned_pictures() -> None:
    network = lively("test_vit", 0)
    every = [
        chances(network, side)
        for turns in range(4)
        for side in (
            torch.rot90(planes(), turns, (2, 3)),
            torch.rot90(planes().flip(3), turns, (2, 3)),
        )
    ]

    answers = chances(from_bundle(bundled_as("test_vit", network)), planes())

    assert torch.allclose(answers, torch.stack(every).mean(0), atol=1e-6)


def bundled_as(backbone: str, network: nn.Module) -> Bundle:
    about = Description(
        classes=named("abcd"),
        preprocess=Preprocess(size=32),
        backbone=backbone,
        network={"orientations": True},
    )
    return Bundle(about, tensors_of(network), "0" * 64)


def test_an_oriented_ensemble_goes_through_its_members_once() -> None:
    members = {name: lively(name, seed) for seed, name in enumerate(NAMES[:2])}
    bundle = joined(members, orientations=True)
    bundle.description.network["members"][0]["network"]["orientations"] = True

    network = from_bundle(bundle)

    assert sum(isinstance(layer, Oriented) for layer in network.modules()) == 1
    wanted = torch.stack([chances(Oriented(one), planes()) for one in members.values()]).mean(0)
    assert torch.allclose(chances(network, planes()), wanted, atol=1e-6)


def test_a_kind_of_parts_is_built_by_its_own_module(monkeypatch: pytest.MonkeyPatch) -> None:
    network = lively("test_resnet", 0)
    fusion = ModuleType("papscope.network.fusion")

    def made(bundle: Bundle, assemble: Callable[[Bundle], nn.Module]) -> nn.Module:
        return nn.Sequential(assemble(bundled(dict(bundle.tensors))), nn.Tanh())

    monkeypatch.setattr(fusion, "from_bundle", made, raising=False)
    monkeypatch.setitem(sys.modules, "papscope.network.fusion", fusion)

    fused = from_bundle(bundled(tensors_of(network), kind="fusion"))

    with torch.inference_mode():
        assert torch.equal(fused(planes()), torch.tanh(network(planes())))


def test_a_bundle_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BundleError, match="the bundle is of kind 'swarm'") as told:
        from_bundle(bundled({}, kind="swarm"))
    assert "update papscope" in told.value.hint


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"members": []}, "it names no member"),
        ({"members": [{"backbone": "test_resnet"}]}, "member 0 is not described"),
        ({"members": [{"backbone": "test_resnet", "network": {}}]}, r"members\.1\..* is no member"),
        ({"members": [{"backbone": "test_vit", "network": {}}] * 2}, "not those of test_vit"),
    ],
)
def test_an_ensemble_that_is_not_what_it_says_is_refused(
    changed: dict[str, Any], said: str
) -> None:
    bundle = joined({"test_resnet": lively("test_resnet", 0), "test_vit": lively("test_vit", 1)})
    assert isinstance(bundle.description.network, dict)
    bundle.description.network.update(changed)
    with pytest.raises(BundleError, match=said):
        from_bundle(bundle)

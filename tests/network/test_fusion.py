"""Trunks that are cut, heads side by side, and a fused bundle as one network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from papscope.bundle import Bundle, Description
from papscope.errors import BundleError, SettingError
from papscope.network.assembly import from_bundle
from papscope.network.averaging import Oriented
from papscope.network.backbones import build, tensors_of
from papscope.network.fusion import Fusion
from papscope.network.heads import head_from
from papscope.network.trunks import Trunk, build_trunk
from papscope.preprocess import Preprocess
from papscope.shape.measures import NAMES
from papscope.taxonomy import named


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def planes(count: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(count, 3, 32, 32))).float()


def network(backbone: str = "test_resnet") -> nn.Module:
    torch.manual_seed(0)
    return build(backbone, 3, size=32).eval()


def cut(layer: str | None, pool: str | None, backbone: str = "test_resnet") -> Trunk:
    return build_trunk(backbone, layer, pool, network(backbone).state_dict(), size=32)


def seen_at(layer: str, backbone: str = "test_resnet") -> torch.Tensor:
    """What the whole network gives out of a layer."""
    whole, kept = network(backbone), []
    dict(whole.named_modules())[layer].register_forward_hook(lambda *told: kept.append(told[2]))
    with torch.inference_mode():
        whole(planes())
    return torch.as_tensor(kept[0])


@pytest.mark.parametrize(
    ("pool", "wanted"),
    [
        ("avg", lambda maps: maps.mean((2, 3))),
        ("max", lambda maps: maps.amax((2, 3))),
        ("both", lambda maps: torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)),
    ],
)
def test_a_trunk_gives_what_the_whole_network_has_at_that_layer(pool: str, wanted: Any) -> None:
    with torch.inference_mode():
        found = cut("layer2", pool)(planes())
    torch.testing.assert_close(found, wanted(seen_at("layer2")))


def test_tokens_are_pooled_over_their_places() -> None:
    with torch.inference_mode():
        found = cut("blocks.1", "avg", "test_vit")(planes())
    torch.testing.assert_close(found, seen_at("blocks.1", "test_vit").mean(1))


def test_without_a_layer_the_features_are_those_that_the_head_gets() -> None:
    whole: Any = network()
    with torch.inference_mode():
        wanted = whole.forward_head(whole.forward_features(planes()), pre_logits=True)
        torch.testing.assert_close(cut(None, None)(planes()), wanted)


def test_a_trunk_holds_only_what_it_needs() -> None:
    names = set(cut("layer2", "avg").network.state_dict())
    whole = set(network().state_dict())

    assert names < whole
    assert not any(name.startswith(("layer3", "layer4", "fc")) for name in names)


def test_a_layer_that_is_not_there_is_refused_with_those_near_it() -> None:
    with pytest.raises(SettingError, match=r"test_resnet has no layer 'layer22'") as told:
        cut("layer22", "avg")
    assert "layer2" in told.value.hint


def linear(width: int, seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {
        "mean": torch.randn(width),
        "scale": torch.rand(width) + 0.5,
        "weights": torch.randn(width, 3),
        "bias": torch.randn(3),
    }


def fusion(*, shaped: bool = True) -> Fusion:
    blocks = [cut("layer2", "max"), cut(None, None, "test_efficientnet")]
    with torch.inference_mode():
        width = sum(block(planes(1)).shape[1] for block in blocks)
    plain = head_from({"kind": "linear"}, linear(width, 1))
    other = head_from({"kind": "linear"}, linear(width + len(NAMES), 2)) if shaped else None
    return Fusion(blocks, plain, other).eval()


def bundled(whole: Fusion, **changes: Any) -> Bundle:
    blocks = [
        {"backbone": "test_resnet", "network": {}, "layer": "layer2", "pool": "max"},
        {"backbone": "test_efficientnet", "network": {}, "layer": None, "pool": None},
    ]
    told: dict[str, Any] = {
        "kind": "fusion",
        "blocks": blocks,
        "heads": {"plain": {"kind": "linear"}},
    }
    if whole.shaped is not None:
        told["heads"]["shaped"] = {"kind": "linear"}
        told["shape"] = list(NAMES)
    about = Description(
        classes=named("abc"),
        preprocess=Preprocess(size=32),
        backbone="two",
        network={**told, **changes},
    )
    return Bundle(about, tensors_of(whole), "0" * 64)


def test_each_picture_is_answered_for_by_the_head_that_its_measures_allow() -> None:
    whole = fusion()
    measures = torch.randn(3, len(NAMES))
    measures[1, 4] = torch.nan

    with torch.inference_mode():
        plain, some = whole(planes()), whole(planes(), measures)
        features = torch.cat([block(planes()) for block in whole.blocks], 1)
        assert whole.shaped is not None
        shaped = whole.shaped(torch.cat([features, measures.nan_to_num()], 1))

    torch.testing.assert_close(some[1], plain[1])
    torch.testing.assert_close(some[[0, 2]], shaped[[0, 2]])


def test_a_bundle_gives_the_network_that_it_was_made_from() -> None:
    whole = fusion()
    with torch.inference_mode():
        torch.testing.assert_close(from_bundle(bundled(whole))(planes()), whole(planes()))


def test_measures_reach_the_network_in_every_orientation() -> None:
    whole, measures = fusion(), torch.randn(3, len(NAMES))
    measures[0] = torch.nan
    square = torch.randn(3, 3, 1, 1).expand(3, 3, 32, 32)  # alike from all sides

    with torch.inference_mode():
        wanted = torch.log_softmax(whole(square, measures), 1)
        torch.testing.assert_close(Oriented(whole)(square, measures), wanted)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"blocks": []}, "not what its description says"),
        ({"heads": {"plain": {"kind": "oracle"}}}, "'oracle'"),
        ({"heads": {"plain": {"kind": "svm"}}}, "a head lacks its vectors"),
        ({"shape": ["nucleus_weight"]}, "other measures of cells"),
    ],
)
def test_a_bundle_that_is_not_what_it_says_is_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(BundleError, match=match):
        from_bundle(bundled(fusion(), **changes))


def test_tensors_of_another_size_are_refused() -> None:
    bundle = bundled(fusion(shaped=False))
    tensors = {**bundle.tensors, "plain.weights": np.zeros((5, 3), np.float32)}

    with pytest.raises(BundleError, match="not what its description says"):
        from_bundle(replace(bundle, tensors=tensors))


def heads() -> dict[str, tuple[dict[str, Any], dict[str, torch.Tensor]]]:
    """Of each kind one, for four features and three classes."""
    base = {"mean": torch.zeros(4), "scale": torch.ones(4)}
    kernel = base | {
        "vectors": torch.randn(6, 4),
        "gamma": torch.tensor(0.3),
        "pairs": torch.randn(6, 3),
        "offsets": torch.randn(3),
        "weights": torch.randn(3, 3),
        "bias": torch.randn(3),
    }
    expert = kernel | {"pairs": torch.randn(6, 1), "offsets": torch.randn(1)}
    expert |= {"weights": torch.randn(1, 2), "bias": torch.randn(2)}
    trees = base | {
        "feature": torch.tensor([0, 0, 0, 1, 0, 0, 2, 0, 0]),
        "threshold": torch.zeros(9),
        "left": torch.tensor([1, 1, 2, 4, 4, 5, 7, 7, 8]),
        "right": torch.tensor([2, 1, 2, 5, 4, 5, 8, 7, 8]),
        "value": torch.randn(9),
        "roots": torch.tensor([0, 3, 6]),
        "baseline": torch.randn(3),
    }
    parts = {f"main.{name}": one for name, one in kernel.items()}
    parts |= {f"experts.0.{name}": one for name, one in expert.items()}
    return {
        "linear": ({"kind": "linear"}, linear(4, 0)),
        "svm": ({"kind": "svm"}, kernel),
        "boosting": ({"kind": "boosting", "depth": 1}, trees),
        "blend": (
            {"kind": "blend", "main": {"kind": "svm"}, "places": [1], "weights": [0.5]},
            parts,
        ),
    }


@pytest.mark.parametrize("kind", sorted(heads()))
def test_torchs_exporter_knows_every_operation_of_a_head(kind: str) -> None:
    head = head_from(*heads()[kind]).eval()
    features = torch.randn(5, 4)

    several = {0: torch.export.Dim("n", min=1)}
    program = torch.export.export(head, (features[:2],), dynamic_shapes=(several,))

    torch.testing.assert_close(program.module()(features), head(features))


@pytest.mark.slow
def test_a_fused_network_answers_alike_in_onnx() -> None:
    import onnxruntime

    from papscope.export.graph import graph_of

    whole = fusion()
    session = onnxruntime.InferenceSession(graph_of(whole, 32))

    (found,) = session.run(None, {"planes": planes(5).numpy()})

    with torch.inference_mode():
        assert np.abs(found - whole(planes(5)).numpy()).max() < 1e-3

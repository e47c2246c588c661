"""Networks by name: the head fits the classes, begins calm, and comes back from a bundle whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from papscope.bundle import Description, read_bundle, write_bundle
from papscope.errors import BundleError, SettingError
from papscope.network.backbones import (
    build,
    check_name,
    from_bundle,
    head_layers,
    head_names,
    preprocess_for,
    tensors_of,
)
from papscope.taxonomy import named

HEADS = {
    "resnet18": {"fc.weight", "fc.bias"},
    "tf_efficientnet_lite0": {"classifier.weight", "classifier.bias"},
    "mobilenetv3_small_050": {"classifier.weight", "classifier.bias"},
    "convnext_atto": {"head.fc.weight", "head.fc.bias"},
    "vit_tiny_patch16_224": {"head.weight", "head.bias"},
    "deit_tiny_distilled_patch16_224": {
        "head.weight", "head.bias", "head_dist.weight", "head_dist.bias",
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def planes(count: int = 2, size: int = 32) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(count, 3, size, size))).float()


@pytest.mark.parametrize("backbone", HEADS)
def test_a_network_gives_one_logit_a_class_and_knows_its_head(backbone: str) -> None:
    network = build(backbone, 5, size=32).eval()

    assert head_names(network) == HEADS[backbone]
    with torch.inference_mode():
        assert network(planes()).shape == (2, 5)


@pytest.mark.parametrize("backbone", HEADS)
def test_a_new_head_begins_with_nearly_equal_answers(backbone: str) -> None:
    torch.manual_seed(0)
    network = build(backbone, 4, size=32).eval()
    head = head_layers(network)[0]
    assert isinstance(head, nn.Linear)

    logits = head(torch.randn(64, head.in_features))

    assert logits.abs().max() < 1.5
    assert logits.std() > 0.01


def test_dropout_is_passed_on() -> None:
    torch.manual_seed(0)
    network = build("resnet18", 3, size=32, drop_rate=0.5, drop_path_rate=0.5)
    paths = [one for one in network.modules() if getattr(one, "drop_prob", 0)]
    assert network.drop_rate == 0.5
    assert paths


def test_an_unknown_name_is_refused_with_near_ones() -> None:
    with pytest.raises(SettingError, match="there is no backbone 'resnet5O'") as told:
        build("resnet5O", 3, size=32)
    assert "resnet50" in told.value.hint
    with pytest.raises(SettingError, match="there is no backbone 'zzzzzzzz'"):
        check_name("zzzzzzzz")


def test_a_name_with_its_weights_tag_is_known() -> None:
    check_name("resnet18.a1_in1k")
    assert build("resnet18.a1_in1k", 2, size=32) is not None


@pytest.mark.parametrize(("backbone", "size"), [("test_vit", 33), ("vit_small_patch32_224", 16)])
def test_a_size_that_a_network_cannot_take_is_refused(backbone: str, size: int) -> None:
    with pytest.raises(SettingError, match=f"{backbone} cannot be built .* for {size} pixels"):
        build(backbone, 3, size=size)


def test_what_a_network_has_no_place_for_is_refused() -> None:
    with pytest.raises(SettingError, match=r"vgg11 cannot be built with .*drop_path_rate"):
        build("vgg11", 3, size=32, drop_path_rate=0.1)


def test_a_new_network_is_ready_to_train_and_the_same_for_the_same_seed() -> None:
    made = []
    for _ in range(2):
        torch.manual_seed(4)
        network = build("resnet18", 3, size=32, drop_rate=0.5)
        assert network.training
        made.append((network.state_dict(), torch.rand(1).item()))

    assert made[0][1] == made[1][1]
    assert all(torch.equal(made[0][0][name], made[1][0][name]) for name in made[0][0])
    assert int(made[0][0]["bn1.num_batches_tracked"]) == 0


def test_preprocessing_is_what_the_pretrained_weights_expect() -> None:
    lite = preprocess_for("tf_efficientnet_lite0", size=64, fit="pad")
    assert (lite.size, lite.fit, lite.filter) == (64, "pad", "bicubic")
    assert (lite.mean, lite.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    vgg = preprocess_for("vgg11", size=48)
    assert (vgg.filter, vgg.mean) == ("bilinear", (0.485, 0.456, 0.406))


def test_preprocessing_of_an_unknown_name_or_manner_is_refused() -> None:
    with pytest.raises(SettingError, match="there is no backbone"):
        preprocess_for("resnet5O", size=32)
    with pytest.raises(SettingError, match="fit is 'stretch'"):
        preprocess_for("resnet18", size=32, fit="stretch")


def stored(folder: Path, network: nn.Module, backbone: str, size: int = 32) -> Path:
    about = Description(
        classes=named("abc"), preprocess=preprocess_for(backbone, size=size), backbone=backbone
    )
    write_bundle(folder / "bundle", about, tensors_of(network), "a card")
    return folder / "bundle"


@pytest.mark.parametrize("backbone", ["resnet18", "tf_efficientnet_lite0", "vit_tiny_patch16_224"])
def test_a_network_comes_back_from_a_bundle_to_the_bit(tmp_path: Path, backbone: str) -> None:
    torch.manual_seed(0)
    network = build(backbone, 3, size=32)
    with torch.no_grad():
        network.train()(planes(4))  # so that running means are not those of a new network
    bundle = read_bundle(stored(tmp_path, network, backbone))

    again = from_bundle(bundle)

    assert not again.training
    with torch.inference_mode():
        assert torch.equal(again(planes()), network.eval()(planes()))


def test_half_precision_weights_are_stored_in_full_precision() -> None:
    network = build("test_resnet", 3, size=32).half()
    kinds = {value.dtype.name for value in tensors_of(network).values()}
    assert kinds == {"float32", "int64"}


def test_a_bundle_with_other_weights_than_it_says_is_refused(tmp_path: Path) -> None:
    folder = stored(tmp_path, build("test_resnet", 3, size=32), "resnet18")
    with pytest.raises(BundleError, match="the weights are not those of resnet18"):
        from_bundle(read_bundle(folder))


def test_a_bundle_with_other_classes_than_weights_is_refused(tmp_path: Path) -> None:
    folder = stored(tmp_path, build("test_resnet", 4, size=32), "test_resnet")
    with pytest.raises(BundleError, match="the weights are not those of test_resnet"):
        from_bundle(read_bundle(folder))

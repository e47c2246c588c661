"""The torch engine answers as the bundle's network does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from papscope.bundle import Bundle, Description, read_bundle, write_bundle
from papscope.errors import BundleError, SettingError
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.predict.torch_engine import torch_engine
from papscope.preprocess import to_planes
from papscope.taxonomy import named

PREPROCESS = preprocess_for("resnet18", size=32)


def made_bundle(folder: Path, backbone: str = "resnet18") -> Bundle:
    torch.manual_seed(0)
    tensors = tensors_of(build("resnet18", 3, size=32))
    about = Description(classes=named("abc"), preprocess=PREPROCESS, backbone=backbone)
    write_bundle(folder / "bundle", about, tensors, "a card")
    return read_bundle(folder / "bundle")


def test_the_engine_answers_as_the_network_in_the_bundle(tmp_path: Path) -> None:
    bundle = made_bundle(tmp_path)
    squares = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    torch.manual_seed(0)
    network = build("resnet18", 3, size=32).eval()

    found = torch_engine(bundle, device="cpu", threads=1).probabilities(squares)

    with torch.inference_mode():
        wanted = network(torch.from_numpy(to_planes(squares, PREPROCESS))).softmax(1).numpy()
    assert found == pytest.approx(wanted, abs=1e-5)


def test_threads_work_on_several_tiles_and_torch_keeps_its_own(tmp_path: Path) -> None:
    bundle = made_bundle(tmp_path)
    torch.set_num_threads(2)

    one, three = (torch_engine(bundle, device="cpu", threads=n) for n in (1, 3))
    as_torch = torch_engine(bundle, device="cpu")

    assert (three.at_once, as_torch.at_once) == (3 * one.at_once, 2 * one.at_once)
    three.probabilities(np.zeros((9, 32, 32, 3), np.uint8))
    assert torch.get_num_threads() == 2


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="the weights are not those of resnet34"):
        torch_engine(made_bundle(tmp_path, backbone="resnet34"), device="cpu")


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="there is no device 'gpu7' here"):
        torch_engine(made_bundle(tmp_path), device="gpu7")


def test_over_all_orientations_no_batch_and_no_number_of_threads_changes_a_bit(
    tmp_path: Path,
) -> None:
    bundle = made_bundle(tmp_path).with_orientations(True)
    squares = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    one, two = (torch_engine(bundle, device="cpu", threads=n) for n in (1, 2))

    together = one.probabilities(squares)

    alone = np.concatenate([two.probabilities(squares[n : n + 1]) for n in range(len(squares))])
    assert np.array_equal(alone, together)
    assert np.array_equal(two.probabilities(squares), together)


def test_over_all_orientations_a_turned_picture_gets_the_same_answer(tmp_path: Path) -> None:
    bundle = made_bundle(tmp_path)
    squares = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    plain, oriented = (
        torch_engine(bundle.with_orientations(asked), device="cpu", threads=1)
        for asked in (False, True)
    )

    for turned in (np.rot90(squares, 1, (1, 2)), np.rot90(squares, 2, (1, 2)), squares[:, :, ::-1]):
        answers = [one.probabilities(np.ascontiguousarray(turned)) for one in (plain, oriented)]
        assert answers[1] == pytest.approx(oriented.probabilities(squares), abs=1e-5)
        assert np.abs(answers[0] - plain.probabilities(squares)).max() > 1e-5

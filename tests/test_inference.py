"""A square's answer is the same to the bit, alone or in any company, and wherever it stands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from papscope.errors import SettingError
from papscope.inference import CPU_TILE, Runner, best_device, device_named
from papscope.network.backbones import build, preprocess_for
from papscope.preprocess import Squares
from papscope.scores import softmax

BACKBONES = ("resnet18", "mobilenetv3_small_050", "tf_efficientnet_lite0", "vit_tiny_patch16_224")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def runner(backbone: str = "mobilenetv3_small_050", size: int = 64, threads: int = 1) -> Runner:
    torch.manual_seed(1)
    network = build(backbone, 3, size=size)
    for layer in network.modules():  # answers of untrained heads hardly differ
        if isinstance(layer, torch.nn.Linear) and layer.out_features == 3:
            torch.nn.init.normal_(layer.weight)
    return Runner.of(network, preprocess_for(backbone, size=size), "cpu", threads)


def squares(count: int, size: int = 64) -> Squares:
    draw = np.random.default_rng(2)
    return draw.integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_batch_1_and_batch_64_give_the_same_bits(backbone: str) -> None:
    made, pictures = runner(backbone), squares(64)

    together = made.probabilities(pictures)
    alone = np.concatenate([made.probabilities(one[None]) for one in pictures[:10]])

    assert np.array_equal(alone, together[:10])
    assert len(np.unique(together[:, 0])) > 32, "all answers are alike: nothing is shown"


@pytest.mark.parametrize("count", [1, CPU_TILE - 1, CPU_TILE, CPU_TILE + 1, 3 * CPU_TILE - 2])
def test_every_number_of_squares_is_answered_once_and_in_order(count: int) -> None:
    made, pictures = runner(), squares(3 * CPU_TILE)

    found = made.probabilities(pictures[:count])

    assert found.shape == (count, 3)
    assert np.allclose(found.sum(axis=1), 1)
    assert np.array_equal(found, made.probabilities(pictures)[:count])


def test_the_place_in_a_batch_changes_no_bit() -> None:
    made, pictures = runner(), squares(2 * CPU_TILE)
    order = np.random.default_rng(3).permutation(len(pictures))

    assert np.array_equal(made.probabilities(pictures[order]), made.probabilities(pictures)[order])


def test_neighbours_and_filling_do_not_leak_into_an_answer() -> None:
    made, pictures = runner("tf_efficientnet_lite0"), squares(3)
    white = np.full_like(pictures, 255)

    alone = made.probabilities(pictures[:1])

    for others in (pictures[1:], white):
        assert np.array_equal(made.probabilities(np.concatenate([pictures[:1], others]))[:1], alone)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_number_of_threads_changes_no_bit(backbone: str) -> None:
    pictures = squares(21)
    wanted = runner(backbone).probabilities(pictures)
    torch.set_num_threads(2)

    for threads in (2, 5):
        assert np.array_equal(runner(backbone, threads=threads).probabilities(pictures), wanted)
    assert torch.get_num_threads() == 2


def threads_of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_each_tile_is_one_threads_and_torch_gets_its_threads_back() -> None:
    made = runner(threads=3)
    seen: list[int] = []
    made.network.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    torch.set_num_threads(2)

    made.probabilities(squares(5 * CPU_TILE))

    assert seen == [1] * 5
    assert torch.get_num_threads() == threads_of_a_new_thread() == 2


def test_a_mistake_in_a_thread_comes_out_and_torch_gets_its_threads_back() -> None:
    made = runner(threads=3)
    torch.set_num_threads(2)
    with pytest.raises(ValueError, match="broadcast"):
        made.probabilities(np.zeros((9, 64, 64, 4), np.uint8))
    assert torch.get_num_threads() == threads_of_a_new_thread() == 2


def test_the_network_is_put_in_evaluation_mode_and_left_without_gradients() -> None:
    torch.manual_seed(1)
    network = build("resnet18", 3, size=32, drop_rate=0.9).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    made = Runner.of(network, preprocess_for("resnet18", size=32), "cpu")

    first, second = (made.probabilities(squares(4, 32)) for _ in range(2))

    assert np.array_equal(first, second)
    after = made.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in made.network.parameters())


def test_no_square_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no square"):
        runner().probabilities(squares(0))


def test_softmax_stands_large_numbers_and_sums_to_one() -> None:
    found = softmax(np.array([[1e4, 0.0], [np.log(1.0), np.log(3.0)]]))

    assert found[0].tolist() == [1.0, 0.0]
    assert found[1].tolist() == pytest.approx([0.25, 0.75])


def test_a_device_that_is_not_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="no device 'banana' here") as told:
        device_named("banana")
    assert best_device() in told.value.hint
    if not torch.cuda.is_available():
        with pytest.raises(SettingError, match="no device 'cuda' here"):
            device_named("cuda")


def test_auto_takes_the_fastest_device(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"cuda": True, "mps": True}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there["cuda"])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: there["mps"])

    assert best_device() == "cuda"
    there["cuda"] = False
    assert best_device() == "mps"
    there["mps"] = False
    assert best_device() == "cpu"
    assert device_named("auto").type == "cpu"

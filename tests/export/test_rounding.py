"""Weights on a grid are rounded so that what a convolution gives changes least."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from papscope.export import rounding
from papscope.export.rounding import STEPS, rounded

SIDE = 20
Array = npt.NDArray[Any]


def one_convolution(weights: Array, **how: Any) -> ModelProto:
    node = helper.make_node("Conv", ["planes", "w", "b"], ["logits"], **how)
    planes = helper.make_tensor_value_info("planes", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    given = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", None, None, None])
    held = [
        numpy_helper.from_array(weights.astype(np.float32), "w"),
        numpy_helper.from_array(np.zeros(len(weights), np.float32), "b"),
    ]
    graph = helper.make_graph([node], "made", [planes], [given], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def smooth_pictures(count: int) -> list[Array]:
    """Planes whose neighbours are alike, as in pictures, and whose mean is not 0."""
    draw = np.random.default_rng(1)
    coarse = draw.normal(1.0, 1.0, (count, 3, SIDE // 5, SIDE // 5))
    fine = coarse.repeat(5, axis=2).repeat(5, axis=3) + draw.normal(0, 0.1, (count, 3, SIDE, SIDE))
    return [one[None].astype(np.float32) for one in fine]


def given(weights: Array, shift: Array, pictures: list[Array], **how: Any) -> Array:
    session = onnxruntime.InferenceSession(one_convolution(weights, **how).SerializeToString())
    (found,) = session.run(None, {"planes": np.concatenate(pictures)})
    return np.asarray(found + shift[:, None, None], dtype=np.float64)


HOW = [
    {"pads": [1, 1, 1, 1]},
    {"pads": [0, 1, 1, 0], "strides": [2, 1]},
    {"dilations": [2, 2], "group": 3},
]


@pytest.mark.parametrize("how", HOW)
def test_a_convolution_gives_nearly_what_it_gave_and_the_same_mean(how: dict[str, Any]) -> None:
    weights = np.random.default_rng(2).normal(size=(6, 3 // how.get("group", 1), 3, 3))
    weights[:, 0, 0, 0] = 25.0  # steps are coarse where one weight is large
    pictures = smooth_pictures(80)

    one = rounded(one_convolution(weights, **how), pictures)["w"]

    steps = one.weights / one.sizes[:, None, None, None]
    assert np.allclose(steps, steps.round(), atol=1e-6)
    assert np.abs(steps.round()).max() == STEPS
    nearest = np.round(weights / one.sizes[:, None, None, None]) * one.sizes[:, None, None, None]
    wanted = given(weights, np.zeros(6), pictures, **how)
    mine = given(one.weights, one.shift, pictures, **how) - wanted
    plain = given(nearest, np.zeros(6), pictures, **how) - wanted
    assert np.sqrt((mine**2).mean()) < 0.5 * np.sqrt((plain**2).mean())
    assert np.abs(mine.mean(axis=(0, 2, 3))).max() < 0.1 * np.abs(wanted).mean()


class Every:
    """Draws every place once."""

    def integers(self, low: int, high: int, _: int) -> Array:
        return np.arange(low, high)


@pytest.mark.parametrize("how", HOW)
def test_the_columns_are_what_a_convolution_multiplies(
    how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = how.get("group", 1)
    weights = np.random.default_rng(3).normal(size=(6, 3 // groups, 3, 3))
    picture = smooth_pictures(1)
    wanted = given(weights, np.zeros(6), picture, **how)[0].reshape(6, -1)
    (node,) = one_convolution(weights, **how).graph.node
    monkeypatch.setattr(rounding, "PLACES", wanted.shape[1])

    found = rounding._columns(picture[0], node, weights.shape, Every())  # type: ignore[arg-type]

    each = found.reshape(len(found), groups, -1)
    share = weights.reshape(groups, 6 // groups, -1)
    assert np.allclose(np.einsum("pgd,god->gop", each, share).reshape(6, -1), wanted, atol=1e-4)


def test_weights_on_the_grid_stay_and_empty_channels_do_no_harm() -> None:
    steps = np.random.default_rng(4).integers(-STEPS, STEPS, (5, 3, 3, 3)).astype(float)
    steps[:, 0, 0, 0] = STEPS
    steps[4] = 0

    one = rounded(one_convolution(steps * 0.25), smooth_pictures(20))["w"]

    assert np.array_equal(one.weights, steps * 0.25)
    assert np.abs(one.shift).max() == 0


def test_a_large_convolution_is_rounded_to_the_nearest_and_its_bias_corrected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights, pictures = np.random.default_rng(5).normal(size=(4, 3, 3, 3)), smooth_pictures(30)
    monkeypatch.setattr(rounding, "MOST_INPUTS", 26)

    one = rounded(one_convolution(weights), pictures)["w"]

    nearest = np.round(weights / one.sizes[:, None, None, None]) * one.sizes[:, None, None, None]
    assert np.allclose(one.weights, nearest)
    mine = given(one.weights, one.shift, pictures) - given(weights, np.zeros(4), pictures)
    plain = given(nearest, np.zeros(4), pictures) - given(weights, np.zeros(4), pictures)
    assert np.abs(mine.mean(axis=(0, 2, 3))).sum() < 0.5 * np.abs(plain.mean(axis=(0, 2, 3))).sum()


def test_passing_on_in_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, pictures = np.random.default_rng(6).normal(size=(4, 3, 3, 3)), smooth_pictures(30)
    whole = rounded(one_convolution(weights), pictures)["w"]
    monkeypatch.setattr(rounding, "_BLOCK", 4)

    assert np.allclose(rounded(one_convolution(weights), pictures)["w"].weights, whole.weights)


def test_channels_taken_by_themselves_have_all_eight_bits() -> None:
    weights = np.random.default_rng(8).normal(size=(3, 1, 3, 3))

    one = rounded(one_convolution(weights, group=3), smooth_pictures(30))["w"]

    steps = one.weights / one.sizes[:, None, None, None]
    assert np.allclose(steps, steps.round(), atol=1e-6)
    assert np.abs(steps.round()).max() == 127


def test_a_node_that_keeps_its_floats_is_passed_over() -> None:
    model = one_convolution(np.ones((3, 3, 3, 3)))
    model.graph.node[0].name = "first"

    assert rounded(model, smooth_pictures(2), ["first"]) == {}

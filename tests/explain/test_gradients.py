"""Grad-CAM++, LayerCAM and integrated gradients do what their papers say, for every bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from made_engines import SIDE, bundle_of, noise

from papscope.bundle import Bundle
from papscope.errors import SettingError
from papscope.explain.gradients import ByGradients, parts_of, turned, turned_back
from papscope.explain.making import maker_for
from papscope.explain.maps import faded, log_odds
from papscope.explain.stages import grad_cam_pp, layer_cam, seen_in, stages_of
from papscope.network.averaging import Oriented
from papscope.network.fusion import Fusion
from papscope.network.heads import Linear
from papscope.network.joining import join_bundles
from papscope.network.trunks import build_trunk
from papscope.predict.engines import engine_for

CAMS = ("grad-cam++", "layer-cam")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_grad_cam_pp_equals_its_formula_written_out() -> None:
    values, slopes = torch.rand(1, 2, 2, 2), torch.randn(1, 2, 2, 2)
    wanted = torch.zeros(2, 2)
    for k in range(2):
        a, g = values[0, k], slopes[0, k]
        weight = 0.0
        for i in range(2):
            for j in range(2):
                share = g[i, j] ** 2 / (2 * g[i, j] ** 2 + a.sum() * g[i, j] ** 3)
                weight += float(share * max(g[i, j], torch.tensor(0.0)))
        wanted += weight * a
    assert torch.allclose(grad_cam_pp(values, slopes)[0], wanted.clamp(min=0), atol=1e-6)


def test_layer_cam_weighs_each_place_by_its_own_positive_gradient() -> None:
    values = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    slopes = torch.tensor([[[[0.5, -1.0]], [[1.0, 2.0]]]])
    assert layer_cam(values, slopes).tolist() == [[[3.5, 8.0]]]


def test_a_gradient_of_nothing_gives_a_map_of_nothing() -> None:
    values, slopes = torch.rand(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    assert grad_cam_pp(values, slopes).abs().max() == 0


def test_the_last_stage_and_the_next_finer_one_are_found(tmp_path: Path) -> None:
    network = ByGradients.of(bundle_of(tmp_path), "layer-cam", "cpu").network
    with seen_in(network) as noted:
        network(torch.zeros(1, 3, 64, 64))
    stages = stages_of(noted, 1)
    assert stages is not None
    assert stages[1].shape[2] == 2 * stages[0].shape[2] > 2


def test_no_hook_is_left_behind(tmp_path: Path) -> None:
    maker = ByGradients.of(bundle_of(tmp_path), "grad-cam++", "cpu")
    maker(noise(1)[0], 0)
    assert not any(one._forward_hooks for one in maker.network.modules())


def test_turning_back_undoes_the_orientations_of_the_network() -> None:
    planes = torch.rand(1, 3, 5, 5)
    seen: list[torch.Tensor] = []

    class Look(torch.nn.Module):
        def forward(self, given: torch.Tensor) -> torch.Tensor:
            seen.append(given)
            return given.mean((2, 3))

    Oriented(Look())(planes)

    assert torch.equal(turned(planes), seen[0])
    assert torch.equal(turned_back(turned(planes)[:, 0]), planes[0, 0].expand(8, 5, 5))


@pytest.mark.parametrize("method", [*CAMS, "integrated-gradients"])
def test_over_orientations_a_turned_picture_has_the_turned_map(tmp_path: Path, method: str) -> None:
    bundle = bundle_of(tmp_path).with_orientations(True)
    square = noise(1)[0]
    maker = maker_for(bundle, method, device="cpu")  # type: ignore[arg-type]
    straight, across = maker(square, 1), maker(np.rot90(square).copy(), 1)
    assert np.rot90(straight) == pytest.approx(across, abs=2e-2 * float(np.abs(straight).max()))
    assert np.ptp(straight) > 0


def test_integrated_gradients_add_up_to_what_the_picture_adds(tmp_path: Path) -> None:
    bundle, square = bundle_of(tmp_path, "test_resnet"), noise(1)[0]
    found = maker_for(bundle, "integrated-gradients", device="cpu")(square, 2)

    engine = engine_for(bundle, device="cpu", threads=1)
    ends = log_odds(engine.probabilities(np.stack([square, faded(square)])), 2)
    assert float(found.sum()) == pytest.approx(ends[0] - ends[1], abs=0.05 * np.ptp(ends) + 0.02)


@pytest.mark.parametrize("method", CAMS)
def test_an_ensembles_map_is_the_mean_of_its_members(tmp_path: Path, method: str) -> None:
    members = [bundle_of(tmp_path, seed=seed) for seed in (1, 2)]
    about, tensors = join_bundles(members)
    joined = Bundle(about, tensors, "joined")
    square = noise(1)[0]

    found = maker_for(joined, method, device="cpu")(square, 0)  # type: ignore[arg-type]
    each = [maker_for(one, method, device="cpu")(square, 0) for one in members]  # type: ignore[arg-type]

    assert found == pytest.approx(np.mean(each, axis=0), abs=1e-5)


@pytest.mark.parametrize("method", [*CAMS, "integrated-gradients"])
def test_a_fused_model_is_explained_through_its_trunks(tmp_path: Path, method: str) -> None:
    bundle = bundle_of(tmp_path)
    tensors = {name: torch.from_numpy(one.copy()) for name, one in bundle.tensors.items()}
    trunk = build_trunk("test_efficientnet", None, None, tensors, size=SIDE)
    width = 2 * trunk(torch.zeros(1, 3, SIDE, SIDE)).shape[1]
    head = {
        "mean": torch.zeros(width),
        "scale": torch.ones(width),
        "weights": torch.randn(width, 4, generator=torch.Generator().manual_seed(1)),
        "bias": torch.zeros(4),
    }
    fused = Fusion([trunk, trunk], Linear(head)).eval()
    maker = ByGradients(
        fused,
        bundle.description.preprocess,
        torch.device("cpu"),
        method,  # type: ignore[arg-type]
    )

    found = maker(noise(1)[0], 1)

    assert len(parts_of(fused)) == 2
    assert found.shape == (SIDE, SIDE)
    assert np.ptp(found) > 0


@pytest.mark.parametrize("method", CAMS)
def test_a_transformer_is_refused_and_integrated_gradients_take_it(
    tmp_path: Path, method: str
) -> None:
    bundle = bundle_of(tmp_path, "test_vit", spread=0.5)
    with pytest.raises(SettingError, match="ends in tokens"):
        maker_for(bundle, method, device="cpu")(noise(1)[0], 0)  # type: ignore[arg-type]
    assert np.ptp(maker_for(bundle, "integrated-gradients", device="cpu")(noise(1)[0], 0)) > 0

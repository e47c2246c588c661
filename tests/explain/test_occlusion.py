"""Occlusion finds what an answer rests on, equals captum's, and needs answers alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import Occlusion
from made_engines import DarkSpot, bundle_of, noise, spotted

from papscope.errors import SettingError
from papscope.explain.maps import faded, log_odds
from papscope.explain.occlusion import Windows, occlusion_map
from papscope.predict.engines import engine_for


@pytest.mark.parametrize("side", [32, 45])
def test_the_map_equals_captums(tmp_path: Path, side: int) -> None:
    engine, square = DarkSpot(), noise(1, side)[0]
    windows = Windows(side=0.3, step=0.2)
    width, step = round(0.3 * side), round(0.2 * side)

    def asked(planes: torch.Tensor) -> torch.Tensor:
        squares = planes.numpy().transpose(0, 2, 3, 1).round().astype(np.uint8)
        return torch.from_numpy(log_odds(engine.probabilities(squares), 1))

    def as_planes(picture: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float64))

    wanted = Occlusion(asked).attribute(
        as_planes(square),
        sliding_window_shapes=(3, width, width),
        strides=(3, step, step),
        baselines=as_planes(faded(square)),
    )

    found = occlusion_map(engine, square, 1, windows=windows)
    assert found == pytest.approx(wanted[0, 0].numpy(), abs=1e-5)
    assert np.ptp(found) > 0.01


def test_what_the_answer_rests_on_is_found_and_nothing_else() -> None:
    found = occlusion_map(DarkSpot(), spotted(), 1)

    row, column = np.unravel_index(found.argmax(), found.shape)
    assert max(row, column) < 16
    assert np.abs(found[20:, 20:]).max() < 0.01 < found.max()


def test_it_asks_in_batches_and_the_answer_does_not_depend_on_them() -> None:
    square = noise(1)[0]
    one, many = (occlusion_map(DarkSpot(at_once=n), square, 1) for n in (3, 200))
    assert one.tobytes() == many.tobytes()


def test_a_cover_of_choice_is_seen_where_a_window_lies() -> None:
    square = spotted()
    assert np.abs(occlusion_map(DarkSpot(), square, 1, cover=square)).max() == 0


@pytest.mark.parametrize(("side", "step"), [(0.1, 0.2), (0.0, 0.0), (1.5, 0.5)])
def test_windows_that_leave_pixels_out_are_refused(side: float, step: float) -> None:
    with pytest.raises(SettingError, match=r"of the side, .* apart"):
        Windows(side=side, step=step)


@pytest.mark.parametrize("size", [16, 31, 128, 224])
def test_every_pixel_is_covered_by_a_window(size: int) -> None:
    covered = np.zeros((size, size), dtype=int)
    for rows, columns in Windows().places(size):
        covered[rows, columns] += 1
    assert covered.min() >= 1


def test_a_network_of_torch_is_asked_like_any(tmp_path: Path) -> None:
    engine = engine_for(bundle_of(tmp_path), device="cpu", threads=1)
    found = occlusion_map(engine, noise(1)[0], 0)
    assert found.shape == (32, 32)
    assert np.ptp(found) > 0


def test_neither_occlusion_nor_the_overlay_imports_torch_or_matplotlib() -> None:
    program = (
        "import sys, papscope.explain.occlusion, papscope.explain.overlay, papscope.explain.run\n"
        "print([one for one in ('torch', 'matplotlib', 'captum') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

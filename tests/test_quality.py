from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from papscope.errors import ImageError
from papscope.image import Pixels, decode
from papscope.quality import Quality, Thresholds, faults, measure, refuse

DATA = Path(os.environ.get("PAPSCOPE_DATA", Path(__file__).parents[2] / "shared" / "data"))


def cell(size: int = 200, seed: int = 0) -> Pixels:
    """A dark disc with a sharp edge and some grain, on a pale field."""
    rng = np.random.default_rng(seed)
    down, along = np.mgrid[:size, :size] - size / 2
    shade = np.where(np.hypot(down, along) < size / 4, 90, 210)[..., None]
    return np.clip(shade + rng.normal(0, 6, (size, size, 3)), 0, 255).astype(np.uint8)


def blurred(pixels: Pixels, sigma: float) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))


@pytest.mark.parametrize("size", [40, 64, 200, 900])
def test_a_sharp_cell_has_no_fault_at_any_size(size: int) -> None:
    assert faults(measure(cell(size))) == ()


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (214, 180, 220), (128, 128, 128)])
def test_one_colour_is_blank(colour: tuple[int, int, int]) -> None:
    flat = np.full((120, 90, 3), colour, dtype=np.uint8)

    assert faults(measure(flat))[0] == "blank"
    with pytest.raises(ImageError, match=r"slide 7 is blank") as caught:
        refuse(flat, "slide 7")
    assert caught.value.reason == "blank"


def test_an_empty_field_with_sensor_noise_is_blank_and_a_pale_cell_is_not() -> None:
    noise = np.random.default_rng(0).normal(200, 3, (200, 200, 3)).astype(np.uint8)
    pale = noise.copy()
    pale[60:140, 60:140] -= 25

    assert "blank" in faults(measure(noise))
    assert "blank" not in faults(measure(pale))


@pytest.mark.parametrize("size", [100, 200, 800])
def test_a_heavy_blur_is_blurred_and_is_not_refused(size: int) -> None:
    soft = blurred(cell(size), 6 * size / 200)

    assert faults(measure(soft)) == ("blurred",)
    refuse(soft, "a soft cell")


def test_a_small_crop_is_measured_as_it_is_and_not_enlarged() -> None:
    chequered = (np.indices((32, 32)).sum(axis=0) % 4 < 2)[..., None] * np.full(3, 200, np.uint8)
    twice_as_wide = np.tile(chequered, (2, 2, 1))

    small, large = measure(chequered), measure(twice_as_wide)

    assert small.sharpness == pytest.approx(large.sharpness, rel=0.05)


def test_fading_does_not_blur() -> None:
    sharp = cell()
    faded = (180 + (sharp.astype(np.float32) - 180) / 4).astype(np.uint8)

    assert measure(faded).spread < measure(sharp).spread / 3
    assert faults(measure(faded)) == ()


def test_a_burnt_out_cell_is_saturated_and_is_not_refused() -> None:
    burnt = np.clip(cell().astype(np.int32) * 2, 0, 255).astype(np.uint8)

    assert "saturated" in faults(measure(burnt))
    refuse(burnt, "a burnt out cell")


def test_one_clipped_channel_is_a_stain_and_no_saturation() -> None:
    pink = cell()
    pink[..., 0] = 255

    assert measure(pink).clipped == 0


def test_thresholds_are_obeyed_and_kept_in_range() -> None:
    picture = Quality(spread=30, sharpness=0.8, clipped=0.2)

    assert faults(picture) == ()
    assert faults(picture, Thresholds(sharpness=0.9, clipped=0.1)) == ("blurred", "saturated")
    with pytest.raises(ValueError, match="out of range"):
        Thresholds(clipped=2)


@pytest.mark.skipif(not (DATA / "herlev").is_dir(), reason="no shared data: set PAPSCOPE_DATA")
def test_fewer_than_one_genuine_cell_in_a_hundred_is_called_faulty_and_blurred_ones_are() -> None:
    files = [one for one in sorted(DATA.glob("herlev/*/*.jpg")) if not one.stem.endswith("-d")]
    cells = [decode(one) for one in files[::4]]

    faulty = [one for one in cells if faults(measure(one))]
    soft = [one for one in cells if faults(measure(blurred(one, 6))) == ("blurred",)]

    assert len(cells) > 200
    assert len(faulty) < 0.01 * len(cells)
    assert len(soft) > 0.95 * len(cells)

"""What a picture looks like in numbers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from papscope.appearance import MEASURES, NAMES, appearance
from papscope.image import Pixels
from papscope.seeds import stream


def noise(side: int = 128, spread: float = 20.0) -> Pixels:
    drawn = stream(3, "noise").normal(128, spread, (side, side, 3))
    return np.clip(drawn, 0, 255).astype(np.uint8)


def plain(red: int, green: int, blue: int, side: int = 64) -> Pixels:
    return np.full((side, side, 3), (red, green, blue), dtype=np.uint8)


def of(pixels: Pixels, name: str) -> float:
    return float(appearance(pixels)[NAMES.index(name)])


@pytest.mark.parametrize(
    "pixels",
    [plain(0, 0, 0), plain(255, 255, 255), noise(), noise(8), noise(9)[:, :8]],
    ids=["black", "white", "noise", "least", "narrow"],
)
def test_every_picture_has_one_finite_number_for_each_name(pixels: Pixels) -> None:
    looks = appearance(pixels)

    assert looks.shape == (len(NAMES),) == (len(MEASURES),)
    assert np.isfinite(looks).all()


def test_colours_are_told_apart_by_the_side_they_lie_on() -> None:
    assert of(plain(200, 40, 40), "green-red") > 20 > -20 > of(plain(40, 200, 40), "green-red")
    assert of(plain(200, 200, 40), "blue-yellow") > 20 > -20 > of(plain(40, 40, 200), "blue-yellow")


def test_noise_is_measured_in_grey_levels() -> None:
    grey = np.repeat(noise(256, spread=10.0)[:, :, :1], 3, axis=2)
    assert of(grey, "noise") == pytest.approx(10.0, rel=0.1)


def test_a_blur_takes_fine_detail_and_noise_and_steepens_the_spectrum() -> None:
    sharp = noise(64)
    blurred = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(2)))

    assert of(blurred, "fine-detail") < of(sharp, "fine-detail") / 5
    assert of(blurred, "noise") < of(sharp, "noise") / 5
    assert of(blurred, "spectral-slope") < of(sharp, "spectral-slope") - 1


def test_white_noise_has_a_flat_spectrum_and_no_direction_and_stripes_have_one() -> None:
    stripes = plain(255, 255, 255)
    stripes[:, ::8] = 0

    assert of(noise(64), "spectral-slope") == pytest.approx(0, abs=0.3)
    assert of(noise(64), "direction") < 0.1
    assert of(stripes, "direction") == pytest.approx(1, abs=0.05)


def test_a_dark_middle_is_a_positive_number_and_a_light_one_its_opposite() -> None:
    pixels = plain(200, 200, 200)
    pixels[24:40, 24:40] = 40
    assert of(pixels, "middle") > 20
    assert of(255 - pixels, "middle") == pytest.approx(-of(pixels, "middle"), abs=0.01)


def test_grey_pictures_have_one_colour_and_coloured_noise_has_three() -> None:
    grey = np.repeat(noise(64)[:, :, :1], 3, axis=2)
    assert of(grey, "one-colour") == pytest.approx(1)
    assert of(noise(64), "third-colour") > 0.2

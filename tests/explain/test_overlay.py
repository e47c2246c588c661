"""An overlay colours what speaks for a class and what speaks against it, and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from made_engines import noise
from PIL import Image

from papscope.explain.overlay import LEAST_SIDE, overlay, overlay_image


def halves(side: int) -> np.ndarray:
    """For the class on the left, against it on the right, nothing in the lower half."""
    found = np.zeros((side, side), dtype=np.float32)
    found[: side // 2, : side // 2] = 2
    found[: side // 2, side // 2 :] = -2
    return found


def test_for_is_red_against_is_blue_and_the_rest_is_grey() -> None:
    square = np.full((LEAST_SIDE, LEAST_SIDE, 3), (180, 90, 160), dtype=np.uint8)
    picture = np.array(overlay_image(square, halves(LEAST_SIDE))).astype(int)

    left, right, below = picture[10, 10], picture[10, 250], picture[250, 10]
    assert left[0] > left[2] + 80
    assert right[2] > right[0] + 60
    assert np.ptp(below) == 0


def test_a_small_square_is_enlarged_and_the_bytes_are_the_same_each_time() -> None:
    square = noise(1)[0]
    one, again = overlay(square, halves(32)), overlay(square, halves(32))

    with Image.open(io.BytesIO(one)) as picture:
        assert (picture.format, picture.size) == ("PNG", (LEAST_SIDE, LEAST_SIDE))
    assert one == again


def test_a_map_of_nothing_leaves_a_grey_picture() -> None:
    picture = np.array(overlay_image(noise(1)[0], np.zeros((32, 32), dtype=np.float32)))
    assert np.ptp(picture.astype(int), axis=2).max() == 0


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="a map of"):
        overlay(noise(1)[0], np.zeros((8, 8), dtype=np.float32))

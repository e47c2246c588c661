"""Cells in numbers: what is known of drawn ones is found."""

from __future__ import annotations

from math import log, pi
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papscope.errors import ImageError
from papscope.image import Box
from papscope.preprocess import Source
from papscope.shape.measures import NAMES, measure
from papscope.shape.reading import measured, measured_all
from papscope.shape.regions import Regions, regions_of_mask, regions_of_outlines

SIDE = 96


def cell(radius: float = 14, outer: float = 40, moved: float = 0, long: float = 1) -> Regions:
    """An oval nucleus in a round cell."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    inner = np.hypot((x - moved) / long, y) < radius
    return np.where(inner, 2, np.where(np.hypot(x, y) < outer, 1, 0)).astype(np.uint8)


def picture(regions: Regions, noise: float = 6) -> np.ndarray:
    shades = np.array([(240, 240, 240), (150, 190, 200), (90, 60, 130)])[regions]
    random = np.random.default_rng(0)
    return (shades + random.normal(0, noise, shades.shape)).clip(0, 255).astype(np.uint8)


def told(regions: Regions, noise: float = 6) -> dict[str, float]:
    return dict(zip(NAMES, measure(picture(regions, noise), regions).tolist(), strict=True))


def test_a_round_nucleus_in_a_round_cell_is_found_so() -> None:
    found = told(cell(14, 40))

    assert found["nucleus_log_area"] == pytest.approx(log(pi * 14**2), abs=0.01)
    assert found["cell_log_area"] == pytest.approx(log(pi * 40**2), abs=0.01)
    assert found["nucleus_to_cell"] == pytest.approx(14**2 / 40**2, rel=0.01)
    assert found["nucleus_offset"] == pytest.approx(0, abs=1e-6)
    assert found["nucleus_eccentricity"] < 0.1
    assert found["nucleus_solidity"] > 0.95
    assert found["nucleus_form_factor"] == pytest.approx(1, abs=0.1)
    assert found["nucleus_aspect"] == pytest.approx(1, abs=0.01)


def test_a_long_nucleus_off_the_middle_is_found_so() -> None:
    found = told(cell(8, 40, moved=10, long=2))

    assert found["nucleus_aspect"] == pytest.approx(0.5, abs=0.02)
    assert found["nucleus_eccentricity"] == pytest.approx((1 - 0.25) ** 0.5, abs=0.02)
    assert found["nucleus_offset"] == pytest.approx(10 / 40, abs=0.01)


def test_colours_and_density_are_those_of_each_part() -> None:
    found = told(cell(), noise=0)

    shade = [90 / 255, 60 / 255, 130 / 255]
    names = [f"nucleus_mean_{one}" for one in ("red", "green", "blue")]
    assert [found[name] for name in names] == pytest.approx(shade, abs=0.001)
    assert found["nucleus_spread_red"] == pytest.approx(0, abs=1e-6)
    assert found["density_difference"] > 0.1
    assert found["nucleus_contrast"] == pytest.approx(0)
    assert found["nucleus_energy"] == pytest.approx(1)


def test_a_rough_nucleus_has_more_contrast_and_less_homogeneity() -> None:
    smooth, rough = told(cell(), noise=2), told(cell(), noise=30)

    assert rough["nucleus_contrast"] > smooth["nucleus_contrast"] + 0.5
    assert rough["nucleus_homogeneity"] < smooth["nucleus_homogeneity"]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_a_picture_changes_nothing(turns: int) -> None:
    where = cell(8, 40, moved=9, long=1.7)
    pixels = picture(where)

    turned = measure(np.rot90(pixels, turns).copy(), np.rot90(where, turns).copy())
    mirrored = measure(pixels[:, ::-1].copy(), where[:, ::-1].copy())

    np.testing.assert_allclose(turned, measure(pixels, where), atol=1e-4)
    np.testing.assert_allclose(mirrored, measure(pixels, where), atol=1e-4)


def test_the_largest_of_several_nuclei_counts() -> None:
    where = cell(14, 40)
    where[20:26, 46:52] = 2
    assert told(where)["nucleus_log_area"] == pytest.approx(log(pi * 14**2), abs=0.01)


@pytest.mark.parametrize("where", [cell(2, 40), cell(40, 40), np.zeros((SIDE, SIDE), np.uint8)])
def test_a_cell_without_nucleus_or_cytoplasm_is_not_measured(where: Regions) -> None:
    assert np.isnan(measure(picture(where), where)).all()


def saved(folder: Path, where: Regions) -> Source:
    colours = np.array([(255, 0, 0), (0, 0, 128), (0, 0, 255)], dtype=np.uint8)
    Image.fromarray(picture(where)).save(folder / "cell.png")
    Image.fromarray(colours[where]).save(folder / "cell-d.jpg", quality=90)
    return Source(folder / "cell.png", outline=folder / "cell-d.jpg")


def test_a_mask_that_was_kept_as_jpeg_is_read(tmp_path: Path) -> None:
    where = cell()
    found = measured(saved(tmp_path, where))

    mask = np.array(Image.open(tmp_path / "cell-d.jpg").convert("RGB"))
    assert (regions_of_mask(mask) == where).mean() > 0.97
    np.testing.assert_allclose(found[:2], measure(picture(where), where)[:2], atol=0.1)


def test_outlines_and_masks_tell_the_same() -> None:
    angles = np.linspace(0, 2 * pi, 200, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    middle = SIDE / 2 - 0.5
    outlines = {
        "cytoplasm": (circle * 40 + middle).tolist(),
        "nucleus": (circle * 14 + middle).tolist(),
    }

    found = regions_of_outlines(outlines, SIDE, SIDE)

    assert (found == cell()).mean() > 0.97
    source = Source(picture(cell()), outline=outlines)
    assert measured(source)[2] == pytest.approx(14**2 / 40**2, rel=0.1)


def test_a_part_of_a_picture_is_measured_within_its_box(tmp_path: Path) -> None:
    where = np.hstack([cell(14, 40), cell(20, 40)])
    one = saved(tmp_path, where)
    left = Source(one.picture, Box(0, 0, SIDE, SIDE), outline=one.outline)
    right = Source(one.picture, Box(SIDE, 0, SIDE, SIDE), outline=one.outline)

    areas = [float(np.exp(measured(source)[0])) for source in (left, right)]

    assert areas == pytest.approx([pi * 14**2, pi * 20**2], rel=0.05)


def test_a_mask_of_another_size_is_refused_or_not_used(tmp_path: Path) -> None:
    one = saved(tmp_path, cell())
    Image.new("RGB", (50, 50)).save(tmp_path / "cell-d.jpg")

    with pytest.raises(ImageError, match=r"is 50 x 50 pixels, and .* 96 x 96"):
        measured_all([one])
    assert np.isnan(measured_all([one], strict=False)).all()


def test_a_picture_without_outline_is_not_measured(tmp_path: Path) -> None:
    one = saved(tmp_path, cell())
    assert np.isnan(measured(Source(one.picture))).all()

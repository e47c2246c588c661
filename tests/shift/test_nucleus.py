"""The nucleus is found without a mask, near enough to compare sets of cells."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from made_smears import SIDE, drawn

from papscope.image import decode
from papscope.shape.regions import NUCLEUS, regions_of_mask
from papscope.shift.nucleus import nucleus_share


@pytest.mark.parametrize("radius", [4.0, 7.0, 11.0])
def test_a_round_nucleus_gets_its_diameter_within_a_tenth(radius: float) -> None:
    rng = np.random.default_rng(1)

    found = [nucleus_share(drawn(rng, 0.0, radius)) for _ in range(5)]

    assert np.median(found) == pytest.approx(2 * radius / SIDE, rel=0.1)


def test_light_does_not_change_the_diameter() -> None:
    found = [
        nucleus_share(drawn(np.random.default_rng(1), stain, 8.0)) for stain in (-40.0, 0.0, 20.0)
    ]

    assert max(found) - min(found) < 0.03


def test_a_picture_of_one_colour_has_no_nucleus() -> None:
    assert np.isnan(nucleus_share(np.full((40, 40, 3), 128, np.uint8)))


def test_diameters_of_real_nuclei_go_with_those_of_their_masks() -> None:
    data = Path(os.environ.get("PAPSCOPE_DATA", Path(__file__).parents[3] / "shared/data"))
    files = sorted((data / "herlev").glob("*/*-d.jpg"))[::40]
    if not files:
        pytest.skip("Herlev's images are not here: set PAPSCOPE_DATA")

    masks = [regions_of_mask(decode(file)) == NUCLEUS for file in files]
    true = [np.sqrt(4 * mask.sum() / np.pi / mask.size) for mask in masks]
    found = [
        nucleus_share(decode(file.with_name(file.name.replace("-d.jpg", ".jpg")))) for file in files
    ]

    known = np.isfinite(found)
    assert known.mean() > 0.9
    assert np.corrcoef(np.array(true)[known], np.array(found)[known])[0, 1] > 0.65

"""Fourteen changes a set: unlike each other, with red first and mirrored borders."""

from __future__ import annotations

import numpy as np
import pytest
from made_families import cell
from skimage.color import rgb2lab

from papscope.augment.changes import Move, moved, oriented
from papscope.augment.children import COPIES, Kind
from papscope.augment.gentle import restained
from papscope.augment.making import changes_of
from papscope.augment.original import ORIGINAL
from papscope.image import Pixels
from papscope.seeds import stream

KINDS: tuple[Kind, ...] = ("gentle", "original")


def all_changed(kind: Kind, pixels: Pixels, seed: int = 0) -> list[Pixels]:
    return [
        change(pixels, stream(seed, f"change {k}")) for k, change in enumerate(changes_of(kind))
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_set_has_fourteen_changes_and_none_gives_the_picture_back(kind: Kind) -> None:
    pixels = cell("x", 40, 33)

    found = [pixels, *all_changed(kind, pixels)]

    assert len(found) == COPIES + 1 == 15
    assert len({(one.shape, one.tobytes()) for one in found}) == 15
    assert {one.shape for one in found} <= {(40, 33, 3), (33, 40, 3)}
    assert all(one.dtype == np.uint8 for one in found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 8), (8, 8), (9, 31)])
def test_small_and_flat_pictures_are_changed_without_a_fault(
    kind: Kind, shape: tuple[int, int]
) -> None:
    for shade in (0, 130, 255):
        flat = np.full((*shape, 3), shade, dtype=np.uint8)
        assert all(sorted(one.shape[:2]) == sorted(shape) for one in all_changed(kind, flat))
    assert len(all_changed(kind, cell("small", *shape))) == COPIES


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_that_is_changed_stays_as_it_is(kind: Kind) -> None:
    pixels = cell("x")
    before = pixels.copy()
    all_changed(kind, pixels)
    assert np.array_equal(pixels, before)


def test_the_first_seven_gentle_ones_are_the_other_orientations() -> None:
    pixels = cell("x", 20, 30)

    found = all_changed("gentle", pixels)[:7]

    assert {one.tobytes() for one in found} == {oriented(pixels, w).tobytes() for w in range(1, 8)}
    assert all(sorted(one.ravel()) == sorted(pixels.ravel()) for one in found)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_the_seventh_to_ninth_original_ones_raise_red_green_and_blue(channel: int) -> None:
    grey = np.full((9, 9, 3), 100, dtype=np.uint8)

    change = ORIGINAL[6 + channel](grey, stream(0, "x")).astype(int) - 100

    assert 20 <= change[..., channel].min() == change[..., channel].max() <= 60
    assert not np.delete(change, channel, axis=2).any()


@pytest.mark.parametrize("kind", KINDS)
def test_moves_bring_in_no_black(kind: Kind) -> None:
    bright = np.clip(cell("x", 50, 50), 120, 255)
    spatial = all_changed(kind, bright)[7:11] if kind == "gentle" else []
    for seed in range(12):
        if kind == "original":
            spatial.append(ORIGINAL[0](bright, stream(seed, "x")))
    assert min(int(one.min()) for one in spatial) >= 115


def test_a_move_goes_where_it_says() -> None:
    dot = np.zeros((21, 21, 3), dtype=np.uint8)
    dot[10, 10] = 255

    right = moved(dot, Move(right=2 / 21, down=3 / 21))

    assert divmod(int(right[..., 0].argmax()), 21) == (13, 12)


def test_gentle_staining_is_slight_and_leaves_white_white() -> None:
    pixels = cell("x", 60, 60)
    white = np.full((8, 8, 3), 255, dtype=np.uint8)
    for seed in range(20):
        changed = restained(pixels, stream(seed, "stain"))
        apart = np.linalg.norm(rgb2lab(changed) - rgb2lab(pixels), axis=2)
        assert 0 < apart.mean() < 4  # 2.3 is just noticed
        assert np.array_equal(restained(white, stream(seed, "stain")), white)


def test_an_original_picture_in_few_colours_has_few() -> None:
    from papscope.augment.colours import few_colours

    changed = few_colours(cell("x"), stream(0, "x"))
    assert 5 <= len(np.unique(changed.reshape(-1, 3), axis=0)) <= 12

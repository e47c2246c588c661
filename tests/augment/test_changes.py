"""What each change does to a picture whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from papscope.augment import geometry, optics, staining
from papscope.augment.elastic import displacements
from papscope.augment.settings import OnlineSettings


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramps(n: int = 4, side: int = 64) -> torch.Tensor:
    """Pictures whose red tells the column and whose green tells the row, in pixels."""
    place = torch.arange(side, dtype=torch.float32)
    right, down = place.expand(side, side), place[:, None].expand(side, side)
    return torch.stack([right, down, torch.zeros(side, side)]).expand(n, -1, -1, -1).clone()


def test_a_crop_is_a_square_window_of_at_least_the_share_that_is_kept() -> None:
    settings = OnlineSettings(orientations=False, crop=0.5)

    seen = geometry.moved(ramps(n=200), settings, seeded())

    steps = (seen[:, 0, 30, 31] - seen[:, 0, 30, 30], seen[:, 1, 31, 30] - seen[:, 1, 30, 30])
    assert torch.allclose(steps[0], steps[1], atol=1e-3)  # square
    assert 0.5 <= steps[0].min() < 0.52
    assert 0.98 < steps[0].max() <= 1
    inner = seen[:, :2, 1:-1, 1:-1]
    assert (inner.diff(dim=-1)[:, 0] > 0).all()  # never mirrored: the window stays inside
    assert seen[:, 0].min() < 1
    assert seen[:, 0].max() > 62


def test_a_turn_and_a_crop_together_are_the_one_after_the_other() -> None:
    settings = OnlineSettings(orientations=False, rotation=40, crop=0.5)
    turned = geometry.moved(ramps(), OnlineSettings(orientations=False, rotation=40), seeded())
    both = geometry.moved(ramps(), settings, seeded())

    # Across the middle of a picture a turn is a linear map; a crop is a part of its range.
    across, part = (one[:, 0, 32, 33] - one[:, 0, 32, 31] for one in (turned, both))

    kept = part / across
    assert ((kept > 0.49) & (kept < 1.01)).all()
    down = (both[:, 1, 33, 32] - both[:, 1, 31, 32]) / (turned[:, 1, 33, 32] - turned[:, 1, 31, 32])
    assert torch.allclose(kept, down, atol=1e-2)


def test_bends_stay_below_the_largest_displacement_and_are_smooth() -> None:
    largest = 0.1

    bends = displacements(ramps(n=100), largest, seeded()) / 2  # as shares of the side

    assert bends.shape == (100, 64, 64, 2)
    assert 0.04 < bends.abs().max() <= largest
    assert bends.abs().mean() > 0.005
    assert bends.diff(dim=1).abs().max() < largest / 8


def test_the_strongest_bend_allowed_folds_nothing_whatever_the_zoom() -> None:
    settings = OnlineSettings(orientations=False, elastic=0.12, crop=0.6, scale=0.3)

    seen = geometry.moved(ramps(n=100), settings, seeded())[:, :2, 8:-8, 8:-8]

    right = seen.diff(dim=-1)[:, :, :-1]
    down = seen.diff(dim=-2)[:, :, :, :-1]
    area = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]
    whole = (seen > 1).all(1) & (seen < 62).all(1)  # not at a mirrored border
    assert (area[whole[:, :-1, :-1]] > 0).float().mean() > 0.999


def test_a_bend_goes_the_way_that_the_turned_picture_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eight_right = torch.tensor([8 * 2 / 64, 0.0]).expand(4, 64, 64, 2)
    monkeypatch.setattr(geometry, "displacements", lambda *_: eight_right)
    settings = OnlineSettings(rotation=180, crop=0.3)
    turned = geometry.moved(ramps(), settings, seeded())

    bent = geometry.moved(ramps(), replace(settings, elastic=0.01), seeded())

    assert torch.allclose(bent[..., :-8], turned[..., 8:], atol=0.01)


def test_a_picture_is_sampled_once() -> None:
    """Sampling twice would blur a checkerboard twice."""
    pictures = torch.zeros(1, 3, 32, 32)
    pictures[..., ::2] = 255
    tiny = {"elastic": 1e-6, "crop": 1e-6, "shift": 1e-6}

    seen = geometry.moved(pictures, OnlineSettings(orientations=False, **tiny), seeded())

    assert torch.allclose(seen, pictures, atol=0.2)


def test_blur_is_a_gaussian_of_the_drawn_width() -> None:
    pictures = torch.zeros(50, 3, 41, 41)
    pictures[:, :, 20, 20] = 1000.0

    seen = optics.blurred(pictures, 2.0, seeded())

    assert torch.allclose(seen.sum((2, 3)), torch.tensor(1000.0), rtol=1e-4)
    place = torch.arange(41) - 20.0
    across = seen.sum(2)[:, 0] / 1000
    width = (across * place**2).sum(1).sqrt()
    wanted = 2.0 * torch.rand(50, generator=seeded())
    sharp = wanted < 0.6  # a narrow bell falls between the pixels
    assert torch.allclose(width[~sharp], wanted[~sharp], rtol=0.03)
    assert torch.equal(seen[:, 0], seen[:, 2])


def test_blur_is_that_of_pillow() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    pictures = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    sigma = 1.5 * float(torch.rand(1, generator=seeded(8)))
    theirs = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))

    mine = optics.blurred(pictures, 1.5, seeded(8))[0].permute(1, 2, 0).numpy()

    assert sigma > 0.5
    assert np.abs(mine - theirs)[4:-4, 4:-4].mean() < 4  # Pillow's own is three boxes


def test_a_blur_wider_than_a_small_picture_is_still_a_picture() -> None:
    pictures = torch.rand(20, 3, 16, 16, generator=seeded()) * 255

    seen = optics.blurred(pictures, 10.0, seeded())

    assert torch.isfinite(seen).all()
    assert seen.std((2, 3)).median() < pictures.std((2, 3)).median() / 5


def test_jpeg_loses_more_at_a_lower_quality() -> None:
    pictures = torch.rand(1, 3, 32, 32, generator=seeded()).expand(40, -1, -1, -1) * 255
    losses = torch.rand(40, generator=seeded(5))

    seen = optics.compressed(pictures, 0.9, seeded(5))

    error = (seen - pictures).abs().mean((1, 2, 3))
    order = torch.stack([losses, error])
    assert torch.corrcoef(order)[0, 1] > 0.8
    assert torch.equal(seen, seen.round())


def test_pictures_beyond_the_range_are_cut_off_before_jpeg() -> None:
    pictures = torch.full((1, 3, 16, 16), 300.0)
    assert optics.compressed(pictures, 0.1, seeded()).min() > 250


def one_colour(*colour: float) -> torch.Tensor:
    return torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, 4, 4).clone()


def test_no_change_of_stain_leaves_every_colour() -> None:
    pictures = torch.rand(3, 3, 16, 16, generator=seeded()) * 255
    pictures[0, :, 0, 0], pictures[0, :, 0, 1] = 0, 255

    same = staining.restained(pictures, torch.ones(3, 3), torch.zeros(3, 3))

    assert torch.allclose(same, pictures, atol=0.01)


def test_more_haematoxylin_deepens_its_colour_and_nothing_else() -> None:
    """Twice the dye is twice the optical density: Beer and Lambert's law."""
    density = 0.3 * torch.tensor([0.65, 0.70, 0.29])
    once, twice = (256 * 10 ** (-times * density) - 1 for times in (1, 2))
    gain = torch.tensor([[2.0, 1.0, 1.0]])

    seen = staining.restained(one_colour(*once.tolist()), gain, torch.zeros(1, 3))

    assert torch.allclose(seen[0, :, 0, 0], twice, atol=0.01)
    only_eosin = 256 * 10 ** (-0.3 * torch.tensor([0.07, 0.99, 0.11])) - 1
    left = staining.restained(one_colour(*only_eosin.tolist()), gain, torch.zeros(1, 3))
    assert torch.allclose(left[0, :, 0, 0], only_eosin, atol=0.01)


def test_a_shift_adds_optical_density() -> None:
    shift = torch.tensor([[0.0, 0.2, 0.0]])

    seen = staining.restained(one_colour(255, 255, 255), torch.ones(1, 3), shift)

    added = -torch.log10((seen[0, :, 0, 0] + 1) / 256)
    assert torch.allclose(added, 0.2 * torch.tensor([0.07, 0.99, 0.11]), atol=1e-4)


def test_the_strength_bounds_gain_and_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[torch.Tensor] = []

    def kept(pictures: torch.Tensor, gain: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        drawn.extend((gain, shift))
        return pictures

    monkeypatch.setattr(staining, "restained", kept)
    staining.stained(torch.zeros(500, 3, 2, 2), 0.2, seeded())

    gain, shift = drawn
    assert gain.shape == shift.shape == (500, 3)
    for low, high, found in ((0.8, 1.2, gain), (-0.2, 0.2, shift)):
        assert low <= found.min() < low + 0.01
        assert high - 0.01 < found.max() <= high

from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from papscope.augment.online import augment
from papscope.augment.settings import OnlineSettings
from papscope.errors import SettingError

NEW = {"crop": 0.4, "elastic": 0.06, "stain": 0.15, "blur": 1.5, "jpeg": 0.6}


def still(**changes: float) -> OnlineSettings:
    """Settings that change nothing but what is named."""
    return OnlineSettings(orientations=False, **changes)


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blobs(n: int = 4, side: int = 32) -> torch.Tensor:
    """Smooth pictures, as cells are: coarse noise drawn large."""
    coarse = torch.rand(n, 3, 6, 6, generator=seeded(1)) * 200 + 30
    return torch.nn.functional.interpolate(coarse, size=side, mode="bicubic").clamp(0, 255)


@pytest.mark.parametrize("name", NEW)
def test_each_change_changes_keeps_the_range_and_follows_the_seed(name: str) -> None:
    pictures, settings = blobs(), still(**{name: NEW[name]})

    one, two, other = (augment(pictures.clone(), settings, seeded(seed)) for seed in (3, 3, 4))

    assert one.shape == pictures.shape
    assert one.dtype == torch.float32
    assert 0 <= one.min() <= one.max() <= 255
    assert not torch.equal(one, pictures)
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", NEW)
def test_each_picture_is_changed_by_its_own_numbers(name: str) -> None:
    same = blobs(1).expand(3, -1, -1, -1).clone()

    changed = augment(same, still(**{name: NEW[name]}), seeded(9))

    assert not torch.equal(changed[0], changed[1])
    assert not torch.equal(changed[1], changed[2])


def test_everything_at_once_keeps_shape_and_range_and_follows_the_seed() -> None:
    settings = OnlineSettings(
        orientations=True, rotation=20, scale=0.2, shift=0.1, brightness=0.1, contrast=0.3,
        saturation=0.3, tint=0.1, noise=0.05, **NEW,
    )  # fmt: skip

    one, two = (augment(blobs(), settings, seeded()) for _ in range(2))

    assert one.shape == (4, 3, 32, 32)
    assert 0 <= one.min() <= one.max() <= 255
    assert torch.equal(one, two)


def test_global_random_numbers_are_left_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()

    augment(blobs(), OnlineSettings(orientations=True, rotation=9, noise=0.1, **NEW), seeded())

    assert torch.equal(before, torch.get_rng_state())


def test_what_is_left_out_draws_no_numbers() -> None:
    drawn, wanted = seeded(), seeded()

    augment(blobs(n=5), OnlineSettings(rotation=9, tint=0.1, noise=0.1), drawn)

    torch.randint(8, (5,), generator=wanted)  # orientation
    for _ in range(4):  # turn, zoom, right, down
        torch.rand(5, generator=wanted)
    for _ in range(3):  # contrast, saturation, brightness
        torch.rand(5, generator=wanted)
    torch.rand((5, 3, 1), generator=wanted)  # tint
    torch.rand(5, generator=wanted)  # how much noise
    torch.randn((5, 3, 32, 32), generator=wanted)
    assert torch.equal(drawn.get_state(), wanted.get_state())


def test_nothing_asked_for_changes_nothing() -> None:
    pictures = blobs()
    assert torch.equal(augment(pictures.clone(), still(), seeded()), pictures)


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("elastic", 0.13, "elastic is 0.13; want 0 to 0.12 of the side"),
        ("crop", 1.0, "crop is 1.0; want 0 to below 1"),
        ("stain", -0.1, "stain is -0.1"),
        ("jpeg", 1.5, "jpeg is 1.5"),
        ("blur", 11.0, "blur is 11.0; want 0 to 10 px"),
        ("blur", float("nan"), "blur is nan"),
        ("rotation", 181.0, "rotation is 181.0; want 0 to 180 degrees"),
    ],
)
def test_settings_out_of_range_are_refused(name: str, value: float, match: str) -> None:
    with pytest.raises(SettingError, match=match):
        still(**{name: value})


def test_all_but_the_orientations_are_off_by_default() -> None:
    on = [one.name for one in fields(OnlineSettings) if getattr(OnlineSettings(), one.name)]
    assert on == ["orientations"]

from __future__ import annotations

import json
from typing import get_args

import numpy as np
import pytest

from papscope.errors import SettingError
from papscope.image import Pixels
from papscope.seeds import stream
from papscope.stain import macenko, reinhard
from papscope.stain.reference import Method, StainReference, apply, fit

METHODS: tuple[Method, ...] = get_args(Method)

BLUE, PINK = np.array([0.65, 0.70, 0.29]), np.array([0.07, 0.99, 0.11])
OTHER_BLUE, OTHER_PINK = np.array([0.75, 0.55, 0.35]), np.array([0.25, 0.85, 0.30])


def dyed(
    seed: int, blue: np.ndarray = BLUE, pink: np.ndarray = PINK, strength: float = 1.0
) -> Pixels:
    """A made cell: a blue nucleus in pink cytoplasm on a clear ground, by Beer and Lambert."""
    random = stream(seed, "dyed")
    y, x = np.mgrid[:64, :64] - 32
    far = np.hypot(x, y) + random.normal(0, 1, (64, 64))
    much_blue = 1.4 * (far < random.uniform(9, 13)) + 0.1 * (far < 26)
    much_pink = 0.8 * ((far < 26) & (far >= 10))
    grain = random.uniform(0.7, 1.0, (64, 64, 1)) * strength
    density = grain * (much_blue[..., None] * blue + much_pink[..., None] * pink)
    light = np.clip(256 * np.exp(-density) - 0.5, 0, 255)
    return np.asarray(light, dtype=np.uint8)


def cells(count: int = 6, **stain: object) -> list[Pixels]:
    return [dyed(seed, **stain) for seed in range(count)]  # type: ignore[arg-type]


def apart(one: StainReference, other: StainReference) -> float:
    """The largest gap between the numbers of two references."""
    return float(np.abs(np.concatenate(one.numbers) - np.concatenate(other.numbers)).max())


@pytest.mark.parametrize(
    ("method", "near", "far"), [("reinhard", 1.5, 4.0), ("macenko", 0.05, 0.1)]
)  # fmt: skip
def test_restained_pictures_are_brought_near_the_reference(
    method: Method, near: float, far: float
) -> None:
    wanted = fit(cells(), method)
    others = cells(blue=OTHER_BLUE, pink=OTHER_PINK, strength=0.7)
    assert apart(fit(others, method), wanted) > far

    brought = fit([apply(one, wanted) for one in others], method)

    assert apart(brought, wanted) < near


@pytest.mark.parametrize("method", METHODS)
def test_restained_cells_look_more_like_themselves_afterwards(method: Method) -> None:
    plain, others = cells(), cells(blue=OTHER_BLUE, pink=OTHER_PINK, strength=0.7)
    wanted = fit(plain, method)

    before = np.mean([np.abs(a.astype(float) - b) for a, b in zip(plain, others, strict=True)])
    after = np.mean(
        [
            np.abs(apply(a, wanted).astype(float) - apply(b, wanted))
            for a, b in zip(plain, others, strict=True)
        ]
    )

    assert after < before / 3


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_that_has_the_wanted_stain_stays_as_it_is(method: Method) -> None:
    picture = dyed(3)

    same = apply(picture, fit([picture], method))

    assert np.abs(same.astype(int) - picture).max() <= 2


def test_macenko_finds_the_stains_that_a_picture_was_dyed_with() -> None:
    found = fit(cells(), "macenko").numbers

    for mine, true in zip(found, (BLUE, PINK), strict=False):
        cosine = np.dot(mine, true) / np.linalg.norm(true)
        assert np.rad2deg(np.arccos(cosine)) < 6
        assert np.linalg.norm(mine) == pytest.approx(1, abs=1e-5)


def test_reinhard_measures_cielab() -> None:
    """Halves of two colours whose CIELAB values can be looked up: sRGB red and blue."""
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:2], picture[2:] = (255, 0, 0), (0, 0, 255)
    red, blue = np.array([53.24, 80.09, 67.20]), np.array([32.30, 79.19, -107.86])

    found = reinhard.measure(picture)

    assert found is not None
    assert np.allclose(found[0], (red + blue) / 2, atol=0.05)
    assert np.allclose(found[1], np.abs(red - blue) / 2, atol=0.05)


def test_reinhard_gives_mean_and_spread_as_asked() -> None:
    wanted = StainReference("reinhard", ((60.0, 5.0, -5.0), (8.0, 4.0, 3.0)))

    found = reinhard.measure(apply(dyed(1, strength=0.5), wanted))

    assert found is not None
    assert np.allclose(np.concatenate(found), np.concatenate(wanted.numbers), atol=0.4)


PLAIN = {
    "white": np.full((24, 24, 3), 255, np.uint8),
    "black": np.zeros((24, 24, 3), np.uint8),
    "grey": np.full((24, 24, 3), 130, np.uint8),
    "one colour": np.full((24, 24, 3), (180, 90, 160), np.uint8),
    "a single pixel": np.full((1, 1, 3), 90, np.uint8),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PLAIN)
def test_what_shows_nothing_is_left_as_it_is(method: Method, name: str) -> None:
    wanted = fit(cells(), method)
    assert np.array_equal(apply(PLAIN[name], wanted), PLAIN[name])


STRANGE = {
    "grey noise": np.repeat(
        stream(0, "g").integers(0, 256, (24, 24, 1), dtype=np.uint8), 3, axis=2
    ),
    "noise": stream(0, "n").integers(0, 256, (24, 24, 3), dtype=np.uint8),
    "shades of one dye": dyed(2, blue=BLUE, pink=BLUE),
    "a speck of tissue": np.where(np.arange(576).reshape(24, 24, 1) < 4, 60, 250)
    .repeat(3, 2)
    .astype(np.uint8),
    "a red and a green half": np.repeat([[[255, 0, 0]], [[0, 255, 0]]], 12, axis=0)
    .repeat(24, 1)
    .astype(np.uint8),
    "one row": stream(0, "r").integers(0, 256, (1, 40, 3), dtype=np.uint8),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", STRANGE)
def test_strange_pictures_stay_pictures(method: Method, name: str) -> None:
    picture = STRANGE[name]

    seen = apply(picture, fit(cells(), method))

    assert seen.shape == picture.shape
    assert seen.dtype == np.uint8
    assert seen.std() < 3 * picture.std() + 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", METHODS)
def test_plain_pictures_are_passed_over_when_measuring(method: Method) -> None:
    assert fit([*PLAIN.values(), *cells()], method) == fit(cells(), method)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_to_measure_is_told(method: Method) -> None:
    with pytest.raises(SettingError, match="no picture shows enough stain"):
        fit(PLAIN.values(), method)
    with pytest.raises(SettingError, match="no picture shows enough stain"):
        fit([], method)


def test_shades_of_one_dye_are_not_pulled_apart_into_two() -> None:
    shades = dyed(2, blue=BLUE, pink=0.97 * BLUE + 0.12 * PINK)
    found = macenko.measure(shades)
    wanted = fit(cells(), "macenko")

    brought = macenko.measure(apply(shades, wanted))

    def angle(stains: tuple[np.ndarray, ...]) -> float:
        return float(np.rad2deg(np.arccos(np.dot(stains[0], stains[1]))))

    assert found is not None
    assert brought is not None
    assert angle(found) < 10 < angle(tuple(np.array(row) for row in wanted.numbers))
    assert angle(brought) < 1.7 * angle(found)


def test_a_third_dye_is_kept() -> None:
    picture = dyed(4)
    picture[:3, :3] = (60, 200, 120)

    seen = apply(picture, fit([dyed(4)], "macenko"))

    assert np.abs(seen[:3, :3].astype(int) - picture[:3, :3]).max() <= 12


@pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_the_bluer_stain_is_first_whatever_way_the_axes_point(
    signs: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library of linear algebra may turn an axis around."""
    plain = macenko.measure(dyed(1))
    real = np.linalg.eigh

    def turned(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, axes = real(matrix)
        return values, axes * (1, *signs)

    monkeypatch.setattr(np.linalg, "eigh", turned)
    found = macenko.measure(dyed(1))

    assert plain is not None
    assert found is not None
    assert found[0][0] > found[1][0]
    assert np.allclose(np.concatenate(found), np.concatenate(plain), atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_pictures_give_the_same_numbers_and_colours(method: Method) -> None:
    one, two = fit(cells(), method), fit(iter(cells()), method)
    assert one == two
    assert hash(one) == hash(two)
    assert np.array_equal(apply(dyed(9), one), apply(dyed(9), two))


@pytest.mark.parametrize("method", METHODS)
def test_a_reference_survives_json(method: Method) -> None:
    wanted = fit(cells(), method)
    assert StainReference.from_json(json.loads(json.dumps(wanted.to_json()))) == wanted


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ({"method": "reinhard"}, "the stain is damaged"),
        ({"numbers": [[1, 2, 3], [1, 2, 3]]}, "the stain is damaged"),
        ({"method": "vahadane", "numbers": [[1, 2, 3]]}, "stain method is 'vahadane'"),
        ({"method": "reinhard", "numbers": [[1, 2, 3], [1, 2]]}, "stain numbers are"),
        ({"method": "reinhard", "numbers": [[1, 2, 3], [1, 2, "x"]]}, "the stain is damaged"),
        ({"method": "reinhard", "numbers": [[1, 2, 3], [1, 2, float("nan")]]}, "stain numbers are"),
        ({"method": "macenko", "numbers": [[1, 0, 0], [1, 0, 0], [1, 1]]}, "stains are alike"),
        ({"method": "reinhard", "numbers": [[1, 2, 3]] * 2, "more": 1}, "the stain is damaged"),
        ("reinhard", "the stain is damaged"),
    ],
)
def test_a_damaged_reference_is_told(value: object, match: str) -> None:
    with pytest.raises(SettingError, match=match):
        StainReference.from_json(value)  # type: ignore[arg-type]


def test_an_unknown_method_is_told() -> None:
    with pytest.raises(SettingError, match="stain method is 'magic'"):
        fit(cells(), "magic")  # type: ignore[arg-type]

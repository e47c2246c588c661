"""Preparation: one way from pictures to planes, in order, few held at a time, errors in place."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papscope import preprocess as module
from papscope.errors import ImageError, SettingError
from papscope.image import Box, Pixels, cut, decode
from papscope.preprocess import Preprocess, Source, originals, prepare, to_planes, to_square
from papscope.stain.reference import StainReference, apply

SMALL = Preprocess(size=16)


def picture(file: Path, value: int, width: int = 24, height: int = 20) -> Path:
    Image.fromarray(np.full((height, width, 3), value, np.uint8)).save(file)
    return file


def values(found: Iterator[Pixels | ImageError]) -> list[int]:
    """The grey of each square; -1 where there is an error."""
    return [-1 if isinstance(one, ImageError) else int(one[0, 0, 0]) for one in found]


def test_squares_come_in_the_order_of_the_sources(tmp_path: Path) -> None:
    files = [picture(tmp_path / f"{n}.png", n, 400 if n % 7 == 0 else 20) for n in range(60)]
    for threads, ahead in ((1, 1), (2, 64), (4, 3)):
        found = prepare((Source(one) for one in files), SMALL, threads=threads, ahead=ahead)
        assert values(found) == list(range(60))


def test_errors_stand_where_the_picture_would(tmp_path: Path) -> None:
    good = picture(tmp_path / "good.png", 7)
    (tmp_path / "bad.png").write_text("no picture")
    sources = [Source(good), Source(tmp_path / "bad.png"), Source(tmp_path / "none.png")]

    found = list(prepare([*sources, Source(good)], SMALL))

    reasons = [one.reason if isinstance(one, ImageError) else one.shape for one in found]
    assert reasons == [(16, 16, 3), "not-an-image", "missing", (16, 16, 3)]


def test_an_endless_list_of_sources_is_looked_at_only_a_little_ahead(tmp_path: Path) -> None:
    files = [picture(tmp_path / f"{n}.png", n) for n in range(2)]
    taken = 0

    def endless() -> Iterator[Source]:
        nonlocal taken
        for place in itertools.count():
            taken += 1
            assert taken < 1000, "all of an endless list was looked at"
            yield Source(files[place % 2])

    found = prepare(endless(), SMALL, ahead=8)
    first = list(itertools.islice(found, 20))
    found.close()  # type: ignore[attr-defined]

    assert len(first) == 20
    assert taken <= 20 + 8 + 1


def test_a_field_is_decoded_once_for_all_its_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: Counter[str] = Counter()

    def counted(file: Path) -> Pixels:
        decoded[file.name] += 1
        return decode(file)

    monkeypatch.setattr(module, "decode", counted)
    fields = [picture(tmp_path / f"{n}.png", n, 64, 64) for n in range(3)]
    sources = [Source(one, Box(4 * n, 0, 10, 10)) for one in fields for n in range(-2, 20)]

    assert values(prepare(sources, SMALL)) == [n for n in range(3) for _ in range(22)]
    assert decoded == {"0.png": 1, "1.png": 1, "2.png": 1}


def test_a_cell_is_the_square_of_its_cut(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "f.png")
    box = Box(30, -5, 33, 20)
    (found,) = prepare([Source(tmp_path / "f.png", box)], SMALL)
    assert not isinstance(found, ImageError)
    assert np.array_equal(found, to_square(cut(pixels, box), SMALL))


def test_leaving_early_ends_the_threads(tmp_path: Path) -> None:
    file = picture(tmp_path / "a.png", 1)
    found = prepare((Source(file) for _ in range(1000)), SMALL)
    next(found)
    found.close()  # type: ignore[attr-defined]
    names = {one.name for one in threading.enumerate()}
    assert not {name for name in names if name.startswith("papscope-decode")}


def test_a_programming_mistake_is_not_taken_for_a_bad_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "to_square", wrong)
    with pytest.raises(ZeroDivisionError):
        list(prepare([Source(picture(tmp_path / "a.png", 1))], SMALL))


@pytest.mark.parametrize("shape", [(20, 40), (40, 20), (16, 16), (9, 9)])
@pytest.mark.parametrize("fit", ["squash", "pad", "crop"])
@pytest.mark.parametrize("filter_", ["bilinear", "bicubic"])
def test_every_shape_becomes_the_square(shape: tuple[int, int], fit: str, filter_: str) -> None:
    settings = Preprocess(size=16, fit=fit, filter=filter_)  # type: ignore[arg-type]
    square = to_square(np.full((*shape, 3), 77, np.uint8), settings)
    assert square.shape == (16, 16, 3)
    assert (square == 77).all()


def test_crop_takes_the_middle_and_pad_mirrors_the_border() -> None:
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, 16:32] = 200
    assert (to_square(wide, Preprocess(size=16, fit="crop")) == 200).all()

    tall = np.arange(16, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(3, 2)
    padded = to_square(tall, Preprocess(size=16, fit="pad"))
    assert np.array_equal(padded[:, 0], tall[:, 0])

    squashed = to_square(wide, Preprocess(size=16))
    assert squashed[8, 0, 0] < 60
    assert squashed[8, 8, 0] > 150


def test_a_square_of_the_right_size_is_left_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert np.array_equal(to_square(pixels, SMALL), pixels)


def test_shrinking_smooths() -> None:
    stripes = np.zeros((160, 160, 3), np.uint8)
    stripes[:, ::2] = 254
    assert np.abs(to_square(stripes, SMALL).astype(int) - 127).max() <= 5


def test_what_is_no_picture_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"\(h, w, 3\), got \(4, 4\)"):
        to_square(np.zeros((4, 4), np.uint8), SMALL)


def test_planes_are_centred_and_scaled_by_channel() -> None:
    squares = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    planes = to_planes(squares, SMALL)
    wanted = (squares / 255 - np.array(SMALL.mean)) / np.array(SMALL.std)
    assert planes.shape == (3, 3, 16, 16)
    assert planes.dtype == np.float32
    assert np.allclose(planes, wanted.transpose(0, 3, 1, 2), atol=1e-5)


def test_planes_of_one_picture_are_the_same_alone_and_in_a_batch() -> None:
    squares = np.random.default_rng(1).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    alone = np.concatenate([to_planes(one[None], SMALL) for one in squares])
    assert np.array_equal(to_planes(squares, SMALL), alone)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"size": 15}, "size is 15; want 16 to 1024"),
        ({"size": 1025}, "size is 1025"),
        ({"fit": "stretch"}, "fit is 'stretch'"),
        ({"filter": "nearest"}, "filter 'nearest'"),
        ({"std": (0.0, 1.0, 1.0)}, "std"),
        ({"mean": (0.0, 1.0)}, "mean is"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], match: str) -> None:
    with pytest.raises(SettingError, match=match):
        Preprocess(**settings)  # type: ignore[arg-type]


def test_settings_survive_json_and_damage_is_told() -> None:
    settings = Preprocess(size=64, fit="pad", filter="bicubic", mean=(0.1, 0.2, 0.3))
    value = settings.to_json()
    assert Preprocess.from_json(value) == settings
    without = {name: value[name] for name in value if name != "mean"}
    for wrong in (without, {**value, "zoom": 2}, {**value, "mean": 3}, {**value, "std": ["a"] * 3}):
        with pytest.raises(SettingError, match="preprocessing is damaged"):
            Preprocess.from_json(wrong)
    with pytest.raises(SettingError, match=r"preprocessing is damaged|size is '64'"):
        Preprocess.from_json({**value, "size": "64"})


STAIN = StainReference("reinhard", ((70.0, 12.0, -8.0), (9.0, 4.0, 4.0)))


def test_a_stain_is_brought_about_before_anything_else() -> None:
    pixels = np.random.default_rng(2).integers(90, 220, (40, 24, 3), dtype=np.uint8)
    for fit in ("squash", "pad", "crop"):
        plain = Preprocess(size=16, fit=fit)

        seen = to_square(pixels, replace(plain, stain=STAIN))

        assert np.array_equal(seen, to_square(apply(pixels, STAIN), plain))
        assert not np.array_equal(seen, to_square(pixels, plain))


def test_a_stain_survives_json_and_no_stain_is_not_told() -> None:
    stained = replace(SMALL, stain=STAIN)
    assert Preprocess.from_json(json.loads(json.dumps(stained.to_json()))) == stained
    assert "stain" not in SMALL.to_json()
    assert Preprocess.from_json({**SMALL.to_json(), "stain": None}) == SMALL
    for wrong in (3, {"method": "reinhard"}, {**STAIN.to_json(), "method": "magic"}):
        with pytest.raises(SettingError, match="stain"):
            Preprocess.from_json({**SMALL.to_json(), "stain": wrong})


def test_originals_keep_their_size_and_colours(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", 7)
    whole, part = originals([Source(path), Source(path, Box(2, 3, 9, 11))])
    assert np.array_equal(whole, np.asarray(Image.open(path).convert("RGB")))
    assert np.array_equal(part, whole[3:14, 2:11])

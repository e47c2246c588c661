from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_discs import draw, quick
from PIL import Image

from papscope.augment.staining import restained
from papscope.bundle import CARD, read_bundle
from papscope.cutting import cut
from papscope.dataset import squares
from papscope.errors import SettingError
from papscope.files import digest_of
from papscope.image import Pixels, decode
from papscope.manifest import Manifest, Row
from papscope.preprocess import Preprocess, Source, Squares, prepare
from papscope.split import Split, part_rows
from papscope.stain.reference import Method
from papscope.train.fit import fit
from papscope.train.stain import stain_of

METHODS: tuple[Method, ...] = ("reinhard", "macenko")


@pytest.fixture
def dyed(tmp_path: Path) -> Manifest:
    """The discs as cells: blue discs in pink cytoplasm, by Beer and Lambert."""
    discs = draw(tmp_path)
    y, x = np.mgrid[:40, :40] - 20
    rows = []
    for row in discs.rows:
        path = discs.file_of(row)
        shade = decode(path)[..., :1] / 255.0
        blue = np.where(shade < 0.85, 1.3 - shade, 0.05) * (0.65, 0.70, 0.29)
        pink = np.where(np.hypot(x, y) < 17, 0.6, 0.05)[..., None] * (0.07, 0.99, 0.11)
        light = 255 * np.exp(-blue - pink * (shade > 0.85))
        Image.fromarray(light.astype(np.uint8)).save(path)
        rows.append(replace(row, sha256=digest_of(path)))
    return replace(discs, rows=tuple(rows))


@pytest.fixture
def split(dyed: Manifest) -> Split:
    return cut(dyed, seed=1)


def restain(pixels: Pixels) -> Pixels:
    """Stain a picture as another laboratory would."""
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    gain, shift = torch.tensor([[1.25, 0.8, 1.0]]), torch.tensor([[0.08, 0.02, 0.02]])
    changed = restained(picture, gain, shift).clamp(0, 255).round()[0].permute(1, 2, 0)
    return changed.numpy().astype(np.uint8)


@pytest.mark.parametrize("method", METHODS)
def test_only_training_pictures_enter_the_measurement(
    method: Method, dyed: Manifest, split: Split
) -> None:
    settings = quick(stain_norm=method)
    train = part_rows(split, dyed, "train")
    wanted = stain_of(dyed, train, settings)

    for row in dyed.rows:
        if row not in train:
            dyed.file_of(row).write_bytes(b"nobody opens me")
    assert stain_of(dyed, train[::-1], settings) == wanted

    Image.fromarray(restain(decode(dyed.file_of(train[0])))).save(dyed.file_of(train[0]))
    assert stain_of(dyed, train, settings) != wanted


def test_pictures_made_from_others_do_not_enter(dyed: Manifest, split: Split) -> None:
    settings, train = quick(stain_norm="reinhard"), part_rows(split, dyed, "train")
    made = replace(train[0], id=f"{train[0].id}~aug01", parent=train[0].id)
    assert made.made

    assert stain_of(dyed, (*train, made), settings) == stain_of(dyed, train, settings)


def test_a_large_training_part_is_sampled_by_the_seed(
    dyed: Manifest, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papscope.train.stain._ENOUGH", 4)
    train = part_rows(split, dyed, "train")
    one, two, other = (
        stain_of(dyed, train, quick(stain_norm="reinhard", seed=seed)) for seed in (1, 1, 2)
    )
    assert one == two
    assert one != other


@pytest.mark.parametrize("method", METHODS)
def test_the_bundle_carries_the_stain_and_predicting_uses_it(
    method: Method, dyed: Manifest, split: Split, tmp_path: Path
) -> None:
    settings = quick(epochs=1, stain_norm=method)
    done = fit(dyed, split, settings, tmp_path / "run")

    about = read_bundle(done.bundle).description.preprocess

    assert about.stain is not None
    assert about.stain == stain_of(dyed, part_rows(split, dyed, "train"), settings)
    assert f"stain ({method})" in (done.bundle / CARD).read_text(encoding="utf-8")
    test = part_rows(split, dyed, "test")
    learned = np.asarray(squares(dyed, test, about, tmp_path))
    assert np.array_equal(learned, prepared(dyed, test, about))
    assert not np.array_equal(learned, prepared(dyed, test, replace(about, stain=None)))


def prepared(manifest: Manifest, rows: tuple[Row, ...], settings: Preprocess) -> Squares:
    """The squares that a predictor would make."""
    found = prepare([Source(manifest.file_of(row)) for row in rows], settings)
    return np.stack([one for one in found if isinstance(one, np.ndarray)])


@pytest.mark.parametrize("method", METHODS)
def test_another_stain_changes_what_a_network_sees_less_with_normalisation_than_without(
    method: Method, dyed: Manifest, split: Split
) -> None:
    train, test = (part_rows(split, dyed, part) for part in ("train", "test"))
    without = Preprocess(size=32)
    ways = {"none": without}
    ways[method] = replace(without, stain=stain_of(dyed, train, quick(stain_norm=method)))
    before = {name: prepared(dyed, test, way).astype(float) for name, way in ways.items()}

    for row in test:
        Image.fromarray(restain(decode(dyed.file_of(row)))).save(dyed.file_of(row))

    moved = {
        name: np.abs(prepared(dyed, test, way) - before[name]).mean() for name, way in ways.items()
    }
    assert moved["none"] > 8
    assert moved[method] < moved["none"] / 2


def test_without_a_stain_nothing_is_said_of_one(
    dyed: Manifest, split: Split, tmp_path: Path
) -> None:
    done = fit(dyed, split, quick(epochs=1), tmp_path / "run")

    about = read_bundle(done.bundle).description.preprocess

    assert about.stain is None
    assert "stain" not in about.to_json()
    assert "stain" not in (done.bundle / CARD).read_text(encoding="utf-8")


def test_blank_training_pictures_are_told(dyed: Manifest, split: Split, tmp_path: Path) -> None:
    for row in dyed.rows:
        Image.new("RGB", (40, 40), "white").save(dyed.file_of(row))

    with pytest.raises(SettingError, match="no picture shows enough stain"):
        fit(dyed, split, quick(epochs=1, stain_norm="macenko"), tmp_path / "run")


def test_the_same_run_gives_the_same_bundle(dyed: Manifest, split: Split, tmp_path: Path) -> None:
    settings = quick(epochs=1, stain_norm="reinhard", cutmix=1.0, mixup=0.2)
    one, two = (fit(dyed, split, settings, tmp_path / name) for name in ("one", "two"))
    assert one.digest == two.digest

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from papscope import dataset
from papscope.dataset import squares
from papscope.errors import DiskError, ImageError
from papscope.image import Box
from papscope.labelled import targets
from papscope.manifest import Manifest, Row
from papscope.preprocess import Preprocess
from papscope.stain.reference import StainReference
from papscope.taxonomy import CellClass

SMALL = Preprocess(size=16)


def field_of_three(folder: Path) -> Manifest:
    """One field whose three cells are red, green and blue."""
    pixels = np.zeros((40, 120, 3), np.uint8)
    for place in range(3):
        pixels[:, 40 * place : 40 * (place + 1), place] = 200
    path = folder / "field.png"
    Image.fromarray(pixels).save(path)
    digest = sha256(path.read_bytes()).hexdigest()
    rows = tuple(
        Row(
            id=name,
            path=PurePosixPath("field.png"),
            label=name,
            dataset="made",
            width=120,
            height=40,
            sha256=digest,
            box=Box(40 * place, 0, 40, 40),
            group="field",
        )
        for place, name in enumerate(("r", "g", "b"))
    )
    classes = tuple(CellClass(name) for name in ("b", "g", "r"))
    return Manifest(folder, rows, "made", classes, "none", "nobody")


def test_squares_lie_in_the_order_of_the_rows(tmp_path: Path) -> None:
    manifest = field_of_three(tmp_path)
    rows = manifest.rows[::-1]

    found = squares(manifest, rows, SMALL, tmp_path / "cache")

    assert [int(one.mean((0, 1)).argmax()) for one in found] == [2, 1, 0]
    assert targets(manifest, rows).tolist() == [0, 1, 2]


def test_squares_are_decoded_once_and_again_for_other_settings(tmp_path: Path) -> None:
    manifest = field_of_three(tmp_path)
    told: list[int] = []

    def ask(size: int) -> None:
        squares(
            manifest,
            manifest.rows,
            Preprocess(size=size),
            tmp_path / "cache",
            tell=lambda *said: told.append(said[1]),
        )

    ask(16)
    ask(16)
    assert told == [1, 2, 3]
    ask(32)
    assert len(told) == 6
    assert {one.suffix for one in (tmp_path / "cache").iterdir()} == {".npy"}


def test_a_picture_that_cannot_be_read_leaves_no_file_behind(tmp_path: Path) -> None:
    manifest = field_of_three(tmp_path)
    (tmp_path / "field.png").write_bytes(b"no picture")

    with pytest.raises(ImageError, match="is not a picture; nothing was trained"):
        squares(manifest, manifest.rows, SMALL, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_too_little_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = field_of_three(tmp_path)
    monkeypatch.setattr(dataset, "free_bytes", lambda _: 10)

    with pytest.raises(DiskError, match="decoded pictures need"):
        squares(manifest, manifest.rows, SMALL, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_squares_of_another_stain_are_other_squares(tmp_path: Path) -> None:
    manifest = field_of_three(tmp_path)
    stains = [StainReference("reinhard", ((mean, 5, 5), (9, 4, 4))) for mean in (50, 70)]

    def names() -> set[str]:
        return {one.name for one in (tmp_path / "cache").iterdir()}

    squares(manifest, manifest.rows, SMALL, tmp_path / "cache")
    plain = names()
    for stain in stains:
        squares(manifest, manifest.rows, replace(SMALL, stain=stain), tmp_path / "cache")

    assert len(names()) == 3
    assert plain < names()


def test_squares_without_a_stain_are_still_found_under_their_old_name(tmp_path: Path) -> None:
    manifest = field_of_three(tmp_path)
    rows = [replace(row, sha256="0" * 64) for row in manifest.rows]
    old = tmp_path / "squares-3494bec8306af645356c4ab1.npy"
    np.save(old, np.zeros((3, 16, 16, 3), np.uint8))

    assert (squares(manifest, rows, SMALL, tmp_path) == 0).all()

from __future__ import annotations

import io
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_cells import draw_cells, made_scores
from PIL import Image

from papscope.image import Box, Pixels, decode
from papscope.report.gallery import SIDE, choose, tiles
from papscope.taxonomy import named


def picture_of(uri: str | None) -> Image.Image:
    assert uri is not None
    head, _, data = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(b64decode(data)))


def test_the_worst_errors_are_wrong_and_fall_in_confidence() -> None:
    scores = made_scores(None)
    worst = choose(scores, worst=5).worst
    sure = [float(scores.probabilities[one].max()) for one in worst]
    assert len(worst) == 5
    assert all(scores.called[one] != scores.truth[one] for one in worst)
    assert sure == sorted(sure, reverse=True)
    wrong = scores.called != scores.truth
    assert sure[0] == scores.probabilities[wrong].max()


def test_each_class_shows_its_own_cells_right_and_wrong() -> None:
    scores = made_scores(None)
    chosen = choose(scores, each=2)
    for place in range(3):
        for one in chosen.right[place]:
            assert scores.truth[one] == scores.called[one] == place
        for one in chosen.wrong[place]:
            assert scores.truth[one] == place != scores.called[one]
        assert len(chosen.right[place]) <= 2


def test_the_same_seed_chooses_the_same_cells_and_another_seed_others() -> None:
    scores = made_scores(None, number=210)
    assert choose(scores, seed=4) == choose(scores, seed=4)
    assert choose(scores, seed=4).right != choose(scores, seed=5).right


def test_many_classes_make_small_galleries() -> None:
    scores = made_scores(None, number=400, classes=named(f"class {n:03}" for n in range(80)))
    chosen = choose(scores)
    assert max(len(part) for part in (*chosen.right, *chosen.wrong)) == 1


def test_a_small_picture_is_the_cell_and_not_the_whole_field(tmp_path: Path) -> None:
    field = np.zeros((400, 600, 3), dtype=np.uint8)
    field[100:300, 200:300] = (250, 10, 10)
    Image.fromarray(field).save(tmp_path / "field.png")
    scores = made_scores(tmp_path, number=2)
    boxes = (Box(200, 100, 100, 200), None)
    scores = replace(scores, paths=("field.png",) * 2, boxes=boxes)

    made = tiles(scores, [0, 1], tmp_path)

    cell, whole = picture_of(made[0].picture), picture_of(made[1].picture)
    assert cell.size == (made[0].width, made[0].height) == (SIDE // 2, SIDE)
    red, green, _ = np.asarray(cell)[20, 20]
    assert red > 200
    assert green < 60
    assert np.asarray(whole)[2, 2].max() < 40


def test_each_file_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (90, 90)).save(tmp_path / "field.png")
    scores = replace(made_scores(tmp_path, number=9), paths=("field.png",) * 9)
    seen: list[str] = []

    def counted(file: Path | bytes, where: str | None = None) -> Pixels:
        seen.append(str(where))
        return decode(file, where)

    monkeypatch.setattr("papscope.report.gallery.decode", counted)
    made = tiles(scores, range(9), tmp_path)
    assert seen == ["field.png"]
    assert all(one.picture for one in made.values())


def test_what_cannot_be_shown_leaves_a_tile_that_says_why(tmp_path: Path) -> None:
    draw_cells(tmp_path / "in", 1)
    (tmp_path / "in" / "cell-01.png").write_bytes(b"no picture")
    Image.new("RGB", (20, 20)).save(tmp_path / "secret.png")
    outside = "../secret.png", str(tmp_path / "secret.png")
    paths = ("cell-00.png", "cell-01.png", "gone.png", *outside)
    boxes = (Box(0, 0, 10**6, 10**6), None, None, None, None)
    scores = replace(made_scores(None, number=5), paths=paths, boxes=boxes)

    made = tiles(scores, range(5), tmp_path / "in")

    assert [one.picture for one in made.values()] == [None] * 5
    assert made[0].why == "the box is too large"
    assert made[1].why == "cell-01.png is not a picture"
    assert made[2].why == "there is no file gone.png"
    assert made[3].why == made[4].why == "the path leaves the folder of the images"


def test_without_a_folder_every_tile_says_so() -> None:
    made = tiles(made_scores(None), [3], None)
    assert made[3].why == "the folder of the images is not recorded"
    assert not made[3].picture

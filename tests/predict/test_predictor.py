"""Answers for pictures of every kind, in order, with every bad one told and no good one lost."""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from papscope.bundle import Description, write_bundle
from papscope.errors import BundleError, MissingExtra, SettingError
from papscope.image import Box, Pixels
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.predict.predictor import Failure, Prediction, Predictor, load
from papscope.preprocess import Preprocess, Source, Squares
from papscope.rules import Rules
from papscope.scores import Probabilities
from papscope.taxonomy import named

CLASSES = named(["dark", "light"], abnormal=["dark"])


class Lightness:
    """An engine without a network: a square is light as far as its mean is; counts what it saw."""

    at_once = 4

    def __init__(self) -> None:
        self.batches: list[int] = []

    def probabilities(self, squares: Squares) -> Probabilities:
        self.batches.append(len(squares))
        light = squares.mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - light, light], axis=1)


def predictor(engine: Lightness | None = None) -> Predictor:
    about = Description(classes=CLASSES, preprocess=Preprocess(size=16), backbone="made")
    return Predictor(engine or Lightness(), about, "", threads=2)


def cell(grey: int, width: int = 30, height: int = 20) -> Pixels:
    """A picture with a mean near a grey value, and not blank."""
    pixels = np.full((height, width, 3), grey, np.uint8)
    pixels[:, ::2] = min(255, grey + 30)
    pixels[:, 1::2] = max(0, grey - 30)
    return pixels


def saved(file: Path, grey: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(cell(grey)).save(file)
    return file


def light(one: object) -> int:
    """The grey value that an answer speaks of."""
    assert isinstance(one, Prediction)
    return round(one.answer.probabilities["light"] * 255)


def test_paths_texts_bytes_pictures_and_arrays_are_answered_alike(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.png", 90)
    opened = Image.open(file)

    found = predictor().predict(
        [file, str(file), file.read_bytes(), opened, cell(90), Source(file)]
    )

    assert len({tuple(one.answer.probabilities.values()) for one in found.good}) == 1
    names = [one.source for one in found]
    assert names == [str(file), str(file), "image 3", "image 4", "image 5", str(file)]


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "picture", "array", "grey", "batch"])
def test_a_single_picture_needs_no_list(tmp_path: Path, kind: str) -> None:
    file = saved(tmp_path / "a.png", 90)
    one = {
        "path": file,
        "text": str(file),
        "bytes": file.read_bytes(),
        "picture": Image.open(file),
        "array": cell(90),
        "grey": cell(90)[..., 0],
        "batch": cell(90)[None],
    }[kind]

    found = predictor().predict(one)  # type: ignore[arg-type]

    assert len(found) == 1
    assert abs(light(found[0]) - 90) <= 1


def test_an_array_of_pictures_is_many() -> None:
    found = predictor().predict(np.stack([cell(60), cell(120)]))
    assert [one.source for one in found] == ["image 1", "image 2"]
    assert light(found[0]) < light(found[1])


def test_answers_come_in_the_order_asked_whatever_the_batch(tmp_path: Path) -> None:
    files = [saved(tmp_path / f"{n}.png", n) for n in range(50, 91)]
    files.reverse()

    for batch_size in (1, 3, 8, 64):
        engine = Lightness()
        found = predictor(engine).predict(files, batch_size=batch_size)
        assert [one.source for one in found] == [str(file) for file in files]
        assert [light(one) for one in found] == list(range(90, 49, -1))
        assert max(engine.batches) <= max(batch_size, engine.at_once)


def test_batch_1_and_batch_64_give_the_same_numbers(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tensors = tensors_of(build("resnet18", 2, size=32))
    preprocess = preprocess_for("resnet18", size=32)
    about = Description(classes=CLASSES, preprocess=preprocess, backbone="resnet18")
    write_bundle(tmp_path / "bundle", about, tensors, "a card")
    draw = np.random.default_rng(0)
    cells = [draw.integers(0, 256, (40, 30, 3), dtype=np.uint8) for _ in range(67)]
    model = load(tmp_path / "bundle", device="cpu", threads=1)

    one, many = (model.predict(cells, batch_size=size) for size in (1, 64))

    assert one == many
    assert len({made.answer.probability for made in one.good}) > 60


def test_answers_are_calibrated_as_the_bundle_says(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.png", 90)
    plain = predictor()
    scaled = replace(
        plain,
        about=replace(plain.about, calibration={"method": "temperature", "temperature": 2.0}),
    )

    (before,), (after,) = (one.predict(file).good for one in (plain, scaled))

    odds = [one.answer.probabilities["light"] / one.answer.probability for one in (before, after)]
    assert odds[1] == pytest.approx(odds[0] ** 0.5)
    assert after.answer.label == before.answer.label == "dark"


def test_a_blurred_picture_is_answered_and_referred_where_the_bundle_has_rules() -> None:
    stripes = np.zeros((40, 40, 3), np.uint8)
    stripes[:, ::4] = stripes[:, 1::4] = 120
    slope = np.repeat(np.linspace(40, 200, 40).astype(np.uint8)[None, :, None], 40, axis=0)
    blurred = np.repeat(slope, 3, axis=2)
    plain = predictor()
    about = replace(plain.about, preprocess=Preprocess(size=40))

    found = replace(plain, about=about, rules=Rules(abnormal=1.0)).predict([stripes, blurred]).good

    assert [one.answer.refer for one in found] == [(), ("blurred",)]
    assert [one.answer.refer for one in plain.predict([stripes, blurred]).good] == [None, None]


def test_rules_that_mean_nothing_are_told_when_the_model_is_loaded(tmp_path: Path) -> None:
    about = Description(
        classes=CLASSES,
        preprocess=Preprocess(size=16),
        backbone="made",
        rules={"refer": {"abnormal": 2}},
    )
    write_bundle(tmp_path / "bundle", about, {"w": np.zeros(1)}, "a card")

    with pytest.raises(BundleError, match="rules for 2 classes are damaged"):
        load(tmp_path / "bundle")


def test_bad_pictures_stand_in_their_places_and_cost_no_good_one(tmp_path: Path) -> None:
    good = [saved(tmp_path / f"{n}.png", n) for n in (60, 70, 80)]
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "cut.png").write_bytes(good[0].read_bytes()[:60])
    bad = [tmp_path / "text.jpg", tmp_path / "cut.png", tmp_path / "none.png", tmp_path / "a.x"]

    found = predictor().predict([bad[0], good[0], bad[1], bad[2], good[1], good[2], bad[3]])

    assert [light(one) for one in found.good] == [60, 70, 80]
    reasons = [(one.source, one.error.reason) for one in found.failures]
    assert reasons == [
        (str(bad[0]), "not-an-image"),
        (str(bad[1]), "truncated"),
        (str(bad[2]), "missing"),
        (str(bad[3]), "missing"),
    ]
    assert [isinstance(one, Failure) for one in found] == [
        True,
        False,
        True,
        True,
        False,
        False,
        True,
    ]


def test_only_bad_pictures_are_told_without_asking_the_network(tmp_path: Path) -> None:
    engine = Lightness()
    found = predictor(engine).predict([tmp_path / f"{n}.png" for n in range(20)])
    assert len(found.failures) == 20
    assert engine.batches == []


def test_a_blank_picture_is_refused_as_at_import_and_a_faint_one_is_not() -> None:
    faint = cell(128)
    faint[...] = 128
    faint[:, ::2] = 138

    found = predictor().predict([np.full((30, 30, 3), 250, np.uint8), faint])

    assert [type(one) for one in found] == [Failure, Prediction]
    assert found.failures[0].error.reason == "blank"
    assert "image 1 is blank" in str(found.failures[0].error)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((30, 30, 3), np.uint16), "not-an-image"),
        (np.zeros((30, 30, 3)), "not-an-image"),
        (np.zeros((30, 30), np.uint16), "sixteen-bit"),
        (np.zeros((30, 30), np.float32), "sixteen-bit"),
        (np.zeros((30, 30, 5), np.uint8), "not-an-image"),
        (np.zeros((4, 4, 3), np.uint8), "too-small"),
        (np.zeros((0, 9, 3), np.uint8), "too-small"),
        (Image.new("CMYK", (30, 30)), "cmyk"),
        (b"", "not-an-image"),
    ],
)
def test_what_is_no_picture_is_a_failure_with_its_reason(image: object, reason: str) -> None:
    found = predictor().predict([cell(90), image, cell(100)])  # type: ignore[list-item]

    assert [one.error.reason for one in found.failures] == [reason]
    assert [light(one) for one in found.good] == [90, 100]


def test_opacity_is_laid_over_white_for_arrays_as_for_files() -> None:
    layer = np.dstack([cell(60), np.zeros((20, 30), np.uint8)])
    layer[:10, :, 3] = 255
    file = io.BytesIO()
    Image.fromarray(layer).save(file, "PNG")

    found = predictor().predict([layer, file.getvalue()])

    assert light(found[0]) == light(found[1]) > 150


def test_something_else_is_a_mistake_and_not_a_failure() -> None:
    with pytest.raises(TypeError, match="image 2 is a int, which is no picture"):
        predictor().predict([cell(90), 7])  # type: ignore[list-item]


def test_a_folder_stands_for_its_pictures(tmp_path: Path) -> None:
    for name, grey in (("b/z.png", 70), ("a.png", 60), ("b/c/y.PNG", 80)):
        saved(tmp_path / name, grey)
    (tmp_path / "notes.txt").write_text("no picture, and not taken for one")

    assert [light(one) for one in predictor().predict(tmp_path)] == [60, 80, 70]
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingError, match="has no picture in it"):
        predictor().predict([tmp_path / "empty"])


def test_parts_of_a_field_are_answered_by_their_boxes(tmp_path: Path) -> None:
    field = np.concatenate([cell(50, 40, 40), cell(150, 40, 40)], axis=1)
    Image.fromarray(field).save(tmp_path / "field.png")
    boxes = [Box(0, 0, 40, 40), Box(40, 0, 40, 40)]

    found = predictor().predict(
        [Source(tmp_path / "field.png", box, f"cell {n}") for n, box in enumerate(boxes)]
    )

    assert [(one.source, light(one)) for one in found] == [("cell 0", 50), ("cell 1", 150)]


def test_an_endless_stream_is_answered_while_it_goes_on() -> None:
    taken = 0

    def endless() -> Iterator[Source]:
        nonlocal taken
        for _ in itertools.count():
            taken += 1
            yield Source(cell(90), name=f"cell {taken}")

    answers = predictor().stream(endless(), batch_size=8)
    first = list(itertools.islice(answers, 100))

    assert [one.source for one in first] == [f"cell {n}" for n in range(1, 101)]
    assert taken <= 100 + 8 + 2 * 8 + 1


def test_an_array_that_is_used_again_does_not_change_an_answer() -> None:
    def camera() -> Iterator[Pixels]:
        frame = cell(0)
        for grey in range(50, 80):
            frame[...] = cell(grey)
            yield frame

    assert [light(one) for one in predictor().predict(camera())] == list(range(50, 80))


def test_progress_counts_pictures_good_and_bad(tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    images = [cell(90)] * 9 + [tmp_path / "none.png"]

    predictor().predict(images, batch_size=4, tell=lambda *words: told.append(words))

    assert told == [("answering", 4, 10), ("answering", 8, 10), ("answering", 10, 10)]


def test_nothing_asked_is_nothing_answered() -> None:
    assert len(predictor().predict([])) == 0


def test_a_mistake_in_an_engine_is_not_taken_for_a_bad_picture() -> None:
    class Broken(Lightness):
        def probabilities(self, squares: Squares) -> Probabilities:
            raise ZeroDivisionError(len(squares))

    with pytest.raises(ZeroDivisionError):
        predictor(Broken()).predict(cell(90))


@pytest.mark.parametrize("number", [0, -1])
def test_a_batch_of_nothing_is_refused(number: int) -> None:
    with pytest.raises(SettingError, match=f"batch_size is {number}"):
        predictor().predict(cell(90), batch_size=number)


def test_loading_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BundleError, match="is not a bundle"):
        load(tmp_path)
    with pytest.raises(SettingError, match="threads is -1"):
        load(tmp_path, threads=-1)

    for module in ("papscope.predict.torch_engine", "papscope.inference"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    about = Description(classes=CLASSES, preprocess=Preprocess(size=16), backbone="made")
    write_bundle(tmp_path / "bundle", about, {"w": np.zeros(1)}, "a card")
    with pytest.raises(MissingExtra, match="this model needs torch") as told:
        load(tmp_path / "bundle")
    assert 'pip install "papscope[train]"' in told.value.hint

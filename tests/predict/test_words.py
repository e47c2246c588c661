"""The first word of `papscope predict` is a bundle or pictures, and never one for the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papscope import shipped
from papscope.bundle import Description, write_bundle
from papscope.errors import BundleError, SettingError
from papscope.predict.words import model_and_pictures
from papscope.preprocess import Preprocess
from papscope.taxonomy import named


def bundle(folder: Path) -> Path:
    about = Description(classes=named(["a", "b"]), preprocess=Preprocess(size=16), backbone="made")
    write_bundle(folder, about, {"w": np.zeros(2, np.float32)}, "a card")
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with pictures and a bundle; papscope ships a model named `cells`."""
    monkeypatch.setattr(shipped, "HOME", tmp_path / "models")
    bundle(tmp_path / "models" / "cells")
    work = tmp_path / "work"
    bundle(work / "run" / "bundle")
    (work / "empty").mkdir()
    (work / "notes.txt").write_text("no picture")
    (work / "photos" / "deep").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(work / "photos" / "deep" / "a.PNG")
    Image.new("RGB", (9, 9)).save(work / "b.png")
    monkeypatch.chdir(work)
    return work


@pytest.mark.parametrize(
    ("words", "model", "pictures"),
    [
        (["run/bundle", "b.png"], "run/bundle", ("b.png",)),
        (["cells", "b.png", "photos"], "cells", ("b.png", "photos")),
        (["run/bundle"], "run/bundle", ()),
        (["b.png"], "default", ("b.png",)),
        (["photos"], "default", ("photos",)),
        (["photos", "b.png"], "default", ("photos", "b.png")),
        (["gone.png", "b.png"], "default", ("gone.png", "b.png")),
        (["*.png"], "default", ("*.png",)),
        (["-"], "default", ("-",)),
        (["cells.csv"], "default", ("cells.csv",)),
        (["notes.txt"], "default", ("notes.txt",)),
        (["b.png", "run/bundle"], "default", ("b.png", "run/bundle")),
    ],
)
def test_the_first_word_is_a_bundle_only_if_it_is_one(
    words: list[str], model: str, pictures: tuple[str, ...]
) -> None:
    found, left = model_and_pictures(words)

    assert found.called == ("cells" if model == "default" else model)
    assert (found.shipped is None) == (model == "run/bundle")
    assert left == pictures


def test_a_folder_of_pictures_goes_before_a_shipped_models_name(here: Path) -> None:
    (here / "photos").rename(here / "cells")

    found, left = model_and_pictures(["cells"])

    assert found.shipped is not None
    assert left == ("cells",)


def test_a_model_named_apart_leaves_all_words_for_pictures() -> None:
    found, left = model_and_pictures(["run/bundle", "b.png"], "cells")

    assert (found.called, left) == ("cells", ("run/bundle", "b.png"))
    assert model_and_pictures([], "run/bundle")[0].called == "run/bundle"


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["run", "b.png"], "run is neither a bundle nor a folder with pictures", "run/bundle?"),
        (["empty", "b.png"], "empty is neither a bundle nor", "`papscope train` made"),
        (["cell", "b.png"], "cell is neither a bundle nor a picture", "did you mean cells?"),
        (["run/bundel", "b.png"], "there is nothing of that name", "models: cells"),
        (["run/bundle/bundle.json", "b.png"], "a part of a bundle", "did you mean run/bundle?"),
        (["run/bundle/weights.safetensors"], "the bundle is its folder", "mean run/bundle?"),
    ],
)
def test_what_looks_like_a_mistyped_bundle_is_not_taken_for_pictures(
    words: list[str], what: str, hint: str
) -> None:
    with pytest.raises(BundleError, match=what) as told:
        model_and_pictures(words)
    assert hint in told.value.hint


def test_no_word_and_no_model_are_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="no picture is named"):
        model_and_pictures([])
    monkeypatch.setattr(shipped, "HOME", here / "none")
    with pytest.raises(BundleError, match="no model comes with this installation"):
        model_and_pictures(["b.png"])
    with pytest.raises(BundleError, match="circ is not a bundle"):
        model_and_pictures(["b.png"], "circ")

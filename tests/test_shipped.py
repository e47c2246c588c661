"""A model is found by its folder or by its name, and what ships says what it is and is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from papscope import shipped as module
from papscope.bundle import Description, read_bundle, write_bundle
from papscope.errors import BundleError
from papscope.preprocess import Preprocess
from papscope.shipped import default_model, find_bundle, shipped_model, shipped_models
from papscope.taxonomy import classes_of

LARGEST = 16.0
"""Millions of bytes that all shipped models together may have."""


def made(folder: Path, seed: int = 0, **told: Any) -> Path:
    about = Description(
        classes=classes_of("cric"),
        preprocess=Preprocess(size=64),
        backbone="made",
        provenance={"dataset": "drawn cells", "shipped": told},
    )
    weights = np.random.default_rng(seed).normal(size=(6, 8)).astype(np.float32)
    write_bundle(folder, about, {"head.weight": weights}, f"# {folder.name}\n")
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for shipped models, empty at first."""
    place = tmp_path / "models"
    place.mkdir()
    monkeypatch.setattr(module, "HOME", place)
    return place


def test_what_ships_is_listed_by_name_with_what_it_says_of_itself(home: Path) -> None:
    made(home / "b", seed=1)
    made(home / "a", purpose="finds", licence="Apache-2.0", expects="Cells.", default=True)
    (home / "notes").mkdir()

    first, second = shipped_models()

    assert (first.name, second.name) == ("a", "b")
    assert (first.purpose, first.licence, first.expects) == ("finds", "Apache-2.0", "Cells.")
    assert first.classes == ("NILM", "ASC-US", "LSIL", "ASC-H", "HSIL", "SCC")
    assert first.card == "# a\n"
    assert first.digest == read_bundle(home / "a").digest
    files = (home / "a").iterdir()
    assert first.megabytes == pytest.approx(sum(one.stat().st_size for one in files) / 1e6)
    assert [one.to_json()["default"] for one in (first, second)] == [True, False]
    assert second.purpose == ""


def test_a_damaged_shipped_model_is_told(home: Path) -> None:
    made(home / "a")
    (home / "a" / "bundle.json").write_text("{")

    with pytest.raises(BundleError, match=r"bundle.json is damaged"):
        shipped_models()


def test_without_a_mark_the_only_model_answers(home: Path) -> None:
    made(home / "a")

    assert default_model().name == "a"
    assert find_bundle().folder == home / "a"


def test_of_several_the_marked_one_answers_and_two_marks_are_one_too_many(home: Path) -> None:
    made(home / "a")
    made(home / "b", default=True)
    assert default_model().name == "b"

    made(home / "c", default=True)
    with pytest.raises(BundleError, match=r"which model shall answer: b or c\?"):
        default_model()


def test_where_nothing_ships_it_is_said_and_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (home, home / "none"):
        monkeypatch.setattr(module, "HOME", place)
        assert shipped_models() == ()
        with pytest.raises(BundleError, match="no model comes with this installation") as told:
            default_model()
        assert "papscope train" in told.value.hint


def test_a_name_and_a_folder_are_both_found_and_the_folder_goes_first(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(home / "cells")
    monkeypatch.chdir(tmp_path)

    by_name = find_bundle("cells")
    own = made(tmp_path / "cells", seed=1)
    by_folder = find_bundle("cells")

    assert (by_name.folder, by_name.called) == (home / "cells", "cells")
    assert "shipped model cells" in by_name.sentence()
    assert "drawn cells; research only" in by_name.sentence()
    assert (by_folder.folder.resolve(), by_folder.shipped) == (own, None)
    assert by_folder.sentence() == "model: cells"
    assert find_bundle(own).folder == own


def test_what_is_no_bundle_is_told_with_what_may_have_been_meant(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(home / "cells")
    made(tmp_path / "run" / "bundle")
    monkeypatch.chdir(tmp_path)
    cases = {
        "run": ("run is not a bundle: it has no bundle.json", "did you mean run/bundle?"),
        "run/bundle/bundle.json": ("which is a folder", "did you mean run/bundle?"),
        "cell": ("no such folder, and no shipped model of that name", "did you mean cells?"),
        "xyz": ("no such folder", "or one of papscope's models: cells"),
    }

    for word, (what, hint) in cases.items():
        with pytest.raises(BundleError, match=what) as told:
            find_bundle(word)
        assert hint in told.value.hint


def test_a_folder_of_pictures_with_a_models_name_is_not_passed_over(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(home / "cells")
    (tmp_path / "cells").mkdir()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(BundleError, match=r"cells is not a bundle: it has no bundle.json"):
        find_bundle("cells")


def test_a_name_that_does_not_ship_is_told_with_one_that_does(home: Path) -> None:
    made(home / "cells")

    assert shipped_model("cells").name == "cells"
    with pytest.raises(BundleError, match="no model named 'cels' comes with this") as told:
        shipped_model("cels")
    assert told.value.hint == "did you mean cells?"


SHIPPED = shipped_models()
ships = pytest.mark.skipif(not SHIPPED, reason="no model ships yet: benchmarks/shipped.py makes it")


@ships
def test_the_models_that_ship_are_small_and_whole() -> None:
    assert sum(one.megabytes for one in SHIPPED) <= LARGEST
    for one in SHIPPED:
        assert read_bundle(one.folder).digest == one.digest
    assert default_model() in SHIPPED


@ships
@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: str(one.name))
def test_what_ships_is_calibrated_on_others_and_says_what_it_was_measured_by(one: Any) -> None:
    assert one.about.calibration["method"] == "temperature"
    assert "out of fold" in one.about.calibration["fitted_on"]
    assert "never saw" in one.about.metrics["part"]
    assert one.about.metrics["sets"]
    for measures in one.about.metrics["sets"].values():
        for number in measures.values():
            assert number["low"] <= number["value"] <= number["high"]


REQUIRED = (
    "Research use only. Not a medical device.",
    "cannot exclude disease",
    "CC BY 4.0",
    "Rezende",
    "Scientific Data 8, 151 (2021)",
    "Apache-2.0",
    "## Known failures",
    "few cells to learn from",
    "SCC (",
    "ASC-H (",
    "glandular",
    "one laboratory's stain",
    "one microscope",
    "112 px",
    "1280 px",
    "## Must not be used for",
    "## Calibration",
    "95 % intervals over groups",
    "5 folds",
)
"""What the card of a model trained on CRIC has to say."""


@ships
@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: str(one.name))
def test_the_cards_of_what_ships_say_what_they_must(one: Any) -> None:
    text = " ".join(one.card.lower().split())

    missing = [word for word in REQUIRED if word.lower() not in text]
    assert missing == []

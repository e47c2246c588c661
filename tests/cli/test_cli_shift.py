"""`papscope shift`: the verdict first, a status that scripts can use, a page that needs nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from papscope.cli.main import app

sys.path.append(str(Path(__file__).parents[1] / "shift"))
from made_smears import smears


def run(*words: str | Path, text: str | None = None) -> Result:
    wide = {"COLUMNS": "200", "NO_COLOR": "1"}
    few = ("--permutations", "199", "--resamples", "100")
    return CliRunner().invoke(app, ["shift", *map(str, words), *few], env=wide, input=text)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("smears")
    smears(made / "train")
    smears(made / "same", seed=3)
    smears(made / "dark", seed=2, darker=60.0)
    return made


def test_alike_ends_with_status_0_and_the_verdict_first(home: Path) -> None:
    result = run(home / "train/made.csv", home / "same/made.csv")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Like the training images.\n")
    assert "48 pictures of 12 slides" in result.stdout


def test_different_ends_with_status_20_a_page_and_numbers(home: Path, tmp_path: Path) -> None:
    result = run(home / "train/made.csv", home / "dark/made.csv", "-o", tmp_path / "out")

    assert result.exit_code == 20, result.output
    assert result.stdout.startswith("Different in colour")
    numbers = json.loads((tmp_path / "out/shift.json").read_text())
    page = (tmp_path / "out/shift.html").read_text()
    assert numbers["different"][0] == "colour"
    assert numbers["verdict"] in page
    assert page.count('<img src="data:image/jpeg;base64,') == 36
    assert page.count("<svg") == sum(
        len(one["differences"]) for one in numbers["families"].values()
    )
    assert "http" not in page.replace("http-equiv", "")
    assert str(home) not in page


def test_json_is_all_that_stands_on_standard_output(home: Path) -> None:
    result = run(home / "train/made.csv", home / "same/made.csv", "--json")
    assert json.loads(result.stdout)["verdict"] == "Like the training images"


def test_a_folder_or_a_list_of_new_pictures_has_no_groups_and_that_is_said(home: Path) -> None:
    folder = run(home / "train/made.csv", home / "same", "--json")
    listed = run(home / "train/made.csv", "-", "--json", text=f"{home / 'same'}\n")

    for one in (folder, listed):
        told = json.loads(one.stdout)
        assert told["new"]["without_group"] == told["new"]["groups"] == 48
        assert "48 of 48 new pictures have no known group" in told["warnings"][0]


def test_the_same_pictures_give_the_same_bytes(home: Path, tmp_path: Path) -> None:
    pages = []
    for name in ("a", "b"):
        run(home / "train/made.csv", home / "dark/made.csv", "-o", tmp_path / name, "--most", "20")
        pages.append((tmp_path / name / "shift.html").read_bytes())
    assert pages[0] == pages[1]


def test_what_is_no_training_set_is_told_in_two_lines(home: Path, tmp_path: Path) -> None:
    nothing = run(tmp_path / "none.csv", home / "same")
    scores = run(home / "train/made.csv", home / "same", "--scores", tmp_path / "no.csv")

    for one in (nothing, scores):
        assert one.exit_code == 4
        assert one.stderr.startswith("error: there is no file ")
        assert "Traceback" not in one.stderr


def test_predict_watches_only_with_a_gate_and_twenty_pictures() -> None:
    from papscope.cli.predict import _tell_look, _watched
    from papscope.predict.predictor import Predictor

    bare = Predictor(SimpleNamespace(), SimpleNamespace(), "", 1)  # type: ignore[arg-type]
    gated = replace(bare, gate=SimpleNamespace(reference="numbers"))  # type: ignore[arg-type]

    assert _watched(bare, 500) == (bare, None)
    assert _watched(gated, 19) == (gated, None)
    watched, glance = _watched(gated, 200)
    assert glance is not None
    assert watched.watch is glance
    assert glance.step == 2
    _tell_look(None, 2)


def test_a_predictor_tells_its_watch_of_every_picture_and_answers_as_without() -> None:
    from papscope.bundle import Description
    from papscope.predict.predictor import Predictor
    from papscope.preprocess import Preprocess
    from papscope.taxonomy import named

    seen: list[int] = []
    engine = SimpleNamespace(
        at_once=2, probabilities=lambda squares: np.tile([0.3, 0.7], (len(squares), 1))
    )
    about = Description(classes=named(["a", "b"]), preprocess=Preprocess(size=16), backbone="made")
    plain = Predictor(engine, about, "", 1)
    pictures = np.random.default_rng(0).integers(0, 255, (5, 20, 20, 3), dtype=np.uint8)

    def watch(squares: object, chances: np.ndarray) -> None:
        seen.append(len(chances))

    found = replace(plain, watch=watch).predict(pictures)

    assert sum(seen) == 5
    assert found.outcomes == plain.predict(pictures).outcomes

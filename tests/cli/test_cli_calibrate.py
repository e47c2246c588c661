"""`papscope calibrate` writes a bundle that knows how sure it is and when to ask a person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from papscope.bundle import Description, read_bundle, read_card, write_bundle
from papscope.cli.main import app
from papscope.preprocess import Preprocess
from papscope.scores import Scores, write_scores
from papscope.taxonomy import classes_of

N, GROUPS = 600, 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle, and the answers of a sister model that is too sure."""
    about = Description(
        classes=classes_of("cric-4"), preprocess=Preprocess(size=32), backbone="made"
    )
    write_bundle(tmp_path / "bundle", about, {"w": np.zeros(1)}, "# Made\n")
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 1.5, (N, 4))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([draw.choice(4, p=row) for row in true])
    sure = true**3 / (true**3).sum(axis=1, keepdims=True)
    scores = Scores(
        ids=tuple(f"c{i}" for i in range(N)),
        groups=tuple(f"g{i % GROUPS}" for i in range(N)),
        truth=truth.astype(np.int64),
        probabilities=sure,
        classes=about.classes,
        paths=("x.png",) * N,
        boxes=(None,) * N,
        about={"dataset": "made", "part": "test"},
    )
    write_scores(tmp_path / "scores.csv", scores)
    return tmp_path


def calibrated(folder: Path, *words: str) -> Result:
    given = [str(folder / "bundle"), str(folder / "scores.csv"), "-o", str(folder / "out")]
    return CliRunner().invoke(app, ["calibrate", *given, *words], env={"COLUMNS": "200"})


def test_a_temperature_alone_is_fitted_where_nothing_else_is_asked_for(folder: Path) -> None:
    found = calibrated(folder)

    assert found.exit_code == 0, found.output
    about = read_bundle(folder / "out").description
    assert about.calibration["method"] == "temperature"
    assert about.calibration["temperature"] == pytest.approx(3, rel=0.1)
    assert about.rules == {}
    assert "temperature: 2.9" in found.stdout or "temperature: 3." in found.stdout
    assert "calibration error that 600 images show of exactly right" in found.stdout
    assert "sets:" not in found.stdout
    assert "## Calibration" in read_card(folder / "out")


def test_the_bundle_and_its_card_carry_sets_and_referral(folder: Path) -> None:
    found = calibrated(folder, "--sets", "0.8", "--sensitivity", "0.9", "--method", "vector")

    assert found.exit_code == 0, found.output
    about = read_bundle(folder / "out").description
    assert about.calibration["method"] == "vector"
    assert about.rules["sets"]["coverage"] == 0.8
    assert about.rules["refer"]["sensitivity"] == 0.9
    assert "sets: 80% by lac, limits NILM" in found.stdout
    assert "for 90% of abnormal cells; fitted on 30 groups" in found.stdout
    card = read_card(folder / "out")
    assert "A factor and a shift for each class (vector scaling)" in card
    assert "hold the right class for 80% of the cells of each class of a new group" in card
    assert "refers 90% of the abnormal cells" in card


def test_auto_tells_what_it_tried(folder: Path) -> None:
    found = calibrated(folder, "--method", "auto")

    assert found.exit_code == 0, found.output
    assert found.stdout.count("tried: ") == 7


def test_a_score_and_one_limit_for_all_can_be_asked_for(folder: Path) -> None:
    found = calibrated(folder, "--sets", "0.9", "--set-score", "aps", "--set-by", "all")

    assert found.exit_code == 0, found.output
    sets = read_bundle(folder / "out").description.rules["sets"]
    assert (sets["score"], sets["by"], len(set(sets["limits"]))) == ("aps", "all", 1)
    assert "warning: the coverage is promised for all cells together" in found.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--sets", "1"), "error: sets of score 'lac' that hold the class in 1"),
        (("--sets", "0.99"), "30 groups, or those of each class, are too few"),
        (("--method", "vector", "--bias"), "method is 'vector' with a bias"),
    ],
)
def test_what_cannot_be_fitted_is_told_and_nothing_is_written(
    folder: Path, words: tuple[str, ...], told: str
) -> None:
    found = calibrated(folder, *words)

    assert found.exit_code in (2, 9)
    assert told in found.stderr
    assert not (folder / "out").exists()


def test_a_sensitivity_alone_fits_who_is_referred_and_no_sets(folder: Path) -> None:
    found = calibrated(folder, "--sensitivity", "0.9")

    assert found.exit_code == 0, found.output
    rules = read_bundle(folder / "out").description.rules
    assert "sets" not in rules
    assert rules["refer"]["sensitivity"] == 0.9
    assert "referred: abnormal" in found.stdout
    assert "A cell is referred to a person" in read_card(folder / "out")

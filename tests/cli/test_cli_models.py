"""`papscope models` tells what ships; `papscope calibrate` makes a bundle know how sure it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from papscope import shipped
from papscope.bundle import CARD, Description, read_bundle, write_bundle, write_onnx_bundle
from papscope.cli.main import app
from papscope.preprocess import Preprocess
from papscope.scores import Scores, write_scores
from papscope.taxonomy import classes_of

NUMBER = {"value": 0.8125, "low": 0.7, "high": 0.9, "n": 50}


def run(*words: object, width: int = 200) -> Result:
    env = {"COLUMNS": str(width), "NO_COLOR": "1"}
    return CliRunner().invoke(app, list(map(str, words)), env=env)


def described(**told: Any) -> Description:
    return Description(
        classes=classes_of("cric-4"),
        preprocess=Preprocess(size=96),
        backbone="made",
        provenance={"dataset": "cells", "shipped": told},
        metrics={"part": "sister models", "n": 50, "sets": {"4 classes": {"accuracy": NUMBER}}},
    )


WEIGHTS = {"head.weight": np.zeros((4, 8), np.float32)}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two shipped models, of which `b` answers where none is named."""
    monkeypatch.setattr(shipped, "HOME", tmp_path / "models")
    for name in ("a", "b"):
        about = described(purpose=f"finds {name}", licence="Apache-2.0", default=name == "b")
        write_bundle(tmp_path / "models" / name, about, WEIGHTS, f"# Card of {name}\n")
    return tmp_path / "models"


def test_the_table_tells_what_each_model_is_and_reached(home: Path) -> None:
    result = run("models")

    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert text.index("a for finds a") < text.index("b (answers where no model is named)")
    for wanted in (
        "classes NILM, LSIL, HSIL, SCC",
        "input 96 x 96 px",
        "licence Apache-2.0",
        "measured by sister models",
        "4 classes Accuracy 0.812 [0.700, 0.900]",
        read_bundle(home / "a").digest[:12],
    ):
        assert wanted in text, wanted


def test_a_narrow_terminal_shows_all_the_same(home: Path) -> None:
    text = "".join(run("models", width=50).stdout.split())

    assert "0.812[0.700,0.900]" in text


def test_a_card_is_printed_as_it_is(home: Path) -> None:
    assert run("models", "b").stdout == "# Card of b\n"


def test_json_tells_the_same_unrounded(home: Path) -> None:
    every = json.loads(run("models", "--json").stdout)
    one = json.loads(run("models", "b", "--json").stdout)

    assert [told["name"] for told in every] == ["a", "b"]
    assert every[1] == one
    assert (one["default"], every[0]["default"]) == (True, False)
    assert one["metrics"]["sets"]["4 classes"]["accuracy"] == NUMBER


def test_a_name_that_does_not_ship_is_told(home: Path) -> None:
    result = run("models", "c")

    assert result.exit_code == 7
    assert "no model named 'c' comes with this installation" in result.stderr
    assert "there are: a, b" in result.stderr


def test_where_nothing_ships_nothing_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "HOME", tmp_path)

    table, lines = run("models"), run("models", "--json")

    assert (table.exit_code, table.stdout) == (0, "")
    assert "no model comes with this installation" in table.stderr
    assert json.loads(lines.stdout) == []


def scored(file: Path, *, seed: int = 0, n: int = 80, **about: Any) -> Path:
    draw = np.random.default_rng(seed)
    scores = Scores(
        ids=tuple(f"{seed}-{i}" for i in range(n)),
        groups=tuple(f"{seed}-{i % 8}" for i in range(n)),
        truth=np.arange(n) % 4,
        probabilities=draw.dirichlet(np.full(4, 0.2), n),
        classes=classes_of("cric-4"),
        paths=("x.png",) * n,
        boxes=(None,) * n,
        about={"dataset": "cells", "part": "test", **about},
    )
    write_scores(file, scores)
    return file


def test_a_calibrated_bundle_is_the_same_model_with_a_temperature_and_a_card_that_tells_it(
    tmp_path: Path,
) -> None:
    write_bundle(tmp_path / "old", described(), WEIGHTS, "# Mine\n")
    files = [scored(tmp_path / f"{seed}.csv", seed=seed) for seed in range(2)]

    result = run("calibrate", tmp_path / "old", *files, "-o", tmp_path / "new")

    assert result.exit_code == 0, result.output
    old, new = read_bundle(tmp_path / "old"), read_bundle(tmp_path / "new")
    told = new.description.calibration
    assert (told["n"], told["groups"]) == (160, 16)
    assert told["temperature"] > 1
    assert told["uncalibrated_sha256"] == old.digest != new.digest
    assert np.array_equal(new.tensors["head.weight"], old.tensors["head.weight"])
    card = (tmp_path / "new" / CARD).read_text(encoding="utf-8")
    assert card.startswith("# Mine\n\n## Calibration\n\nTemperature")
    assert f"temperature: {told['temperature']:.3f}" in result.stdout
    assert f"{told['log_loss_before']:.4f} before" in result.stdout
    assert "fitted on: 160 images of cells" in result.stdout
    assert "warning: the scores do not say which model answered" in result.stderr
    assert old.description.calibration == {}


def test_an_exported_bundle_is_calibrated_too(tmp_path: Path) -> None:
    write_onnx_bundle(tmp_path / "old", described(), b"a network", "# Mine\n")

    result = run("calibrate", tmp_path / "old", scored(tmp_path / "s.csv"), "--bias", "-o",
                 tmp_path / "new")  # fmt: skip

    assert result.exit_code == 0, result.output
    new = read_bundle(tmp_path / "new")
    assert new.onnx == b"a network"
    assert len(new.description.calibration["bias"]) == 4
    assert "bias: " in result.stdout


def test_a_shipped_model_is_calibrated_into_a_folder_of_ones_own(
    home: Path, tmp_path: Path
) -> None:
    result = run("calibrate", "b", scored(tmp_path / "s.csv"), "-o", tmp_path / "new")

    assert result.exit_code == 0, result.output
    assert "shipped model b" in result.stderr
    assert read_bundle(tmp_path / "new").description.calibration
    assert read_bundle(home / "b").description.calibration == {}


@pytest.mark.parametrize(
    ("about", "status", "told"),
    [
        ({"part": "train"}, 9, "the scores are of the training part"),
        ({"leaks": "leaks: trained on 80"}, 9, "that were learned from: leaks: trained on 80"),
    ],
)
def test_answers_for_training_images_are_refused_and_nothing_is_written(
    tmp_path: Path, about: dict[str, Any], status: int, told: str
) -> None:
    write_bundle(tmp_path / "old", described(), WEIGHTS, "# Mine\n")
    file = scored(tmp_path / "s.csv", **about)

    result = run("calibrate", tmp_path / "old", file, "-o", tmp_path / "new")

    assert result.exit_code == status
    assert told in result.stderr
    assert not (tmp_path / "new").exists()


def test_a_folder_with_other_files_is_refused_before_the_work(tmp_path: Path) -> None:
    write_bundle(tmp_path / "old", described(), WEIGHTS, "# Mine\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")

    result = run("calibrate", tmp_path / "old", tmp_path / "none.csv", "-o", tmp_path / "mine")

    assert result.exit_code == 7
    assert "holds other files and is not overwritten" in result.stderr

"""The main path, from drawn cells to answers, by command line and by Python, on one page each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from papscope.cli.main import app

pytestmark = pytest.mark.slow

CLASSES = ("Dyskeratotic", "Koilocytotic", "Metaplastic", "Parabasal", "Superficial-Intermediate")
SMALL = ("--slides", "6", "--cells-per-slide", "3", "--image-size", "48", "--seed", "3")
NETWORK = ("--backbone", "resnet18", "--weights", "none", "--size", "48", "--epochs", "2")


def done(*words: str | Path, status: int = 0) -> Result:
    """Give a command to papscope, and what came of it."""
    texts = [str(word) for word in words]
    result = CliRunner().invoke(app, texts, env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code == status, f"{texts}\n{result.output}"
    return result


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the whole story was told by the command line."""
    here = tmp_path_factory.mktemp("story")
    cells, split, run = here / "cells.csv", here / "split.csv", here / "run"
    done("import", "synthetic", here / "cells", "-o", cells, *SMALL)
    done("split", cells, "-o", split, "--seed", "3")
    done("train", cells, "--split", split, *NETWORK, "--batch-size", "8", "--seed", "3", "-o", run)
    scored = here / "evaluation"
    done("evaluate", run / "bundle", cells, "--split", split, "--part", "test", "-o", scored)
    done("report", scored / "scores.csv", "-o", here / "report.html")
    return here


def test_the_check_has_looked_at_every_image(told: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(told / "cells.csv"), "--json", "-"])

    assert json.loads(result.stdout)["images"] == 90


def test_training_leaves_a_bundle_a_history_and_a_place_to_resume_from(told: Path) -> None:
    bundle = json.loads((told / "run/bundle/bundle.json").read_text(encoding="utf-8"))
    history = json.loads((told / "run/history.json").read_text(encoding="utf-8"))

    assert tuple(one["name"] for one in bundle["classes"]) == CLASSES
    assert [epoch["epoch"] for epoch in history] == [1, 2]
    assert (told / "run/last.safetensors").exists()


def test_the_test_part_and_nothing_else_was_measured(told: Path) -> None:
    metrics = json.loads((told / "evaluation/metrics.json").read_text(encoding="utf-8"))
    parts = [line.split(",") for line in (told / "split.csv").read_text().splitlines()]
    tested = {cells[0] for cells in parts if "test" in cells}
    scored = (told / "evaluation/scores.csv").read_text(encoding="utf-8").splitlines()[2:]

    assert {line.split(",")[0] for line in scored} == tested
    assert metrics["n"] == len(tested) == sum(map(sum, metrics["confusion"]))


def test_the_report_says_that_the_images_are_made_and_shows_the_accuracy(told: Path) -> None:
    page = (told / "report.html").read_text(encoding="utf-8")
    metrics = json.loads((told / "evaluation/metrics.json").read_text(encoding="utf-8"))

    assert "made images" in page
    assert f"{metrics['overall']['accuracy']['value']:.3f}" in page
    assert not re.search(r"""(?:src|href)=["']https?:""", page), "the page needs the network"


def test_predictions_agree_with_the_scores_that_were_measured(told: Path) -> None:
    rows = (told / "evaluation/scores.csv").read_text(encoding="utf-8").splitlines()
    columns = rows[1].split(",")
    first = dict(zip(columns, rows[2].split(","), strict=True))

    image = told / "cells" / first["path"]
    answer = done("predict", told / "run/bundle", image, "--format", "jsonl")

    found = json.loads(answer.stdout.splitlines()[0])["probabilities"]
    assert found == pytest.approx({name: float(first[f"p:{name}"]) for name in CLASSES}, abs=1e-6)


def test_the_same_story_in_python_gives_the_same_weights(told: Path, tmp_path: Path) -> None:
    import papscope
    from papscope.cutting import cut
    from papscope.manifest import read_manifest
    from papscope.train.fit import fit
    from papscope.train.settings import TrainSettings

    manifest = read_manifest(told / "cells.csv")
    settings = TrainSettings(
        backbone="resnet18", weights="none", size=48, epochs=2, batch_size=8, seed=3
    )

    fitted = fit(manifest, cut(manifest, seed=3), settings, tmp_path / "run")

    ours, theirs = (
        bundle / "weights.safetensors" for bundle in (fitted.bundle, told / "run/bundle")
    )
    assert ours.read_bytes() == theirs.read_bytes()
    answers = list(papscope.load(fitted.bundle).predict([manifest.file_of(manifest.rows[0])]))
    assert len(answers) == 1

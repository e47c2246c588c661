from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("torch", reason="the extra `train` is not installed")

from papscope.cli.main import app
from papscope.sources.synthetic import SyntheticSettings, draw
from papscope.studies import chain as studies
from papscope.studies.chain_stage import Interrupted

RECIPE = """
[chain]
resamples = 100
[train]
backbone = "test_efficientnet"
weights = "none"
epochs = 1
batch_size = 8
accelerator = "cpu"
[[stage]]
name = "young"
dataset = "sipakmed"
classes = ["Parabasal", "Metaplastic"]
[[stage]]
name = "all"
dataset = "sipakmed"
"""


def run(*words: object) -> Result:
    environment = {"COLUMNS": "200", "NO_COLOR": "1", "PAPSCOPE_DATA": ""}
    return CliRunner().invoke(app, [str(word) for word in words], env=environment)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    draw(
        tmp_path / "data" / "sipakmed", SyntheticSettings(slides_per_class=3, cells_per_slide=1), 0
    )
    return tmp_path / "data"


def test_a_chain_is_trained_compared_and_told_of(recipe: Path, cells: Path, tmp_path: Path) -> None:
    words = (
        *("chain", recipe, "-o", tmp_path / "out", "--data-root", cells, "--allow-partial"),
        *("--set", "size=32", "--threads", 1),
    )

    told = run(*words)

    assert told.exit_code == 0, told.output
    assert "stage 1 of 2: young: 2 classes of sipakmed, 2 train, 2 val, 2 test" in told.stderr
    assert "stage 2 of 2: all: 5 classes of sipakmed" in told.stderr
    assert "for comparison: all alone, from none" in told.stderr
    assert "stage 2, all: epoch 1 kept; validation macro-F1" in told.stdout
    assert "5 images from 5 groups" in told.stdout
    verdict = json.loads((tmp_path / "out" / "comparison.json").read_bytes())["verdict"]
    assert verdict in told.stdout
    assert f"bundle: {tmp_path / 'out' / 'bundle'}" in told.stdout
    asked = json.loads((tmp_path / "out" / "chain.json").read_bytes())["recipe"]["stages"]
    assert {(one["train"]["size"], one["train"]["threads"]) for one in asked} == {(32, 1)}

    again, other = run(*words, "--resume"), run(*words)

    assert again.exit_code == 0
    assert again.stderr.count("finished before, verified") == 3
    assert other.exit_code == 8
    assert "already holds a chain" in other.stderr


def test_the_comparison_can_be_left_out(recipe: Path, cells: Path, tmp_path: Path) -> None:
    words = ("--data", f"sipakmed={cells / 'sipakmed'}", "--allow-partial", "--set", "size=32")

    told = run("chain", recipe, "-o", tmp_path / "out", *words, "--no-compare")

    assert told.exit_code == 0, told.output
    assert not (tmp_path / "out" / "comparison.json").exists()
    assert f"next: papscope evaluate {tmp_path / 'out' / 'bundle'} " in told.stdout


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        ((), 4, "sipakmed is wanted, and nobody has said where it lies"),
        (("--data", "sipakmed"), 2, "--data sipakmed has no ="),
        (("--data", "herlev=x"), 2, "no stage of mine wants herlev"),
        (("--set", "epoch=1"), 2, "has no setting 'epoch'"),
        (("--set", "epochs"), 2, "--set epochs has no ="),
        (("--resume",), 8, "there is no chain to resume"),
    ],
)
def test_what_cannot_be_done_is_told_before_any_work(
    words: tuple[str, ...], status: int, problem: str, recipe: Path, tmp_path: Path
) -> None:
    told = run("chain", recipe, "-o", tmp_path / "out", *words)

    assert (told.exit_code, problem in told.stderr) == (status, True), told.output
    assert not (tmp_path / "out").exists()


def test_ctrl_c_says_how_to_go_on(
    recipe: Path, cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(studies, "train_stage", stopped)
    told = run("chain", recipe, "-o", tmp_path / "out", "--data-root", cells, "--allow-partial")

    assert told.exit_code == 130
    assert "go on with the same command and --resume" in told.stderr

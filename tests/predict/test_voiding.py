"""Answers over other orientations than the rules were fitted for promise nothing, and say so."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from papscope.bundle import write_bundle
from papscope.cli.main import app
from papscope.description import Description
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.predict.predictor import load
from papscope.predict.voiding import OtherOrientations
from papscope.rules import OTHERWISE
from papscope.taxonomy import named

CLASSES = named(["dark", "light"], abnormal=["dark"])
RULES = {"refer": {"abnormal": 1.0, "sensitivity": 0.95, "groups": 20}}


def made(folder: Path, **more: Any) -> Path:
    """A bundle of an untrained network, that answers for pictures as they lie."""
    network = build("test_efficientnet", 2, size=32)
    about = Description(
        classes=CLASSES,
        preprocess=preprocess_for("test_efficientnet", size=32),
        backbone="test_efficientnet",
        **more,
    )
    write_bundle(folder, about, tensors_of(network), "")
    return folder


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cell.png")
    return tmp_path / "cell.png"


def test_otherwise_than_the_bundle_says_every_cell_is_for_a_person(
    tmp_path: Path, cell: Path
) -> None:
    bundle = made(tmp_path / "ruled", rules=RULES)
    with pytest.warns(
        OtherOrientations, match="prediction sets and thresholds were fitted for answers without"
    ):
        turned = load(bundle, device="cpu", threads=1, orientations=True)
    (said,) = turned.predict(cell).good

    (as_it_says,) = load(bundle, device="cpu", threads=1).predict(cell).good

    assert as_it_says.answer.refer == ()
    assert said.answer.refer == (OTHERWISE,)


@pytest.mark.parametrize(
    ("asked", "more"), [(False, {"rules": RULES}), (None, {"rules": RULES}), (True, {})]
)
def test_nothing_is_said_where_nothing_is_voided(
    tmp_path: Path, asked: bool | None, more: dict[str, Any]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", OtherOrientations)
        ready = load(made(tmp_path / "b", **more), device="cpu", threads=1, orientations=asked)

    assert ready.void == ()


def test_the_command_warns_in_one_line_and_marks_each_answer(tmp_path: Path, cell: Path) -> None:
    bundle = made(
        tmp_path / "ruled", rules=RULES, calibration={"temperature": 2.0, "method": "temperature"}
    )
    words = ["predict", str(bundle), str(cell), "--orientations", "--format", "jsonl"]

    result = CliRunner().invoke(app, [*words, "--device", "cpu", "--threads", "1"])

    assert result.exit_code == 0, result.stderr
    (line,) = [one for one in result.stderr.splitlines() if "orientations" in one]
    assert line.startswith("warning: the bundle's calibration, prediction sets and thresholds were")
    assert "voiding.py" not in result.stderr
    assert json.loads(result.stdout)["refer"] == [OTHERWISE]

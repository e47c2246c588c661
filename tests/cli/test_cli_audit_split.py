"""`papscope audit-split` as people type it: exit statuses, JSON, foreign splits, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from papscope.checks.leaks import Audit
from papscope.cli.main import app
from papscope.files import digest_of
from papscope.manifest import Manifest, Row, write_manifest
from papscope.taxonomy import CellClass

CLEAN = "image,set\n0-0,train\n0-1,train\n1-0,test\n1-1,test\n"
LEAKY = "image,set\n0-0,train\n0-1,test\n1-0,test\n1-1,train\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the manifest `made.csv` of two slides of two cells."""
    rows = []
    for slide in range(2):
        for cell in range(2):
            path = tmp_path / f"{slide}-{cell}.png"
            noise = np.random.default_rng(10 * slide + cell).integers(30, 220, (8, 8, 3))
            Image.fromarray(noise.astype(np.uint8)).resize((64, 64), 0).save(path)
            rows.append(
                Row(
                    id=path.name,
                    path=path.relative_to(tmp_path),  # type: ignore[arg-type]
                    label=("calm", "odd")[cell],
                    dataset="made",
                    width=64,
                    height=64,
                    sha256=digest_of(path),
                    group=f"slide {slide}",
                )
            )
    classes = (CellClass("calm", "normal"), CellClass("odd", "abnormal"))
    made = Manifest(tmp_path, tuple(rows), "made", classes, "none", "nobody", group_is="slide")
    write_manifest(tmp_path / "made.csv", made)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> Result:
    env = {"COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, ["audit-split", *words, "--workers", "1"], env=env)


def test_a_leak_is_told_first_and_ends_with_5(here: Path) -> None:
    (here / "their.csv").write_text(LEAKY)

    done = run("made.csv", "--split", "their.csv", "-o", "out")

    assert done.exit_code == 5, done.output
    assert done.stdout.startswith("LEAKS: 2 of 2 test images (100 %) have a relative in training.")
    assert "inflation: not measured; add --measure" in done.stdout
    page = (here / "out/leaks.html").read_text(encoding="utf-8")
    assert "papscope audit-split made.csv --split their.csv --output out --measure" in page
    assert json.loads((here / "out/leaks.json").read_text())["inflation"] is None


def test_a_clean_split_ends_with_0(here: Path) -> None:
    (here / "their.csv").write_text(CLEAN)
    done = run("made.csv", "--split", "their.csv")
    assert (done.exit_code, done.stdout.partition(":")[0]) == (0, "No leak found")
    assert (here / "leak-audit/leaks.html").exists()


def test_json_alone_goes_to_standard_output_and_is_what_the_file_holds(here: Path) -> None:
    (here / "their.csv").write_text(LEAKY)
    done = run("made.csv", "--split", "their.csv", "--json")
    assert json.loads(done.stdout)["severity"] == "stop"
    assert done.stdout == (here / "leak-audit/leaks.json").read_text(encoding="utf-8")


def test_images_that_came_undivided_need_a_split(here: Path) -> None:
    done = run("made.csv")
    assert done.exit_code == 6
    assert "try: name a split with --split" in done.stderr
    assert not (here / "leak-audit").exists()


@pytest.mark.parametrize("word", ["--folds=3", "--resume"])
def test_how_to_measure_without_measuring_is_refused(here: Path, word: str) -> None:
    (here / "their.csv").write_text(CLEAN)
    done = run("made.csv", "--split", "their.csv", word)
    assert done.exit_code == 2
    assert "says how to measure" in done.stderr


def test_what_was_measured_is_told_and_settings_reach_the_training(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from papscope.evaluate.compare import Compared
    from papscope.evaluate.inflation import Inflation
    from papscope.evaluate.intervals import Estimate

    asked: dict[str, Any] = {}

    def measured(audit: Audit, settings: object, folder: Path, **more: object) -> Inflation:
        asked.update(more, settings=settings, folder=folder)
        gap = Compared(0.5, 0.75, Estimate(0.25, 0.125, 0.375, 9), 1.0, False)
        return Inflation(
            how="parts",
            measures={"accuracy": gap, "macro_f1": gap},
            paired=False,
            n=(2, 2),
            groups=(1, 1),
            training=(2, 2),
            resamples=100,
            settings={},
        )

    monkeypatch.setattr("papscope.studies.inflation.measure_inflation", measured)
    (here / "their.csv").write_text(LEAKY)

    done = run(
        "made.csv", "--split", "their.csv", "--measure", "--epochs", "3", "--resamples", "100"
    )

    assert done.exit_code == 5, done.output
    assert "accuracy 0.750 on the given split, 0.500 on the clean one" in done.stdout
    assert asked["settings"].epochs == 3
    assert asked["how"].resamples == 100
    assert asked["folder"] == Path("leak-audit/measured")

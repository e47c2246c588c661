from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from papscope.cli.main import app
from papscope.scores import Scores, write_scores
from papscope.taxonomy import named

QUIET = {"COLUMNS": "200", "NO_COLOR": "1"}


def written_scores(folder: Path, root: Path) -> Path:
    chances = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4]])
    scores = Scores(
        ids=tuple("abcd"),
        groups=("s1", "s1", "s2", "s3"),
        truth=np.array([0, 0, 1, 1]),
        probabilities=chances,
        classes=named(["ill", "well"], abnormal=["ill"]),
        paths=tuple(f"{name}.png" for name in "abcd"),
        boxes=(None,) * 4,
        about={"root": str(root)},
    )
    write_scores(folder / "scores.csv", scores)
    return folder / "scores.csv"


def test_report_writes_a_page_beside_the_scores_and_prints_where(tmp_path: Path) -> None:
    scores = written_scores(tmp_path, tmp_path)
    done = CliRunner().invoke(app, ["report", str(scores), "--resamples", "100"], env=QUIET)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{tmp_path / 'scores.html'}\n"
    assert "accuracy" in (tmp_path / "scores.html").read_text()


def test_report_looks_for_the_images_where_root_says(tmp_path: Path) -> None:
    scores = written_scores(tmp_path, tmp_path / "gone")
    for name in "abcd":
        Image.new("RGB", (30, 30), "plum").save(tmp_path / f"{name}.png")
    page = tmp_path / "page.html"
    words = ["report", str(scores), "-o", str(page), "--resamples", "100"]

    CliRunner().invoke(app, words, env=QUIET)
    without = page.read_text()
    CliRunner().invoke(app, [*words, "--root", str(tmp_path)], env=QUIET)

    assert "<img" not in without
    assert page.read_text().count("<img") >= 4


def test_report_tells_what_is_wrong_in_two_lines_and_writes_nothing(tmp_path: Path) -> None:
    words = ["report", str(tmp_path / "none.csv"), "-o", str(tmp_path / "page.html")]
    done = CliRunner().invoke(app, words, env=QUIET)
    assert done.exit_code == 4
    assert done.stderr.startswith("error: there is no file")
    assert "\n  try: " in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_report_refuses_too_few_resamples(tmp_path: Path) -> None:
    scores = written_scores(tmp_path, tmp_path)
    done = CliRunner().invoke(app, ["report", str(scores), "--resamples", "3"], env=QUIET)
    assert done.exit_code == 2
    assert not (tmp_path / "scores.html").exists()


def test_report_never_loads_torch(tmp_path: Path) -> None:
    scores = written_scores(tmp_path, tmp_path)
    code = (
        "import sys; from typer.testing import CliRunner; from papscope.cli.main import app; "
        f"done = CliRunner().invoke(app, ['report', {str(scores)!r}, '--resamples', '100']); "
        "print(done.exit_code, 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "0 False\n"

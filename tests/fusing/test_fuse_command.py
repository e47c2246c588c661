"""`papscope fuse`: a table, a bundle, the next command, and refusals in two lines."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from made_masked import bundled, draw
from typer.testing import CliRunner, Result

from papscope.cli.main import app
from papscope.cutting import cut
from papscope.split import write_split


def run(*words: object) -> Result:
    runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
    return runner.invoke(app, [*map(str, words)])


@pytest.fixture
def asked(tmp_path: Path) -> list[object]:
    """The words that every call here begins with."""
    torch.set_num_threads(1)
    write_split(tmp_path / "split.csv", cut(draw(tmp_path), seed=1))
    bundled(tmp_path / "network")
    words = ["fuse", tmp_path / "cells.csv", "--split", tmp_path / "split.csv"]
    return [*words, "-o", tmp_path / "out", "--inner-folds", 2, "--threads", 1]


def test_it_says_what_each_block_is_worth_and_what_to_do_next(
    asked: list[object], tmp_path: Path
) -> None:
    block = tmp_path / "network"

    told = run(*asked, "--block", block, "--block", f"{block}:layer2", "--shape")

    assert told.exit_code == 0, told.output
    head, *rows = told.stdout.splitlines()
    assert head.split() == ["on", "validation", "n", "accuracy", "macro-F1"]
    assert rows[0].split()[:2] == [str(block), "6"]
    assert rows[2].split()[:2] == ["joined", "6"]
    assert rows[3].startswith("joined, with cell shape of 6 of 6")
    assert rows[-1].startswith(f"next: papscope evaluate {tmp_path / 'out'}/bundle ")


def test_what_it_made_is_evaluated_and_predicts_and_says_which_had_no_mask(
    asked: list[object], tmp_path: Path
) -> None:
    run(*asked, "--block", tmp_path / "network", "--shape")
    bundle = tmp_path / "out" / "bundle"

    judged = run("evaluate", bundle, tmp_path / "cells.csv", "--split", tmp_path / "split.csv")
    by_list = run("predict", bundle, tmp_path / "cells.csv", "--format", "csv")
    by_file = run("predict", bundle, tmp_path / "images" / "small-0-0.png", "--format", "csv")

    assert judged.exit_code == 0, judged.output
    assert "no mask" not in judged.stderr
    assert "no mask" not in by_list.stderr
    assert by_list.stdout.count("\n") == 37
    assert "1 of 1 pictures had no mask to measure the cell by" in by_file.stderr


@pytest.mark.parametrize(
    ("words", "status", "match"),
    [
        ([], 2, "no block is named"),
        (["--block", "x", "--head", "forest"], 2, "head is 'forest'"),
        (["--original", "--block", "x"], 2, "the original has blocks and a head of its own"),
        (["--recipe", "copy"], 2, "no recipe 'copy' to fuse by"),
        (["--block", "nowhere"], 7, "nowhere is not a bundle"),
        (["--block", "timm:resnet51"], 2, "no backbone 'resnet51'"),
    ],
)
def test_what_cannot_be_is_refused_in_two_lines(
    words: list[str], status: int, match: str, asked: list[object], tmp_path: Path
) -> None:
    told = run(*asked, *words)

    assert told.exit_code == status
    assert match in told.stderr
    assert "  try: " in told.stderr
    assert not (tmp_path / "out").exists()

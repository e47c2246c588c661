"""`papscope split`: a file, a table that tells what each class got, and a stamp that is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from papscope.cli.main import app
from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.split import LEAKS, part_rows, read_split
from papscope.taxonomy import named


def run(*words: object) -> Result:
    runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
    return runner.invoke(app, ["split", *map(str, words)])


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Two classes on ten slides each, two cells a slide, and one image without a label."""
    rows = []
    for number in range(41):
        path = PurePosixPath(f"cell{number}.png")
        shade = np.full((9, 9, 3), number, np.uint8)
        Image.fromarray(shade).save(tmp_path / path)
        label = None if number == 40 else "ab"[number % 2]
        slide = f"{label} {number // 4}"
        rows.append(
            Row(str(number), path, label, "made", 9, 9, f"{number}", group=slide, part="train")
        )
    whole = Manifest(
        root=tmp_path,
        rows=tuple(rows),
        dataset="made",
        classes=named("ab"),
        licence="",
        citation="",
        group_is="slide",
    )
    write_manifest(tmp_path / "m.csv", whole)
    return tmp_path / "m.csv"


def test_a_split_is_written_beside_the_manifest_and_told_by_class(manifest: Path) -> None:
    result = run(manifest)

    assert result.exit_code == 0, result.output
    split = read_split(manifest.with_name("m.split.csv"))
    assert len(part_rows(split, read_manifest(manifest), "train")) == 24
    assert "12 (6) 60.0 %" in result.stdout
    assert "furthest from its wanted share: a in train, 60.0 % for 60.0 %" in result.stdout
    assert "cut by slide, stratified by class, seed 0; no slide is divided" in result.stdout
    assert "left out: 1 images without a label" in result.stdout
    assert "LEAKS" not in result.stdout


def test_the_same_seed_writes_the_same_bytes(manifest: Path) -> None:
    files = [manifest.with_name(f"{name}.csv") for name in ("one", "two", "other")]
    for file, seed in zip(files, (3, 3, 4), strict=True):
        assert run(manifest, "-o", file, "--seed", seed).exit_code == 0
    one, two, other = (file.read_bytes() for file in files)
    assert one == two != other


def test_shares_and_folds_are_obeyed(manifest: Path) -> None:
    assert run(manifest, "--shares", "80/0/20").exit_code == 0
    assert read_split(manifest.with_name("m.split.csv")).parts == ("train", "test")

    result = run(manifest, "--folds", "5")
    assert read_split(manifest.with_name("m.split.csv")).parts == ("0", "1", "2", "3", "4")
    assert "fold 4" in result.stdout


def test_a_split_by_image_says_leaks_where_nobody_misses_it(manifest: Path) -> None:
    result = run(manifest, "--by", "image")

    assert result.exit_code == 0
    assert read_split(manifest.with_name("m.split.csv")).protocol.leaks == LEAKS
    assert " LEAKS " in result.stdout
    assert result.stdout.count(LEAKS) == 2


def test_the_tree_is_laid_out(manifest: Path) -> None:
    folder = manifest.with_name("tree")
    result = run(manifest, "--materialise", folder, "--copy")
    assert result.exit_code == 0, result.output
    assert len(list(folder.glob("train/*/*.png"))) == 24
    assert f"images: {folder}" in result.stdout
    assert "laying out images" not in result.stdout


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--shares", "60/20/30"], 2, "sums to 110, not to 100"),
        (["--shares", "60/40"], 2, "is not three numbers"),
        (["--shares", "a/b/c"], 2, "is not three numbers"),
        (["--shares", "120/-40/20"], 6, "negative"),
        (["--shares", "60/20/20", "--folds", "5"], 2, "--shares and --folds exclude"),
        (["--strict", "--by", "image"], 2, "--strict and --by image exclude"),
        (["--by", "given", "--shares", "60/20/20"], 2, "--by given has its own shares"),
        (["--copy"], 2, "--copy says how to --materialise"),
        (["--folds", "1"], 6, "1 folds are no cross-validation"),
        (["--folds", "0"], 6, "0 folds are no cross-validation"),
        (["--strict"], 6, "no strict groups"),
        (["--by", "given"], 6, "the parts are train"),
        (["--by", "luck"], 2, "luck"),
    ],
)
def test_what_cannot_be_is_told_in_two_lines_and_nothing_is_written(
    manifest: Path, words: list[str], status: int, told: str
) -> None:
    result = run(manifest, *words)
    assert result.exit_code == status
    assert told in result.stderr
    assert "Traceback" not in result.output
    assert not manifest.with_name("m.split.csv").exists()


def test_a_manifest_without_groups_is_refused_with_advice(manifest: Path) -> None:
    whole = read_manifest(manifest)
    write_manifest(manifest, replace(whole, rows=tuple(replace(r, group=None) for r in whole.rows)))
    result = run(manifest)
    assert result.exit_code == 6
    assert "40 of 40 images have no group" in result.stderr
    assert "try: import them with their groups, or divide by image" in result.stderr


def test_a_file_that_is_no_manifest_is_told(tmp_path: Path) -> None:
    assert "there is no file" in run(tmp_path / "none.csv").stderr
    (tmp_path / "s.csv").write_text("a,b\n1,2\n")
    result = run(tmp_path / "s.csv")
    assert result.exit_code == 4
    assert "make a manifest with `papscope import`" in result.stderr

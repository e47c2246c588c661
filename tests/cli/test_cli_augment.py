"""`papscope augment` tells what it will make and what it made, and refuses before it begins."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from papscope.cli.main import app
from papscope.cutting import cut, cut_folds
from papscope.files import digest_of
from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.split import LEAKS, read_split, write_split
from papscope.taxonomy import named


def run(*words: object) -> Result:
    runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
    return runner.invoke(app, [str(word) for word in words])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes on three slides each, a manifest of them and a split."""
    (tmp_path / "images").mkdir()
    rows = []
    for number in range(6):
        file = tmp_path / "images" / f"{number}.png"
        draw = np.random.default_rng(number)
        Image.fromarray(draw.integers(0, 255, (16, 12, 3), dtype=np.uint8)).save(file)
        label, path = "ab"[number % 2], PurePosixPath(file.name)
        rows.append(
            Row(path.stem, path, label, "made", 12, 16, digest_of(file), group=f"slide {number}")
        )
    made = Manifest(tmp_path / "images", tuple(rows), "made", named("ab"), "CC0", "nobody")
    write_manifest(tmp_path / "m.csv", made)
    write_split(tmp_path / "s.csv", cut(read_manifest(tmp_path / "m.csv"), seed=1))
    return tmp_path


def augment(folder: Path, *words: object) -> Result:
    given = ["augment", folder / "m.csv", "--split", folder / "s.csv", "-o", folder / "new"]
    return run(*given, "--workers", 1, *words)


def test_what_was_made_is_told_and_can_be_trained_on_at_once(folder: Path) -> None:
    result = augment(folder)

    assert result.exit_code == 0, result.output
    new = folder / "new"
    assert f"made: 28 images of 2 training images in {new}\n" in result.stdout
    assert "training: 30 images; validation and test: 4, as before; rows in all: 34" in (
        result.stdout
    )
    assert f"next: papscope train {new / 'manifest.csv'} --split {new / 'split.csv'}" in (
        result.stdout
    )
    assert "2 training images, 14 new ones of each (set gentle): 28 images" in result.stderr
    assert "the disk has room for" in result.stderr
    split = read_split(new / "split.csv")
    assert split.manifest_sha256 == digest_of(new / "manifest.csv")
    assert len(list((new / "a").glob("*-aug??.png"))) == 14


def test_the_same_command_again_keeps_what_is_there(folder: Path) -> None:
    assert augment(folder).exit_code == 0
    assert ", 28 of them there already\n" in augment(folder).stdout


def test_a_dry_run_makes_nothing(folder: Path) -> None:
    result = augment(folder, "--dry-run", "--set", "original")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "(set original): 28 images" in result.stderr
    assert not (folder / "new").exists()


def test_of_folds_one_is_chosen_and_training_takes_what_comes_out(folder: Path) -> None:
    write_split(folder / "s.csv", cut_folds(read_manifest(folder / "m.csv"), folds=3))
    refused = augment(folder)
    assert refused.exit_code == 2
    assert "error: the split has 3 folds\n  try: say which is the test set: --fold 0" in (
        refused.stderr
    )

    assert augment(folder, "--fold", 0).exit_code == 0

    from papscope.cli.train import _read

    images, parts = _read(folder / "new/manifest.csv", folder / "new/split.csv", None)
    assert (parts.protocol.fold, len(images.rows)) == (0, 34)


def test_dividing_what_comes_out_tells_of_the_made_images(folder: Path) -> None:
    assert augment(folder).exit_code == 0

    result = run("split", folder / "new/manifest.csv", "--seed", 1)

    assert "1 (1) 33.3 %" in result.stdout
    assert (
        "images that papscope made, not counted above: 28 follow their originals, and 0, whose "
        "originals are in validation or test, are left out"
    ) in result.stdout
    assert read_split(folder / "new/manifest.split.csv").part_of == (
        read_split(folder / "new/split.csv").part_of
    )


def test_a_leaking_split_is_told_loudly(folder: Path) -> None:
    write_split(folder / "s.csv", cut(read_manifest(folder / "m.csv"), by="image"))
    result = augment(folder)
    assert LEAKS.upper() in result.stderr
    assert read_split(folder / "new/split.csv").protocol.leaks == LEAKS


def test_made_images_of_made_images_and_unknown_sets_are_refused(folder: Path) -> None:
    assert augment(folder).exit_code == 0
    new = folder / "new"

    again = run("augment", new / "manifest.csv", "--split", new / "split.csv", "-o", folder / "x")
    unknown = augment(folder, "--set", "wild")

    assert again.exit_code == 2
    assert "error: the manifest holds 28 made images already, such as" in again.stderr
    assert unknown.exit_code == 2
    assert "'wild' is not one of 'gentle', 'original'" in unknown.stderr
    assert not (folder / "x").exists()

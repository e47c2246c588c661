"""`papscope ensemble` writes one bundle that answers with the mean, or nothing at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner, Result

from papscope.bundle import Description, read_bundle, write_bundle
from papscope.cli.main import app
from papscope.manifest import Manifest, Row, write_manifest
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.predict.predictor import load
from papscope.preprocess import Preprocess
from papscope.scores import read_scores
from papscope.seen import seen_in
from papscope.taxonomy import CellClass, named

CLASSES = named("abc")
BACKBONE = "test_resnet"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def run(*words: object) -> Result:
    env = {"COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, [str(word) for word in words], env=env)


def rows_of(folder: Path, count: int = 6) -> tuple[Row, ...]:
    draw = np.random.default_rng(0)
    rows = []
    for place in range(count):
        path = folder / f"{place}.png"
        Image.fromarray(draw.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(path)
        label = CLASSES[place % 3].name
        mark = f"{place:064}"
        rows.append(
            Row(path.stem, Path(path.name), label, "made", 24, 24, mark, group=f"slide {place}")  # type: ignore[arg-type]
        )
    return tuple(rows)


def made(folder: Path, seed: int, seen: tuple[Row, ...] = (), **changes: Any) -> Path:
    """A bundle whose answers differ from seed to seed and with a picture's orientation."""
    torch.manual_seed(seed)
    network = build(BACKBONE, len(changes.get("classes", CLASSES)), size=32)
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=2.0)
    known: dict[str, Any] = {
        "classes": CLASSES,
        "preprocess": preprocess_for(BACKBONE, size=32),
        "backbone": BACKBONE,
        "provenance": {
            "dataset": "made",
            "manifest_sha256": "f" * 64,
            "licence": "CC0",
            "citation": "nobody",
            "notes": [],
            "protocol": {"by": "group", "seed": seed, "leaks": None},
            "seen": seen_in(seen).to_json(),
            "weights": "weights: random",
        },
        **changes,
    }
    write_bundle(folder / f"b{seed}", Description(**known), tensors_of(network), "a card")
    return folder / f"b{seed}"


def chances(bundle: Path, picture: Path, **how: bool) -> np.ndarray[Any, Any]:
    (found,) = load(bundle, device="cpu", threads=1, **how).predict(picture).good
    return np.array(list(found.answer.probabilities.values()))


def test_the_bundle_predicts_the_mean_of_its_members(tmp_path: Path) -> None:
    rows_of(tmp_path, 1)
    members = [made(tmp_path, seed) for seed in range(3)]

    result = run("ensemble", *members, "-o", tmp_path / "all")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["ensemble of 3 test_resnet", f"bundle: {tmp_path}/all"]
    alone = [chances(one, tmp_path / "0.png") for one in members]
    assert np.ptp(alone, axis=0).max() > 0.05
    assert chances(tmp_path / "all", tmp_path / "0.png") == pytest.approx(np.mean(alone, axis=0))
    card = (tmp_path / "all/README.md").read_text(encoding="utf-8")
    assert all(read_bundle(one).digest[:12] in card for one in members)
    answers = run("predict", tmp_path / "all", tmp_path / "0.png", "--format", "jsonl")
    assert answers.exit_code == 0, answers.output
    assert sum(json.loads(answers.stdout)["probabilities"].values()) == pytest.approx(1)


def test_the_same_members_give_the_same_bytes(tmp_path: Path) -> None:
    members = [made(tmp_path, seed) for seed in range(2)]

    for name in ("one", "two"):
        assert run("ensemble", *members, "-o", tmp_path / name).exit_code == 0

    assert read_bundle(tmp_path / "one").digest == read_bundle(tmp_path / "two").digest


def test_orientations_are_written_into_the_bundle_and_can_be_put_off(tmp_path: Path) -> None:
    rows_of(tmp_path, 1)
    members = [made(tmp_path, seed) for seed in range(2)]

    assert run("ensemble", *members, "-o", tmp_path / "all", "--orientations").exit_code == 0

    turned = [chances(one, tmp_path / "0.png", orientations=True) for one in members]
    plain = [chances(one, tmp_path / "0.png") for one in members]
    both = tmp_path / "all"
    assert chances(both, tmp_path / "0.png") == pytest.approx(np.mean(turned, axis=0), abs=1e-5)
    without = chances(both, tmp_path / "0.png", orientations=False)
    assert without == pytest.approx(np.mean(plain, axis=0), abs=1e-5)
    assert np.abs(np.mean(turned, axis=0) - np.mean(plain, axis=0)).max() > 1e-3


@pytest.mark.slow
def test_images_that_any_member_has_learned_from_are_told_as_leaking(tmp_path: Path) -> None:
    rows = rows_of(tmp_path)
    images = Manifest(tmp_path, rows, "made", CLASSES, "CC0", "nobody")
    write_manifest(tmp_path / "manifest.csv", images)
    members = [made(tmp_path, 0, rows[:1]), made(tmp_path, 1, rows[1:3])]
    run("ensemble", *members, "-o", tmp_path / "all")

    words = (tmp_path / "all", tmp_path / "manifest.csv", "-o", tmp_path / "told")
    result = run("evaluate", *words, "--resamples", 100)

    assert result.exit_code == 0, result.output
    scores = read_scores(tmp_path / "told/scores.csv")
    assert scores.leaks is not None
    assert "of 6 images, the model was trained on 3" in scores.leaks
    assert scores.about["model"]["backbone"] == "ensemble of 2 test_resnet"
    digests = [read_bundle(one).digest[:12] for one in members]
    assert scores.about["model"]["members"] == [f"test_resnet {one}" for one in digests]
    assert scores.about["model"]["orientations"] == 1
    page = run(
        "report", tmp_path / "told/scores.csv", "-o", tmp_path / "report.html", "--resamples", 100
    )
    assert page.exit_code == 0, page.output
    assert digests[1] in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_calibration_left_behind_is_told(tmp_path: Path) -> None:
    warm = {"method": "temperature", "temperature": 2.0}
    members = [made(tmp_path, 0, calibration=warm), made(tmp_path, 1)]

    result = run("ensemble", *members, "-o", tmp_path / "all")

    assert "calibration of members is left behind" in result.stderr
    assert read_bundle(tmp_path / "all").description.calibration == {}


SIDED = tuple(CellClass(name, "normal") for name in "abc")


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"classes": named("abcd")}, 2, "the classes differ: those of bundle 1"),
        ({"classes": SIDED}, 2, "the class a is None, None in bundle 1"),
        ({"preprocess": Preprocess(size=48)}, 2, "size 32 and 48"),
        ({"network": {"orientations": True}}, 2, "say which the ensemble shall do"),
        ({"network": {"kind": "swarm"}}, 7, "update papscope"),
    ],
)
def test_bundles_that_do_not_go_together_leave_nothing_behind(
    tmp_path: Path, changes: dict[str, Any], status: int, said: str
) -> None:
    members = [made(tmp_path, 0), made(tmp_path, 1, **changes)]

    result = run("ensemble", *members, "-o", tmp_path / "all")

    assert result.exit_code == status, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert sorted(one.name for one in tmp_path.iterdir()) == ["b0", "b1"]


def test_one_bundle_the_same_twice_and_one_that_is_none_are_refused(tmp_path: Path) -> None:
    one, two = made(tmp_path, 0), made(tmp_path, 1)

    alone, twice, none, over = (
        run("ensemble", *words)
        for words in (
            (one, "-o", tmp_path / "all"),
            (one, one, "-o", tmp_path / "all"),
            (one, tmp_path, "-o", tmp_path / "all"),
            (one, two, "-o", two),
        )
    )

    assert [run.exit_code for run in (alone, twice, none, over)] == [2, 2, 7, 2]
    assert "two bundles or more; 1 given" in alone.stderr
    assert "is the same as bundle 1" in twice.stderr
    assert "is not a bundle" in none.stderr
    assert "is one of the bundles to join" in over.stderr
    assert read_bundle(two).description.kind == "single"
    assert not (tmp_path / "all").exists()

"""`papscope evaluate` gives files and tables, plain errors, and needs torch for a model alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from papscope import shipped
from papscope.bundle import Description, write_bundle
from papscope.cli.main import app
from papscope.cutting import cut, cut_folds
from papscope.files import digest_of
from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.preprocess import Preprocess
from papscope.scores import Scores, read_scores, write_scores
from papscope.split import LEAKS, Protocol, part_rows, write_split
from papscope.taxonomy import classes_of

CLASSES = classes_of("cric-4")
Answer = Callable[..., Scores]


def run(*words: object) -> Result:
    line = ["evaluate", *(str(word) for word in words)]
    return CliRunner().invoke(app, line, env={"COLUMNS": "200", "NO_COLOR": "1"})


def made_manifest(folder: Path) -> Path:
    """64 images of four classes from 16 fields; no image file is needed."""
    rows = tuple(
        Row(
            id=f"cell-{k:02}",
            path=PurePosixPath(f"{k}.png"),
            label=CLASSES[k % 4].name,
            dataset="made",
            width=20,
            height=20,
            sha256=f"{k:064}",
            group=f"field-{k // 4}",
        )
        for k in range(64)
    )
    made = Manifest(folder, rows, "made", CLASSES, "CC0", "nobody", group_is="field")
    write_manifest(folder / "manifest.csv", made)
    return folder / "manifest.csv"


def made_bundle(folder: Path) -> Path:
    description = Description(classes=CLASSES, preprocess=Preprocess(), backbone="made")
    write_bundle(folder / "run/bundle", description, {"w": np.zeros(1)}, "a card")
    return folder / "run/bundle"


def made_scores(rows: tuple[Row, ...], **about: Any) -> Scores:
    draw = np.random.default_rng(0)
    names = [one.name for one in CLASSES]
    truth = np.array([names.index(str(row.label)) for row in rows])
    weight = draw.random((len(rows), 4))
    weight[np.arange(len(rows)), truth] += 0.6
    return Scores(
        ids=tuple(row.id for row in rows),
        groups=tuple(row.group for row in rows),
        truth=truth,
        probabilities=weight / weight.sum(axis=1, keepdims=True),
        classes=CLASSES,
        paths=tuple(str(row.path) for row in rows),
        boxes=(None,) * len(rows),
        about=about,
    )


def stored(folder: Path, **about: Any) -> Path:
    manifest = read_manifest(made_manifest(folder))
    write_scores(folder / "kept.csv", made_scores(manifest.rows, **about))
    return folder / "kept.csv"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put a model in the place of the network, and keep what it is asked."""
    found: list[dict[str, Any]] = []

    def score(bundle: Any, manifest: Manifest, **rest: Any) -> Scores:
        found.append({**rest, "orientations": bundle.description.orientations})
        rest["tell"]("answering", 1, 1)
        split, part = rest["split"], rest["part"]
        rows = part_rows(split, manifest, part) if split else manifest.rows
        protocol = split.protocol.to_json() if split else None
        return made_scores(rows, part=part, protocol=protocol, model={})

    stand_in = ModuleType("papscope.scoring")
    stand_in.score = score  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "papscope.scoring", stand_in)
    return found


@pytest.mark.parametrize(
    ("words", "wanted"), [((), False), (("--orientations",), True), (("--no-orientations",), False)]
)
def test_the_words_of_the_command_say_whether_pictures_are_turned_and_scores_keep_them(
    tmp_path: Path, asked: list[dict[str, Any]], words: tuple[str, ...], wanted: bool
) -> None:
    manifest, bundle = made_manifest(tmp_path), made_bundle(tmp_path)

    result = run(bundle, manifest, *words)

    assert result.exit_code == 0, result.output
    assert asked[0]["orientations"] is wanted
    command = read_scores(tmp_path / "run/evaluation/scores.csv").about["command"]
    assert [word for word in command.split() if "orientations" in word] == list(words)


def test_a_model_is_measured_on_the_test_part_and_files_lie_beside_the_bundle(
    tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    manifest, bundle = made_manifest(tmp_path), made_bundle(tmp_path)
    split = cut(read_manifest(manifest), seed=1)
    write_split(tmp_path / "split.csv", split)

    result = run(bundle, manifest, "--split", tmp_path / "split.csv", "--batch-size", 7)

    assert result.exit_code == 0, result.output
    assert (asked[0]["part"], asked[0]["batch_size"]) == ("test", 7)
    folder = tmp_path / "run/evaluation"
    scores = read_scores(folder / "scores.csv")
    assert set(scores.ids) == {name for name, part in split.part_of.items() if part == "test"}
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["n"] == len(scores)
    assert metrics["scores_sha256"] == digest_of(folder / "scores.csv")
    accuracy = metrics["overall"]["accuracy"]
    shown = f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]"
    assert shown in result.stdout
    told = Protocol.from_json(scores.about["protocol"]).sentence()
    assert f"split: {told}" in result.stdout
    assert "evaluation/metrics.json" in result.stderr
    assert "metrics.json" not in result.stdout


def test_tables_show_numbers_map_and_confusion(tmp_path: Path) -> None:
    result = run("--scores", stored(tmp_path), "--resamples", 200)

    assert result.exit_code == 0, result.output
    assert "64 images from 16 groups" in result.stdout
    assert "normal: NILM" in result.stdout
    assert "abnormal: LSIL, HSIL, SCC" in result.stdout
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    for place, row in enumerate(metrics["confusion"]):
        cells = f"{place + 1} {CLASSES[place].name}".split() + [str(n) for n in row]
        assert any(line.split() == cells for line in result.stdout.splitlines()), cells


def test_what_the_model_may_be_left_to_do_is_told_and_stored(tmp_path: Path) -> None:
    rules = {"refer": {"abnormal": 0.5, "sensitivity": 0.95}}

    result = run("--scores", stored(tmp_path, model={"rules": rules}))

    assert result.exit_code == 0, result.output
    alone = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["alone"]
    assert alone["sets"] is None
    share = alone["referral"]["referred"]["value"]
    assert f"referred to a person: {share:.1%} [" in result.stdout
    assert "sensitivity for" in result.stdout
    assert set(alone["risk_coverage"]["risk"]) == {"1", "0.9", "0.8", "0.7", "0.5"}


def test_a_fold_is_made_the_test_set(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    manifest, bundle = made_manifest(tmp_path), made_bundle(tmp_path)
    folds = cut_folds(read_manifest(manifest), folds=4, seed=1)
    write_split(tmp_path / "folds.csv", folds)

    result = run(bundle, manifest, "--split", tmp_path / "folds.csv", "--fold", 2, "-o", tmp_path)

    assert result.exit_code == 0, result.output
    wanted = {name for name, part in folds.part_of.items() if part == "2"}
    scores = read_scores(tmp_path / "scores.csv")
    assert set(scores.ids) == wanted
    assert scores.about["command"].endswith(f"{tmp_path / 'folds.csv'} --part test --fold 2")
    assert scores.about["split"]["sha256"] == digest_of(tmp_path / "folds.csv")
    assert "fold 2 of 4 is the test set" in result.stdout


def test_without_a_split_all_images_are_measured_with_a_warning(
    tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    result = run(made_bundle(tmp_path), made_manifest(tmp_path), "--output", tmp_path / "out")

    assert result.exit_code == 0, result.output
    assert (asked[0]["split"], asked[0]["part"]) == (None, None)
    assert len(read_scores(tmp_path / "out/scores.csv")) == 64
    assert "warning: no split was given" in result.stdout


def test_stored_scores_give_the_same_bytes_again(tmp_path: Path) -> None:
    file = stored(tmp_path)

    first = run("--scores", file)
    beside = (tmp_path / "metrics.json").read_bytes()
    second = run("--scores", file, "-o", tmp_path / "elsewhere")

    assert first.exit_code == second.exit_code == 0
    assert (tmp_path / "elsewhere/metrics.json").read_bytes() == beside
    assert (tmp_path / "elsewhere/scores.csv").read_bytes() == file.read_bytes()
    assert not (tmp_path / "scores.csv").exists()


def test_stored_scores_need_no_torch(tmp_path: Path) -> None:
    file = stored(tmp_path)
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from papscope.cli.main import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, "evaluate", "--scores", str(file)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "metrics.json").exists()


def test_a_leaking_split_is_stamped_first(tmp_path: Path) -> None:
    manifest = read_manifest(made_manifest(tmp_path))
    protocol = cut(manifest, by="image").protocol.to_json()

    result = run("--scores", stored(tmp_path, protocol=protocol))

    assert result.stdout.splitlines()[0] == LEAKS.upper()
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["leaks"] == LEAKS


def test_a_shipped_model_goes_by_its_name_and_nothing_is_written_beside_it(
    tmp_path: Path, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = made_bundle(tmp_path)
    monkeypatch.setattr(shipped, "HOME", bundle.parent)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    result = run("bundle", made_manifest(tmp_path))

    assert result.exit_code == 0, result.output
    assert "shipped model bundle" in result.stderr
    scores = read_scores(tmp_path / "here/evaluation/scores.csv")
    assert scores.about["command"].startswith("papscope evaluate bundle ")
    assert [one.name for one in bundle.parent.iterdir()] == ["bundle"]


def test_a_missing_torch_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("papscope.predict.torch_engine", "papscope.inference"):  # of an earlier test
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)

    result = run(made_bundle(tmp_path), made_manifest(tmp_path))

    assert result.exit_code == 12
    assert "error: this model needs torch" in result.stderr
    assert 'pip install "papscope[train]"' in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "there is nothing to evaluate"),
        (("bundle",), "there is nothing to evaluate"),
        (("bundle", "manifest.csv", "--part", "val"), "--part and --fold need a split"),
        (("bundle", "manifest.csv", "--fold", "0"), "--part and --fold need a split"),
        (("bundle", "--scores", "x.csv"), "--scores goes without a bundle"),
        (("--scores", "x.csv", "--split", "s.csv"), "--scores goes without a bundle"),
        (("--scores", "x.csv", "--orientations"), "--scores goes without a bundle"),
    ],
)
def test_words_that_contradict_each_other_are_refused(words: tuple[str, ...], told: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert told in result.stderr


def test_damaged_scores_leave_no_file_behind(tmp_path: Path) -> None:
    file = stored(tmp_path)
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: len(text) // 2], encoding="utf-8")

    result = run("--scores", file, "-o", tmp_path / "out")

    assert result.exit_code == 4
    assert "error:" in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_scores_with_a_damaged_protocol_leave_no_metrics_behind(tmp_path: Path) -> None:
    result = run("--scores", stored(tmp_path, protocol={"by": "guess"}))

    assert result.exit_code == 2
    assert "a split's protocol is damaged" in result.stderr
    assert not (tmp_path / "metrics.json").exists()

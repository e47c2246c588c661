"""`papscope doubts` lists labels to look at again, and puts in what came back."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from papscope.cli.main import app
from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.scores import Scores, write_scores
from papscope.taxonomy import classes_of

pytest.importorskip("cleanlab", reason="the extra `train` is not installed")

FOUR = classes_of("mendeley")
N = 120
FLIPPED = 11
"""A cell whose label is wrong."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Scores of a model that is right but for one cell's label, and the manifest."""
    draw = np.random.default_rng(3)
    truth = np.arange(N) % 4
    logits = 5.0 * np.eye(4)[truth] + draw.normal(0, 1, (N, 4))
    truth[FLIPPED] = 0
    scores = Scores(
        ids=tuple(f"c{place:03}" for place in range(N)),
        groups=tuple(f"g{place // 5}" for place in range(N)),
        truth=truth.astype(np.int64),
        probabilities=np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
        classes=FOUR,
        paths=("a.png",) * N,
        boxes=(None,) * N,
        about={"dataset": "made", "part": "test", "root": "cells"},
    )
    write_scores(tmp_path / "scores.csv", scores)
    rows = tuple(
        Row(name, PurePosixPath("a.png"), FOUR[place].name, "made", 9, 9, "")
        for name, place in zip(scores.ids, truth, strict=True)
    )
    outlines = {"c000": {"nucleus": [[0.0, 1.0, 2.0, 3.0]]}}
    write_manifest(
        tmp_path / "m.csv", Manifest(tmp_path / "cells", rows, "made", FOUR, "", ""), outlines
    )
    return tmp_path


def run(folder: Path, *words: str) -> Result:
    told = ["doubts", *(word.replace("@", f"{folder}/") for word in words)]
    return CliRunner().invoke(app, told, env={"COLUMNS": "100", "NO_COLOR": "1"})


def found(folder: Path, *words: str) -> Result:
    return run(folder, "@scores.csv", "-o", "@out", "--resamples", "100", *words)


def fill(folder: Path, verdict: str) -> Path:
    file = folder / "out" / "doubts.csv"
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    rows[1][rows[0].index("verdict")] = verdict
    with file.open("w", encoding="utf-8", newline="") as place:
        csv.writer(place).writerows(rows)
    return file


def test_page_list_and_numbers_are_written_and_the_tables_told(folder: Path) -> None:
    done = found(folder)

    assert done.exit_code == 0, done.output
    assert sorted(one.name for one in (folder / "out").iterdir()) == [
        "doubts.csv",
        "doubts.html",
        "doubts.json",
    ]
    told = json.loads((folder / "out" / "doubts.json").read_text())
    listed = (folder / "out" / "doubts.csv").read_text(encoding="utf-8-sig").splitlines()[1:]
    assert told["suspects"] == len(listed) >= 1
    assert listed[0].startswith(f"1,c{FLIPPED:03},a.png,")
    assert "Labels in doubt" in done.stdout
    assert "two or more grades away" in done.stdout
    assert "not an error" in done.stdout


def test_json_on_standard_output_is_the_file(folder: Path) -> None:
    done = found(folder, "--json")

    assert done.stdout == (folder / "out" / "doubts.json").read_text(encoding="utf-8")
    assert str(folder) not in done.stdout


def test_a_verdict_goes_into_a_new_manifest_and_the_outlines_with_it(folder: Path) -> None:
    found(folder, "--manifest", str(folder / "m.csv"))
    fill(folder, "scc")
    before = (folder / "m.csv").read_bytes()

    words = ("--apply", "@out/doubts.csv", "--manifest", "@m.csv", "--reader", "Dr A")
    done = run(folder, *words, "-o", "@m2.csv")

    assert done.exit_code == 0, done.output
    assert f"c{FLIPPED:03}: NILM -> SCC" in done.stdout
    assert "labels changed: 1; confirmed: 0; left" in done.stdout
    assert (folder / "m.csv").read_bytes() == before
    old, new = read_manifest(folder / "m.csv"), read_manifest(folder / "m2.csv")
    differing = [one.id for one, other in zip(old.rows, new.rows, strict=True) if one != other]
    assert differing == [f"c{FLIPPED:03}"]
    assert new.root == old.root
    outlines = (folder / "m.polygons.jsonl").read_bytes()
    assert (folder / "m2.polygons.jsonl").read_bytes() == outlines


def test_scores_whose_labels_are_not_the_manifests_are_refused(folder: Path) -> None:
    found(folder)
    fill(folder, "SCC")
    words = ("--apply", "@out/doubts.csv", "--manifest", "@m.csv", "--reader", "Dr A")
    assert run(folder, *words, "-o", "@m2.csv").exit_code == 0

    done = run(folder, "@scores.csv", "-o", "@again", "--manifest", "@m2.csv")

    assert done.exit_code == 4
    assert f"c{FLIPPED:03} is NILM in the scores and SCC in the manifest" in done.stderr
    assert not (folder / "again").exists()


def test_running_again_does_not_cost_a_reader_the_work(folder: Path) -> None:
    found(folder)
    before = fill(folder, "SCC").read_bytes()

    done = found(folder)

    assert done.exit_code == 2
    assert "holds verdicts, which would be lost" in done.stderr
    assert (folder / "out" / "doubts.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said", "status"),
    [
        (("-o", "@out"), "there are no scores, and no list to apply", 2),
        (("@scores.csv", "-o", "@out", "--reader", "A"), "--reader is for verdicts", 2),
        (("@scores.csv", "--apply", "@l.csv", "-o", "@x"), "--apply goes without scores", 2),
        (("--apply", "@l.csv", "-o", "@x"), "--apply needs the manifest and who", 2),
        (
            ("--apply", "@l.csv", "--manifest", "@m.csv", "--reader", "A", "-o", "@m.csv"),
            "the manifest as it was would be lost",
            2,
        ),
        (
            ("--apply", "@l.csv", "--manifest", "@m.csv", "--reader", "A", "-o", "@x"),
            "there is no file",
            4,
        ),
        (("@scores.csv", "@scores.csv", "-o", "@out"), "stands in the scores 2 times", 9),
    ],
)
def test_words_that_do_not_go_together_are_refused(
    folder: Path, words: tuple[str, ...], said: str, status: int
) -> None:
    done = run(folder, *words)

    assert done.exit_code == status
    assert said in done.stderr
    assert not (folder / "out").exists()
    assert not (folder / "x").exists()


def test_without_cleanlab_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.split(".")[0] == "cleanlab"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Blind(), *sys.meta_path])

    done = found(folder)

    assert done.exit_code == 12
    assert "finding labels in doubt needs cleanlab, which is not installed" in done.stderr
    assert 'pip install "papscope[train]"' in done.stderr


class _Blind:
    """Finds no cleanlab."""

    def find_spec(self, name: str, *_: object) -> None:
        if name.split(".", maxsplit=1)[0] == "cleanlab":
            raise ModuleNotFoundError(f"No module named {name!r}", name="cleanlab")

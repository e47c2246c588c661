"""`papscope predict`: answers on standard output, all else on standard error, in every format."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from papscope import shipped
from papscope.bundle import Description, read_bundle, write_again, write_bundle
from papscope.claims import claims
from papscope.cli.main import app
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.predict.predictor import load
from papscope.taxonomy import CellClass, classes_of, named

BACKBONE = "test_resnet"
CLASSES = classes_of("cric-4")
NAMES = [one.name for one in CLASSES]


def made_bundle(
    folder: Path, classes: tuple[CellClass, ...] = CLASSES, size: int = 32, **told: object
) -> Path:
    torch.manual_seed(0)
    about = Description(
        classes=classes,
        preprocess=preprocess_for(BACKBONE, size=size),
        backbone=BACKBONE,
        provenance={"dataset": "drawn cells", **told},
    )
    network = build(BACKBONE, len(classes), size=size)
    write_bundle(folder / "bundle", about, tensors_of(network), "a card")
    return folder / "bundle"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return made_bundle(tmp_path_factory.mktemp("model"))


def cells(folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    files = [folder / f"cell-{n:02}.png" for n in range(count)]
    for file in files:
        Image.fromarray(draw.integers(0, 256, (24, 20, 3), dtype=np.uint8)).save(file)
    return files


def run(*words: object, width: int = 200, **rest: object) -> Result:
    env = {"COLUMNS": str(width), "NO_COLOR": "1"}
    told = ["predict", *map(str, words), "--device", "cpu", "--threads", "1"]
    return CliRunner().invoke(app, told, env=env, **rest)  # type: ignore[arg-type]


def as_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_all_formats_tell_the_same_answers_in_the_same_order(bundle: Path, tmp_path: Path) -> None:
    files = cells(tmp_path / "cells", 11)
    wanted = load(bundle, device="cpu", threads=1).predict(files).good

    table, comma, lines = (run(bundle, *files, "--format", f) for f in ("table", "csv", "jsonl"))

    assert {one.exit_code for one in (table, comma, lines)} == {0}, table.output
    from_lines = [json.loads(line) for line in lines.stdout.splitlines()]
    from_csv = as_csv(comma.stdout)
    from_table = [line.split() for line in table.stdout.splitlines()[1:]]
    for place, one in enumerate(wanted):
        answer = one.answer
        assert from_lines[place] == {
            "source": str(files[place]),
            "label": answer.label,
            "probability": answer.probability,
            "abnormal": answer.abnormal,
            "probabilities": dict(answer.probabilities),
        }
        row = from_csv[place]
        assert (row["source"], row["label"]) == (str(files[place]), answer.label)
        numbers = [answer.probability, answer.abnormal, *answer.probabilities.values()]
        columns = ["probability", "abnormal", *(f"p:{name}" for name in NAMES)]
        assert [float(row[name]) for name in columns] == numbers
        shown = [f"{number:.3f}" for number in numbers]
        assert from_table[place] == [str(files[place]), answer.label, *shown]
    assert len(from_lines) == len(from_csv) == len(from_table) == 11


@pytest.fixture
def ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a model of six categories that ships."""
    monkeypatch.setattr(shipped, "HOME", tmp_path / "models")
    told = {"expects": "Cells of 24 px.", "default": True}
    made = made_bundle(tmp_path / "models", classes_of("cric"), shipped=told)
    return made.name


def test_without_a_bundle_the_shipped_model_answers_and_says_so(ships: str, tmp_path: Path) -> None:
    files = cells(tmp_path / "cells", 3)
    model = load(device="cpu", threads=1)

    by_itself = run(*files, "--format", "jsonl")
    by_name = run(ships, *files, "--format", "jsonl")
    by_option = run(*files, "-m", ships, "--format", "jsonl")

    assert by_itself.exit_code == 0, by_itself.output
    assert len(by_itself.stdout.splitlines()) == 3
    assert by_itself.stdout == by_name.stdout == by_option.stdout
    for one in (by_itself, by_name, by_option):
        told = one.stderr.splitlines()
        assert told[0] == (
            f"model: shipped model {ships} ({model.digest[:12]}), trained on drawn cells; "
            "research only"
        )
        assert told[1] == "Cells of 24 px."


def test_a_model_of_ones_own_goes_unnamed_and_before_the_shipped_one(
    ships: str, bundle: Path, tmp_path: Path
) -> None:
    files = cells(tmp_path / "cells", 2)

    first, option = run(bundle, *files), run("--model", bundle, *files)

    assert first.exit_code == option.exit_code == 0
    assert first.stdout == option.stdout
    assert "ASC-US" not in first.stdout
    assert "shipped model" not in first.stderr


def test_a_mistyped_bundle_is_told_with_what_was_meant(ships: str, tmp_path: Path) -> None:
    (file,) = cells(tmp_path / "cells", 1)

    result = run(f"{ships}e", file)

    assert result.exit_code == 7
    assert f"{ships}e is neither a bundle nor a picture" in result.stderr
    assert f"did you mean {ships}?" in result.stderr


def test_six_categories_are_told_with_their_four_grades(ships: str, tmp_path: Path) -> None:
    files = cells(tmp_path / "cells", 4)
    wanted = load(device="cpu", threads=1).predict(files).good

    lines, comma, table = (run(*files, "--format", f) for f in ("jsonl", "csv", "table"))

    from_lines = [json.loads(line) for line in lines.stdout.splitlines()]
    from_csv = as_csv(comma.stdout)
    head, *from_table = [line.split() for line in table.stdout.splitlines()]
    assert head[4] == "grade"
    for place, one in enumerate(wanted):
        grades = one.answer.grades
        assert grades is not None
        assert from_lines[place]["grade"] == one.answer.grade
        assert from_lines[place]["grades"] == dict(grades)
        assert from_csv[place]["grade"] == one.answer.grade
        assert {name: float(from_csv[place][f"g:{name}"]) for name in grades} == dict(grades)
        assert from_table[place][4] == one.answer.grade


def test_a_table_keeps_the_grade_as_long_as_there_is_room(
    ships: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells(tmp_path, 1)
    monkeypatch.chdir(tmp_path)

    heads = [run("cell-00.png", width=width).stdout.splitlines()[0] for width in (50, 60, 120)]

    main = ["source", "class", "probability", "abnormal"]
    names = [one.name for one in classes_of("cric")]
    assert [head.split() for head in heads] == [main, [*main, "grade"], [*main, "grade", *names]]
    assert len(heads[1]) <= 60


@pytest.fixture
def ruled(bundle: Path, tmp_path: Path) -> Path:
    """The same model, whose sets hold some classes and which refers a few cells."""
    model = read_bundle(bundle)
    chances = load(bundle, device="cpu", threads=1).predict(cells(tmp_path / "cells", 6)).good
    middle = float(np.median([one.answer.abnormal for one in chances if one.answer.abnormal]))
    usual = [float(np.median([1 - one.answer.probabilities[n] for one in chances])) for n in NAMES]
    rules = {
        "sets": {"score": "lac", "coverage": 0.9, "limits": usual},
        "refer": {"abnormal": middle},
    }
    about = replace(model.description, rules=rules)
    write_again(tmp_path / "ruled", replace(model, description=about), "a card")
    return tmp_path / "ruled"


def test_sets_and_referral_are_told_in_every_format(ruled: Path, tmp_path: Path) -> None:
    files = cells(tmp_path / "cells", 6)
    wanted = [one.answer for one in load(ruled, device="cpu", threads=1).predict(files).good]
    assert len({one.labels for one in wanted}) > 2
    assert any(one.refer == ("several-classes", "abnormal") for one in wanted)

    lines, comma, table = (run(ruled, *files, "--format", f) for f in ("jsonl", "csv", "table"))

    from_lines = [json.loads(line) for line in lines.stdout.splitlines()]
    from_csv = as_csv(comma.stdout)
    head, *from_table = table.stdout.splitlines()
    assert head.split()[-2:] == ["refer", "set"]
    for place, answer in enumerate(wanted):
        assert answer.labels is not None
        assert answer.refer is not None
        assert from_lines[place]["labels"] == list(answer.labels)
        assert from_lines[place]["refer"] == list(answer.refer)
        assert from_csv[place]["labels"] == "|".join(answer.labels)
        assert from_csv[place]["refer"] == "|".join(answer.refer)
        tail = f"  {'yes' if answer.refer else 'no':>5}  {' '.join(answer.labels) or '(none)'}"
        assert from_table[place].endswith(tail)


def test_a_rule_that_only_refers_adds_no_set(ruled: Path, tmp_path: Path) -> None:
    model = read_bundle(ruled)
    about = replace(model.description, rules={"refer": model.description.rules["refer"]})
    write_again(tmp_path / "only", replace(model, description=about), "a card")
    (file,) = cells(tmp_path / "cells", 1)

    lines, comma, table = (
        run(tmp_path / "only", file, "--format", f) for f in ("jsonl", "csv", "table")
    )

    assert "labels" not in json.loads(lines.stdout)
    assert "labels" not in as_csv(comma.stdout)[0]
    assert "refer" in as_csv(comma.stdout)[0]
    assert table.stdout.splitlines()[0].split()[-1] == "refer"


def test_only_results_are_on_standard_output(bundle: Path, tmp_path: Path) -> None:
    result = run(bundle, *cells(tmp_path, 3), "--format", "jsonl")

    assert len(result.stdout.splitlines()) == 3
    assert "research use only" in result.stderr
    assert "answering: 3" in result.stderr


def test_a_table_ends_with_what_its_classes_mean_and_no_verdict(
    bundle: Path, tmp_path: Path
) -> None:
    result = run(bundle, *cells(tmp_path, 3))

    answered = {line.split()[1] for line in result.stdout.splitlines()[1:]}
    means = [line for line in result.stderr.splitlines() if " means: " in line]
    assert {line.partition(" means: cells consistent with ")[0] for line in means} == answered
    assert all(line.partition(" with ")[2].startswith(line.split()[0]) for line in means)
    assert list(claims(f"{result.stdout}\n\n{result.stderr}")) == []


def test_nothing_is_said_of_what_nobody_has_said(tmp_path: Path) -> None:
    own = made_bundle(tmp_path / "own", named(["HSIL", "SCC"]))

    assert " means: " not in run(own, *cells(tmp_path, 1)).stderr


def test_a_narrow_table_keeps_class_and_probabilities_and_drops_the_others(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells(tmp_path, 1)
    monkeypatch.chdir(tmp_path)

    narrow, wide = (run(bundle, "cell-00.png", width=width).stdout for width in (50, 120))

    assert narrow.splitlines()[0].split() == ["source", "class", "probability", "abnormal"]
    assert wide.splitlines()[0].split() == [*narrow.splitlines()[0].split(), *NAMES]
    assert all(len(line.rstrip()) <= 50 for line in narrow.splitlines())
    assert wide.splitlines()[1].split()[:4] == narrow.splitlines()[1].split()


def test_without_sides_there_is_no_abnormal_probability(tmp_path: Path) -> None:
    bundle = made_bundle(tmp_path, named(["a", "b"]))
    (file,) = cells(tmp_path, 1)

    assert json.loads(run(bundle, file, "--format", "jsonl").stdout)["abnormal"] is None
    assert as_csv(run(bundle, file, "--format", "csv").stdout)[0]["abnormal"] == ""
    assert run(bundle, file).stdout.splitlines()[1].split()[3] == "-"


def test_bad_files_are_told_at_the_end_and_all_good_ones_are_answered(
    bundle: Path, tmp_path: Path
) -> None:
    good = cells(tmp_path / "cells", 20)
    (tmp_path / "cells/cell-05-bad.png").write_text("junk")
    Image.new("RGB", (30, 30), "white").save(tmp_path / "cells/cell-07-blank.png")

    result = run(bundle, tmp_path / "cells", tmp_path / "gone.png", "--format", "csv")

    assert result.exit_code == 3
    assert [row["source"] for row in as_csv(result.stdout)] == [str(file) for file in good]
    told = result.stderr.splitlines()
    assert "3 of 23 pictures could not be used:" in told
    last = told[told.index("3 of 23 pictures could not be used:") + 1 :]
    assert [line.split(":")[0].strip() for line in last] == ["not-an-image", "blank", "missing"]
    assert "cell-05-bad.png is not a picture" in last[0]
    assert "Traceback" not in result.output


def test_a_file_of_results_is_written_whole_with_what_was_good(
    bundle: Path, tmp_path: Path
) -> None:
    files = cells(tmp_path / "cells", 4)
    output = tmp_path / "out/answers.csv"

    result = run(bundle, *files, tmp_path / "gone.png", "--format", "csv", "-o", output)

    assert result.exit_code == 3
    assert result.stdout == ""
    assert output.read_text(encoding="utf-8") == run(bundle, *files, "--format", "csv").stdout
    assert [one.name for one in output.parent.iterdir()] == ["answers.csv"]
    assert f"predictions: {output}" in result.stderr


def test_the_batch_size_changes_no_digit(bundle: Path, tmp_path: Path) -> None:
    files = cells(tmp_path, 70)

    one, many = (
        run(bundle, *files, "--format", "jsonl", "--batch-size", size).stdout for size in (1, 64)
    )

    assert one == many
    assert len(set(one.splitlines())) == 70


def test_the_words_of_the_command_say_whether_pictures_are_turned(
    bundle: Path, tmp_path: Path
) -> None:
    files = cells(tmp_path, 2)
    wanted = load(bundle, device="cpu", threads=1, orientations=True).predict(files).good

    as_it_says, turned, plain = (
        run(bundle, *files, "--format", "jsonl", *words).stdout
        for words in ((), ("--orientations",), ("--no-orientations",))
    )

    assert as_it_says == plain != turned
    told = [json.loads(line)["probabilities"] for line in turned.splitlines()]
    assert told == [dict(one.answer.probabilities) for one in wanted]


def test_a_list_on_standard_input_is_taken(bundle: Path, tmp_path: Path) -> None:
    files = cells(tmp_path, 3)
    listed = "\r\n".join(str(file) for file in reversed(files))

    result = run(bundle, "-", "--format", "jsonl", input=listed)

    sources = [json.loads(line)["source"] for line in result.stdout.splitlines()]
    assert sources == [str(file) for file in reversed(files)]


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("empty",), 2, "empty has no picture in it"),
        (("none*.png",), 2, "none*.png matches no file"),
        (("-",), 2, "the list is empty"),
        (("table.csv",), 4, "table.csv is not a papscope manifest"),
        (("a.png", "--batch-size", "0"), 2, "--batch-size"),
        (("a.png", "--format", "xml"), 2, "--format"),
    ],
)
def test_words_that_cannot_be_meant_are_refused_in_a_line(
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    status: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")

    result = run(bundle, *words, input="")

    assert result.exit_code == status
    assert told in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.output


def test_what_is_no_bundle_or_no_device_is_told(bundle: Path, tmp_path: Path) -> None:
    (file,) = cells(tmp_path, 1)
    (tmp_path / "empty").mkdir()

    nothing = run(tmp_path / "empty", file)
    nowhere = CliRunner().invoke(app, ["predict", str(bundle), str(file), "--device", "tpu9"])

    assert (nothing.exit_code, nowhere.exit_code) == (7, 2)
    assert "empty is neither a bundle nor a folder with pictures" in nothing.stderr
    assert "there is no device 'tpu9' here" in nowhere.stderr


def test_a_missing_torch_is_told_before_any_picture_is_looked_for(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("papscope.predict.torch_engine", "papscope.inference"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)

    result = run(bundle, "no picture")

    assert result.exit_code == 12
    assert "error: this model needs torch" in result.stderr
    assert 'pip install "papscope[train]"' in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has other pipes")
def test_a_reader_who_has_enough_gets_no_traceback(bundle: Path, tmp_path: Path) -> None:
    (file,) = cells(tmp_path, 1)
    listed = "\n".join([str(file)] * 400)
    words = [sys.executable, "-m", "papscope", "predict", str(bundle), "-", "--format", "jsonl"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(listed)
        process.stdin.close()
        first = process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()

    assert json.loads(first)["source"] == str(file)
    assert "Traceback" not in told
    assert "Broken" not in told
    assert process.returncode == 141


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes such names")
def test_a_name_that_is_no_text_is_answered_and_escaped(bundle: Path, tmp_path: Path) -> None:
    (file,) = cells(tmp_path, 1)
    odd = file.rename(os.fsdecode(os.fsencode(tmp_path) + b"/cell-\xff.png"))

    result = run(bundle, "-", "--format", "jsonl", input=os.fsencode(odd))

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["source"] == str(odd)


MEASURED = """
import resource, sys
from papscope.cli.main import app
try:
    app()
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted otherwise elsewhere")
def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    bundle = made_bundle(tmp_path, size=160)
    files = cells(tmp_path, 4)
    peaks = {}
    for count in (100, 1600):
        output = tmp_path / f"{count}.csv"
        words = ["predict", str(bundle), "-", "-o", str(output), "--format", "csv"]
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *words, "--threads", "1", "--device", "cpu"],
            input="\n".join(str(files[place % 4]) for place in range(count)),
            capture_output=True,
            text=True,
            check=True,
        )
        assert len(output.read_text().splitlines()) == count + 1
        peaks[count] = int(done.stderr.split()[-1]) / 1024

    # 1,500 squares of 160 pixels are 110 MiB, as numbers for the network 440 MiB.
    assert peaks[1600] - peaks[100] < 50
    assert peaks[1600] < 1500

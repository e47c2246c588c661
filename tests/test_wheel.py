"""What a user gets from `pip install papscope`: the wheel, alone, without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import papscope
from papscope.bundle import Description, read_bundle, write_bundle, write_onnx_bundle
from papscope.errors import BundleError, MissingExtra
from papscope.export.onnx import export_onnx
from papscope.export.quantise import quantised
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.shipped import default_model, shipped_models
from papscope.taxonomy import classes_of

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "papscope"
pytestmark = pytest.mark.slow

SCORES = """
from pathlib import Path
import numpy as np
from papscope.scores import Scores, write_scores
from papscope.taxonomy import CellClass

n = 40
truth = np.arange(n) % 2
sure = np.where(np.arange(n) % 5 == 0, 0.4, 0.8)
right = np.where(truth == 1, sure, 1 - sure)
write_scores(Path("scores.csv"), Scores(
    ids=tuple(f"cell-{i}" for i in range(n)),
    groups=tuple(f"slide-{i // 4}" for i in range(n)),
    truth=truth,
    probabilities=np.stack([1 - right, right], axis=1),
    classes=(CellClass("round", "normal"), CellClass("odd", "abnormal")),
    paths=tuple(f"cell-{i}.png" for i in range(n)),
    boxes=(None,) * n,
))
"""

BUNDLE = """
from pathlib import Path
import numpy as np
from papscope.bundle import Description, write_bundle
from papscope.preprocess import Preprocess
from papscope.taxonomy import named

about = Description(classes=named(["a", "b"]), preprocess=Preprocess(size=32), backbone="resnet18")
write_bundle(Path("bundle"), about, {"w": np.zeros(1, np.float32)}, "a card")
"""
"""A model that torch would be needed for."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive."""
    place = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return place


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' folder of a fresh environment that holds the wheel and what it needs."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, with_pip=True)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    (wheel,) = built.glob("*.whl")
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
    command = [*pip, "-c", str(ROOT / "constraints.txt"), str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return programs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the tests work in, one after the other."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def exported(folder: Path) -> str:
    """The name of a bundle in the folder that was exported where torch is."""
    classes, preprocess = classes_of("sipakmed"), preprocess_for("test_resnet", size=32)
    about = Description(classes=classes, preprocess=preprocess, backbone="test_resnet")
    tensors = tensors_of(build("test_resnet", len(classes), size=32))
    write_bundle(folder / "trained", about, tensors, "a card")
    export_onnx(read_bundle(folder / "trained"), folder / "exported")
    model = read_bundle(folder / "exported")
    noise = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    assert model.onnx is not None
    whole = quantised(model.onnx, noise, preprocess)
    write_onnx_bundle(folder / "whole", model.description, whole, "a card")
    on_openvino = replace(model.description, engine="openvino")
    write_onnx_bundle(folder / "on-openvino", on_openvino, model.onnx, "a card")
    return "exported"


def run(programs: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [str(programs / words[0]), *words[1:]],
        cwd=folder,
        env={**clean, "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def data_files() -> set[str]:
    """All that is not code below the package: templates, recipes, the mark of being typed."""
    found = (path for path in SOURCE.rglob("*") if path.is_file())
    kept = (path for path in found if path.suffix not in (".py", ".pyc"))
    return {f"papscope/{path.relative_to(SOURCE).as_posix()}" for path in kept}


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")

    names = set(zipfile.ZipFile(wheel).namelist())

    about = f"papscope-{papscope.__version__}.dist-info/"
    assert {name for name in names if not name.startswith(("papscope/", about))} == set()
    assert data_files() <= names
    assert "papscope/py.typed" in names
    assert {name for name in names if name.endswith(".toml")}, "no recipes"
    assert {name for name in names if name.endswith((".html", ".j2", ".css"))}, "no templates"
    assert f"{about}licenses/LICENSE" in names


def test_the_source_archive_holds_no_tests_and_no_data(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")

    with tarfile.open(archive) as opened:
        names = [name.partition("/")[2] for name in opened.getnames()]

    assert {"pyproject.toml", "LICENSE", "src/papscope/py.typed"} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "demo", "docs", "benchmarks"))]


def test_the_base_installation_has_no_torch(installed: Path, folder: Path) -> None:
    code = "import importlib.util as u; print([u.find_spec(n) for n in ('torch', 'timm')])"

    assert run(installed, folder, "python", "-c", code).stdout.strip() == "[None, None]"


def test_help_and_version_answer_without_torch(installed: Path, folder: Path) -> None:
    version = run(installed, folder, "papscope", "--version")
    helped = run(installed, folder, "papscope", "--help")

    assert version.stdout == f"papscope {papscope.__version__}\n"
    assert helped.returncode == 0
    named = (
        "import",
        "check",
        "split",
        "train",
        "evaluate",
        "report",
        "predict",
        "fetch",
        "models",
    )
    for command in named:
        assert command in helped.stdout


def test_images_are_imported_checked_and_split_without_torch(installed: Path, folder: Path) -> None:
    steps = (
        ("import", "synthetic", "cells", "-o", "cells.csv"),
        ("check", "cells.csv"),
        ("split", "cells.csv", "-o", "split.csv"),
        ("fetch", "--help"),
    )

    for step in steps:
        done = run(installed, folder, "papscope", *step)
        assert done.returncode == 0, f"{step}: {done.stderr}"
    assert (folder / "split.csv").exists()


def test_scores_become_measures_and_a_report_without_torch(installed: Path, folder: Path) -> None:
    assert run(installed, folder, "python", "-c", SCORES).returncode == 0

    measured = run(installed, folder, "papscope", "evaluate", "--scores", "scores.csv")
    reported = run(installed, folder, "papscope", "report", "scores.csv", "-o", "report.html")

    assert measured.returncode == 0, measured.stderr
    assert "0.800" in measured.stdout
    assert reported.returncode == 0, reported.stderr
    assert "<html" in (folder / "report.html").read_text(encoding="utf-8")


def test_what_ships_is_listed_and_told_without_torch(installed: Path, folder: Path) -> None:
    listed = run(installed, folder, "papscope", "models", "--json")

    assert listed.returncode == 0, listed.stderr
    names = [one["name"] for one in json.loads(listed.stdout)]
    assert names == [one.name for one in shipped_models()]
    for name in names:
        card = run(installed, folder, "papscope", "models", name)
        assert "Not a medical device" in card.stdout


@pytest.mark.skipif(
    not shipped_models(), reason="no model ships yet: benchmarks/shipped.py makes it"
)
def test_a_picture_is_answered_by_what_ships_without_torch(installed: Path, folder: Path) -> None:
    words = ("import", "synthetic", "drawn", "-o", "drawn.csv")
    assert run(installed, folder, "papscope", *words).returncode == 0
    picture = str(next((folder / "drawn").rglob("CROPPED/*.png")))

    done = run(installed, folder, "papscope", "predict", picture, "--format", "jsonl")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["label"] in default_model().classes
    assert "research only" in done.stderr


def test_an_exported_model_predicts_and_is_measured_without_torch(
    installed: Path, folder: Path, exported: str
) -> None:
    words = ("import", "synthetic", "shown", "-o", "shown.csv")
    assert run(installed, folder, "papscope", *words).returncode == 0
    picture = str(min((folder / "shown").rglob("CROPPED/*.png")))
    ask = ("papscope", "predict", exported, picture, "--format", "jsonl")

    here, where_torch_is = (
        run(place, folder, *ask) for place in (installed, Path(sys.executable).parent)
    )
    words = ("evaluate", exported, "shown.csv", "--resamples", "100")
    measured = run(installed, folder, "papscope", *words)

    assert here.returncode == 0, here.stderr
    assert json.loads(here.stdout)["label"] in [one.name for one in classes_of("sipakmed")]
    assert here.stdout == where_torch_is.stdout
    assert measured.returncode == 0, measured.stderr
    assert (folder / "evaluation" / "metrics.json").exists()


def test_whole_numbers_are_answered_with_without_torch_and_openvino_is_asked_for(
    installed: Path, folder: Path, exported: str
) -> None:
    words = ("import", "synthetic", "few", "-o", "few.csv")
    assert run(installed, folder, "papscope", *words).returncode == 0
    picture = str(min((folder / "few").rglob("CROPPED/*.png")))

    here, where_torch_is = (
        run(place, folder, "papscope", "predict", "whole", picture, "--format", "jsonl")
        for place in (installed, Path(sys.executable).parent)
    )
    refused = run(installed, folder, "papscope", "predict", "on-openvino", picture)

    assert here.returncode == 0, here.stderr
    assert here.stdout == where_torch_is.stdout
    assert refused.returncode == MissingExtra.exit_status
    assert "papscope[openvino]" in refused.stderr


def test_words_for_no_model_say_what_to_do(installed: Path, folder: Path) -> None:
    done = run(installed, folder, "papscope", "predict", "bundle-that-is-not-there", "cells")

    assert done.returncode == BundleError.exit_status
    assert "neither a bundle nor a picture" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("train", "cells.csv", "--split", "split.csv", "-o", "run"),
        ("predict", "bundle", "cells"),
        ("export", "bundle", "--to", "onnx", "-o", "run"),
    ],
)
def test_what_needs_torch_says_what_to_install(
    installed: Path, folder: Path, words: tuple[str, ...]
) -> None:
    assert run(installed, folder, "python", "-c", BUNDLE).returncode == 0

    done = run(installed, folder, "papscope", *words)

    assert done.returncode == MissingExtra.exit_status
    assert "papscope[train]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "run").exists()

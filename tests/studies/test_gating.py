"""A gate fitted on drawn cells: what passes, what does not, and that it changes no answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from papscope.bundle import (
    REFERENCE,
    Bundle,
    Description,
    read_bundle,
    read_card,
    write_again,
    write_bundle,
)
from papscope.cli.main import app
from papscope.cutting import cut, cut_folds, fold_split
from papscope.errors import BundleError, MeasureError, SettingError, SplitError, TrainingError
from papscope.export.images import squares_at
from papscope.export.onnx import export_onnx
from papscope.export.quantise import quantised
from papscope.gate.judging import gate_of
from papscope.image import Pixels
from papscope.importing import import_images
from papscope.labelled import sources_of
from papscope.manifest import Manifest, write_manifest
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.predict.engine import featured
from papscope.predict.engines import engine_for
from papscope.predict.predictor import Picture, load
from papscope.preprocess import Source, Squares, prepare
from papscope.scores import Probabilities
from papscope.seeds import stream
from papscope.seen import seen_in
from papscope.sources.kinds import ImportOptions
from papscope.sources.synthetic import SyntheticSettings
from papscope.split import Split, part_rows, write_split
from papscope.studies.gating import GateSettings, gate_by_folds, gate_by_split

BACKBONE, SIZE = "test_resnet", 64
HALF = GateSettings(accept=0.8)
SLIDES = SyntheticSettings(slides_per_class=8, cells_per_slide=3)


@dataclass(frozen=True)
class Made:
    """Drawn cells, a network that was never trained on them, and its gate."""

    folder: Path
    manifest: Manifest
    split: Split
    bundle: Bundle

    @property
    def gated(self) -> Path:
        return self.folder / "gated"

    def sources(self, part: str) -> list[Source]:
        return sources_of(self.manifest, part_rows(self.split, self.manifest, part))


def network(folder: Path, manifest: Manifest, learned: Split | None = None) -> Bundle:
    """A network with random weights, which says which part it learned from."""
    torch.manual_seed(1)
    seen = seen_in(part_rows(learned, manifest, "train") if learned else manifest.rows)
    about = Description(
        classes=manifest.classes,
        preprocess=preprocess_for(BACKBONE, size=SIZE),
        backbone=BACKBONE,
        provenance={"seen": seen.to_json()},
    )
    tensors = tensors_of(build(BACKBONE, len(manifest.classes), size=SIZE))
    write_bundle(folder, about, tensors, "# A card\n")
    return read_bundle(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("gating")
    options = ImportOptions(drawing=SLIDES)
    manifest, _ = import_images("synthetic", folder / "cells", options=options)
    split = cut(manifest, shares={"train": 0.5, "val": 0.25, "test": 0.25})
    bundle = network(folder / "plain", manifest, split)
    done = gate_by_split(bundle, manifest, split, HALF)
    write_again(folder / "gated", done.bundle, "# A card\n")
    return Made(folder, manifest, split, bundle)


def noise(number: int, kind: str) -> Pixels:
    random = stream(number, kind)
    if kind == "uniform":
        return random.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    if kind == "normal":
        return np.asarray(np.clip(random.normal(128, 40, (96, 96, 3)), 0, 255), dtype=np.uint8)
    down, along = np.mgrid[:96, :96]
    if kind == "bricks":
        wall = np.where((down % 16 < 2) | ((along + 8 * (down // 16)) % 32 < 2), 60, 170)
        grain = random.normal(0, 12, (96, 96))
        return of_planes(wall + grain, wall / 2, wall / 3)
    slope = down / 96 * random.uniform(100, 250) + random.normal(0, 1, (96, 96))
    return of_planes(slope, slope / 3, 255 - slope)


def of_planes(*planes: npt.NDArray[np.float64]) -> Pixels:
    return np.asarray(np.clip(np.stack(planes, 2), 0, 255), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["uniform", "normal", "bricks", "sky"])
def test_noise_textures_and_skies_do_not_pass(made: Made, kind: str) -> None:
    found = load(made.gated).predict([noise(number, kind) for number in range(8)]).good

    assert [one.answer.refer for one in found] == [("unlike-training",)] * 8
    assert min(one.answer.strangeness or 0 for one in found) > 1


def test_cells_of_new_slides_pass_as_often_as_promised(made: Made) -> None:
    found = load(made.gated).predict(made.sources("test")).good

    passed = [one.answer.refer is None for one in found]
    assert np.mean(passed) > 0.65  # 80 % of a new slide's on the average
    assert all(0 <= (one.answer.strangeness or 0) <= 1 for one in found if not one.answer.refer)


def test_a_gate_changes_no_label_and_no_probability(made: Made) -> None:
    pictures: list[Picture] = [*made.sources("test")[:6], noise(0, "uniform")]

    before = load(made.folder / "plain").predict(pictures).good
    after = load(made.gated).predict(pictures).good

    plain = [replace(one.answer, strangeness=None, refer=None) for one in after]
    assert plain == [one.answer for one in before]
    assert {one.answer.strangeness for one in before} == {None}


def test_the_verdict_does_not_depend_on_the_company(made: Made) -> None:
    ready = load(made.gated)
    pictures: list[Picture] = [noise(1, "bricks"), *made.sources("test")[:6]]

    together = [one.answer.strangeness for one in ready.predict(pictures).good]
    alone = [ready.predict([one]).good[0].answer.strangeness for one in pictures]

    assert together == alone


@pytest.fixture(scope="module")
def exported(made: Made) -> Path:
    return export_onnx(read_bundle(made.gated), made.folder / "exported").folder


@pytest.mark.parametrize("runs_on", ["", "openvino"])
def test_an_exported_model_gives_the_same_verdicts(
    made: Made, exported: Path, runs_on: str, tmp_path: Path
) -> None:
    if runs_on:
        pytest.importorskip("openvino")
        bundle = read_bundle(exported)
        about = replace(bundle.description, engine=runs_on)
        write_again(tmp_path / "other", replace(bundle, description=about), "")
        exported = tmp_path / "other"
    pictures: list[Picture] = [*made.sources("test"), noise(0, "uniform"), noise(0, "bricks")]

    first, second = (load(one).predict(pictures).good for one in (made.gated, exported))

    assert [one.answer.refer for one in first] == [one.answer.refer for one in second]
    told = [[one.answer.strangeness or -1 for one in some] for some in (first, second)]
    np.testing.assert_allclose(told[0], told[1], rtol=1e-3)


def test_whole_numbers_of_8_bits_let_about_as_many_pass(
    made: Made, exported: Path, tmp_path: Path
) -> None:
    bundle = read_bundle(exported)
    assert bundle.onnx is not None
    settings = bundle.description.preprocess
    squares = squares_at(made.sources("train"), settings)
    whole = replace(bundle, onnx=quantised(bundle.onnx, squares, settings))
    write_again(tmp_path / "whole", whole, "")
    pictures: list[Picture] = [*made.sources("test")]

    before, after = (
        np.mean([one.answer.refer is None for one in load(place).predict(pictures).good])
        for place in (exported, tmp_path / "whole")
    )

    assert abs(before - after) <= 0.1
    (noisy,) = load(tmp_path / "whole").predict([noise(0, "uniform")]).good
    assert noisy.answer.refer == ("unlike-training",)


def test_the_nearest_training_cell_of_a_training_cell_is_itself(made: Made) -> None:
    bundle = read_bundle(made.gated)
    gate = gate_of(bundle)
    rows = part_rows(made.split, made.manifest, "train")[:5]
    assert gate is not None
    squares = np.stack(
        [
            one
            for one in prepare(sources_of(made.manifest, rows), bundle.description.preprocess)
            if isinstance(one, np.ndarray)
        ]
    )
    _, features = featured(engine_for(bundle), squares)
    assert features is not None
    found = gate.neighbours(features, 3)

    assert [one.ids[0] for one in found] == [row.id for row in rows]
    assert [one.labels[0] for one in found] == [row.label for row in rows]
    assert all(one.distances[0] == pytest.approx(0, abs=1e-3) for one in found)
    assert all(list(one.distances) == sorted(one.distances) for one in found)


def test_a_network_for_other_features_is_refused(made: Made) -> None:
    gate = gate_of(read_bundle(made.gated))
    assert gate is not None
    with pytest.raises(BundleError, match="another model's"):
        gate.strangeness(np.zeros((1, 64, 64, 3), np.uint8), np.zeros((1, 9), np.float32))


def test_a_damaged_reference_is_refused(made: Made, tmp_path: Path) -> None:
    bundle = read_bundle(made.gated)
    half = replace(bundle, reference={})
    short = dict(bundle.reference)
    short["features.axes"] = short["features.axes"][:, :-1]
    cut_short = replace(bundle, reference=short)
    none = dict(bundle.reference)
    none["features.centre"] = np.full_like(none["features.centre"], np.nan)
    older = dict(bundle.reference)
    older["looks.names"] = older["looks.names"][:-1]

    with pytest.raises(BundleError, match="half a gate"):
        gate_of(half)
    with pytest.raises(BundleError, match="axes is"):
        gate_of(cut_short)
    with pytest.raises(BundleError, match="infinite or none"):
        gate_of(replace(bundle, reference=none))
    with pytest.raises(BundleError, match="measured otherwise"):
        gate_of(replace(bundle, reference=older))
    write_again(tmp_path / "gated", bundle, "")
    (tmp_path / "gated" / REFERENCE).write_bytes(b"other")
    with pytest.raises(BundleError, match=r"not the file that bundle\.json vouches for"):
        load(tmp_path / "gated")


@pytest.mark.parametrize(
    "change",
    [
        lambda told: {**told, "threshold": 0},
        lambda told: {**told, "threshold": "high"},
        lambda told: {**told, "detectors": {}},
        lambda told: {**told, "detectors": {"smell": [0, 1]}},
        lambda told: {**told, "detectors": {"looks": [0, -1]}},
    ],
)
def test_damaged_numbers_are_refused(
    made: Made, change: Callable[[dict[str, object]], dict[str, object]]
) -> None:
    bundle = read_bundle(made.gated)
    about = replace(bundle.description, gate=change(dict(bundle.description.gate)))
    with pytest.raises(BundleError, match="gate is damaged"):
        gate_of(replace(bundle, description=about))


def test_a_threshold_is_not_set_by_cells_that_were_learned_from(made: Made) -> None:
    greedy = network(made.folder / "greedy", made.manifest)
    with pytest.raises(MeasureError, match="the model learned from"):
        gate_by_split(greedy, made.manifest, made.split, HALF)


def test_a_share_that_too_few_groups_can_promise_is_refused(made: Made) -> None:
    with pytest.raises(MeasureError, match="groups are too few to promise that 99%"):
        gate_by_split(made.bundle, made.manifest, made.split, GateSettings(accept=0.99))


class Silent:
    """An engine that tells no features."""

    at_once = 4

    def probabilities(self, squares: Squares) -> Probabilities:
        return np.full((len(squares), 5), 0.2)


def test_a_network_that_tells_no_features_gets_no_gate(made: Made) -> None:
    settings = replace(HALF, make=lambda _: Silent())
    with pytest.raises(BundleError, match="does not tell its features"):
        gate_by_split(made.bundle, made.manifest, made.split, settings)


@pytest.fixture(scope="module")
def folds(made: Made) -> Path:
    """A cross-validation of networks with random weights."""
    folder = made.folder / "cv" / "repeat-1"
    folder.mkdir(parents=True)
    divided = cut_folds(made.manifest, folds=2)
    write_split(folder / "folds.csv", divided)
    for fold in (0, 1):
        own = fold_split(divided, made.manifest, fold, val_share=0)
        network(folder / f"fold-{fold}" / "bundle", made.manifest, own)
    return folder.parent


def test_a_model_that_learned_from_all_gets_its_threshold_from_the_folds(
    made: Made, folds: Path
) -> None:
    everything = network(made.folder / "everything", made.manifest)

    done = gate_by_folds(everything, made.manifest, folds, replace(HALF, cells=60))

    told = done.bundle.description.gate
    assert (told["n"], told["groups"], told["cells"]) == (120, 40, 60)
    assert "2 sister models (out of fold)" in told["fitted_on"]
    gate = gate_of(done.bundle)
    assert gate is not None
    assert len(gate.reference.ids) == 60


def test_folds_of_others_are_refused(made: Made, folds: Path, tmp_path: Path) -> None:
    everything = network(made.folder / "everything-2", made.manifest)
    with pytest.raises(SettingError, match="not the folder of a cross-validation"):
        gate_by_folds(everything, made.manifest, tmp_path, HALF)
    fewer = replace(made.manifest, rows=made.manifest.rows[1:])
    write_manifest(tmp_path / "fewer.csv", fewer)
    with pytest.raises(SplitError):
        gate_by_folds(everything, fewer, folds, HALF)
    strange = replace(made.manifest, classes=tuple(reversed(made.manifest.classes)))
    with pytest.raises(TrainingError, match="classes"):
        gate_by_folds(everything, strange, folds, HALF)


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(map(str, words)), env={"COLUMNS": "200", "NO_COLOR": "1"})
    return done.exit_code, done.stdout, done.stderr


def test_the_command_writes_a_bundle_whose_table_does_not_call_noise_a_cell(
    made: Made, tmp_path: Path
) -> None:
    digest = write_manifest(tmp_path / "cells.csv", made.manifest)
    write_split(tmp_path / "split.csv", replace(made.split, manifest_sha256=digest))
    Image.fromarray(noise(0, "uniform")).save(tmp_path / "noise.png")
    words = ("gate", made.folder / "plain", tmp_path / "cells.csv", "-o", tmp_path / "out")

    status, out, err = run(*words, "--split", tmp_path / "split.csv", "--accept", 0.8)
    assert status == 0, err
    _, table, _ = run("predict", tmp_path / "out", tmp_path / "noise.png")
    _, csv, _ = run("predict", tmp_path / "out", tmp_path / "noise.png", "--format", "csv")
    _, lines, _ = run("predict", tmp_path / "out", tmp_path / "noise.png", "--format", "jsonl")

    assert "detectors: looks, class, outside" in out
    assert "80% of the genuine cells of a new group" in out
    assert "## Unlike anything seen" in read_card(tmp_path / "out")
    row = table.splitlines()[1]
    assert "unlike anything seen" in row
    assert not any(one.name in row for one in made.manifest.classes)
    assert "0." not in row
    assert csv.splitlines()[0].endswith("refer,strangeness")
    assert "unlike-training" in csv.splitlines()[1]
    assert '"refer": ["unlike-training"]' in lines
    assert '"strangeness": ' in lines


def test_the_command_asks_for_one_source_of_the_threshold(made: Made, tmp_path: Path) -> None:
    status, _, err = run("gate", made.folder / "plain", tmp_path / "no.csv", "-o", tmp_path / "x")
    assert status != 0
    assert "what sets the threshold is not clear" in err


WITHOUT_TORCH = """
import sys


class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "timm", "lightning"):
            raise ModuleNotFoundError(f"no {name}", name=name)


sys.meta_path.insert(0, NoTorch())
from papscope.cli.main import app
app(sys.argv[1:])
"""


def test_an_exported_model_is_gated_and_answers_where_torch_is_not(
    made: Made, exported: Path, tmp_path: Path
) -> None:
    digest = write_manifest(tmp_path / "cells.csv", made.manifest)
    write_split(tmp_path / "split.csv", replace(made.split, manifest_sha256=digest))
    Image.fromarray(noise(0, "bricks")).save(tmp_path / "wall.png")

    def told(*words: object) -> str:
        command = [sys.executable, "-c", WITHOUT_TORCH, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    words = ("gate", exported, tmp_path / "cells.csv", "-o", tmp_path / "out", "--accept", 0.8)
    fitted = told(*words, "--split", tmp_path / "split.csv")
    table = told("predict", tmp_path / "out", tmp_path / "wall.png")

    assert "60 cells of synthetic" not in fitted  # those are learned from
    assert "30 cells of synthetic in 10 groups" in fitted
    assert "unlike anything seen" in table

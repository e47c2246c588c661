"""A model in whole numbers is made from training images, judged on others, and refused if worse."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from papscope.bundle import CARD, DESCRIPTION, ONNX, Bundle, Description, read_bundle, write_bundle
from papscope.cli.main import app
from papscope.cutting import cut
from papscope.errors import ExportError, SettingError, SplitError, TrainingError
from papscope.export import int8 as module
from papscope.export import onnx as onnx_module
from papscope.export.graph import graph_of
from papscope.export.images import Divided
from papscope.export.int8 import Int8Settings, export_int8
from papscope.export.judging import Quality, judged
from papscope.export.quantise import quantised
from papscope.inference import Runner
from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.network.assembly import from_bundle
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.predict.engines import engine_for
from papscope.preprocess import Preprocess, Source, Squares
from papscope.seen import seen_in
from papscope.split import part_rows, read_split, write_split
from papscope.taxonomy import named

CLASSES = named(["dark", "pale"], abnormal=["dark"])
NAMES = [one.name for one in CLASSES]
BACKBONE, SIZE = "test_resnet", 32
EACH = 24


def random_bundle(folder: Path, pictures: Squares) -> Bundle:
    """A network with random weights, which takes half of the pictures for either class."""
    torch.manual_seed(1)
    network = build(BACKBONE, len(CLASSES), size=SIZE)
    nn.init.normal_(network.get_classifier().weight)  # type: ignore[operator]
    about = Description(
        classes=CLASSES, preprocess=preprocess_for(BACKBONE, size=SIZE), backbone=BACKBONE
    )
    logits = Runner.of(network, about.preprocess, "cpu", 1).outputs(pictures)
    with torch.no_grad():
        network.get_classifier().bias -= torch.from_numpy(np.median(logits, axis=0)).float()  # type: ignore[operator]
    write_bundle(folder, about, tensors_of(network), "# A card\n")
    return read_bundle(folder)


def named_by_model(folder: Path, bundle: Bundle, pictures: Squares) -> Manifest:
    """The pictures that a model is surest of, labelled as it says: it is right on all of them."""
    sure = engine_for(bundle, device="cpu", threads=1).probabilities(pictures)[:, 1]
    order, rows = np.argsort(sure), []
    for name, places in zip(NAMES, (order[:EACH], order[-EACH:]), strict=True):
        for number, place in enumerate(places):
            file = folder / "cells" / f"{name}-{number:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pictures[place]).save(file)
            rows.append(
                Row(
                    id=file.stem,
                    path=PurePosixPath(file.name),
                    label=name,
                    dataset="noise",
                    width=SIZE,
                    height=SIZE,
                    sha256=sha256(file.read_bytes()).hexdigest(),
                    group=f"{name}-{number // 3}",
                )
            )
    made = Manifest(folder / "cells", tuple(rows), "noise", CLASSES, "none", "nobody")
    write_manifest(folder / "cells.csv", made)
    return read_manifest(folder / "cells.csv")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, labelled images and their split, and its export in whole numbers."""
    place = tmp_path_factory.mktemp("home")
    draw = np.random.default_rng(7)
    shades = draw.integers(30, 225, (300, 1, 1, 3)) + draw.integers(-30, 31, (300, SIZE, SIZE, 3))
    pictures = shades.astype(np.uint8)
    first = random_bundle(place / "bundle", pictures)
    manifest = named_by_model(place, first, pictures)
    split = cut(manifest, shares={"train": 0.5, "val": 0.25, "test": 0.25})
    write_split(place / "split.csv", split)
    seen = seen_in(part_rows(split, manifest, "train")).to_json()
    about = replace(first.description, provenance={"seen": seen})
    write_bundle(place / "bundle", about, first.tensors, "# A card\n")
    export_int8(bundle_in(place), place / "whole", Divided(manifest, split), card="# A card\n")
    return place


@pytest.fixture(scope="module")
def plain(home: Path) -> bytes:
    """The model's graph in 32-bit numbers, which takes seconds to make."""
    return graph_of(from_bundle(bundle_in(home)), SIZE)


def bundle_in(home: Path) -> Bundle:
    return read_bundle(home / "bundle")


def images_of(home: Path) -> Divided:
    return Divided(read_manifest(home / "cells.csv"), read_split(home / "split.csv"))


def squares(count: int) -> Squares:
    return np.random.default_rng(2).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def test_convolutions_are_computed_in_whole_numbers_of_eight_bits(home: Path) -> None:
    model = onnx.load_from_string((home / "whole" / ONNX).read_bytes())
    held = {one.name: one for one in model.graph.initializer}
    made_by = {name: node for node in model.graph.node for name in node.output}

    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 5
    assert convolutions[0].input[0] == "planes"
    assert convolutions[0].input[1] in held, "the first convolution has lost its floats"
    for node in convolutions[1:]:
        activation, weights = (made_by[name] for name in node.input[:2])
        assert (activation.op_type, weights.op_type) == ("DequantizeLinear", "DequantizeLinear")
        assert held[activation.input[2]].data_type == TensorProto.UINT8
        stored = onnx.numpy_helper.to_array(held[weights.input[0]])
        assert stored.dtype == np.int8
        assert np.abs(stored.astype(int)).max() <= 64
        assert held[weights.input[1]].dims == [len(stored)], "steps are not those of each channel"
    assert {one.domain for one in model.opset_import} == {""}
    assert not any(one.data_location == TensorProto.EXTERNAL for one in held.values())


def test_the_bundle_tells_what_whole_numbers_cost_and_on_which_images(home: Path) -> None:
    about = read_bundle(home / "whole").description
    told = about.provenance["export"]
    whole = told["int8"]

    assert (told["to"], told["from"]) == ("onnx-int8", bundle_in(home).digest)
    assert told["largest_difference_of_probabilities"] < 1e-4
    assert whole["images"] == len(part_rows(images_of(home).split, images_of(home).manifest, "val"))
    assert whole["agreement"] >= 0.98
    assert whole["macro_f1"]["before"] == whole["macro_f1"]["after"] == 1.0
    assert whole["macro_auroc"] == {"after": 1.0, "before": 1.0}
    assert whole["calibrated_on"] == {"images": 24, "part": "train"}
    assert (whole["judged_on"], whole["forced"]) == ("validation part", False)
    assert whole["manifest_sha256"] == images_of(home).manifest.digest
    card = (home / "whole" / CARD).read_text()
    assert card.startswith("# A card\n")
    assert "whole numbers of 8 bits, calibrated on 24 training pictures" in " ".join(card.split())
    assert "Forced" not in card


@pytest.mark.parametrize("runs_on", ["", "openvino"])
def test_the_answers_are_near_and_the_same_in_any_company(home: Path, runs_on: str) -> None:
    whole = read_bundle(home / "whole")
    here = replace(
        whole, description=replace(whole.description, engine=runs_on.removeprefix("onnxruntime"))
    )
    wanted = engine_for(bundle_in(home), device="cpu", threads=1).probabilities(squares(9))
    one, three = (engine_for(here, threads=threads) for threads in (1, 3))

    found = one.probabilities(squares(9))

    assert np.abs(found - wanted).max() < 0.1
    assert np.array_equal(three.probabilities(squares(9)), found)
    assert np.array_equal(three.probabilities(squares(9)[4:5]), found[4:5])


AGAIN = """
import sys
from pathlib import Path
import numpy as np
from papscope.export.quantise import quantised
from papscope.preprocess import Preprocess
model, out = map(Path, sys.argv[1:])
squares = np.random.default_rng(2).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
out.write_bytes(quantised(model.read_bytes(), squares, Preprocess(size=32)))
"""


def test_the_same_model_and_images_give_the_same_bytes_in_any_process(
    plain: bytes, tmp_path: Path
) -> None:
    (tmp_path / "plain.onnx").write_bytes(plain)
    files = [str(tmp_path / f"{name}.onnx") for name in ("plain", "again")]
    command = [sys.executable, "-c", AGAIN, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    here = quantised(plain, squares(4), Preprocess(size=SIZE))
    assert (tmp_path / "again.onnx").read_bytes() == here
    assert str(tmp_path).encode() not in here


WORSE = Quality(20, 0.95, (0.9, 0.89), None, 0.4)


def test_a_model_that_falls_short_is_not_written_unless_forced_and_then_says_so(
    home: Path, plain: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_module, "graph_of", lambda *_: plain)
    model = (home / "whole" / ONNX).read_bytes()
    monkeypatch.setattr(module, "quantised", lambda *_: model)
    monkeypatch.setattr(module, "judged", lambda *_: WORSE)
    with pytest.raises(
        ExportError, match=r"95.0 % of labels agree, less than 98 %; macro-F1 loses 1.0 points"
    ):
        export_int8(bundle_in(home), tmp_path / "out", images_of(home))
    assert not (tmp_path / "out").exists()

    forced = Int8Settings(force=True)
    done = export_int8(bundle_in(home), tmp_path / "out", images_of(home), settings=forced)

    assert done.quality == WORSE
    told = read_bundle(tmp_path / "out").description.provenance["export"]["int8"]
    assert told["forced"] is True
    assert told["macro_auroc"] is None
    assert told["falls_short"][0].startswith("95.0 %")
    card = " ".join((tmp_path / "out" / CARD).read_text().split())
    assert "**Forced, for it falls short: 95.0 % of labels agree" in card


@pytest.mark.parametrize(
    ("quality", "short"),
    [
        (Quality(9, 0.98, (0.8, 0.795), (0.9, 0.8), 0.3), 0),
        (Quality(9, 0.9799, (0.8, 0.9), None, 0.3), 1),
        (Quality(9, 1.0, (0.8, 0.7949), None, 0.3), 1),
        (Quality(9, float("nan"), (0.8, float("nan")), None, 0.3), 2),
    ],
)
def test_the_bar_is_half_a_point_and_98_percent(quality: Quality, short: int) -> None:
    assert len(quality.falls_short) == short


class Fixed:
    """An engine that answers one class after the other."""

    at_once = 1

    def __init__(self, called: list[int]) -> None:
        self.called = iter(called)

    def probabilities(self, some: Squares) -> Any:
        return np.array([np.eye(2)[next(self.called)] * 0.8 + 0.1 for _ in some])


def test_agreement_and_measures_are_those_of_the_answers(home: Path) -> None:
    sources = [Source(file) for file in sorted((home / "cells").iterdir())[:4]]
    engines = Fixed([0, 0, 1, 1]), Fixed([0, 1, 1, 1])
    about = bundle_in(home).description

    found = judged(engines, about, sources, np.array([0, 0, 1, 1]))

    assert (found.images, found.agreement) == (4, 0.75)
    assert found.macro_f1 == pytest.approx((1.0, (2 / 3 + 0.8) / 2))
    assert found.macro_auroc == pytest.approx((1.0, 0.75))
    assert found.largest_difference == pytest.approx(0.8)


def test_calibration_takes_what_was_learned_from_and_judging_what_was_not(home: Path) -> None:
    images = images_of(home)
    train, val, test = (
        {row.id for row in part_rows(images.split, images.manifest, part)}
        for part in ("train", "val", "test")
    )

    drawn_ = {row.id for row in images.to_calibrate(bundle_in(home), 10)}

    assert len(drawn_) == 10
    assert drawn_ <= train
    assert {row.id for row in images.to_judge()} == val
    assert not (drawn_ | val) & test


def test_images_that_the_model_has_not_learned_from_are_refused(home: Path) -> None:
    bundle, images = bundle_in(home), images_of(home)
    few = seen_in(part_rows(images.split, images.manifest, "train")[5:])
    told = {**bundle.description.provenance, "seen": few.to_json()}
    other = replace(bundle, description=replace(bundle.description, provenance=told))
    with pytest.raises(SplitError, match="has not learned from 5 of the 24 images"):
        images.to_calibrate(other, 10)

    named_otherwise = replace(bundle.description, classes=named("ab", abnormal="b"))
    with pytest.raises(TrainingError, match="the model's classes are a, b"):
        images.to_calibrate(replace(bundle, description=named_otherwise), 10)

    without = cut(images.manifest, shares={"train": 0.7, "test": 0.3})
    with pytest.raises(SplitError, match="has no part 'val'"):
        Divided(images.manifest, without).to_judge()
    with pytest.raises(SettingError, match="calibration_images is 0"):
        Int8Settings(calibration_images=0)


def run(*words: object) -> Any:
    env = {"COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, list(map(str, words)), env=env)


def test_the_command_exports_whole_numbers_that_predict_answers_with(
    home: Path, plain: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_module, "graph_of", lambda *_: plain)
    model = (home / "whole" / ONNX).read_bytes()
    monkeypatch.setattr(module, "quantised", lambda *_: model)
    given = ("--images", home / "cells.csv", "--split", home / "split.csv")

    done = run("export", home / "bundle", "--to", "openvino-int8", "-o", tmp_path / "out", *given)
    said = run("predict", tmp_path / "out", home / "cells/dark-00.png", "--format", "jsonl")

    assert done.exit_code == 0, done.output
    assert "in whole numbers, on 12 validation images: 100.00 % of labels agree" in done.stdout
    content = json.loads((tmp_path / "out" / DESCRIPTION).read_text())
    assert content["engine"] == "openvino"
    assert content["provenance"]["export"]["to"] == "openvino-int8"
    assert "openvino" in content["provenance"]["export"]["versions"]
    assert json.loads(said.stdout)["label"] == "dark"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "onnx-int8"), "--to onnx-int8 needs the manifest and the split"),
        (("--to", "onnx-int8", "--images", "cells.csv"), "needs the manifest and the split"),
        (("--to", "onnx-int8", "--images", "cells", "--split", "split.csv"), "needs the manifest"),
        (("--to", "onnx", "--split", "split.csv"), "--split needs the manifest and the split"),
        (("--to", "onnx", "--force"), "--force is for whole numbers"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(home)

    refused = run("export", "bundle", *words, "-o", tmp_path / "out")

    assert refused.exit_code == SettingError.exit_status
    assert told in refused.stderr
    assert not (tmp_path / "out").exists()


def test_thirty_two_bits_are_compared_by_the_validation_part(
    home: Path, plain: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_module, "graph_of", lambda *_: plain)
    given = ("--images", home / "cells.csv", "--split", home / "split.csv")

    done = run("export", home / "bundle", "--to", "openvino", "-o", tmp_path / "out", *given)

    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("of 12 pictures, probabilities differ by")
    about = read_bundle(tmp_path / "out").description
    assert about.engine == "openvino"
    assert about.provenance["export"]["to"] == "openvino"
    assert about.provenance["export"]["largest_difference_of_probabilities"] < 1e-4
    assert "It runs on OpenVINO." in (tmp_path / "out" / CARD).read_text()

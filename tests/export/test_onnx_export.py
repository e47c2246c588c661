"""An exported model answers as the first does, says how near, and is refused where it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from papscope.bundle import (
    CARD,
    DESCRIPTION,
    ONNX,
    Bundle,
    Description,
    read_bundle,
    write_bundle,
)
from papscope.cli.main import app
from papscope.errors import BundleError, ExportError, ImageError, SettingError
from papscope.export import graph, parity
from papscope.export import onnx as module
from papscope.export.onnx import export_onnx
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.predict.onnx_engine import onnx_engine
from papscope.predict.torch_engine import torch_engine
from papscope.preprocess import Source, Squares
from papscope.taxonomy import named

BACKBONE, SIZE = "test_resnet", 32
CLASSES = named("abc", abnormal="c")


def tensors(seed: int) -> dict[str, Any]:
    """Weights with answers that differ from picture to picture."""
    torch.manual_seed(seed)
    network = build(BACKBONE, len(CLASSES), size=SIZE)
    nn.init.normal_(network.get_classifier().weight)  # type: ignore[operator]
    return tensors_of(network)


def stored(folder: Path, weights: dict[str, Any], **network: object) -> Bundle:
    about = Description(
        classes=CLASSES,
        preprocess=preprocess_for(BACKBONE, size=SIZE),
        backbone=BACKBONE,
        network=network,
        provenance={"dataset": "drawn cells", "seed": 3},
        calibration={"method": "temperature", "temperature": 1.5},
        rules={"refer": {"abnormal": 0.5, "sensitivity": 0.95}},
    )
    write_bundle(folder, about, weights, "# A card\n")
    return read_bundle(folder)


def pictures(folder: Path, count: int) -> list[Source]:
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(5)
    files = [folder / f"{n:03}.png" for n in range(count)]
    for file in files:
        Image.fromarray(draw.integers(0, 256, (30, 26, 3), dtype=np.uint8)).save(file)
    return [Source(file) for file in files]


def squares(count: int) -> Squares:
    return np.random.default_rng(2).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle, what was exported from it, and the pictures it was compared by."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("home")
    bundle = stored(place / "bundle", tensors(1))
    export_onnx(bundle, place / "onnx", pictures(place / "cells", 7), card="# A card\n")
    return place


def test_the_exported_model_answers_as_the_first_for_any_number_of_pictures(home: Path) -> None:
    before = torch_engine(read_bundle(home / "bundle"), device="cpu", threads=1)
    after = onnx_engine(read_bundle(home / "onnx"), threads=1)
    session = onnxruntime.InferenceSession((home / "onnx" / ONNX).read_bytes())

    for count in (1, 2, 5):
        found, wanted = (one.probabilities(squares(count)) for one in (after, before))
        assert np.abs(found - wanted).max() < 1e-5
        planes = np.zeros((count, 3, SIZE, SIZE), np.float32)
        logits, features = session.run(None, {"planes": planes})
        assert logits.shape == (count, len(CLASSES))
        assert len(features) == count
    assert len(np.unique(wanted.round(3), axis=0)) == count, "all answers are alike"


def test_what_is_known_of_the_model_goes_with_it_and_tells_of_the_export(home: Path) -> None:
    before, after = (read_bundle(home / name) for name in ("bundle", "onnx"))

    export = after.description.provenance["export"]
    assert (export["to"], export["from"]) == ("onnx", before.digest)
    assert (export["images"], export["images_are"]) == (7, "given")
    assert 0 <= export["largest_difference_of_probabilities"] < 1e-4
    assert export["images_of_another_class"] == 0
    known = {k: v for k, v in after.description.provenance.items() if k != "export"}
    assert known == before.description.provenance
    for name in ("classes", "preprocess", "backbone", "network", "metrics", "calibration", "rules"):
        assert getattr(after.description, name) == getattr(before.description, name)
    assert sorted(one.name for one in (home / "onnx").iterdir()) == [CARD, DESCRIPTION, ONNX]
    card = (home / "onnx" / CARD).read_text()
    assert card.startswith("# A card\n")
    assert f"the model {before.digest[:12]} in ONNX. On 7 pictures" in card


def test_the_same_model_gives_the_same_bytes_and_tells_nothing_of_the_machine(
    home: Path, tmp_path: Path
) -> None:
    again = export_onnx(read_bundle(home / "bundle"), tmp_path / "onnx", pictures(tmp_path, 7))

    data = (tmp_path / "onnx" / ONNX).read_bytes()
    assert data == (home / "onnx" / ONNX).read_bytes()
    assert again.megabytes == pytest.approx(len(data) / 1e6)
    told = str(onnx.load_from_string(data))
    assert not re.search(r"metadata_props|doc_string|File |timm\.|site-packages", told)


@pytest.mark.slow
def test_an_ensemble_over_orientations_is_one_graph(tmp_path: Path) -> None:
    members = [{"backbone": BACKBONE, "network": {}} for _ in range(2)]
    joined = {
        f"members.{place}.{name}": value
        for place in range(2)
        for name, value in tensors(place).items()
    }
    bundle = stored(
        tmp_path / "bundle", joined, kind="ensemble", members=members, orientations=True
    )

    export_onnx(bundle, tmp_path / "onnx")

    exported = read_bundle(tmp_path / "onnx")
    assert exported.description.provenance["export"]["images_are"] == "drawn"
    assert exported.description.provenance["export"]["images"] == 40
    wanted = torch_engine(bundle, device="cpu", threads=1).probabilities(squares(3))
    engine = onnx_engine(exported, threads=1)
    assert np.abs(engine.probabilities(squares(3)) - wanted).max() < 1e-5
    turned = np.ascontiguousarray(np.rot90(squares(3), axes=(1, 2)))
    assert np.abs(engine.probabilities(turned) - wanted).max() < 1e-4
    with pytest.raises(SettingError, match="was exported with the mean over orientations"):
        exported.with_orientations(False)


def another_network() -> bytes:
    """A network of the right form that answers with the mean of each colour."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["planes"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["logits"]),
    ]
    planes = helper.make_tensor_value_info("planes", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])
    made = helper.make_graph(nodes, "made", [planes], [logits])
    version = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(made, opset_imports=version, ir_version=8).SerializeToString())


def test_a_model_that_answers_otherwise_is_not_written(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "graph_of", lambda *_: another_network())
    with pytest.raises(ExportError, match=r"of 7 pictures, a probability differs by 0\.\d+"):
        export_onnx(read_bundle(home / "bundle"), tmp_path / "onnx", pictures(tmp_path / "p", 7))

    assert not (tmp_path / "onnx").exists()


@pytest.mark.parametrize("apart", [2e-4, float("nan")])
def test_a_difference_above_the_limit_or_without_a_number_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: float
) -> None:
    model = (home / "onnx" / ONNX).read_bytes()
    monkeypatch.setattr(module, "graph_of", lambda *_: model)
    monkeypatch.setattr(module, "compare", lambda *_: parity.Parity(4, apart, 0))
    with pytest.raises(ExportError, match="the exported network answers otherwise"):
        export_onnx(read_bundle(home / "bundle"), tmp_path / "onnx", pictures(tmp_path / "p", 4))


class Odd(nn.Module):
    """A network that no graph can hold: what it computes depends on a number it computed."""

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        return planes[:, :, 0, 0] * (1.0 if planes.sum().item() > 0 else 2.0)


def test_what_onnx_cannot_express_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExportError, match="torch cannot write this network as ONNX"):
        graph.graph_of(Odd().eval(), 16)

    monkeypatch.setattr(graph, "_MOST_BYTES", 10)
    with pytest.raises(ExportError, match=r"the network has 0.0 GiB; one file of ONNX holds 2"):
        graph.graph_of(nn.Linear(9, 9), 16)


def test_many_pictures_are_thinned_out_evenly(tmp_path: Path, monkeypatch: Any) -> None:
    sources = pictures(tmp_path, 9)
    settings = preprocess_for(BACKBONE, size=SIZE)
    every = parity.squares_of(sources, settings)
    monkeypatch.setattr(parity, "MOST", 3)

    assert np.array_equal(parity.squares_of(sources, settings), every[[0, 4, 8]])


class Fixed:
    """An engine with ready answers."""

    at_once = 2

    def __init__(self, answers: Sequence[Sequence[float]]) -> None:
        self.answers = np.array(answers)
        self.asked = 0

    def probabilities(self, some: Squares) -> Any:
        self.asked += len(some)
        return self.answers[self.asked - len(some) : self.asked]


def test_the_largest_difference_of_all_pictures_and_classes_counts() -> None:
    one = Fixed([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    other = Fixed([[0.9, 0.1], [0.4, 0.6], [0.25, 0.75]])

    found = parity.compare(one, other, np.zeros((3, 4, 4, 3), np.uint8))

    assert (found.images, found.other_classes) == (3, 1)
    assert found.largest_difference == pytest.approx(0.2)


def test_an_export_replaces_an_export_and_nothing_else(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = read_bundle(home / "bundle")
    with pytest.raises(BundleError, match="holds a bundle with weights"):
        export_onnx(bundle, home / "bundle")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(BundleError, match="holds other files"):
        export_onnx(bundle, tmp_path / "mine")
    with pytest.raises(SettingError, match="was exported already"):
        export_onnx(read_bundle(home / "onnx"), tmp_path / "again")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ImageError, match=r"text\.png"):
        export_onnx(bundle, tmp_path / "onnx", [Source(tmp_path / "text.png")])
    assert not (tmp_path / "onnx").exists()

    model = (home / "onnx" / ONNX).read_bytes()
    monkeypatch.setattr(module, "graph_of", lambda *_: model)
    digests = {
        export_onnx(bundle, tmp_path / "onnx", pictures(tmp_path / "p", n)).digest for n in (2, 3)
    }
    assert len(digests) == 2
    assert read_bundle(tmp_path / "onnx").description.provenance["export"]["images"] == 3


def run(*words: object) -> Any:
    env = {"COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, list(map(str, words)), env=env)


def test_the_command_exports_and_tells_how_near_the_answers_are(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = (home / "onnx" / ONNX).read_bytes()
    monkeypatch.setattr(module, "graph_of", lambda *_: model)
    words = ("export", home / "bundle", "--to", "onnx", "-o", tmp_path / "onnx")

    done = run(*words, "--images", home / "cells")
    told = json.loads((tmp_path / "onnx" / DESCRIPTION).read_text())["provenance"]["export"]
    drawn = run(*words)
    predicted = run("predict", tmp_path / "onnx", home / "cells/000.png", "--format", "jsonl")

    assert done.exit_code == 0, done.output
    assert re.match(r"of 7 pictures, probabilities differ by \d\.\de-\d\d at most", done.stdout)
    assert told["images"] == 7
    assert drawn.stdout.startswith("of 40 pictures")
    assert predicted.exit_code == 0, predicted.output
    assert json.loads(predicted.stdout)["label"] in "abc"
    assert (tmp_path / "onnx" / CARD).read_text().startswith("# A card\n")


def test_another_form_is_refused(home: Path, tmp_path: Path) -> None:
    refused = run("export", home / "bundle", "--to", "tflite", "-o", tmp_path / "out")

    assert refused.exit_code == 2
    assert not (tmp_path / "out").exists()

"""An exported model's answer for a square is the same to the bit in any company, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from PIL import Image

from papscope.bundle import DESCRIPTION, ONNX, WEIGHTS, Bundle, Description, read_bundle
from papscope.bundle import write_onnx_bundle as write
from papscope.errors import BundleError, SettingError
from papscope.network.assembly import from_bundle
from papscope.network.backbones import build
from papscope.network.joining import join_bundles
from papscope.network.weights import fill
from papscope.predict.engines import engine_for
from papscope.predict.onnx_engine import onnx_engine, usable_cores
from papscope.predict.predictor import load
from papscope.preprocess import Preprocess, Squares
from papscope.taxonomy import named

SIZE = 48


def bundle_of(folder: Path, model: bytes, size: int = SIZE, classes: str = "abc") -> Bundle:
    about = Description(
        classes=named(classes), preprocess=Preprocess(size=size), backbone="test_resnet"
    )
    write(folder / "bundle", about, model, "a card")
    return read_bundle(folder / "bundle")


def squares(count: int) -> Squares:
    return np.random.default_rng(2).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def network(
    nodes: list[NodeProto],
    weights: Mapping[str, npt.ArrayLike],
    planes: ValueInfoProto,
    outputs: int,
) -> bytes:
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", outputs])
    held = [
        numpy_helper.from_array(np.asarray(one, np.float32), name) for name, one in weights.items()
    ]
    graph = helper.make_graph(nodes, "made", [planes], [logits], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(made.SerializeToString())


def mean_of_planes(*, side: int | str = SIZE, outputs: int = 3, name: str = "planes") -> bytes:
    """A network that answers with the mean of each colour, of as many as there are outputs."""
    nodes = [
        helper.make_node("GlobalAveragePool", [name], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "chosen"], ["logits"]),
    ]
    planes = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, side, side])
    return network(nodes, {"chosen": np.eye(3, outputs)}, planes, outputs)


@pytest.fixture(scope="module")
def model() -> bytes:
    """Three convolutions, one of them channel by channel, and a dense layer with random weights."""
    draw = np.random.default_rng(1)
    weights = {
        "first": draw.normal(size=(24, 3, 3, 3)),
        "each": draw.normal(size=(24, 1, 5, 5)),
        "last": draw.normal(size=(70, 24, 1, 1)),
        "dense": draw.normal(size=(70, 3)) / 70,
    }
    nodes = [
        helper.make_node("Conv", ["planes", "first"], ["a"], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "each"], ["c"], group=24),
        helper.make_node("Sigmoid", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "last"], ["e"]),
        helper.make_node("GlobalAveragePool", ["e"], ["f"]),
        helper.make_node("Flatten", ["f"], ["g"]),
        helper.make_node("MatMul", ["g", "dense"], ["logits"]),
    ]
    planes = helper.make_tensor_value_info("planes", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])
    return network(nodes, weights, planes, 3)


def test_the_batch_and_the_threads_change_no_bit(tmp_path: Path, model: bytes) -> None:
    bundle, pictures = bundle_of(tmp_path, model), squares(21)
    engines = [onnx_engine(bundle, threads=threads) for threads in (1, 2, 3, 8)]
    wanted = engines[0].probabilities(pictures)

    for engine in engines:
        for batch in (1, 2, 5, 16, 21):
            parts = [pictures[start : start + batch] for start in range(0, 21, batch)]
            found = np.concatenate([engine.probabilities(part) for part in parts])
            assert np.array_equal(found, wanted)
    order = np.random.default_rng(3).permutation(21)
    assert np.array_equal(engines[2].probabilities(pictures[order]), wanted[order])
    assert [engine.at_once for engine in engines] == [1, 2, 3, 8]
    assert np.allclose(wanted.sum(axis=1), 1)
    assert len(np.unique(wanted.round(3), axis=0)) > 10, "all answers are alike"


def test_a_predictor_gives_the_same_answers_whatever_the_batch(
    tmp_path: Path, model: bytes
) -> None:
    bundle_of(tmp_path, model)
    draw = np.random.default_rng(0)
    cells = [draw.integers(0, 256, (40, 30, 3), dtype=np.uint8) for _ in range(11)]

    one = load(tmp_path / "bundle", threads=1).predict(cells, batch_size=1)
    many = load(tmp_path / "bundle", device="cpu", threads=3).predict(cells, batch_size=64)

    assert one == many
    assert len(one.good) == 11


def test_planes_are_prepared_as_the_bundle_says_and_logits_become_probabilities(
    tmp_path: Path,
) -> None:
    about = Description(
        classes=named("rgb"),
        preprocess=Preprocess(size=16, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 0.5)),
        backbone="made",
    )
    write(tmp_path / "bundle", about, mean_of_planes(side=16), "a card")
    square = np.zeros((1, 16, 16, 3), np.uint8) + np.array([255, 51, 102], np.uint8)

    (found,) = engine_for(read_bundle(tmp_path / "bundle")).probabilities(square)

    raised = np.exp([1.0, 0.2, 0.8])
    assert found == pytest.approx(raised / raised.sum(), abs=1e-6)


def test_nothing_asked_is_a_mistake(tmp_path: Path) -> None:
    engine = onnx_engine(bundle_of(tmp_path, mean_of_planes()))
    assert engine.at_once == usable_cores()
    with pytest.raises(ValueError, match="there is no square"):
        engine.probabilities(squares(0))


@pytest.mark.parametrize("device", ["cuda", "mps", "tpu9"])
def test_only_the_processor_runs_it(tmp_path: Path, device: str) -> None:
    bundle_of(tmp_path, mean_of_planes())
    with pytest.raises(SettingError, match=f"runs on the processor, not on '{device}'"):
        load(tmp_path / "bundle", device=device)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (b"", "model.onnx cannot be read"),
        (b"no model at all", "model.onnx cannot be read"),
        (mean_of_planes()[:-40], "model.onnx cannot be read"),
        (mean_of_planes(side=64), r"model.onnx goes from \[\('planes', 3, 64, 64\)\]"),
        (mean_of_planes(side="s"), r"model.onnx goes from \[\('planes', 3, 's', 's'\)\]"),
        (mean_of_planes(outputs=2), r"to \[\('logits', 2\)\]; bundle.json says"),
        (mean_of_planes(name="x"), r"model.onnx goes from \[\('x', 3, 48, 48\)\]"),
    ],
)
def test_a_model_that_is_none_or_another_is_refused(tmp_path: Path, made: bytes, told: str) -> None:
    with pytest.raises(BundleError, match=told):
        onnx_engine(bundle_of(tmp_path, made))


def test_weights_outside_the_file_are_not_read(tmp_path: Path) -> None:
    outside = onnx.load_from_string(mean_of_planes())
    (weights,) = outside.graph.initializer
    (tmp_path / "weights").write_bytes(weights.raw_data)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=str(tmp_path / "weights"))

    with pytest.raises(BundleError, match=r"model\.onnx cannot be read"):
        onnx_engine(bundle_of(tmp_path, outside.SerializeToString()))


def test_a_damaged_file_is_refused(tmp_path: Path, model: bytes) -> None:
    bundle_of(tmp_path, model)
    data = bytearray(model)
    data[len(data) // 2] ^= 1
    (tmp_path / "bundle" / ONNX).write_bytes(data)
    with pytest.raises(BundleError, match=r"model.onnx is not the file that bundle.json vouches"):
        load(tmp_path / "bundle")

    (tmp_path / "bundle" / ONNX).unlink()
    with pytest.raises(BundleError, match=r"model.onnx cannot be read: No such file"):
        load(tmp_path / "bundle")


def test_weights_of_two_kinds_are_refused(tmp_path: Path) -> None:
    bundle_of(tmp_path, mean_of_planes())
    place = tmp_path / "bundle" / DESCRIPTION
    content = json.loads(place.read_text())
    content["files"][WEIGHTS] = sha256(b"").hexdigest()
    place.write_text(json.dumps(content))

    with pytest.raises(BundleError, match=r"names both weights.safetensors and model.onnx"):
        read_bundle(tmp_path / "bundle")


def test_an_exported_model_cannot_be_trained_further(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, mean_of_planes())

    with pytest.raises(BundleError, match="was exported to ONNX"):
        from_bundle(bundle)
    with pytest.raises(BundleError, match="was exported to ONNX"):
        join_bundles([bundle, bundle])
    with pytest.raises(BundleError, match="was exported to ONNX") as told:
        fill(build("test_resnet", 3, size=SIZE), "test_resnet", str(tmp_path / "bundle"))
    assert "the bundle that it was exported from" in told.value.hint


def test_predicting_imports_nothing_heavy(tmp_path: Path) -> None:
    bundle_of(tmp_path, mean_of_planes())
    Image.fromarray(squares(1)[0]).save(tmp_path / "cell.png")
    code = f"""
import sys
from papscope.cli.main import app
try:
    app(["predict", {str(tmp_path / "bundle")!r}, {str(tmp_path / "cell.png")!r}])
except SystemExit as done:
    assert not done.code, done.code
heavy = {{"torch", "timm", "lightning", "sklearn", "scipy", "matplotlib", "pandas", "skimage"}}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"

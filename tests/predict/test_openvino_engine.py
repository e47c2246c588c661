"""A model exported for OpenVINO answers the same to the bit in any company, and tells nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from papscope.bundle import Bundle, Description, read_bundle, write_onnx_bundle
from papscope.errors import BundleError, MissingExtra, SettingError
from papscope.predict.engines import engine_for
from papscope.predict.onnx_engine import onnx_engine, usable_cores
from papscope.predict.openvino_engine import openvino_engine
from papscope.predict.predictor import load
from papscope.preprocess import Preprocess, Squares
from papscope.taxonomy import named

SIZE = 48


def squares(count: int) -> Squares:
    return np.random.default_rng(2).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def network(outputs: int = 3) -> bytes:
    """Two convolutions, one of them channel by channel, and a dense layer with random weights."""
    draw = np.random.default_rng(1)
    weights = {
        "first": draw.normal(size=(24, 3, 3, 3)),
        "each": draw.normal(size=(24, 1, 5, 5)),
        "dense": draw.normal(size=(24, outputs)) / 24,
    }
    nodes = [
        helper.make_node("Conv", ["planes", "first"], ["a"], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "each"], ["c"], group=24),
        helper.make_node("Sigmoid", ["c"], ["d"]),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("MatMul", ["f", "dense"], ["logits"]),
    ]
    planes = helper.make_tensor_value_info("planes", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", outputs])
    held = [numpy_helper.from_array(one.astype(np.float32), name) for name, one in weights.items()]
    graph = helper.make_graph(nodes, "made", [planes], [logits], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(made.SerializeToString())


def bundle_of(folder: Path, model: bytes, engine: str = "openvino") -> Bundle:
    about = Description(
        classes=named("abc"), preprocess=Preprocess(size=SIZE), backbone="made", engine=engine
    )
    write_onnx_bundle(folder / "bundle", about, model, "a card")
    return read_bundle(folder / "bundle")


def test_the_batch_and_the_threads_change_no_bit(tmp_path: Path) -> None:
    bundle, pictures = bundle_of(tmp_path, network()), squares(13)
    engines = [openvino_engine(bundle, threads=threads) for threads in (1, 2, 5)]
    wanted = engines[0].probabilities(pictures)

    for engine in engines:
        for batch in (1, 2, 5, 13):
            parts = [pictures[start : start + batch] for start in range(0, 13, batch)]
            assert np.array_equal(np.concatenate(list(map(engine.probabilities, parts))), wanted)
    assert [engine.at_once for engine in engines] == [1, 2, 5]
    assert openvino_engine(bundle).at_once == usable_cores()
    assert len(np.unique(wanted.round(3), axis=0)) > 5, "all answers are alike"


def test_it_answers_as_onnxruntime_does(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, network())
    engine = engine_for(bundle, device="cpu", threads=2)

    found = engine.probabilities(squares(4))

    assert type(engine).__name__ == "OpenvinoEngine"
    assert np.abs(found - onnx_engine(bundle).probabilities(squares(4))).max() < 1e-5
    with pytest.raises(ValueError, match="there is no square"):
        engine.probabilities(squares(0))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (b"no model at all", "model.onnx cannot be read by OpenVINO"),
        (network()[:-40], "model.onnx cannot be read by OpenVINO"),
        (network(outputs=2), r"to \[\('logits', '2'\)\]; bundle.json says"),
    ],
)
def test_a_model_that_is_none_or_another_is_refused(tmp_path: Path, made: bytes, told: str) -> None:
    with pytest.raises(BundleError, match=told):
        openvino_engine(bundle_of(tmp_path, made))


def test_only_the_processor_runs_it(tmp_path: Path) -> None:
    bundle_of(tmp_path, network())
    with pytest.raises(SettingError, match="runs on the processor, not on 'cuda'"):
        load(tmp_path / "bundle", device="cuda")


def test_an_engine_that_is_not_known_or_not_installed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = bundle_of(tmp_path, network())
    strange = replace(bundle, description=replace(bundle.description, engine="abacus"))
    with pytest.raises(BundleError, match="runs on 'abacus', which this papscope does not know"):
        engine_for(strange)

    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "papscope.predict.openvino_engine")
    with pytest.raises(MissingExtra, match="was exported for OpenVINO") as told:
        engine_for(bundle)
    assert "papscope[openvino]" in told.value.hint


def test_predicting_reaches_for_no_network_leaves_no_file_and_imports_no_torch(
    tmp_path: Path,
) -> None:
    bundle_of(tmp_path, network())
    Image.fromarray(squares(1)[0]).save(tmp_path / "cell.png")
    (tmp_path / "home").mkdir()
    code = f"""
import sys
sys.addaudithook(lambda what, _: sys.exit(what) if what.startswith("socket.") else None)
from papscope.cli.main import app
try:
    app(["predict", {str(tmp_path / "bundle")!r}, {str(tmp_path / "cell.png")!r}])
except SystemExit as done:
    assert not done.code, done.code
print("torch" in sys.modules)
"""
    places = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(tmp_path / "home"))
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        env={**os.environ, **places},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"
    assert list((tmp_path / "home").rglob("*")) == []

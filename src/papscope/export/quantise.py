"""A network's ONNX graph computed in whole numbers of 8 bits.

Takes   the bytes of an ONNX model, and squares that the network has learned from
Gives   the bytes of a model that answers nearly the same and runs faster
Never   decides whether that is near enough, or sees a label

Static quantisation in pairs of QuantizeLinear and DequantizeLinear: activations in 8 bits without a
sign, weights in steps of their own for each output channel (see `rounding`). What lies between the
first and the last convolution is quantised; the first, by which most would be lost, and the head,
both a small part of the work, keep their floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from papscope.export.graph import quietly, strip
from papscope.export.rounding import Rounded, rounded
from papscope.predict.onnx_engine import INPUT
from papscope.preprocess import Planes, Preprocess, Squares, to_planes

PERCENTILE = 99.99
"""Of what a layer gives on training pictures: rarer values are cut off, so that steps are finer."""

_OPERATORS = ("Conv", "Add", "Relu", "Clip", "MaxPool", "AveragePool", "Concat")
_AFTER = ("Relu", "Clip")
"""What onnxruntime computes together with a convolution before it."""


def quantised(model: bytes, squares: Squares, settings: Preprocess) -> bytes:
    """Write a network in whole numbers.

    The same model and squares give the same bytes with the same releases of ONNX and onnxruntime.

    Args:
        model: from planes (n, 3, s, s) to logits (n, c), in 32-bit floating point.
        squares: (n, s, s, 3), pictures that it has learned from; their order does not matter much.
        settings: its preprocessing.
    """
    with TemporaryDirectory(prefix="papscope-") as place, quietly():
        given, plain, whole = (Path(place) / f"{name}.onnx" for name in ("given", "plain", "whole"))
        given.write_bytes(model)
        # Shapes that depend on others are of no use here, and their inference stumbles over some.
        quant_pre_process(given, plain, skip_symbolic_shape=True)
        folded = onnx.load(plain)
        in_float = _kept_in_float(folded)
        found = rounded(folded, (to_planes(one[None], settings) for one in squares), in_float)
        _replace(folded, found)
        onnx.save(folded, plain)
        with redirect_stdout(StringIO()):  # its calibration prints
            quantize_static(
                plain,
                whole,
                _Calibration(squares, settings),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(_OPERATORS),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=in_float,
                calibrate_method=CalibrationMethod.Percentile,
                extra_options={
                    "CalibPercentile": PERCENTILE,
                    "CalibStridedMinMax": 1,  # a picture at a time: layers' outputs are large
                    "TensorQuantOverrides": {name: _told(one) for name, one in found.items()},
                },
            )
        return _tidy(onnx.load(whole))


class _Calibration(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Hands planes to onnxruntime's calibration, a picture at a time."""

    def __init__(self, squares: Squares, settings: Preprocess) -> None:
        self.squares, self.settings = squares, settings
        self.rest: Iterator[Planes] = iter(())

    def __len__(self) -> int:
        return len(self.squares)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Hand out these next."""
        some = self.squares[start_index:end_index]
        self.rest = (to_planes(one[None], self.settings) for one in some)

    def get_next(self) -> dict[str, Planes] | None:
        """Give one, or None at the end."""
        planes = next(self.rest, None)
        return None if planes is None else {INPUT: planes}


def _replace(model: ModelProto, found: Mapping[str, Rounded]) -> None:
    """Put weights that lie on the grid, and the biases that go with them, into a graph."""
    held = {one.name: one for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "Conv" or node.input[1] not in found:
            continue
        name = node.input[1]
        one = found[name]
        held[name].CopyFrom(numpy_helper.from_array(one.weights.astype(np.float32), name))
        bias = numpy_helper.to_array(held[node.input[2]]) if len(node.input) > 2 else 0.0
        # By the node, as some share their weights.
        new = f"{node.output[0]}.shifted_bias"
        shifted = numpy_helper.from_array((bias + one.shift).astype(np.float32), new)
        del node.input[2:]
        node.input.append(shifted.name)
        model.graph.initializer.append(shifted)
    used = {name for node in model.graph.node for name in node.input}
    kept = [one for one in model.graph.initializer if one.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _told(one: Rounded) -> list[dict[str, Any]]:
    """Tell onnxruntime the steps that weights were rounded to, channel by channel."""
    each = [
        {"quant_type": QuantType.QInt8, "scale": np.float32(size), "zero_point": np.int8(0)}
        for size in one.sizes
    ]
    each[0]["axis"] = 0
    return each


def _kept_in_float(model: ModelProto) -> list[str]:
    """Name the nodes up to the first convolutions, and those after the last."""
    nodes = list(model.graph.node)
    convolutions = [one for one in nodes if one.op_type == "Conv"]
    before = _reached(convolutions, nodes, forward=False)
    after = _reached(convolutions, nodes, forward=True)
    whole = {
        one.name
        for one in nodes
        if one.name in after and (one.name in before or one.op_type in ("Conv", *_AFTER))
    }
    return [one.name for one in nodes if one.name not in whole]


def _reached(start: list[NodeProto], nodes: list[NodeProto], *, forward: bool) -> set[str]:
    """Name all nodes that depend on some of these, or that they depend on."""
    found = set()
    known = {name for one in start for name in (one.output if forward else one.input)}
    for one in nodes if forward else reversed(nodes):  # nodes stand in the order of computation
        taken, given = (one.input, one.output) if forward else (one.output, one.input)
        if known & set(taken):
            found.add(one.name)
            known.update(given)
    return found


def _tidy(model: ModelProto) -> bytes:
    """Take out what is not computed, and give the bytes."""
    strip(model)
    used = {node.domain for node in model.graph.node}
    kept = [one for one in model.opset_import if one.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))

"""Weights on a coarse grid, rounded so that what they compute changes least on real pictures.

Takes   an ONNX graph of floating-point convolutions, and planes to run it on
Gives   each convolution's weights in whole steps, the steps' sizes, and its bias corrected
Never   learns from labels, or changes what is no convolution

Rounding each weight to its nearest step is not the best that a grid allows: neighbouring inputs of
a convolution go up and down together, so one weight's error can be made good by the next. Column by
column, a weight is rounded and its error is passed on to those that are still free, by how the
inputs vary together; what is left of the mean goes into the bias.

Sources: E. Frantar et al., GPTQ, ICLR 2023, arXiv:2210.17323 (rounding with passing on); M. Nagel
et al., ICCV 2019, 1325-1334 (correcting the bias).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import ModelProto, NodeProto, numpy_helper
from threadpoolctl import threadpool_limits

from papscope.predict.onnx_engine import INPUT
from papscope.preprocess import Planes
from papscope.seeds import stream

STEPS = 64
"""From 0 to the largest weight: two products of 255 and 64 still fit the 16 bits that they are
added up in on processors without instructions for 8 bits (the reduced range)."""

STEPS_CHANNEL_BY_CHANNEL = 127
"""For convolutions that take each channel by itself, whose products are never added up in pairs:
they have few weights, each of which counts."""

PLACES = 64
"""How many places of each picture are looked at in each convolution."""

MOST_INPUTS = 2304
"""Of one output (256 channels of 3 x 3): in larger convolutions, which have many weights to average
over and would take minutes, weights are rounded to the nearest step and the bias is corrected."""

_BLOCK = 128
"""Columns whose errors are passed on to later columns at once; it changes nothing but the time."""

_DAMPING = 0.01
"""Of the inputs' mean variance: keeps inputs that hardly vary from being thrown about."""

Values: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rounded:
    """One convolution's weights on the grid."""

    weights: Values
    """As the convolution has them: whole steps times their sizes."""
    sizes: Values
    """(o,), the size of a step in each output channel."""
    shift: Values
    """(o,), what the bias is raised by."""


@dataclass(slots=True, eq=False)
class _Inputs:
    """What one convolution was given: sums over places, group by group."""

    count: int
    total: Values
    """(g, d)."""
    products: npt.NDArray[np.float32] | None
    """(g, d, d); None for a convolution of too many inputs."""

    @classmethod
    def none(cls, groups: int, inputs: int) -> _Inputs:
        """Begin to count."""
        shape = (groups, inputs, inputs)
        products = np.zeros(shape, np.float32) if inputs <= MOST_INPUTS else None
        return cls(0, np.zeros(shape[:2]), products)

    def add(self, columns: npt.NDArray[np.float32]) -> None:
        """Count what was seen at some places, (g, p, d)."""
        self.count += columns.shape[1]
        self.total += columns.sum(axis=1, dtype=np.float64)
        if self.products is not None:
            self.products += columns.transpose(0, 2, 1) @ columns


def rounded(
    model: ModelProto, pictures: Iterable[Planes], passed_over: Collection[str] = ()
) -> Mapping[str, Rounded]:
    """Round the weights of the convolutions of a graph, by the name of the weights.

    Args:
        model: the graph; convolutions without constant weights are passed over.
        pictures: planes (1, 3, s, s) of pictures that the network has learned from.
        passed_over: names of nodes that keep their weights.
    """
    held = {one.name: one for one in model.graph.initializer}
    convolutions = [
        one
        for one in model.graph.node
        if one.op_type == "Conv" and one.input[1] in held and one.name not in passed_over
    ]
    weights = {one.input[1]: numpy_helper.to_array(held[one.input[1]]) for one in convolutions}
    with threadpool_limits(1):  # the same bits however many cores there are
        seen = _seen(model, convolutions, weights, pictures)
        return {name: _rounded(one.astype(np.float64), seen[name]) for name, one in weights.items()}


def _seen(
    model: ModelProto,
    convolutions: list[NodeProto],
    weights: Mapping[str, npt.NDArray[Any]],
    pictures: Iterable[Planes],
) -> dict[str, _Inputs]:
    """Run the graph, and add up what convolutions are given."""
    names = sorted({one.input[0] for one in convolutions} - {INPUT})
    session = _session(model, names)
    seen: dict[str, _Inputs] = {}
    draw = stream(0, "places that weights are rounded by")
    for planes in pictures:
        # Asked for nothing, onnxruntime gives all.
        found = session.run(names, {INPUT: planes}) if names else []
        given = {**dict(zip(names, found, strict=True)), INPUT: planes}
        for one in convolutions:
            name, groups = one.input[1], int(_attribute(one, "group", 1))
            columns = _columns(given[one.input[0]], one, weights[name].shape, draw)
            split = columns.reshape(len(columns), groups, -1).transpose(1, 0, 2)
            if name not in seen:
                seen[name] = _Inputs.none(groups, split.shape[2])
            seen[name].add(split)
    return seen


def _session(model: ModelProto, names: list[str]) -> onnxruntime.InferenceSession:
    """Make a graph ready that also gives what lies between."""
    open_ = ModelProto()
    open_.CopyFrom(model)
    for name in names:
        open_.graph.output.add().name = name
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # the same bits however many cores there are
    return onnxruntime.InferenceSession(
        open_.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _attribute(node: NodeProto, name: str, default: Any) -> Any:
    for one in node.attribute:
        if one.name == name:
            return list(one.ints) if one.ints else one.i
    return default


def _columns(
    values: npt.NDArray[np.float32],
    node: NodeProto,
    shape: tuple[int, ...],
    draw: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Give what a convolution multiplies its weights by, at some places: (p, channels * h * w).

    Args:
        values: (n, channels, h, w), what it is given.
        node: the convolution.
        shape: of its weights.
        draw: chooses the places.
    """
    top, left, bottom, right = _attribute(node, "pads", [0, 0, 0, 0])
    down, across = _attribute(node, "strides", [1, 1])
    step_down, step_across = _attribute(node, "dilations", [1, 1])
    wide = np.pad(values, ((0, 0), (0, 0), (top, bottom), (left, right)))
    high, broad = (shape[2] - 1) * step_down + 1, (shape[3] - 1) * step_across + 1
    windows = np.lib.stride_tricks.sliding_window_view(wide, (high, broad), axis=(2, 3))
    windows = windows[:, :, ::down, ::across, ::step_down, ::step_across]
    n, _, rows, columns = windows.shape[:4]
    chosen = draw.integers(0, n * rows * columns, PLACES)
    picture, row, column = np.unravel_index(chosen, (n, rows, columns))
    return windows[picture, :, row, column].reshape(PLACES, -1)


def _rounded(weights: Values, inputs: _Inputs) -> Rounded:
    """Round one convolution's weights (o, d, h, w), group by group."""
    flat = weights.reshape(len(weights), -1)
    largest, groups = np.abs(flat).max(axis=1), len(inputs.total)
    alone = groups == len(flat) and weights.shape[1] == 1 and groups > 1
    most = STEPS_CHANNEL_BY_CHANNEL if alone else STEPS
    sizes = np.where(largest > 0, largest, 1.0) / most
    kept, shift = _nearest(flat, sizes), np.empty(len(flat))
    each = len(flat) // groups
    for group, total in enumerate(inputs.total):
        mine, mean = slice(group * each, (group + 1) * each), total / inputs.count
        if inputs.products is not None:
            spread = inputs.products[group] / inputs.count - np.outer(mean, mean)
            kept[mine] = _passed_on(flat[mine], sizes[mine], spread, most)
        shift[mine] = (flat[mine] - kept[mine]) @ mean
    return Rounded(kept.reshape(weights.shape), sizes, shift)


def _nearest(weights: Values, sizes: Values, most: int | None = None) -> Values:
    """Round weights (o, d); what has been passed on may lead beyond the most steps there are."""
    steps = np.round(weights / sizes[:, None])
    if most is not None:
        steps = np.clip(steps, -most, most)
    return np.asarray(steps * sizes[:, None])


def _passed_on(weights: Values, sizes: Values, spread: Values, most: int) -> Values:
    """Round weights (o, d) for inputs that vary together as (d, d), passing errors on."""
    left, kept = weights.copy(), np.empty_like(weights)
    usual = float(np.trace(spread)) / len(spread)
    damped = spread + np.eye(len(spread)) * max(_DAMPING * usual, 1e-12)
    # The upper Cholesky factor of the inverse: its rows say how an error is best made good.
    factor = np.linalg.cholesky(np.linalg.inv(damped)).T
    for start in range(0, len(spread), _BLOCK):
        end = min(start + _BLOCK, len(spread))
        errors = np.empty((len(weights), end - start))
        for place in range(start, end):
            kept[:, place] = _nearest(left[:, place : place + 1], sizes, most)[:, 0]
            error = (left[:, place] - kept[:, place]) / factor[place, place]
            left[:, place + 1 : end] -= np.outer(error, factor[place, place + 1 : end])
            errors[:, place - start] = error
        left[:, end:] -= errors @ factor[start:end, end:]
    return kept

"""A network as an ONNX graph, with nothing in it but what is computed.

Takes   a torch network and the side of its input
Gives   the bytes of a model, the same each time
Never   keeps the exporter's notes: they name files of the machine that it ran on
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import onnx
import torch
from torch import nn

from papscope.errors import ExportError
from papscope.network.featured import featured
from papscope.predict.onnx_engine import FEATURES, INPUT, OUTPUT

OPSET = 18
"""What torch's exporter writes without conversion; onnxruntime knows it since 1.14."""

_MOST_BYTES = 2**31 - 2**20
"""Protocol buffers end at 2 GiB; a little is left for the graph."""


def graph_of(network: nn.Module, size: int, classes: int | None = None) -> bytes:
    """Write a network as an ONNX model for any number of pictures.

    Args:
        network: from planes (n, 3, s, s) to logits (n, c), in evaluation mode.
        size: the side s of its input, in pixels.
        classes: c, for a graph that tells features too, as `network.featured` does; None for one
            that only answers.

    Raises:
        ExportError: torch cannot express the network in ONNX, or it is too large.
    """
    held = sum(one.nbytes for one in (*network.parameters(), *network.buffers()))
    if held > _MOST_BYTES:
        raise ExportError(
            f"the network has {held / 2**30:.1f} GiB; one file of ONNX holds 2",
            hint="export a smaller backbone or fewer members",
        )
    example = torch.zeros(2, 3, size, size)  # two: torch takes a single one for a constant
    outputs = [OUTPUT]
    if classes is not None:
        network = _Apart(featured(network, classes), classes).eval()
        outputs.append(FEATURES)
    try:
        with quietly(), torch.inference_mode():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=outputs,
                dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
                verbose=False,
            )
        assert program is not None
        model = program.model_proto
        strip(model)
        onnx.checker.check_model(model, full_check=True)
    except Exception as problem:  # the exporter raises anything on what it cannot express
        raise ExportError(
            f"torch cannot write this network as ONNX: {_first_line(problem)}",
            hint="use the bundle itself, or train another backbone",
        ) from problem
    return bytes(model.SerializeToString(deterministic=True))


class _Apart(nn.Module):
    """A network that tells features, with logits and features as two outputs."""

    def __init__(self, network: nn.Module, classes: int) -> None:
        super().__init__()
        self.network = network
        self.classes = classes

    def forward(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give logits (n, c), and energy and features (n, 1 + d), for planes (n, 3, s, s)."""
        found = self.network(planes)
        return found[:, : self.classes], found[:, self.classes :]


@contextmanager
def quietly() -> Iterator[None]:
    """Keep exporters from telling of their deprecations and of operators that nobody asked for."""
    loud = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(loud)


def strip(model: Any) -> None:
    """Take out all that is said and not computed: stack traces, names of modules, shapes."""
    graph = model.graph
    noted = (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer)
    for part in noted:
        del part.metadata_props[:]
        part.ClearField("doc_string")
    del graph.value_info[:]
    model.producer_name = "papscope"
    model.ClearField("producer_version")


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:200]

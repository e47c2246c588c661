"""The engine that runs exported models on Intel's processors, by OpenVINO; needs no torch.

Takes   a bundle that was exported for OpenVINO
Gives   an `Engine`
Never   imports torch, tells anybody of its use, or answers differently because of the batch size
        or the number of threads

As with onnxruntime, each picture goes through by itself, in one thread: each thread has a stream of
its own, so that streams times threads are the cores asked for and no more.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np

from papscope.bundle import DESCRIPTION, ONNX, Bundle, Description
from papscope.errors import BundleError, SettingError
from papscope.predict.engine import Engine, Features
from papscope.predict.onnx_engine import FEATURES, INPUT, OUTPUT, usable_cores
from papscope.predict.sharing import One, shared_out
from papscope.preprocess import Preprocess, Squares, to_planes
from papscope.scores import Probabilities
from papscope.shape.measures import Measured

# OpenVINO reports its use to its maker, and marks the user's home with a number, as soon as it is
# imported. Where its package for that is missing, it does neither.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None: not to be had
import openvino  # noqa: E402

_ACCURATE = {"INFERENCE_PRECISION_HINT": "f32", "EXECUTION_MODE_HINT": "ACCURACY"}
"""No bfloat16 where the processor has it: answers are those that were proved at export."""


@dataclass(frozen=True, slots=True)
class OpenvinoEngine:
    """An exported model made ready; see `Engine`."""

    requests: SimpleQueue[Any]
    """OpenVINO's, those that are free: each works on one picture at a time."""
    settings: Preprocess
    workers: int
    """How many pictures are worked on at once."""

    @property
    def at_once(self) -> int:
        """How many squares keep it busy."""
        return self.workers

    def probabilities(self, squares: Squares) -> Probabilities:
        """Answer for one or more squares (n, s, s, 3), RGB, 0..255, with probabilities (n, c)."""
        return shared_out(self._one, squares, self.workers)[0]

    def featured(
        self, squares: Squares, measures: Measured | None = None
    ) -> tuple[Probabilities, Features | None]:
        """Answer, and tell the features; measures are not heard. See `FeaturingEngine`."""
        del measures
        return shared_out(self._one, squares, self.workers)

    def _one(self, square: Squares) -> One:
        planes = to_planes(square, self.settings)
        request = self.requests.get()
        try:
            logits, *told = request.infer({INPUT: planes}).to_tuple()
            features = np.array(told[0], dtype=np.float32) if told else None
            return np.array(logits, dtype=np.float64), features
        finally:
            self.requests.put(request)


def openvino_engine(bundle: Bundle, *, device: str = "auto", threads: int = 0) -> Engine:
    """Make an exported model ready.

    Args:
        bundle: the model.
        device: `auto` or `cpu`, which here are the same.
        threads: of the processor; 0 takes one for each core that this process may use.

    Raises:
        BundleError: the model cannot be read, or does not go with what the bundle says of it.
        SettingError: another device is asked for.
    """
    if device not in ("auto", "cpu"):
        raise SettingError(
            f"a model exported for OpenVINO runs on the processor, not on {device!r}",
            hint="leave --device out, or use the bundle that it was exported from",
        )
    workers = threads or usable_cores()
    compiled = _compiled(bundle, workers)
    requests: SimpleQueue[Any] = SimpleQueue()
    for _ in range(workers):
        requests.put(compiled.create_infer_request())
    return OpenvinoEngine(requests, bundle.description.preprocess, workers)


def _compiled(bundle: Bundle, workers: int) -> Any:
    side = bundle.description.preprocess.size
    try:
        model = openvino.Core().read_model(bundle.onnx)
        _check(model, bundle.description)
        model.reshape({INPUT: [1, 3, side, side]})
        return openvino.compile_model(
            model,
            "CPU",
            {**_ACCURATE, "NUM_STREAMS": workers, "INFERENCE_NUM_THREADS": workers},
        )
    except RuntimeError as problem:  # all that OpenVINO raises
        why = str(problem).strip().rpartition("\n")[2][:200]
        raise _unlike(f"cannot be read by OpenVINO: {why}") from None


def _check(model: Any, about: Description) -> None:
    """Make sure that a network takes and gives what its bundle says."""
    side = about.preprocess.size
    wanted = [(INPUT, "3", str(side), str(side)), (OUTPUT, str(len(about.classes)))]
    found = [
        (one.any_name, *(str(length) for length in list(one.partial_shape)[1:]))
        for one in (*model.inputs, *model.outputs)
        if one.any_name != FEATURES
    ]
    if found != wanted:
        raise _unlike(f"goes from {found[:1]} to {found[1:]}; {DESCRIPTION} says {wanted}")


def _unlike(why: str) -> BundleError:
    return BundleError(f"{ONNX} {why}", hint="copy the bundle again from where it was made")

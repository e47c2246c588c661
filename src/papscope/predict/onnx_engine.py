"""The engine that runs exported models on the processor, by onnxruntime; needs no torch.

Takes   a bundle that was exported to ONNX
Gives   an `Engine`
Never   imports torch, or answers differently because of the batch size or the number of threads

Each picture goes through by itself, in one thread: several threads take several pictures. Larger
tiles were measured and are hardly quicker, while the answer for one picture would wait for the
filling; and a picture that never has company gets the same bits in any.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import onnxruntime

from papscope.bundle import DESCRIPTION, ONNX, Bundle, Description
from papscope.errors import BundleError, SettingError
from papscope.predict.engine import Engine, Features
from papscope.predict.sharing import One, shared_out
from papscope.preprocess import Preprocess, Squares, to_planes
from papscope.scores import Probabilities
from papscope.shape.measures import Measured

INPUT, OUTPUT, FEATURES = "planes", "logits", "features"
"""What an exported network calls its input (n, 3, s, s) and its outputs: (n, c), and (n, 1 + d) but
for one of an early papscope."""

_ONLY_ERRORS = 3


@dataclass(frozen=True, slots=True)
class OnnxEngine:
    """An exported model made ready; see `Engine`."""

    session: onnxruntime.InferenceSession
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
        logits, *told = self.session.run(None, {INPUT: to_planes(square, self.settings)})
        return np.asarray(logits, dtype=np.float64), told[0] if told else None


def onnx_engine(bundle: Bundle, *, device: str = "auto", threads: int = 0) -> Engine:
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
            f"a model exported to ONNX runs on the processor, not on {device!r}",
            hint="leave --device out, or use the bundle that it was exported from",
        )
    session = _session(bundle)
    _check(session, bundle.description)
    return OnnxEngine(session, bundle.description.preprocess, threads or usable_cores())


def usable_cores() -> int:
    """Count the cores that this process may use.

    >>> 1 <= usable_cores() <= (os.cpu_count() or 1)
    True
    """
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _session(bundle: Bundle) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_ERRORS
    try:
        return onnxruntime.InferenceSession(
            bundle.onnx, options, providers=["CPUExecutionProvider"]
        )
    except Exception as problem:  # its errors have no family but this
        why = str(problem).strip().partition("\n")[0][:200]
        raise _unlike(f"cannot be read: {why}") from None


def _check(session: onnxruntime.InferenceSession, about: Description) -> None:
    """Make sure that a network takes and gives what its bundle says."""
    side = about.preprocess.size
    wanted = [(INPUT, 3, side, side), (OUTPUT, len(about.classes))]
    outputs = [one for one in session.get_outputs() if one.name != FEATURES]
    found = [(one.name, *one.shape[1:]) for one in (*session.get_inputs(), *outputs)]
    if found != wanted:
        raise _unlike(f"goes from {found[:1]} to {found[1:]}; {DESCRIPTION} says {wanted}")


def _unlike(why: str) -> BundleError:
    return BundleError(f"{ONNX} {why}", hint="copy the bundle again from where it was made")

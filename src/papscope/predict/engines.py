"""The engine that a model runs on, by how it is stored.

Takes   a bundle
Gives   an `Engine`
Never   imports torch or OpenVINO for a model that does not need it
"""

from __future__ import annotations

from papscope.bundle import Bundle
from papscope.errors import BundleError, MissingExtra
from papscope.predict.engine import Engine

OPENVINO = "openvino"
"""The engine's name in bundles."""


def engine_for(bundle: Bundle, *, device: str = "auto", threads: int = 0) -> Engine:
    """Make a model ready to answer.

    Args:
        bundle: the model; one that was exported to ONNX runs on onnxruntime or, where it was
            exported for that, on OpenVINO; others run on torch.
        device: `auto` takes the fastest that is there; or `cpu`, `cuda`, `cuda:1`, `mps`.
        threads: of the processor; 0 decides by the machine.

    Raises:
        MissingExtra: the model needs torch or OpenVINO, which is not installed.
        BundleError: what is stored is not what the bundle says, or runs on something unknown.
        SettingError: there is no such device, or the model does not run on it.
    """
    if bundle.onnx is None:
        return _on_torch(bundle, device=device, threads=threads)
    runs_on = bundle.description.engine
    if runs_on == OPENVINO:
        return _on_openvino(bundle, device=device, threads=threads)
    if runs_on:
        raise BundleError(
            f"the model runs on {runs_on!r}, which this papscope does not know",
            hint="update papscope to the release that wrote the bundle",
        )
    from papscope.predict.onnx_engine import onnx_engine

    return onnx_engine(bundle, device=device, threads=threads)


def _on_openvino(bundle: Bundle, *, device: str, threads: int) -> Engine:
    try:
        from papscope.predict.openvino_engine import openvino_engine
    except ModuleNotFoundError as missing:
        if missing.name != OPENVINO:
            raise
        raise MissingExtra(
            "this model was exported for OpenVINO, which the base installation leaves out",
            hint='pip install "papscope[openvino]", or use a bundle exported with --to onnx',
        ) from None
    return openvino_engine(bundle, device=device, threads=threads)


def _on_torch(bundle: Bundle, *, device: str, threads: int) -> Engine:
    try:
        from papscope.predict.torch_engine import torch_engine
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("papscope"):
            raise
        raise MissingExtra(
            f"this model needs {missing.name}, which the base installation leaves out",
            hint='pip install "papscope[train]", or use a bundle that `papscope export` made',
        ) from None
    return torch_engine(bundle, device=device, threads=threads)

"""The engine that a model runs on, by how it is stored.

Takes   a bundle
Gives   an `Engine`
Never   imports torch for a model that does not need it
"""

from __future__ import annotations

from papscope.bundle import Bundle
from papscope.errors import MissingExtra
from papscope.predict.engine import Engine


def engine_for(bundle: Bundle, *, device: str = "auto", threads: int = 0) -> Engine:
    """Make a model ready to answer.

    Args:
        bundle: the model; one that was exported to ONNX runs on onnxruntime, others on torch.
        device: `auto` takes the fastest that is there; or `cpu`, `cuda`, `cuda:1`, `mps`.
        threads: of the processor; 0 decides by the machine.

    Raises:
        MissingExtra: the model needs torch, which is not installed.
        BundleError: what is stored is not what the bundle says.
        SettingError: there is no such device, or the model does not run on it.
    """
    if bundle.onnx is not None:
        from papscope.predict.onnx_engine import onnx_engine

        return onnx_engine(bundle, device=device, threads=threads)
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

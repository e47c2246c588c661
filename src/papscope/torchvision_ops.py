"""Lets torchvision be imported where its compiled half cannot load.

Takes   nothing: importing this module does it
Gives   a torchvision that imports, on any build of torch
Never   touches a torchvision whose compiled half is healthy

A torchvision wheel built for CUDA refuses to import beside a CPU build of torch with "operator
torchvision::nms does not exist", and takes timm, lightning and torchmetrics down with it. Nothing
here needs those operators: classification uses neither boxes nor non-maximum suppression. So their
names are declared, without any code behind them, before torchvision is first imported; to call
one is still an error.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import torch

_NAMES = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, "
    "SymInt pooled_width, int sampling_ratio, bool aligned) -> Tensor",
)

_library: torch.library.Library | None = None


def make_importable() -> bool:
    """Declare torchvision's operators if, and only if, its compiled half cannot load.

    It must run before the first import of torchvision, timm or lightning; so modules that need
    those import this one first. Running it again does nothing.

    Returns:
        Whether the names had to be declared, now or earlier.
    """
    global _library  # noqa: PLW0603 -- torch drops the names when the library object dies
    if _library is None and "torchvision" not in sys.modules and not _compiled_half_loads():
        _library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for signature in _NAMES:
            _library.define(signature)  # type: ignore[no-untyped-call]
    return _library is not None


def _compiled_half_loads() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    folder = Path(spec.origin).parent
    compiled = [*folder.glob("_C*.so"), *folder.glob("_C*.pyd")]
    try:
        for library in compiled:
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return bool(compiled) and hasattr(torch.ops.torchvision, "nms")


make_importable()

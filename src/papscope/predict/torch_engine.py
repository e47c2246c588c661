"""The engine that runs on torch: on the processor, or on a CUDA or Apple GPU.

Takes   a bundle and a device's name
Gives   an `Engine`
Never   trains, or leaves the network in training mode
"""

from __future__ import annotations

from papscope.bundle import Bundle
from papscope.inference import Runner
from papscope.network.assembly import from_bundle
from papscope.network.featured import featured
from papscope.predict.engine import Engine


def torch_engine(bundle: Bundle, *, device: str = "auto", threads: int = 0) -> Engine:
    """Make a bundle's network ready.

    Args:
        bundle: the model.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        threads: of the processor; 0 takes as many as torch would.

    Raises:
        BundleError: the weights are not those of the network that the bundle names.
        SettingError: there is no such device here.
    """
    classes = len(bundle.description.classes)
    network = featured(from_bundle(bundle), classes)
    return Runner.of(network, bundle.description.preprocess, device, threads, classes=classes)

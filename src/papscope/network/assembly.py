"""Any bundle's network, whatever it is composed of.

Takes   a bundle: of one network, of several that vote, or of several whose features are joined
Gives   a `torch.nn.Module` from (n, 3, s, s) planes to (n, c) logits, in evaluation mode
Never   guesses what a bundle of an unknown kind may be

A kind has a module of its own in this package, with `from_bundle(bundle, assemble) -> nn.Module`;
`assemble` builds a part that is described as a bundle is. Orientations are the whole's matter: what
its parts say of them is not heard.
"""

from __future__ import annotations

from importlib import import_module

from torch import nn

from papscope.bundle import Bundle, refuse_exported
from papscope.errors import BundleError
from papscope.network import backbones
from papscope.network.averaging import Oriented

_COMPOSED = {"ensemble": "papscope.network.ensemble", "fusion": "papscope.network.fusion"}
"""Kinds made of parts, and their modules, imported only when the kind occurs."""


def from_bundle(bundle: Bundle) -> nn.Module:
    """Build a bundle's network, in evaluation mode.

    Raises:
        BundleError: the kind is unknown, it was exported, or the weights are not those that the
            bundle names.
    """
    refuse_exported(bundle)
    network = _assembled(bundle)
    return (Oriented(network) if bundle.description.orientations else network).eval()


def _assembled(bundle: Bundle) -> nn.Module:
    kind = bundle.description.kind
    if kind == "single":
        return backbones.from_bundle(bundle)
    if kind not in _COMPOSED:
        raise BundleError(
            f"the bundle is of kind {kind!r}, which this papscope does not know",
            hint="update papscope to the release that wrote it",
        )
    network = import_module(_COMPOSED[kind]).from_bundle(bundle, _assembled)
    assert isinstance(network, nn.Module)
    return network.eval()

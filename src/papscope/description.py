"""What a bundle says of its model, beside the weights.

Takes   classes, preprocessing, and whatever was fitted or measured
Gives   a frozen `Description`, and the content of `bundle.json`
Never   reads or writes a file, or knows what the parts mean to those who fitted them
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from papscope.preprocess import Preprocess
from papscope.taxonomy import CellClass

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a bundle says of its model."""

    classes: tuple[CellClass, ...]
    """In the order of the network's outputs."""
    preprocess: Preprocess
    backbone: str
    """timm's name of the network, or what a network of several is in few words."""
    network: Mapping[str, Any] = field(default_factory=dict)
    """What else the network is built with: dropout, orientations, the parts of a composed one."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Data and their digests, licence and citation, split protocol, recipe, versions."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What was measured, on what, with intervals; validation unless it says otherwise."""
    calibration: Mapping[str, Any] = field(default_factory=dict)
    """How probabilities are scaled before anybody sees them; `{}` leaves them as they are."""
    rules: Mapping[str, Any] = field(default_factory=dict)
    """When it must not decide alone: `sets` and `refer`, as `rules.Rules` reads them; `{}` none."""
    gate: Mapping[str, Any] = field(default_factory=dict)
    """What counts as unlike anything seen, as `gate.Gate` reads it; `{}` lets everything pass."""
    engine: str = ""
    """What an exported network was proved on and runs on: `openvino`; empty for onnxruntime."""

    @property
    def kind(self) -> str:
        """How the network is composed: `single`, or of which kind of several."""
        return str(self.network.get("kind", "single"))

    @property
    def orientations(self) -> bool:
        """Whether an answer is the mean over the eight orientations of the square."""
        return bool(self.network.get("orientations", False))

    def to_json(self, files: Mapping[str, str]) -> dict[str, Any]:
        """Give the content of `bundle.json`; what is not calibrated does not speak of it.

        Args:
            files: the SHA-256 of each file that it vouches for.
        """
        scaled = {"calibration": dict(self.calibration)} if self.calibration else {}
        ruled = {"rules": dict(self.rules)} if self.rules else {}
        gated = {"gate": dict(self.gate)} if self.gate else {}
        runs_on = {"engine": self.engine} if self.engine else {}
        return {
            **scaled,
            **ruled,
            **gated,
            **runs_on,
            "papscope": "bundle",
            "format": FORMAT,
            "classes": [one.to_json() for one in self.classes],
            "preprocess": self.preprocess.to_json(),
            "backbone": self.backbone,
            "network": dict(self.network),
            "provenance": dict(self.provenance),
            "metrics": dict(self.metrics),
            "files": dict(files),
            "intended_use": "research only; not a medical device; labels of cells, not a diagnosis",
        }

"""Who is in training, validation and test: decided once, by group, and written down.

Takes   a manifest and a protocol
Gives   a frozen `Split`, or a file of it; the same bytes from the same seed on any system
Never   moves an image, or divides a group without stamping what is made from it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

By = Literal["group", "strict", "image", "given"]

LEAKS = "leaks: cells of one slide on both sides"
"""Stamped on all that is made from a split by image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How images were divided; every later output tells it."""

    by: By
    seed: int
    shares: Mapping[str, float]
    """Part to wanted share; `{}` for folds."""
    folds: int = 0
    """Number of folds; 0 for a single division."""
    fold: int | None = None
    """Which fold is the test set here; None for a single division, or before one is chosen."""
    leaks: str | None = None
    """`LEAKS`, or None where no group is divided."""
    group_is: str = "group"

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form that splits, bundles and scores carry."""
        return {
            "by": self.by,
            "seed": self.seed,
            "shares": dict(self.shares),
            "folds": self.folds,
            "fold": self.fold,
            "leaks": self.leaks,
            "group_is": self.group_is,
        }


@dataclass(frozen=True, slots=True)
class Split:
    """The part of each image."""

    protocol: Protocol
    part_of: Mapping[str, str]
    """Row id to `train`, `val` or `test`; to `0`, `1`, ... where there are folds."""
    manifest_sha256: str
    """Of the manifest that was divided."""

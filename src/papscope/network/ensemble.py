"""Several networks that answer together.

Takes   a bundle of kind `ensemble`, whose tensors begin with `members.0.`, `members.1.` ...
Gives   one `torch.nn.Module`, whose answer is the mean of its members' probabilities
Never   weighs one member more than another
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import nn

from papscope.bundle import Bundle
from papscope.errors import BundleError
from papscope.network.averaging import log_mean


class Ensemble(nn.Module):
    """Networks for the same classes and the same planes."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Give logits (n, c) for planes (n, 3, s, s)."""
        return log_mean(torch.stack([member(planes) for member in self.members]))


def from_bundle(bundle: Bundle, assemble: Callable[[Bundle], nn.Module]) -> nn.Module:
    """Build an ensemble, each member by what builds a bundle of its own.

    Raises:
        BundleError: it names no member, or tensors are not those of the members it names.
    """
    return Ensemble([assemble(member) for member in members_of(bundle)])


def members_of(bundle: Bundle) -> tuple[Bundle, ...]:
    """Take an ensemble apart, each member as if it were a bundle.

    Raises:
        BundleError: it names no member, or holds tensors of none.
    """
    about = bundle.description
    told = about.network.get("members")
    if not isinstance(told, list) or not told:
        raise _unlike("it names no member")
    left = set(bundle.tensors)
    found = []
    for place, member in enumerate(told):
        start = f"members.{place}."
        own = {name: value for name, value in bundle.tensors.items() if name.startswith(start)}
        left -= own.keys()
        try:
            description = replace(about, backbone=member["backbone"], network=member["network"])
        except (KeyError, TypeError):
            raise _unlike(f"member {place} is not described") from None
        tensors = {name.removeprefix(start): value for name, value in own.items()}
        found.append(Bundle(description, tensors, bundle.digest))
    if left:
        raise _unlike(f"{min(left)} is no member's")
    return tuple(found)


def _unlike(why: str) -> BundleError:
    return BundleError(
        f"the weights are not those of the ensemble: {why}",
        hint="copy the bundle again from where it was made",
    )

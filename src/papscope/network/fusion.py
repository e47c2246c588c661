"""Features of several networks, joined, and what answers for them: one network.

Takes   a bundle of kind `fusion`, whose tensors begin with `blocks.0.`, ..., `plain.`, `shaped.`
Gives   one `torch.nn.Module` from planes (n, 3, s, s), and measured cells (n, k), to logits (n, c)
Never   fits anything (that is `fusing`), or needs what did

A picture whose cell was measured from a mask is answered for by the head `shaped`, one without by
the head `plain`, which was fitted without measures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from papscope.bundle import Bundle
from papscope.errors import BundleError, SettingError
from papscope.network.heads import head_from
from papscope.network.trunks import build_trunk
from papscope.shape.measures import NAMES


class Fusion(nn.Module):
    """Trunks side by side below one head, or two."""

    def __init__(
        self, blocks: Sequence[nn.Module], plain: nn.Module, shaped: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.plain = plain
        self.shaped = shaped

    def forward(self, planes: torch.Tensor, measured: torch.Tensor | None = None) -> torch.Tensor:
        """Give logits.

        Args:
            planes: (n, 3, s, s).
            measured: (n, k), a cell's measures; NaN in a row where it was not measured.

        Returns:
            (n, c).
        """
        return self.answer(self.features(planes), measured)

    def features(self, planes: torch.Tensor) -> torch.Tensor:
        """Give the joined features (n, d) of planes (n, 3, s, s)."""
        return torch.cat([block(planes) for block in self.blocks], 1)

    def answer(self, features: torch.Tensor, measured: torch.Tensor | None = None) -> torch.Tensor:
        """Give logits (n, c) for joined features (n, d) and measures, as `forward` takes them."""
        logits: torch.Tensor = self.plain(features)
        if measured is None or self.shaped is None:
            return logits
        without = torch.isnan(measured).any(1, keepdim=True)
        whole = torch.cat([features, torch.nan_to_num(measured)], 1)
        return torch.where(without, logits, self.shaped(whole))


def from_bundle(bundle: Bundle, _: Callable[[Bundle], nn.Module]) -> nn.Module:
    """Build a fused model.

    Raises:
        BundleError: its parts are not described, or tensors are not those of these parts.
    """
    about, size = bundle.description.network, bundle.description.preprocess.size
    tensors = {name: torch.from_numpy(value.copy()) for name, value in bundle.tensors.items()}

    def below(start: str) -> dict[str, torch.Tensor]:
        return {
            name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)
        }

    if tuple(about.get("shape", NAMES)) != NAMES:
        raise BundleError(
            "the model asks for other measures of cells than this papscope takes",
            hint="use the papscope release that wrote the bundle",
        )
    try:
        blocks = [
            build_trunk(
                told["backbone"],
                told["layer"],
                told["pool"],
                below(f"blocks.{place}.network."),
                size=size,
            )
            for place, told in enumerate(about["blocks"])
        ]
        heads = {
            name: head_from(words, below(f"{name}.")) for name, words in about["heads"].items()
        }
        network = Fusion(blocks, **heads).eval()
        _try(network, size, len(about.get("shape", ())))
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError, SettingError) as wrong:
        raise BundleError(
            f"the fused model is not what its description says: {str(wrong)[:200]}",
            hint="copy the bundle again from where it was made",
        ) from None
    return network


def _try(network: Fusion, size: int, measures: int) -> None:
    """Show it one picture: only then it is certain that all tensors fit each other."""
    with torch.inference_mode():
        network(torch.zeros(1, 3, size, size), torch.zeros(1, measures) if measures else None)

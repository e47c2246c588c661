"""Other stain, as another laboratory or another bottle of dye would give it.

Takes   a batch of pictures, and by how much each of three stains changes
Gives   the batch restained
Never   needs to know how a picture was stained

Optical density is split into haematoxylin, eosin and a third stain (A. Ruifrok and D. Johnston,
Anal. Quant. Cytol. Histol. 23 (2001), 291-299), each is multiplied and shifted, and all are put
together again (D. Tellez et al., IEEE Trans. Med. Imaging 37 (2018), 2126-2136; Med. Image Anal.
58 (2019), 101544). Papanicolaou's stain has other dyes than that matrix; here it only serves as
axes along which colours change as dyes make them change, and no change leaves a picture as it is.
"""

from __future__ import annotations

from math import log

import torch

from papscope.augment.draws import both_ways

_STAINS = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
"""Optical densities of haematoxylin, eosin and DAB in red, green, blue; table 1 of the source."""


def stained(pictures: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Restain each picture at random.

    Args:
        pictures: (n, 3, s, s), 0..255.
        strength: each stain is multiplied by 1 - strength to 1 + strength, and optical density of
            up to strength is added or taken away; 0.05 is light, 0.2 strong.
        generator: on the processor.

    Returns:
        (n, 3, s, s); may reach beyond 0..255.
    """
    gain = 1 + strength * both_ways(pictures, (3,), generator)
    return restained(pictures, gain, strength * both_ways(pictures, (3,), generator))


def restained(pictures: torch.Tensor, gain: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Multiply and shift the three stains of each picture.

    Args:
        pictures: (n, 3, h, w), 0..255.
        gain: (n, 3), on haematoxylin, eosin and the third stain; 1 changes nothing.
        shift: (n, 3), added, as decadic optical density; 0 changes nothing.

    Returns:
        (n, 3, h, w); may reach beyond 0..255.
    """
    stains = torch.tensor(_STAINS, device=pictures.device).T
    with torch.autocast(pictures.device.type, enabled=False):  # half precision shows as bands
        change = stains @ torch.diag_embed(gain) @ torch.linalg.inv(stains)
        light = torch.log((pictures.flatten(2) + 1) / 256)  # plus 1: black has no logarithm
        more = log(10) * (stains @ shift[:, :, None])
        return (256 * torch.exp(torch.bmm(change, light) - more) - 1).view_as(pictures)

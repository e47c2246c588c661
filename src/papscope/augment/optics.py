"""What another microscope and another file format do: pictures out of focus, and JPEG.

Takes   a batch of pictures and a random generator
Gives   the batch blurred or compressed, each picture by its own numbers
Never   writes a file: compression is done in memory
"""

from __future__ import annotations

import io
from math import ceil

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from papscope.augment.draws import between
from papscope.image import Pixels

_SHARPEST = 1e-3  # px; a kernel of this width is a single point, and dividing by it is safe


def blurred(pictures: torch.Tensor, largest: float, generator: torch.Generator) -> torch.Tensor:
    """Blur each picture by a Gaussian.

    Args:
        pictures: (n, 3, s, s).
        largest: standard deviation, in pixels; each picture's is drawn from 0 to this.
        generator: on the processor.

    Returns:
        (n, 3, s, s); borders are mirrored.
    """
    n, channels, height, width = pictures.shape
    sigma = between(pictures, 0.0, largest, generator).view(-1, 1).clamp(min=_SHARPEST)
    reach = min(ceil(3 * largest), min(height, width) - 1)
    offsets = torch.arange(-reach, reach + 1, device=pictures.device)
    bells = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernels = (bells / bells.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = pictures.reshape(1, n * channels, height, width)
    flat = functional.pad(flat, (reach, reach, reach, reach), mode="reflect")
    with torch.autocast(pictures.device.type, enabled=False):  # half precision has 256 steps
        flat = functional.conv2d(flat, kernels[:, None, None, :], groups=n * channels)
        flat = functional.conv2d(flat, kernels[:, None, :, None], groups=n * channels)
    return flat.view_as(pictures)


def compressed(pictures: torch.Tensor, most: float, generator: torch.Generator) -> torch.Tensor:
    """Save each picture as JPEG, and read it again.

    Args:
        pictures: (n, 3, s, s), 0..255; rounded to whole numbers.
        most: quality lost of 100, as a share; each picture's loss is drawn from 0 to this.
        generator: on the processor.

    Returns:
        (n, 3, s, s), 0..255, whole numbers.
    """
    qualities = 100 * (1 - between(pictures, 0.0, most, generator))
    pixels = pictures.clamp(0, 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    pairs = zip(pixels, qualities.flatten().tolist(), strict=True)
    again = np.stack([_through_jpeg(one, max(1, round(quality))) for one, quality in pairs])
    return torch.from_numpy(again).permute(0, 3, 1, 2).to(pictures)


def _through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "JPEG", quality=quality)
    with Image.open(held) as picture:
        return np.asarray(picture)

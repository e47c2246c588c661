"""Whether a picture can show a cell at all: blank, out of focus, or burnt out.

Takes   pixels
Gives   three measures, the faults they amount to, and a refusal of what shows nothing
Never   opens a file, judges a specimen's adequacy, or learns its limits from the user's images

The same numbers serve `papscope check` and prediction: what one throws out the other refuses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageStat

from papscope.errors import ImageError
from papscope.image import Pixels

WORKING_SIDE = 64
"""The longer side, in pixels, at which a picture is measured; a smaller one is never enlarged.

Shrinking to one size makes blur comparable between cameras, and enlarging would itself be blur.
"""


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured on one picture."""

    spread: float
    """Standard deviation of the most varied colour channel at the working size, 0..127.5."""
    sharpness: float
    """Variance of the Laplacian over the mean squared gradient (central differences), >= 0.

    A Gaussian blur of s pixels lets it fall as 1 / s^2, whatever the picture's contrast is.
    """
    clipped: float
    """Share of pixels whose three channels all touch one end of the range, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where a measure becomes a fault; `docs/reference/findings.md` has the shares measured."""

    spread: float = 4.0
    """Less is blank. Genuine cells start at 8.8, sensor noise on an empty field ends near 3."""
    sharpness: float = 0.42
    """Less is blurred. All Herlev and CRIC cells lie above; a blur of 6 px in 200 lies below."""
    clipped: float = 0.55
    """More is saturated. White background of genuine cells takes up to about half a picture."""

    def __post_init__(self) -> None:
        if not 0 <= self.spread < 128 or self.sharpness < 0 or not 0 <= self.clipped <= 1:
            raise ValueError(f"thresholds {self} are out of range")


DEFAULT = Thresholds()


def measure(pixels: Pixels) -> Quality:
    """Measure spread, sharpness and clipping.

    The variance of the Laplacian as a measure of focus: J. L. Pech-Pacheco and others, ICPR 2000,
    volume 3, 314-317; here over the gradient's energy, so that a pale cell is not called blurred.

    Args:
        pixels: (h, w, 3), RGB, 0..255.

    >>> stripes = np.zeros((32, 32, 3), dtype=np.uint8)
    >>> stripes[:, ::4] = 200
    >>> found = measure(stripes)
    >>> round(found.spread, 1), found.sharpness > 1, found.clipped
    (86.6, True, 0.75)
    """
    picture = Image.fromarray(pixels)
    grey = np.asarray(_shrunk(picture.convert("L").convert("F")), dtype=np.float32)
    return Quality(_spread(picture), _sharpness(grey), _clipped(pixels))


def _spread(picture: Image.Image) -> float:
    return float(max(ImageStat.Stat(_shrunk(picture)).stddev))


def _clipped(pixels: Pixels) -> float:
    """Give the share of pixels at one end of the range; channel by channel, which is fastest."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    least = np.minimum(np.minimum(red, green), blue)
    most = np.maximum(np.maximum(red, green), blue)
    return float(((least >= 254) | (most <= 1)).mean())


def _shrunk(picture: Image.Image) -> Image.Image:
    scale = WORKING_SIDE / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(8, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)


def _sharpness(grey: npt.NDArray[np.float32]) -> float:
    """Compare second differences with first ones; 0 where there is nothing to compare."""
    middle, left, right = grey[1:-1, 1:-1], grey[1:-1, :-2], grey[1:-1, 2:]
    above, below = grey[:-2, 1:-1], grey[2:, 1:-1]
    if middle.size == 0:
        return 0.0
    slopes = ((right - left) ** 2 + (below - above) ** 2) / 4
    energy = float(slopes.mean())
    laplacian = 4 * middle - left - right - above - below
    return float(laplacian.var()) / energy if energy > 1e-6 else 0.0


def faults(quality: Quality, thresholds: Thresholds = DEFAULT) -> tuple[str, ...]:
    """Name a picture's faults: `blank`, `blurred`, `saturated`, in this order.

    A blank picture is not called blurred as well: there is nothing in it to be sharp.

    >>> faults(Quality(spread=1.0, sharpness=0.0, clipped=1.0))
    ('blank', 'saturated')
    """
    blank = quality.spread < thresholds.spread
    found = {
        "blank": blank,
        "blurred": not blank and quality.sharpness < thresholds.sharpness,
        "saturated": quality.clipped > thresholds.clipped,
    }
    return tuple(code for code, is_so in found.items() if is_so)


def refuse(pixels: Pixels, where: str, thresholds: Thresholds = DEFAULT) -> None:
    """Refuse a picture that shows nothing; one that is only blurred or saturated passes.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
        where: what to call the picture in the error.
        thresholds: the limits; those of `papscope check` by default.

    Raises:
        ImageError: the picture is blank; its reason is `blank`.
    """
    if _spread(Image.fromarray(pixels)) < thresholds.spread:
        raise ImageError(
            f"{where} is blank: its colours hardly differ",
            hint="give a picture that shows a cell",
            reason="blank",
        )

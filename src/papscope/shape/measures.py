"""A cell in numbers: how large, of what form, colour and texture.

Takes   a picture and where its nucleus and cytoplasm lie
Gives   one number for each of `NAMES`
Never   makes up a number: a cell without a nucleus or cytoplasm is not measured

Turning or mirroring a picture leaves the numbers as they are, but for rounding. Areas are in pixels
of the picture as it came; all else is a ratio or an intensity and does not depend on the scale.
Form factor: 4 pi area / perimeter^2. Optical density: -log10((I + 1) / 256), Beer-Lambert.
Texture: Haralick, Shanmugam, Dinstein, IEEE Trans. SMC 3(6), 1973, of the nucleus's mean density.
"""

from __future__ import annotations

from math import hypot, log, pi, sqrt
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.errors import MissingExtra
from papscope.image import Pixels
from papscope.shape.regions import CYTOPLASM, NUCLEUS, Regions

Measured: TypeAlias = npt.NDArray[np.float32]
"""(k,) or (n, k), in the order of `NAMES`; NaN where a cell is not measured."""

_FORM = ("eccentricity", "solidity", "form_factor", "aspect")
_TEXTURE = ("contrast", "homogeneity", "energy")
_SHADES = ("red", "green", "blue", "density")

NAMES: tuple[str, ...] = (
    "nucleus_log_area",
    "cell_log_area",
    "nucleus_to_cell",
    "nucleus_offset",
    *(f"{part}_{name}" for part in ("nucleus", "cell") for name in _FORM),
    *(
        f"{part}_{kind}_{shade}"
        for part in ("nucleus", "cytoplasm")
        for kind in ("mean", "spread")
        for shade in _SHADES
    ),
    "density_difference",
    *(f"nucleus_{name}" for name in _TEXTURE),
)
"""What is measured, in order."""

_LEVELS = 16
"""Grey levels of the texture, from no density to `_DARKEST`."""
_DARKEST = 1.2
_LEAST = 20
"""A nucleus or cytoplasm of fewer pixels is none."""


def not_measured() -> Measured:
    """Give what stands for a cell that is not measured."""
    return np.full(len(NAMES), np.nan, dtype=np.float32)


def measure(pixels: Pixels, regions: Regions) -> Measured:
    """Measure a cell.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
        regions: (h, w), where its nucleus and cytoplasm lie; of several, the largest counts.

    Returns:
        (k,); all NaN where there is no nucleus or no cytoplasm.

    Raises:
        MissingExtra: scikit-image is not installed.
    """
    nucleus, cell = _largest(regions == NUCLEUS), _largest(regions >= CYTOPLASM)
    cytoplasm = cell & (regions == CYTOPLASM)
    if min(nucleus.sum(), cytoplasm.sum()) < _LEAST:
        return not_measured()
    inner, outer = _properties(nucleus), _properties(cell)
    offset = hypot(*(a - b for a, b in zip(inner.centroid, outer.centroid, strict=True)))
    density = _density(pixels)
    shades = [_shades(pixels, density, part) for part in (nucleus, cytoplasm)]
    values = [
        log(inner.area),
        log(outer.area),
        inner.area / outer.area,
        offset / sqrt(outer.area / pi),
        *_form(inner),
        *_form(outer),
        *shades[0],
        *shades[1],
        float(density[nucleus].mean() - density[cytoplasm].mean()),
        *_texture(density, nucleus),
    ]
    return np.array(values, dtype=np.float32)


def _skimage() -> Any:
    try:
        from skimage import feature, measure
    except ModuleNotFoundError:
        raise MissingExtra(
            "measuring cells needs scikit-image, which the base installation leaves out",
            hint='pip install "papscope[train]"',
        ) from None
    return feature, measure


def _largest(where: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    _, measuring = _skimage()
    labels = measuring.label(where)
    sizes = np.bincount(labels.ravel())[1:]
    return np.asarray(labels == 1 + int(np.argmax(sizes)) if len(sizes) else where, dtype=np.bool_)


def _properties(where: npt.NDArray[np.bool_]) -> Any:
    _, measuring = _skimage()
    return measuring.regionprops(where.astype(np.uint8))[0]


def _form(region: Any) -> list[float]:
    factor = 4 * pi * region.area / max(region.perimeter, 1.0) ** 2
    aspect = region.axis_minor_length / max(region.axis_major_length, 1.0)
    return [float(region.eccentricity), float(region.solidity), float(factor), float(aspect)]


def _density(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Give the mean optical density of the three channels, (h, w)."""
    return np.asarray(-np.log10((pixels.astype(np.float64) + 1) / 256).mean(axis=2))


def _shades(
    pixels: Pixels, density: npt.NDArray[np.float64], where: npt.NDArray[np.bool_]
) -> list[float]:
    inside = np.column_stack([pixels[where] / 255.0, density[where]])
    return [*inside.mean(axis=0).tolist(), *inside.std(axis=0).tolist()]


def _texture(density: npt.NDArray[np.float64], where: npt.NDArray[np.bool_]) -> list[float]:
    """Give the texture over pairs of neighbours that both lie in the nucleus, in four directions.

    Directions are added up, so that turning the picture changes nothing.
    """
    feature, _ = _skimage()
    levels = 1 + np.clip(density / _DARKEST * _LEVELS, 0, _LEVELS - 1).astype(np.uint8)
    inside = np.where(where, levels, 0).astype(np.uint8)
    angles = [0, pi / 4, pi / 2, 3 * pi / 4]
    pairs = feature.graycomatrix(inside, [1], angles, levels=_LEVELS + 1, symmetric=True)
    # Level 0 is what lies outside: pairs with it are left out.
    own = pairs[1:, 1:].sum(axis=3, keepdims=True).astype(np.float64)
    own /= max(own.sum(), 1.0)
    return [float(feature.graycoprops(own, name)[0, 0]) for name in _TEXTURE]

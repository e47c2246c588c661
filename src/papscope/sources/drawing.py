"""Draw cells into a field of view by letting light through dyes.

Takes   a cell's look, a place, a slide's stain, and a random stream
Gives   a field of optical densities, then RGB pixels, and the outlines of what was drawn
Never   writes a file or knows what a class is

Light that passes a dye of density d is weakened to 10^-d (Beer and Lambert), so cells that lie on
each other darken each other as on a slide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from papscope.image import Pixels
from papscope.sources.looks import Look

Floats: TypeAlias = npt.NDArray[np.floating]

Outline: TypeAlias = Floats
"""(p, 2), x and y in pixels from the top left corner, not closed."""

POINTS = 72
_TURN = np.linspace(-np.pi, np.pi, POINTS, endpoint=False)

# Densities in red, green and blue: haematoxylin, eosin, orange G, light green.
_DYES = np.array([[0.85, 0.95, 0.55], [0.10, 0.85, 0.60], [0.06, 0.55, 1.10], [0.95, 0.45, 0.40]])


@dataclass(frozen=True, slots=True)
class Slide:
    """How one slide was stained and photographed."""

    dyes: Floats
    """(4, 3): densities in red, green, blue of haematoxylin, eosin, orange G, light green."""
    light: Floats
    """(3,): RGB of an empty place, 0..255."""
    eosin: float
    """Added to every cell's share of pink."""
    blur_px: float
    """Standard deviation of the blur, in pixels."""
    noise: float
    """Standard deviation of the camera's noise, in grey levels."""

    @classmethod
    def stained(
        cls, rng: np.random.Generator, variation: float, blur_px: float, noise: float
    ) -> Slide:
        """Stain a slide by chance.

        Args:
            rng: the slide's own random stream.
            variation: how much slides differ; 0 makes all alike, 1 as much as laboratories do.
            blur_px: the mean blur; slides are in focus to different degrees.
            noise: the mean noise.
        """
        strength = np.exp(rng.normal(0, 0.16 * variation, (4, 1)))
        tint = np.exp(rng.normal(0, 0.10 * variation, (4, 3)))
        lamp = rng.normal(226, 12 * variation) + rng.normal([0, -1, 3], 5 * variation)
        light = np.clip(lamp, 150, 250)
        eosin = float(rng.normal(0, 0.16 * variation))
        return cls(
            _DYES * strength * tint,
            light,
            eosin,
            blur_px * float(rng.uniform(0.5, 1.5)),
            noise * float(rng.uniform(0.6, 1.4)),
        )


@dataclass(frozen=True, slots=True)
class Drawn:
    """The outlines of a cell in its field."""

    cell: Outline
    nucleus: Outline
    """Of the first nucleus, where there are two."""


class Field:
    """A field of view into which cells are drawn one after the other."""

    def __init__(self, width: int, height: int, slide: Slide, rng: np.random.Generator) -> None:
        self._slide = slide
        self._rng = rng
        self._density = np.zeros((height, width, 3), np.float32)
        self._coarse = _grain(rng, (height, width), 5.0)
        self._fine = _grain(rng, (height, width), 1.1)
        mucus = np.clip(_grain(rng, (height, width), 14.0) - 0.6, 0, None)
        self._density += 0.03 * mucus[:, :, None] * slide.dyes[3]

    def cell(self, look: Look, centre: tuple[float, float], unit_px: float) -> Drawn:
        """Draw one cell.

        Args:
            look: its look.
            centre: x and y, in pixels; may lie outside, and then a part is seen.
            unit_px: the pixels that stand for a radius of 1.
        """
        rng = self._rng
        radius = look.radius * unit_px
        body = _outline(rng, radius, look.stretch, look.corners, look.ragged)
        away = rng.uniform(0, 2 * np.pi)
        step = look.offset * radius * float(rng.uniform(0.3, 1.0))
        middle = (centre[0] + step * np.cos(away), centre[1] + step * np.sin(away))
        share = max(look.nucleus * radius, 2.0)
        seed = _outline(rng, share, look.nucleus_stretch, 0.1, 0.03 + 0.03 * look.chromatin)
        nuclei = [(middle, seed)]
        if rng.random() < look.second:
            apart = share * float(rng.uniform(1.3, 2.0))
            turn = rng.uniform(0, 2 * np.pi)
            twin = (middle[0] + apart * np.cos(turn), middle[1] + apart * np.sin(turn))
            nuclei.append((twin, _outline(rng, 0.9 * share, look.nucleus_stretch, 0.1, 0.04)))
        self._cytoplasm(look, centre, body, (middle, share))
        for place, shape in nuclei:
            self._nucleus(look, place, shape)
        return Drawn(_points(centre, body), _points(middle, seed))

    def leukocyte(self, centre: tuple[float, float], radius: float) -> None:
        """Draw an inflammatory cell: two or three small dark lobes."""
        for _ in range(int(self._rng.integers(2, 4))):
            shift = self._rng.normal(0, 0.7 * radius, 2)
            place = (centre[0] + float(shift[0]), centre[1] + float(shift[1]))
            inside, window = self._shade(place, _outline(self._rng, radius, 1.2, 0.0, 0.05), 0.8)
            self._density[window] += inside[:, :, None] * 0.8 * self._slide.dyes[0]

    def photograph(self) -> Pixels:
        """Give the field as the camera sees it: lit unevenly, blurred, noisy.

        Returns:
            (h, w, 3), RGB, 0..255.
        """
        height, width = self._density.shape[:2]
        tilt = self._rng.uniform(-0.05, 0.05, 2)
        rows = np.linspace(-1, 1, height)[:, None]
        columns = np.linspace(-1, 1, width)[None, :]
        lamp = (1 + tilt[0] * rows + tilt[1] * columns)[:, :, None] * self._slide.light
        seen = np.asarray(lamp, np.float32) * np.exp(-np.log(np.float32(10)) * self._density)
        seen = ndimage.gaussian_filter(seen, (self._slide.blur_px, self._slide.blur_px, 0))
        seen += self._slide.noise * self._rng.standard_normal(seen.shape, np.float32)
        pixels: Pixels = np.clip(np.rint(seen), 0, 255).astype(np.uint8)
        return pixels

    def _cytoplasm(
        self,
        look: Look,
        centre: tuple[float, float],
        body: Floats,
        nucleus: tuple[tuple[float, float], float],
    ) -> None:
        inside, window = self._shade(centre, body, 1.0)
        if inside.size == 0:
            return
        far, limit = self._polar(centre, window, body)
        fold = look.corners * np.exp(-(((limit - far - 1.5) / 1.3) ** 2))
        thick = 1 + 0.16 * self._coarse[window] + 0.07 * self._fine[window] + 0.35 * fold
        away, _ = self._polar(nucleus[0], window)
        edge = nucleus[1] * (1.9 + 0.12 * self._coarse[window])
        rim = np.exp(-(((away - edge - 2.5) / 4.0) ** 2))
        thick *= 1 - 0.8 * look.halo * _soft((edge - away) / 1.5) + 0.45 * look.halo * rim
        amount = np.clip(inside * thick * look.ink, 0, None)
        self._density[window] += amount[:, :, None] * self._colour(look, window)

    def _colour(self, look: Look, window: tuple[slice, slice]) -> Floats:
        """Give the density of a cytoplasm's dyes in red, green, blue, at each pixel.

        A cell takes up mostly eosin or mostly green, and not the same everywhere.
        """
        pink = np.clip(look.eosin + self._slide.eosin + 0.07 * self._coarse[window], 0.02, 0.98)
        pink = pink**2 / (pink**2 + (1 - pink) ** 2)
        keratin = min(1.0, 1.3 * look.orange)
        dyes = (
            np.full_like(pink, 0.06),
            pink * (1 - keratin),
            np.full_like(pink, keratin),
            (1 - pink) * (1 - keratin),
        )
        return np.asarray(np.stack(dyes, axis=-1) @ self._slide.dyes)

    def _nucleus(self, look: Look, place: tuple[float, float], shape: Floats) -> None:
        inside, window = self._shade(place, shape, 0.8)
        if inside.size == 0:
            return
        clumps = 1 + 0.45 * look.chromatin * self._fine[window]
        far, limit = self._polar(place, window, shape)
        membrane = 0.25 * np.exp(-(((limit - far - 1.0) / 1.2) ** 2))
        self._density[window] += (inside * look.nucleus_ink * (clumps + membrane))[
            :, :, None
        ] * self._slide.dyes[0]

    def _shade(
        self, centre: tuple[float, float], shape: Floats, soft_px: float
    ) -> tuple[Floats, tuple[slice, slice]]:
        """Give how much of each pixel near a shape lies inside, 0..1, and which pixels."""
        height, width = self._density.shape[:2]
        reach = float(shape.max()) + 4
        window = (
            slice(*np.clip([int(centre[1] - reach), int(centre[1] + reach) + 1], 0, height)),
            slice(*np.clip([int(centre[0] - reach), int(centre[0] + reach) + 1], 0, width)),
        )
        far, limit = self._polar(centre, window, shape)
        return _soft((limit - far) / soft_px), window

    @staticmethod
    def _polar(
        centre: tuple[float, float], window: tuple[slice, slice], shape: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Give each pixel's distance from a centre and a shape's radius in its direction."""
        down = np.arange(window[0].start, window[0].stop)[:, None] - centre[1]
        along = np.arange(window[1].start, window[1].stop)[None, :] - centre[0]
        far = np.hypot(down, along)
        if shape is None:
            return far, far
        limit = np.interp(np.arctan2(down, along), _TURN, shape, period=2 * np.pi)
        return far, np.asarray(limit)


def _grain(rng: np.random.Generator, shape: tuple[int, int], size_px: float) -> Floats:
    """Give a texture with mean 0 and spread 1 whose grains have a size in pixels."""
    white = rng.standard_normal(shape, np.float32)
    grain = ndimage.gaussian_filter(white, size_px, mode="wrap", truncate=2.5)
    return np.asarray((grain - grain.mean()) / max(float(grain.std()), 1e-9))


def _soft(depth: Floats) -> Floats:
    """Turn a depth below an edge into a share of 0..1 that rises smoothly at the edge."""
    return np.asarray(0.5 * (1 + np.tanh(np.clip(depth, -20, 20))))


def _outline(
    rng: np.random.Generator, radius: float, stretch: float, corners: float, ragged: float
) -> Floats:
    """Give a shape's radius, in pixels, in each of the `POINTS` directions."""
    sides = int(rng.integers(5, 9))
    facing = (np.arange(sides) + rng.uniform(-0.3, 0.3, sides)) * 2 * np.pi / sides
    depth = rng.uniform(0.8, 1.1, sides)
    lean = np.maximum(np.cos(_TURN[:, None] - facing[None, :]), 0.15)
    polygon = np.minimum((depth / lean).min(axis=1), 1.5)
    shape = (1 - corners) + corners * polygon / polygon.mean()
    for waves in range(2, 8):
        shape = shape + ragged * rng.normal() / np.sqrt(waves) * np.cos(
            waves * _TURN + rng.uniform(0, 2 * np.pi)
        )
    turned = _TURN - rng.uniform(0, np.pi)
    long = np.sqrt(stretch)
    ellipse = 1 / np.hypot(np.cos(turned) / long, np.sin(turned) * long)
    return np.asarray(np.clip(shape, 0.4, 1.6) * ellipse * radius)


def _points(centre: tuple[float, float], shape: Floats) -> Outline:
    x = centre[0] + shape * np.cos(_TURN)
    y = centre[1] + shape * np.sin(_TURN)
    return np.stack([x, y], axis=1)

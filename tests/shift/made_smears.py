"""Cells drawn for tests of shift: slides differ a little in stain, as slides do."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageFilter

from papscope.files import digest_of
from papscope.image import Pixels
from papscope.manifest import Manifest, Row, write_manifest
from papscope.taxonomy import named

CLASSES = named(["calm", "wild"], abnormal=["wild"])
SIDE = 48


def drawn(rng: np.random.Generator, stain: float, radius: float = 8.0, blur: float = 0.0) -> Pixels:
    """A cell with a round nucleus in the middle; `stain` is added to all grey values."""
    down, along = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    away = np.hypot(down, along)[..., None]
    pixels = np.full((SIDE, SIDE, 3), (225.0, 220.0, 228.0))
    pixels = np.where(away < 20, (150.0, 175.0, 190.0), pixels)
    pixels = np.where(away < radius, (90.0, 60.0, 120.0), pixels)
    pixels = pixels + stain + rng.normal(0, 5, pixels.shape)
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return np.array(picture.filter(ImageFilter.GaussianBlur(blur)) if blur else picture)


def smears(
    folder: Path,
    *,
    slides: int = 12,
    cells: int = 4,
    seed: int = 0,
    darker: float = 0.0,
    blur: float = 0.0,
) -> Path:
    """Write the manifest of some slides of one laboratory, and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows = []
    for slide in range(slides):
        stain = rng.normal(0, 6) - darker
        for cell in range(cells):
            file = folder / f"{slide:02}-{cell}.png"
            radius = 6 + 4 * (cell % 2) + rng.uniform(-0.5, 0.5)
            Image.fromarray(drawn(rng, stain, radius, blur)).save(file)
            label = CLASSES[cell % 2].name
            fixed = (label, "made", SIDE, SIDE, digest_of(file))
            rows.append(Row(file.name, PurePosixPath(file.name), *fixed, group=f"slide {slide}"))
    place = folder / "made.csv"
    whole = Manifest(folder, tuple(rows), "made", CLASSES, "none", "none", group_is="slide")
    write_manifest(place, whole)
    return place

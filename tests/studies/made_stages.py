"""Data sets in their official layouts, made in a second, and settings that train in another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from papscope.cutting import cut
from papscope.importing import import_images
from papscope.manifest import read_manifest, write_manifest
from papscope.seeds import stream
from papscope.sources.herlev import CELLS
from papscope.sources.synthetic import SyntheticSettings, draw
from papscope.split import write_split

QUICK: Mapping[str, str] = {
    "backbone": "test_efficientnet",
    "weights": "none",
    "size": "32",
    "epochs": "1",
    "batch_size": "8",
    "accelerator": "cpu",
    "threads": "1",
}


def made_sipakmed(folder: Path, seed: int = 0) -> Path:
    """Draw one cell on each of three slides a class."""
    draw(folder, SyntheticSettings(slides_per_class=3, cells_per_slide=1, image_size=32), seed)
    return folder


def made_herlev(folder: Path) -> Path:
    """Make one picture in each of three groups a class, all strict groups their own."""
    random = stream(0, "herlev")
    for number, label in enumerate(sorted(CELLS)):
        for group in range(3):
            picture = random.normal(90 + 15 * number, 20, (36, 40, 3)).clip(0, 255)
            path = folder / label / f"{100 * number + group:09}-000000001-001.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.astype(np.uint8)).save(path)
    return folder


def listed(kind: str, images: Path, manifest: Path, seed: int = 0) -> Path:
    """Import a made data set, and split it beside its manifest."""
    made, outlines = import_images(kind, images, allow_partial=True)
    write_manifest(manifest, made, outlines)
    parts = cut(read_manifest(manifest), seed=seed)
    write_split(manifest.with_suffix(".split.csv"), parts)
    return manifest


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)

"""A small data set that can be learnt: two classes of discs, several on a slide."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.seeds import stream
from papscope.taxonomy import CellClass
from papscope.train.settings import TrainSettings

CLASSES = (CellClass("pale", "normal", "NILM", 0), CellClass("dark", "abnormal", "HSIL", 1))


def draw(folder: Path, slides: int = 6, cells: int = 3) -> Manifest:
    """Draw discs of two shades on slides of their own, and list them."""
    random = stream(0, "discs")
    rows = []
    for name, shade in (("pale", 200), ("dark", 60)):
        for slide in range(slides):
            for cell in range(cells):
                picture = random.normal(235, 6, (40, 40, 3))
                y, x = np.mgrid[:40, :40]
                picture[(x - 20) ** 2 + (y - 20) ** 2 < random.integers(60, 200)] = shade
                path = folder / "images" / f"{name}-{slide}-{cell}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path)
                rows.append(
                    Row(
                        id=path.stem,
                        path=PurePosixPath(path.name),
                        label=name,
                        dataset="discs",
                        width=40,
                        height=40,
                        sha256=sha256(path.read_bytes()).hexdigest(),
                        group=f"{name}-{slide}",
                    )
                )
    made = Manifest(folder / "images", tuple(rows), "discs", CLASSES, "none", "nobody")
    write_manifest(folder / "discs.csv", made)
    return read_manifest(folder / "discs.csv")


def quick(**changes: object) -> TrainSettings:
    """Settings that train in a second."""
    known: dict[str, object] = {
        "backbone": "test_efficientnet",
        "weights": "none",
        "size": 32,
        "epochs": 3,
        "batch_size": 6,
        "lr": 3e-3,
        "accelerator": "cpu",
        "threads": 1,
        "seed": 5,
    }
    return TrainSettings(**{**known, **changes})  # type: ignore[arg-type]

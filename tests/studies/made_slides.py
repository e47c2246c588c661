"""Made slides whose cells carry their slide's mark: a random split of them flatters.

Each slide has a colour of its own, and its cells are of one class. What tells the classes apart in
new slides is faint; who has seen a slide's other cells knows them by the colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.seeds import stream
from papscope.taxonomy import CellClass
from papscope.train.settings import TrainSettings

CLASSES = (CellClass("pale", "normal", "NILM", 0), CellClass("dark", "abnormal", "HSIL", 1))


def draw(
    folder: Path,
    slides: Sequence[int] = (6, 6),
    cells: int = 3,
    *,
    shades: tuple[int, int] = (200, 60),
    tell_tale: float = 0.0,
    strict: bool = False,
) -> Manifest:
    """Draw discs on slides and list them.

    Args:
        folder: where.
        slides: of each class.
        cells: on each slide.
        shades: of the two classes' discs; alike, they cannot be told apart.
        tell_tale: how strongly the background shows the slide, 0..1.
        strict: whether two slides each share a strict group.
    """
    random, rows = stream(0, "slides"), []
    for one, shade, number in zip(CLASSES, shades, slides, strict=True):
        for slide in range(number):
            mark = 235 - tell_tale * random.uniform(0, 200, 3)
            for cell in range(cells):
                picture = random.normal(0, 6, (32, 32, 3)) + mark
                y, x = np.mgrid[:32, :32]
                picture[(x - 16) ** 2 + (y - 16) ** 2 < random.integers(40, 120)] = shade
                path = folder / "images" / f"{one.name}-{slide}-{cell}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path)
                rows.append(
                    Row(
                        id=path.stem,
                        path=PurePosixPath(path.name),
                        label=one.name,
                        dataset="discs",
                        width=32,
                        height=32,
                        sha256=sha256(path.read_bytes()).hexdigest(),
                        group=f"{one.name}-{slide}",
                        strict_group=f"{one.name}-pair-{slide // 2}" if strict else None,
                    )
                )
    made = Manifest(folder / "images", tuple(rows), "discs", CLASSES, "none", "nobody")
    write_manifest(folder / "slides.csv", made)
    return read_manifest(folder / "slides.csv")


def quick(**changes: object) -> TrainSettings:
    """Settings that train in less than a second."""
    known: dict[str, object] = {
        "backbone": "test_efficientnet",
        "weights": "none",
        "size": 32,
        "epochs": 2,
        "batch_size": 6,
        "lr": 3e-3,
        "accelerator": "cpu",
        "threads": 1,
        "keep": "last",
    }
    return TrainSettings(**{**known, **changes})  # type: ignore[arg-type]

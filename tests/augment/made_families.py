"""Cells of two classes on slides of their own, some cut from fields, to make more images of."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from papscope.image import Box, Pixels
from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.seeds import stream
from papscope.taxonomy import CellClass

CLASSES = (CellClass("calm", "normal", "NILM", 0), CellClass("odd: a/b", "abnormal", "HSIL", 1))


def cell(name: str, height: int = 36, width: int = 30) -> Pixels:
    """A coloured blob with some grain, like no other name's."""
    random = stream(0, name)
    small = random.integers(40, 220, (5, 5, 3), dtype=np.uint8)
    smooth = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    grain = random.normal(0, 5, (height, width, 3))
    return np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)


def draw(folder: Path, slides: int = 4) -> Manifest:
    """Of one class a whole image with a mask on each slide, of the other two boxes in a field."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for slide in range(slides):
        mask = PurePosixPath("mask.png")
        rows.append(_row(folder, f"calm-{slide}", "calm", f"c{slide}", mask=mask))
        field = _row(folder, f"field-{slide}", "odd: a/b", f"o{slide}", size=(60, 90))
        rows += [
            Row(
                id=f"f{slide}:{number}",
                path=field.path,
                label=field.label,
                dataset="made",
                width=field.width,
                height=field.height,
                sha256=field.sha256,
                box=Box(20 * number - 4, 10, 24, 28),
                group=field.group,
                strict_group="all",
                parent=field.id,
            )
            for number in range(2)
        ]
    made = Manifest(folder / "images", tuple(rows), "made", CLASSES, "CC0", "nobody")
    write_manifest(folder / "m.csv", made, {"calm-0": {"nucleus": [[1.0, 2.0], [3.0, 4.0]]}})
    return read_manifest(folder / "m.csv")


def _row(
    folder: Path,
    name: str,
    label: str,
    group: str,
    *,
    size: tuple[int, int] = (36, 30),
    mask: PurePosixPath | None = None,
) -> Row:
    file = folder / "images" / f"{name}.png"
    Image.fromarray(cell(name, *size)).save(file)
    digest = sha256(file.read_bytes()).hexdigest()
    path = PurePosixPath(file.name)
    return Row(name, path, label, "made", size[1], size[0], digest, group=group, mask=mask)

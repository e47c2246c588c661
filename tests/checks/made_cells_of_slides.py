"""Made pictures for audits of splits: blobs, no two alike, listed as an importer would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from papscope.files import digest_of
from papscope.image import Box
from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.taxonomy import CellClass

CLASSES = (CellClass("calm", "normal", "NILM", 0), CellClass("odd", "abnormal", "HSIL", 1))


def blobs(seed: int, side: int = 64) -> Image.Image:
    """Blobs of colour with some grain, like no other seed's."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(40, 220, (9, 9, 3), dtype=np.uint8))
    smooth = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32)
    grain = rng.normal(0, 8, smooth.shape)
    return Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))


def row(
    root: Path,
    name: str,
    group: str | None,
    *,
    box: Box | None = None,
    strict: str | None = None,
    parent: str | None = None,
    number: int = 0,
) -> Row:
    """What an importer says of a file that is there."""
    with Image.open(root / name) as picture:
        width, height = picture.size
    return Row(
        id=name if box is None and parent is None else f"{name}:{number}",
        path=PurePosixPath(name),
        label=CLASSES[number % 2].name,
        dataset="made",
        width=width,
        height=height,
        sha256=digest_of(root / name),
        box=box,
        group=group,
        strict_group=strict,
        parent=parent,
    )


def listed(root: Path, rows: Sequence[Row], group_is: str = "slide") -> Manifest:
    """Write the rows as a manifest, and read it back."""
    made = Manifest(root, tuple(rows), "made", CLASSES, "none", "nobody", group_is=group_is)
    write_manifest(root / "made.csv", made)
    return read_manifest(root / "made.csv")


def slides(root: Path, slides: int = 4, cells: int = 2, *, grouped: bool = True) -> Manifest:
    """Draw cells of slides, `0-0.png` to `3-1.png`, no two alike."""
    rows = []
    for slide in range(slides):
        for cell in range(cells):
            name = f"{slide}-{cell}.png"
            blobs(slide * 100 + cell).save(root / name)
            group = f"slide {slide}" if grouped else None
            rows.append(row(root, name, group, number=slide))
    return listed(root, rows)


def parts(path: Path, text: str, head: str = "filename,split") -> Path:
    """Write somebody's split, from words such as `0-0.png=train`."""
    lines = (word.replace("=", ",") for word in text.split())
    path.write_text("\n".join([head, *lines]) + "\n")
    return path

"""Cells with masks that can be told apart: by the nucleus's size alone, and by shade as well."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image

from papscope.bundle import Description, write_bundle
from papscope.fusing.settings import FuseSettings
from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.network.backbones import build, tensors_of
from papscope.preprocess import Preprocess
from papscope.seeds import stream
from papscope.taxonomy import CellClass, named

NAMES = ("small", "middle", "large")
SIDE = 48
_RADII = {"small": 5, "middle": 8, "large": 12}
_MASK = {0: (255, 0, 0), 1: (0, 0, 128), 2: (0, 0, 255)}


def regions(radius: float, outer: float = 18) -> np.ndarray:
    """A round nucleus in a round cell."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    apart = np.hypot(x, y)
    return np.asarray(np.where(apart < radius, 2, np.where(apart < outer, 1, 0)), dtype=np.uint8)


def mask_of(where: np.ndarray) -> np.ndarray:
    colours: np.ndarray = np.array([_MASK[one] for one in range(3)], dtype=np.uint8)
    return np.asarray(colours[where])


def picture_of(where: np.ndarray, random: np.random.Generator) -> np.ndarray:
    shades = np.array([(235, 235, 240), (150, 190, 200), (90, 60, 130)])[where]
    noisy = (shades + random.normal(0, 8, shades.shape)).clip(0, 255)
    return np.asarray(noisy, dtype=np.uint8)


def draw(folder: Path, *, slides: int = 6, cells: int = 2, alike: bool = False) -> Manifest:
    """Draw cells of three classes on slides of their own, and list them.

    Where they are alike, the masks alone tell the classes apart.
    """
    random = stream(0, "cells")
    images = folder / "images"
    images.mkdir(parents=True)
    rows = []
    for name in NAMES:
        for slide in range(slides):
            for cell in range(cells):
                where = regions(_RADII[name] + random.uniform(-0.5, 0.5))
                path = images / f"{name}-{slide}-{cell}.png"
                shown = regions(8) if alike else where
                Image.fromarray(picture_of(shown, random)).save(path)
                mask = path.with_name(f"{path.stem}-d.png")
                Image.fromarray(mask_of(where)).save(mask)
                rows.append(
                    Row(
                        id=path.stem,
                        path=PurePosixPath(path.name),
                        label=name,
                        dataset="cells",
                        width=SIDE,
                        height=SIDE,
                        sha256=sha256(path.read_bytes()).hexdigest(),
                        group=f"{name}-{slide}",
                        mask=PurePosixPath(mask.name),
                    )
                )
    made = Manifest(images, tuple(rows), "cells", classes(), "none", "nobody")
    write_manifest(folder / "cells.csv", made)
    return read_manifest(folder / "cells.csv")


def classes() -> tuple[CellClass, ...]:
    return named(NAMES)


def bundled(
    folder: Path,
    backbone: str = "test_resnet",
    *,
    preprocess: Preprocess | None = None,
    of: tuple[CellClass, ...] | None = None,
    orientations: bool = False,
    **provenance: object,
) -> Path:
    """A bundle of a small network with random weights."""
    wanted = preprocess or Preprocess(size=32)
    named_so = of or classes()
    about = Description(
        classes=named_so,
        preprocess=wanted,
        backbone=backbone,
        network={"orientations": True} if orientations else {},
        provenance=provenance,
    )
    torch.manual_seed(1)
    write_bundle(
        folder, about, tensors_of(build(backbone, len(named_so), size=wanted.size)), "made"
    )
    return folder


def asked(*blocks: object, **changes: object) -> FuseSettings:
    """Settings that are quick to fit."""
    known: dict[str, object] = {
        "blocks": tuple(map(str, blocks)),
        "inner_folds": 2,
        "threads": 1,
        "epochs": 2,
        "hidden": 8,
    }
    return FuseSettings(**{**known, **changes})  # type: ignore[arg-type]

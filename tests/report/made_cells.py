"""Made cells and scores for the tests of the report: few lines, drawn on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from papscope.image import Box
from papscope.scores import Scores
from papscope.seeds import stream
from papscope.taxonomy import CellClass, classes_of

THREE = classes_of("mendeley")[:3]
"""Few classes make few pictures, and tests that are quick."""

HISTORY = [
    {"epoch": 1, "train_loss": 1.5, "val_loss": 1.4, "val_macro_f1": 0.3, "val_accuracy": 0.4},
    {"epoch": 2, "train_loss": 0.9, "val_loss": 1.0, "val_macro_f1": 0.7, "val_accuracy": 0.7},
    {"epoch": 3, "train_loss": 0.6, "val_loss": 1.1, "val_macro_f1": 0.6, "val_accuracy": 0.7},
]

PROTOCOL = {
    "by": "group",
    "seed": 7,
    "shares": {"train": 0.6, "val": 0.2, "test": 0.2},
    "folds": 0,
    "fold": None,
    "leaks": None,
    "group_is": "smear",
    "left_out": 0,
}


def draw_cells(root: Path, number: int, side: int = 60) -> None:
    """Draw pictures of a round cell with a nucleus: cell-00.png, cell-01.png, ..."""
    root.mkdir(parents=True, exist_ok=True)
    for place in range(number):
        picture = Image.new("RGB", (side, side), (236, 224, 232))
        pen = ImageDraw.Draw(picture)
        pen.ellipse((6, 6, side - 6, side - 6), fill=(150 + place % 40, 170, 200))
        pen.ellipse((22, 22, side - 22, side - 22), fill=(80, 50, 120))
        picture.save(root / f"cell-{place:02}.png")


def made_scores(
    root: Path | None,
    *,
    number: int = 42,
    classes: tuple[CellClass, ...] | None = None,
    **about: Any,
) -> Scores:
    """Give plausible answers for made cells, three to a group; `about` is what they tell."""
    of = THREE if classes is None else classes
    draw, c = stream(1, "made scores"), len(of)
    truth = np.arange(number) % c
    near = -((truth[:, None] - np.arange(c)[None, :]) ** 2) + draw.normal(0, 1.5, (number, c))
    chances = np.exp(near) / np.exp(near).sum(axis=1, keepdims=True)
    told = dict(about) if root is None else {"root": str(root), **about}
    return Scores(
        ids=tuple(f"cell-{place:02}" for place in range(number)),
        groups=tuple(f"smear-{place // 3}" for place in range(number)),
        truth=truth.astype(np.int64),
        probabilities=chances,
        classes=of,
        paths=tuple(f"cell-{place:02}.png" for place in range(number)),
        boxes=tuple(Box(-5, 0, 40, 50) if place % 5 == 0 else None for place in range(number)),
        about=told,
    )


def told_all(**more: Any) -> dict[str, Any]:
    """Give all that scores may tell of themselves."""
    names = [one.name for one in THREE]
    return {
        "papscope_version": "0.0.9",
        "dataset": "herlev",
        "part": "test",
        "manifest": {
            "name": "Herlev of 2005",
            "sha256": "ab" * 32,
            "licence": "research use",
            "citation": "Jantzen et al., NiSIS 2005",
            "notes": ["counts are partial"],
            "group_is": "smear",
        },
        "protocol": PROTOCOL,
        "counts": {
            "test": dict.fromkeys(names, 6),
            "val": dict.fromkeys(names, 5),
            "train": dict.fromkeys(names, 31),
        },
        "group_counts": {"train": 73, "val": 12, "test": 14},
        "model": {"bundle_sha256": "cd" * 32, "backbone": "resnet50", "parameters": 23522375},
        "training": {"settings": {"epochs": 3, "batch_size": 10}, "history": HISTORY},
        "versions": {"torch": "2.13.0"},
        "command": "papscope evaluate runs/a/bundle herlev.csv",
        **more,
    }

"""How much of a bare training step's speed is left in papscope's training, from files.

The limit is the least that training can be: forward, backward and an optimiser's step over tensors
that are in memory already, batch after batch, nothing else. Beside it papscope trains from image
files as a user would: decoded squares, pictures changed anew for each step, learning rate by
schedule, Lightning's loop, progress. Both take turns in one process; ratios are of neighbours.

    python benchmarks/train.py
    python benchmarks/train.py --backbone tf_efficientnet_lite0 --size 96 --batch-size 32
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import papscope.torchvision_ops  # noqa: F401 -- first: makes timm importable

import torch

from papscope.cutting import cut
from papscope.importing import import_images
from papscope.manifest import Manifest, read_manifest, write_manifest
from papscope.network.backbones import build
from papscope.sources.kinds import ImportOptions
from papscope.sources.synthetic import SyntheticSettings
from papscope.split import Split
from papscope.train.fit import fit
from papscope.train.settings import OnlineSettings, TrainSettings
from papscope.train.trainer import Watch

WARM = 2
"""Steps at the start of each turn that are not timed."""

CHANGES = OnlineSettings(rotation=15, scale=0.15, shift=0.04, contrast=0.2, tint=0.08)


def main() -> None:
    """Take turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", action="append")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=10)
    parser.add_argument("--steps", type=int, default=6, help="timed steps a turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    print(
        f"machine: {platform.processor() or platform.machine()}, {asked.threads} threads, ", end=""
    )
    print(f"torch {torch.__version__}, {asked.size} px, batches of {asked.batch_size}")
    print("\n| network | papscope, images/s | bare step, images/s | ratio (least to most) |")
    print("|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest, split = made(folder, (asked.steps + WARM) * asked.batch_size)
        for backbone in asked.backbone or ["resnet50", "tf_efficientnet_lite0"]:
            settings = TrainSettings(
                backbone=backbone,
                weights="none",
                size=asked.size,
                epochs=1,
                batch_size=asked.batch_size,
                threads=asked.threads,
                accelerator="cpu",
                augment=CHANGES,
            )
            turns = []
            for turn in range(asked.turns):
                run = folder / f"{backbone}-{turn}"
                turns.append((ours(manifest, split, settings, run), bare(settings, asked.steps)))
            show(backbone, turns)


def show(backbone: str, turns: list[tuple[float, float]]) -> None:
    """Print a line: medians, and the ratio of each turn's two."""
    mine, limit = (statistics.median(rates) for rates in zip(*turns, strict=True))
    ratios = sorted(one / other for one, other in turns)
    middle = statistics.median(ratios)
    print(
        f"| {backbone} | {mine:.1f} | {limit:.1f} | "
        f"{middle:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |",
        flush=True,
    )


def made(folder: Path, wanted: int) -> tuple[Manifest, Split]:
    """Draw enough cells that an epoch has the steps wanted, and a small validation part."""
    slides = -(-wanted // 25) + 2
    drawing = SyntheticSettings(slides_per_class=slides, cells_per_slide=5, image_size=128)
    options = ImportOptions(drawing=drawing, seed=1)
    images, _ = import_images("synthetic", folder / "cells", options=options)
    write_manifest(folder / "cells.csv", images)
    manifest = read_manifest(folder / "cells.csv")
    split = cut(manifest, seed=1)
    order = sorted(split.part_of, key=lambda name: (name.rpartition("_")[2], name))
    parts = {name: "train" if place < wanted else "test" for place, name in enumerate(order)}
    parts |= dict.fromkeys(order[-4:], "val")
    return manifest, replace(split, part_of=parts)


def ours(manifest: Manifest, split: Split, settings: TrainSettings, run: Path) -> float:
    """Train an epoch as a user would; give images a second between the first steps and the last."""
    moments: list[float] = []

    def tell(what: str, done: int, total: int | None) -> None:  # noqa: ARG001
        if what.startswith("epoch"):
            moments.append(time.perf_counter())

    fit(manifest, split, settings, run, watch=Watch(tell=tell))
    steps = len(moments) - WARM
    return steps * settings.batch_size / (moments[-1] - moments[WARM - 1])


def bare(settings: TrainSettings, steps: int) -> float:
    """Take the same number of steps over tensors in memory; give images a second."""
    network = build(settings.backbone, 5, size=settings.size)
    network = network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    shape = (settings.batch_size, 3, settings.size, settings.size)
    planes = torch.randn(shape).contiguous(memory_format=torch.channels_last)
    classes = torch.arange(settings.batch_size) % 5
    for step in range(WARM + steps):
        if step == WARM:
            begun = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(network(planes), classes)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch ships no hint
        optimiser.step()
    return steps * settings.batch_size / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()

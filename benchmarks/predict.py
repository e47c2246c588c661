"""How fast papscope answers from files, against the original way and against the limit.

Takes   backbones, a number of images, and how many rounds
Gives   a table on standard output of images a second and ratios, and the machine
Never   says anything of how good the answers are: the weights are random

In each round the ways take turns, on the same images, in one process, and ratios are of the same
round, so that whatever else the machine does falls on all of them:

- papscope: `papscope.load(bundle).predict(files)`, from files to answers;
- original: one image at a time, decoded, resized and sent through the network twice;
- bare: a plain torch loop over batches of 32 that lie in memory as numbers: the limit;
- bare-cl: the same with channels last in memory, as papscope has them.

    python benchmarks/predict.py
    PAPSCOPE_DATA=../shared/data python benchmarks/predict.py --rounds 5
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from papscope.bundle import Description, write_bundle
from papscope.image import decode
from papscope.inference import best_device
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.predict.predictor import Predictor, load
from papscope.preprocess import Preprocess, to_planes, to_square
from papscope.taxonomy import classes_of

BATCH = 32
CLASSES = classes_of("herlev")
HERLEV_SIZE = (200, 200)
AT_LEAST = {"bare": 0.9, "bare-cl": None, "original": 2.0}
"""The ratios that papscope is to reach against each way; None where none was set."""


def pictures(folder: Path, count: int) -> tuple[list[Path], str]:
    """Give Herlev's cells in shuffled order, or made ones of the same size and format."""
    data = Path(os.environ.get("PAPSCOPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    found = sorted(one for one in data.glob("herlev/*/*.jpg") if not one.stem.endswith("-d"))
    draw = np.random.default_rng(0)
    if len(found) >= count:
        return [found[place] for place in draw.permutation(len(found))[:count]], "Herlev's cells"
    made = []
    for place in range(count):
        coarse = Image.fromarray(draw.integers(60, 250, (9, 9, 3), dtype=np.uint8))
        made.append(folder / f"{place}.jpg")
        coarse.resize(HERLEV_SIZE, Image.Resampling.BICUBIC).save(made[-1])
    return made, "made pictures"


def stored(folder: Path, backbone: str, size: int) -> Path:
    """Write a bundle with random weights."""
    torch.manual_seed(0)
    about = Description(
        classes=CLASSES, preprocess=preprocess_for(backbone, size=size), backbone=backbone
    )
    place = folder / backbone
    write_bundle(place, about, tensors_of(build(backbone, len(CLASSES), size=size)), "random")
    return place


def original_way(files: Sequence[Path], network: nn.Module, how: Preprocess, device: str) -> None:
    """Answer for one image at a time, doing all of it twice, as the student project did."""
    with torch.inference_mode():
        for file in files:
            for _ in range(2):
                planes = torch.from_numpy(to_planes(to_square(decode(file), how)[None], how))
                network(planes.to(device)).softmax(1).cpu()


def bare_loop(batches: Sequence[torch.Tensor], network: nn.Module) -> None:
    """Answer for batches that lie ready on the device."""
    with torch.inference_mode():
        for batch in batches:
            network(batch).softmax(1).cpu()


def in_memory(files: Sequence[Path], how: Preprocess, device: str) -> list[torch.Tensor]:
    """Make all batches beforehand."""
    planes = to_planes(np.stack([to_square(decode(file), how) for file in files]), how)
    return list(torch.from_numpy(planes).to(device).split(BATCH))


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(
    backbone: str, files: Sequence[Path], folder: Path, options: argparse.Namespace
) -> dict[str, list[float]]:
    """Give each way's images a second, round by round."""
    device = best_device() if options.device == "auto" else options.device
    model: Predictor = load(stored(folder, backbone, options.size), device=device)
    how = model.about.preprocess
    network = build(backbone, len(CLASSES), size=options.size).eval().to(device)
    batches = in_memory(files, how, device)
    last = [batch.contiguous(memory_format=torch.channels_last) for batch in batches]
    few = files[: min(len(files), options.original)]
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "papscope": (lambda: model.predict(files, batch_size=BATCH), len(files)),
        "original": (lambda: original_way(few, network, how, device), len(few)),
        "bare": (lambda: bare_loop(batches, network), len(files)),
        "bare-cl": (lambda: bare_loop(last, network), len(files)),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for work, _ in ways.values():
        work()  # once before the clock runs
    for _ in range(options.rounds):
        for name, (work, count) in ways.items():
            speeds[name].append(count / timed(work))
    return speeds


def show(backbone: str, size: int, speeds: dict[str, list[float]]) -> None:
    """Print one network's table."""
    print(f"\n{backbone} at {size} px    images/s: smallest, median, largest of the rounds")
    for name, found in speeds.items():
        low, middle, high = min(found), statistics.median(found), max(found)
        print(f"  {name:<10} {low:9.1f} {middle:9.1f} {high:9.1f}")
    for name, goal in AT_LEAST.items():
        pairs = zip(speeds["papscope"], speeds[name], strict=True)
        ratios = [ours / theirs for ours, theirs in pairs]
        middle = statistics.median(ratios)
        words = f"  papscope / {name:<9} {min(ratios):6.2f} {middle:9.2f} {max(ratios):9.2f}"
        if goal is not None:
            words += f"    goal {goal}: {'reached' if middle >= goal else 'missed'}"
        print(words)


def machine(device: str) -> str:
    """Say what it was measured on."""
    card = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    name = card or platform.machine()
    info = Path("/proc/cpuinfo")
    if device != "cuda" and info.exists():
        lines = [one for one in info.read_text().splitlines() if one.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    return (
        f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads of torch "
        f"{torch.__version__}, Python {platform.python_version()}, {platform.system()}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How fast does papscope answer from files?")
    parser.add_argument("--backbones", nargs="+", default=["resnet50", "tf_efficientnet_lite0"])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--original", type=int, default=48, help="images of the original way")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = best_device() if options.device == "auto" else options.device
    print(f"machine: {machine(device)}")
    with tempfile.TemporaryDirectory() as place:
        files, what = pictures(Path(place), options.images)
        print(f"images: {len(files)} of {what}; random weights: speed only; device {device}")
        for backbone in options.backbones:
            show(backbone, options.size, measure(backbone, files, Path(place), options))
            sys.stdout.flush()


if __name__ == "__main__":
    main()

"""How long `papscope check` takes: per image, and to find the copies among 100,000.

Prints images and hashes a second on images drawn here, and the time and the number of comparisons
of the search for close hashes among made ones, of which some are planted copies; each several
times, with the spread and the machine.

    python benchmarks/check.py
    python benchmarks/check.py --hashes 20000 --images 100 --times 3
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from papscope.checks.likeness import WAYS, likeness
from papscope.checks.neighbours import Words, close_pairs
from papscope.checks.run import check
from papscope.files import digest_of
from papscope.manifest import Manifest, Row
from papscope.taxonomy import CellClass

SIDE = 150
"""Of a made image, in pixels: near the median of SIPaKMeD's cells."""
PLANTED = 100
"""Copies among the made hashes."""


def made_images(root: Path, count: int) -> Manifest:
    """Write blobs of colour with grain as JPEG, in ten groups."""
    rows = []
    for number in range(count):
        rng = np.random.default_rng(number)
        blobs = Image.fromarray(rng.integers(40, 220, (9, 9, 3), dtype=np.uint8))
        smooth = np.asarray(blobs.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float32)
        grain = smooth + rng.normal(0, 8, smooth.shape)
        name = f"{number:06}.jpg"
        Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8)).save(root / name)
        fixed = ("made", "made", SIDE, SIDE, digest_of(root / name))
        rows.append(Row(name, PurePosixPath(name), *fixed, group=str(number % 10)))
    return Manifest(root, tuple(rows), "made", (CellClass("made", "normal"),), "none", "none")


def made_hashes(count: int) -> Words:
    """Draw hashes, of which the last `PLANTED` differ from the first in three bits."""
    rng = np.random.default_rng(0)
    words = rng.integers(0, 1 << 64, (count, WAYS), dtype=np.uint64)
    words[-PLANTED:, 0] = words[:PLANTED, 0] ^ np.uint64(0b1001_0000_0001)
    return words


def timed(what: Callable[[], object], times: int) -> list[float]:
    """Run something several times and give the seconds each took."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - start)
    return seconds


def told(name: str, seconds: list[float], count: int) -> None:
    """Print one line: median seconds, spread, and how many a second."""
    middle = statistics.median(seconds)
    spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
    print(f"{name:<44} {middle:8.2f} s  ({spread})  {count / middle:10.0f} / s")


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    words.add_argument("--images", type=int, default=1200)
    words.add_argument("--hashes", type=int, default=100_000)
    words.add_argument("--times", type=int, default=3)
    given = words.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"load {load:.1f}; {given.times} times each: median (lowest to highest)")
    with tempfile.TemporaryDirectory() as folder:
        images = made_images(Path(folder), given.images)
        for workers in (1, 2):
            seconds = timed(lambda w=workers: check(images, workers=w), given.times)  # type: ignore[misc]
            told(f"check {given.images} images, {workers} worker(s)", seconds, given.images)
        with Image.open(Path(folder) / "000000.jpg") as first:
            pixels = np.asarray(first)
        seconds = timed(lambda: [likeness(pixels) for _ in range(100)], given.times)
        told("hash 100 images in 8 ways", seconds, 100)
    for count in (given.hashes // 4, given.hashes // 2, given.hashes):
        hashes = made_hashes(count)
        close = close_pairs(hashes)
        seconds = timed(lambda h=hashes: close_pairs(h), given.times)  # type: ignore[misc]
        told(f"find close pairs among {count} x 8 hashes", seconds, count)
        share = close.compared / (count * (count - 1) / 2 * WAYS)
        print(f"    {len(close.pairs)} pairs ({PLANTED} planted), {share:.2%} of all compared")


if __name__ == "__main__":
    main()

"""How long an import takes, how much memory, and whether time grows in line with the images.

Takes   the number of cells in SIPaKMeD's layout, and numbers of images in class folders
Gives   a table on standard output, with the machine that it was measured on
Never   measures on anything but images made here, in a folder that is removed afterwards

    python benchmarks/import.py
    python benchmarks/import.py --cells 500 --images 1000 2000 4000
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("Dyskeratotic", "Koilocytotic", "Metaplastic", "Parabasal", "Superficial-Intermediate")
CELL_SIZE = (150, 170)
"""Width and height: near the median of SIPaKMeD's cells."""
SMALL_SIZE = (24, 24)
OUTLINE_POINTS = 60


def make_cells(root: Path, cells: int) -> None:
    """Write cells in SIPaKMeD's layout, four a cluster, each with two outlines."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (*reversed(CELL_SIZE), 3), dtype=np.uint8)
    turn = np.linspace(0, 2 * np.pi, OUTLINE_POINTS, endpoint=False)
    points = np.stack([75 + 60 * np.cos(turn), 85 + 60 * np.sin(turn)], axis=1)
    outline = "\n".join(f"{x:.4f},{y:.4f}" for x, y in points)
    for index in range(cells):
        number = index // len(CLASSES)
        folder = root / f"im_{CLASSES[index % len(CLASSES)]}" / "CROPPED"
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{number // 4 + 1:03d}_{number % 4 + 1:02d}"
        _write(folder / f"{stem}.bmp", pixels, index)
        for part in ("cyt", "nuc"):
            (folder / f"{stem}_{part}.dat").write_text(outline)


def make_images(root: Path, images: int) -> None:
    """Write small images into five class folders, ten a slide."""
    pixels = np.full((*reversed(SMALL_SIZE), 3), 200, dtype=np.uint8)
    for index in range(images):
        folder = root / CLASSES[index % len(CLASSES)]
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"s{index // 50:05d}_{index:06d}.bmp", pixels, index)


def _write(path: Path, pixels: np.ndarray, index: int) -> None:
    pixels[0, 0] = (index & 255, index >> 8 & 255, index >> 16)
    Image.fromarray(pixels).save(path)


def measure_once(kind: str, root: Path) -> None:
    """Import, write the manifest, and print what it took as JSON (in a process of its own)."""
    from papscope.importing import import_images
    from papscope.manifest import write_manifest
    from papscope.sources.folder import GroupsFrom
    from papscope.sources.kinds import ImportOptions

    groups = GroupsFrom(regex=r"^(s\d+)_") if kind == "folder" else None
    start = time.perf_counter()
    manifest, polygons = import_images(
        kind, root, options=ImportOptions(groups=groups), allow_partial=True
    )
    imported = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        write_manifest(Path(place) / "manifest.csv", manifest, polygons)
    done = time.perf_counter()
    found = {"rows": len(manifest.rows), "import_s": imported - start, "write_s": done - imported}
    print(json.dumps({**found, "peak_mb": peak_mb()}))


def peak_mb() -> float | None:
    """Give this process's highest use of memory, or None where the system does not tell it."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def run(kind: str, root: Path, repeats: int) -> tuple[float, float, float]:
    """Import several times; give median seconds, their spread, and the peak of memory in MB."""
    took, peaks = [], [0.0]
    for _ in range(repeats):
        words = [sys.executable, __file__, "--once", kind, str(root)]
        answer = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        took.append(answer["import_s"] + answer["write_s"])
        peaks.append(answer["peak_mb"] or 0.0)
    return statistics.median(took), max(took) - min(took), max(peaks)


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=4049)
    parser.add_argument("--images", type=int, nargs="+", default=[12_500, 25_000, 50_000, 100_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--once", nargs=2, metavar=("KIND", "ROOT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.once:
        measure_once(asked.once[0], Path(asked.once[1]))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"{'what':<28}{'images':>8}{'s':>8}{'spread':>8}{'images/s':>10}{'peak MB':>9}{'ratio':>7}"
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "cells"
        make_cells(place, asked.cells)
        tell("SIPaKMeD layout, outlines", asked.cells, run("sipakmed", place, asked.repeats), None)
        first = None
        for count in asked.images:
            place = Path(folder) / f"images-{count}"
            make_images(place, count)
            took = run("folder", place, asked.repeats)
            first = first or took[0] / count
            tell("class folders", count, took, took[0] / count / first)
    print("ratio: seconds an image against the smallest number; 1 is linear time")


def tell(what: str, count: int, took: tuple[float, float, float], ratio: float | None) -> None:
    """Print one line of the table."""
    seconds, spread, peak = took
    shown = "" if ratio is None else f"{ratio:.2f}"
    print(
        f"{what:<28}{count:>8}{seconds:>8.2f}{spread:>8.2f}{count / seconds:>10.0f}"
        f"{peak:>9.0f}{shown:>7}",
        flush=True,
    )


if __name__ == "__main__":
    main()

"""Which maps may be believed: how many pass their checks, on cells that the network never saw.

For a fold of a cross-validation: cells of its test set, drawn at random, are explained by each
method, and each map is measured beside the same map at random places. Intervals are drawn over the
groups. Where masks exist, the table tells which share of a map lies in the nucleus, the cytoplasm
and outside of the cell, beside the share of the picture that these take.

    papscope crossval herlev.csv --recipe laptop -o runs/herlev
    python benchmarks/explain.py runs/herlev/repeat-1/fold-0 --manifest herlev.csv

Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from papscope.bundle import Bundle, read_bundle
from papscope.errors import ImageError
from papscope.explain import sanity as check
from papscope.explain.judging import Judged, Sanity, fault_of_all
from papscope.explain.making import maker_for
from papscope.explain.maps import METHODS, Map, Method
from papscope.explain.removing import areas, random_areas
from papscope.explain.sanity import Asked, sanity_of
from papscope.image import decode
from papscope.labelled import sources_of
from papscope.manifest import Manifest, Row, read_manifest
from papscope.predict.engine import Engine
from papscope.predict.engines import engine_for
from papscope.preprocess import prepare
from papscope.scores import read_scores
from papscope.seeds import stream
from papscope.shape.regions import CYTOPLASM, NUCLEUS, regions_of_mask

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """The cells that are explained."""

    manifest: Manifest
    rows: tuple[Row, ...]
    asked: Asked

    @property
    def groups(self) -> npt.NDArray[np.str_]:
        """The group of each; a cell without one is a group of its own."""
        return np.array([row.group or row.id for row in self.rows])


@dataclass(frozen=True)
class Found:
    """What one method came to."""

    maps: list[Map]
    judged: list[Judged]
    sanity: Sanity
    seconds: float


def main() -> None:
    """Explain cells of one or more folds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folds", type=Path, nargs="+", help="folders with `bundle` and scores.csv")
    parser.add_argument("--manifest", type=Path, nargs="+", required=True, help="one for each fold")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--checked", type=int, default=6, help="pictures for shuffled weights")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--orientations", action="store_true", help="answer over all eight")
    asked = parser.parse_args()
    check.PICTURES = asked.checked
    for fold, manifest in zip(asked.folds, asked.manifest, strict=True):
        bundle = read_bundle(fold / "bundle").with_orientations(asked.orientations)
        cells = cells_of(fold, read_manifest(manifest), bundle, asked.pictures)
        engine = engine_for(bundle, device="cpu", threads=1)
        found = {method: explained(bundle, engine, method, cells) for method in METHODS}
        table(cells, found, asked.resamples)
        if all(row.mask for row in cells.rows):
            where(cells, found)


def cells_of(fold: Path, manifest: Manifest, bundle: Bundle, count: int) -> Cells:
    """Draw test cells of a fold, and take the class that the model answers."""
    scores = read_scores(fold / "scores.csv")
    random = stream(0, "cells that are explained")
    drawn = random.permutation(len(scores))[:count]
    known = {row.id: row for row in manifest.rows}
    rows = tuple(known[scores.ids[place]] for place in drawn)
    squares = prepare(sources_of(manifest, rows), bundle.description.preprocess)
    good = [one for one in squares if not isinstance(one, ImageError)]
    engine = engine_for(bundle, device="cpu", threads=1)
    called = engine.probabilities(np.stack(good)).argmax(axis=1)
    pairs = [(one, int(place)) for one, place in zip(good, called, strict=True)]
    return Cells(manifest, rows, pairs)


def explained(bundle: Bundle, engine: Engine, method: Method, cells: Cells) -> Found:
    """Make and measure all maps of a method."""
    maker = maker_for(bundle, method, device="cpu", engine=engine)
    start = time.process_time()
    maps = [maker(square, place) for square, place in cells.asked]
    seconds = (time.process_time() - start) / len(maps)
    judged = [
        Judged(
            areas(engine, square, place, one),
            random_areas(engine, square, place, one),
        )
        for (square, place), one in zip(cells.asked, maps, strict=True)
    ]
    sanity = sanity_of(bundle, lambda other: maker_for(other, method, device="cpu"), cells.asked)
    return Found(maps, judged, sanity, seconds)


def interval(values: Numbers, groups: npt.NDArray[np.str_], resamples: int) -> str:
    """Give a mean with its 95 % interval, drawing whole groups."""
    names, at = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(at, values), np.bincount(at)
    drawn = stream(0, "groups of explained cells").integers(
        len(names), size=(resamples, len(names))
    )
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def table(cells: Cells, found: dict[Method, Found], resamples: int) -> None:
    """Print what each method came to."""
    print(f"\n**{cells.manifest.dataset}**: {len(cells.rows)} cells of "
          f"{len(set(cells.groups))} groups\n")  # fmt: skip
    print("| method | maps that beat random places both ways | deletion, random less map "
          "| insertion, map less random | gain, p < 0.05 | rank correlation, all shuffled "
          "| SSIM | shown | s a map |")  # fmt: skip
    print("|---|---:|---:|---:|---|---:|---:|---|---:|")
    for method, one in found.items():
        lower = [each.at_random.deletion - each.areas.deletion for each in one.judged]
        higher = [each.areas.insertion - each.at_random.insertion for each in one.judged]
        passed = [float(each.passed) for each in one.judged]
        whole = fault_of_all(one.judged)
        shown = "no" if whole or not one.sanity.passed else "where they pass"
        last = one.sanity.alike[-1]
        numbers = [interval(np.array(each), cells.groups, resamples)
                   for each in (passed, lower, higher)]  # fmt: skip
        print(f"| {method} | {' | '.join(numbers)} | {'no' if whole else 'yes'} | {last.rank:.2f} "
              f"| {last.ssim:.2f} | {shown} | {one.seconds:.2f} |", flush=True)  # fmt: skip


def where(cells: Cells, found: dict[Method, Found]) -> None:
    """Print in which part of the cell the maps lie: of what speaks for the class."""
    size = len(cells.asked[0][0])
    regions = [_regions(cells.manifest, row, size) for row in cells.rows]
    areas_of = np.mean([_shares(np.ones((size, size)), one) for one in regions], axis=0)
    print("\n| of what speaks for the class | nucleus | cytoplasm | outside |")
    print("|---|---:|---:|---:|")
    print(f"| the picture's own area | {_told(areas_of)} |")
    for method, one in found.items():
        positive = [np.maximum(each, 0).astype(np.float64) for each in one.maps]
        pairs = [(each, part) for each, part in zip(positive, regions, strict=True) if each.any()]
        print(f"| {method} | {_told(np.mean([_shares(*pair) for pair in pairs], axis=0))} |")


def _regions(manifest: Manifest, row: Row, size: int) -> npt.NDArray[np.uint8]:
    assert row.mask is not None
    found = regions_of_mask(decode(manifest.root / row.mask))
    small = Image.fromarray(found).resize((size, size), Image.Resampling.NEAREST)
    return np.array(small, dtype=np.uint8)


def _shares(weights: Numbers, regions: npt.NDArray[np.uint8]) -> Numbers:
    parts = (regions == NUCLEUS, regions == CYTOPLASM, regions < CYTOPLASM)
    return np.array([weights[part].sum() / weights.sum() for part in parts])


def _told(shares: Sequence[float] | Numbers) -> str:
    return " | ".join(f"{share:.2f}" for share in shares)


if __name__ == "__main__":
    main()

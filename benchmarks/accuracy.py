"""What papscope reaches on real images, in five folds by group, with 95 % intervals over groups.

Each image is answered by a network that never saw its group, over all eight orientations. The
settings are those of the recipe `shipped` on CRIC, and of `laptop` with a fixed number of epochs on
Herlev; `benchmarks/choose.py` tells how they were chosen. On Herlev, whose cells come with masks, a
second line lets measured cell shape have its say (`papscope fuse --head late --shape`). `cric-4` is
read off the networks of six classes, by the rule that predictions use.

    python benchmarks/accuracy.py --threads 1          # about three hours on one core
    python benchmarks/accuracy.py --only herlev-strict
    python benchmarks/accuracy.py --table              # what is done so far

Finished folds are kept in --folder and not computed again; it is the folder of
`papscope crossval`, which gives the same. Wants the images that the variable PAPSCOPE_DATA points
to (or ../shared/data): herlev/ and cric/.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papscope.bundle import read_bundle
from papscope.config import train_settings
from papscope.evaluate.compare import compare
from papscope.evaluate.grades import graded
from papscope.evaluate.intervals import Estimate
from papscope.evaluate.summary import summarise
from papscope.fusing.fit import fuse
from papscope.fusing.settings import FuseSettings
from papscope.manifest import Manifest
from papscope.scores import Scores, read_scores, write_scores
from papscope.scoring import score
from papscope.split import By, read_split
from papscope.studies.crossval import cross_validate
from papscope.studies.crossval_settings import CrossvalSettings
from papscope.studies.folding import parts_of
from papscope.studies.pooling import pooled
from papscope.train.settings import TrainSettings
from papscope.train.trainer import Watch
from real import COLUMNS, LINES, manifest_of

FOLDS, SEED = 5, 0
SHAPED = "shaped.csv"


@dataclass(frozen=True, slots=True)
class Line:
    """What is trained, and how."""

    by: By
    recipe: str
    settings: Mapping[str, Any]
    shape: bool


FIXED = {"epochs": 14, "keep": "last", "tta": True}

TRAINED = {
    "herlev": Line("group", "laptop", FIXED, shape=True),
    "herlev-strict": Line("strict", "laptop", FIXED, shape=True),
    "cric-6": Line("group", "shipped", {}, shape=False),
}


def main() -> None:
    """Compute what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=TRAINED, action="append", help="leave the others out")
    parser.add_argument("--folder", type=Path, default=Path("runs/accuracy"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="compute nothing")
    asked = parser.parse_args()
    chosen = asked.only or list(TRAINED)
    if not asked.table:
        for name in chosen:
            compute(name, asked.folder, asked.threads)
    print(f"machine: {os.cpu_count()} cores, {asked.threads} threads; seed {SEED}, {FOLDS} folds")
    print(
        "\n| images | what answers | n | groups | accuracy | macro-F1 | abnormal AUROC | minutes |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name in chosen:
        show(name, asked.folder)


def settings_of(name: str, threads: int) -> TrainSettings:
    """Give the settings of a line."""
    line = TRAINED[name]
    return train_settings(line.recipe, {**line.settings, "threads": threads, "seed": SEED})


def compute(name: str, folder: Path, threads: int) -> None:
    """Train and answer for each fold of a line that is not done."""
    line = TRAINED[name]
    kind, _, options, _ = LINES[name]
    manifest = manifest_of(name, kind, options, folder)
    settings = settings_of(name, threads)
    cross = CrossvalSettings(folds=FOLDS, by=line.by, seed=SEED)
    place = folder / name
    watch = Watch(on_note=lambda note: print(name, note, flush=True))
    cross_validate(manifest, settings, place, cross=cross, resume=place.exists(), watch=watch)
    if line.shape and not (place / SHAPED).exists():
        write_scores(place / SHAPED, with_shape(manifest, settings, place))


def with_shape(manifest: Manifest, settings: TrainSettings, place: Path) -> Scores:
    """Let the networks of all folds answer again, together with the measures of cells."""
    folds = read_split(place / "repeat-1/folds.csv")
    parts = []
    for fold in range(FOLDS):
        split = parts_of(folds, manifest, fold, settings)
        bundle = str(place / f"repeat-1/fold-{fold}/bundle")
        asked = FuseSettings(blocks=(bundle,), head="late", shape=True, threads=settings.threads)
        done = fuse(manifest, split, asked, place / f"shaped/fold-{fold}")
        parts.append(score(read_bundle(done.bundle), manifest, split=split, part="test"))
    return pooled(parts, manifest, folds)


def show(name: str, folder: Path) -> None:
    """Print a line's rows, if it is done."""
    place = folder / name
    if not (place / "scores.csv").exists():
        print(f"| {name} | not finished | | | | | | |")
        return
    tuned = read_scores(place / "scores.csv")
    minutes = sum(
        json.loads(one.read_text())["seconds"] or 0
        for one in place.glob("repeat-1/fold-*/fold.json")
    )
    row(name, "network", tuned, minutes / 60)
    if name == "cric-6":
        row("cric-4", "network", graded(tuned), minutes / 60)
    if (place / SHAPED).exists():
        shaped = read_scores(place / SHAPED)
        row(name, "network and cell shape", shaped, minutes / 60)
        found = compare(tuned, shaped)
        for key in ("accuracy", "macro_f1"):
            print(f"  {found.verdict(key, a='the network', b='with cell shape')}")


def row(name: str, what: str, scores: Scores, minutes: float) -> None:
    """Print one row, with intervals over groups."""
    summary = summarise(scores)
    cells = []
    for key in COLUMNS:
        found = summary.overall[key]
        assert isinstance(found, Estimate)
        cells.append(f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})")
    counts = f"{summary.n} | {summary.groups}"
    print(f"| {name} | {what} | {counts} | {' | '.join(cells)} | {minutes:.0f} |")


if __name__ == "__main__":
    main()

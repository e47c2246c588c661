"""What papscope reaches on real images, in five folds by group, with 95 % intervals over groups.

Each image is answered by a network that never saw its group, over all eight orientations. The
settings are those of the recipe `shipped` on CRIC, and of `laptop` with a fixed number of epochs on
Herlev; `benchmarks/choose.py` tells how they were chosen. On Herlev, whose cells come with masks, a
second line lets measured cell shape have its say (`papscope fuse --head late --shape`). `cric-4` is
read off the networks of six classes, by the rule that predictions use.

    python benchmarks/accuracy.py --threads 1          # about three hours on one core
    python benchmarks/accuracy.py --only herlev-strict
    python benchmarks/accuracy.py --table              # what is done so far
    python benchmarks/accuracy.py --with runs/real     # and together with those of real.py

With `--with`, the networks that `benchmarks/real.py` trained on the same folds (recipe `laptop`,
the epoch chosen by validation) answer too, over all orientations, and count the same.

Finished folds are kept in --folder and not computed again; it is the folder of
`papscope crossval`, which gives the same. Wants the images that the variable PAPSCOPE_DATA points
to (or ../shared/data): herlev/ and cric/.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from papscope.manifest import Manifest, read_manifest
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
SHAPED, TWO, TWO_SHAPED = "shaped.csv", "two.csv", "two-shaped.csv"


@dataclass(frozen=True, slots=True)
class Line:
    """What is trained, and how."""

    by: By
    recipe: str
    settings: Mapping[str, Any]
    shape: bool


FIXED = {"epochs": 14, "keep": "last", "tta": True}

WAYS = {
    "network": "scores.csv",
    "network and cell shape": SHAPED,
    "two networks": TWO,
    "two networks and cell shape": TWO_SHAPED,
}
"""What answers, and where its answers are kept."""

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
    parser.add_argument("--with", type=Path, dest="others", help="the folder of real.py")
    parser.add_argument("--table", action="store_true", help="compute nothing")
    asked = parser.parse_args()
    chosen = asked.only or list(TRAINED)
    if not asked.table:
        for name in chosen:
            compute(name, asked.folder, asked.threads)
            if asked.others:
                together(name, asked.folder, asked.others, asked.threads)
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
        write_scores(place / SHAPED, with_shape(manifest, settings, place, "shaped"))


def with_shape(
    manifest: Manifest, settings: TrainSettings, place: Path, to: str, others: Path | None = None
) -> Scores:
    """Let the networks of all folds answer again, together with the measures of cells."""
    folds = read_split(place / "repeat-1/folds.csv")
    parts = []
    for fold in range(FOLDS):
        split = parts_of(folds, manifest, fold, settings)
        bundles = [place / f"repeat-1/fold-{fold}/bundle"]
        bundles += [others / f"fold-{fold}/run/bundle"] if others else []
        blocks = tuple(map(str, bundles))
        asked = FuseSettings(
            blocks=blocks, head="late", shape=True, threads=settings.threads, cache=place / "cache"
        )
        done = read_bundle(fuse(manifest, split, asked, place / to / f"fold-{fold}").bundle)
        scores = score(done.with_orientations(True), manifest, split=split, part="test")
        parts.append(scores)
    return pooled(parts, manifest, folds)


def together(name: str, folder: Path, others: Path, threads: int) -> None:
    """Let the networks of `real.py` answer too, each for the fold that it never saw."""
    place, settings = folder / name, settings_of(name, threads)
    if (place / TWO).exists():
        return
    manifest, folds = (
        read_manifest(folder / f"{name}.csv"),
        read_split(place / "repeat-1/folds.csv"),
    )
    parts = []
    for fold in range(FOLDS):
        split = parts_of(folds, manifest, fold, settings)
        bundle = read_bundle(others / name / f"fold-{fold}/run/bundle").with_orientations(True)
        parts.append(score(bundle, manifest, split=split, part="test"))
    first, second = read_scores(place / "scores.csv"), pooled(parts, manifest, folds)
    if first.ids != second.ids or second.leaks:
        raise SystemExit(f"{others / name} is not of these folds: {second.leaks}")
    if TRAINED[name].shape:
        shaped = with_shape(manifest, settings, place, "two-shaped", others / name)
        write_scores(place / TWO_SHAPED, shaped)
    mean = (first.probabilities + second.probabilities) / 2
    write_scores(place / TWO, replace(first, probabilities=mean))


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
    for what, file in WAYS.items():
        if not (place / file).exists():
            continue
        scores = read_scores(place / file)
        row(name, what, scores, minutes / 60)
        if name == "cric-6":
            row("cric-4", what, graded(scores), minutes / 60)
        if file != "scores.csv":
            found = compare(tuned, scores)
            for key in ("accuracy", "macro_f1"):
                print(f"  {found.verdict(key, a='the network', b=what)}")


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

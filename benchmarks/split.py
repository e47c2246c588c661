"""How well does papscope's dealing of groups keep each class's shares, against scikit-learn's?

Prints, for real data sets below PAPSCOPE_DATA, the distance between the share that a class has in a
part and the share wanted, in per cent of the class: the largest over ten seeds, the median of the
largest, and the mean; and the fewest groups that any class has in any part. Both sides divide the
same images by the same groups; scikit-learn's three parts are three, one and one of its five folds.

    PAPSCOPE_DATA=... python benchmarks/split.py
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean, median

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from papscope.cutting import cut, cut_folds
from papscope.importing import import_images
from papscope.manifest import Manifest
from papscope.shares import shares_table
from papscope.sources.kinds import ImportOptions
from papscope.split import By, Protocol, Split

DATA = Path(os.environ.get("PAPSCOPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
SEEDS = range(10)
THREE = ("test", "val", "train", "train", "train")
SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


def by_scikit_learn(manifest: Manifest, by: By, folds: bool, seed: int) -> Split:
    """Divide with StratifiedGroupKFold."""
    rows = manifest.rows
    labels = np.array([row.label for row in rows])
    groups = np.array([row.strict if by == "strict" else row.group for row in rows])
    part_of: dict[str, str] = {}
    cutter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fold, (_, inside) in enumerate(cutter.split(labels, labels, groups)):
        part = str(fold) if folds else THREE[fold]
        part_of.update((rows[place].id, part) for place in inside)
    told = Protocol(by=by, seed=seed, shares={} if folds else SHARES, folds=5 if folds else 0)
    return Split(told, part_of, manifest.digest)


def by_papscope(manifest: Manifest, by: By, folds: bool, seed: int) -> Split:
    """Divide with papscope."""
    if folds:
        return cut_folds(manifest, by=by, folds=5, seed=seed)
    return cut(manifest, by=by, shares=SHARES, seed=seed)


def row_of(
    manifest: Manifest, by: By, folds: bool, divide: Callable[[Manifest, By, bool, int], Split]
) -> str:
    """Divide with ten seeds and put what came of it in a line."""
    largest, every, fewest, start = [], [], [], time.perf_counter()
    splits = [divide(manifest, by, folds, seed) for seed in SEEDS]
    seconds = (time.perf_counter() - start) / len(SEEDS)
    for split in splits:
        table = [one for one in shares_table(split, manifest) if one.label]
        off = [100 * abs(one.share - (one.wanted or 0)) for one in table]
        largest.append(max(off))
        every.append(mean(off))
        fewest.append(min(one.groups for one in table))
    numbers = (max(largest), median(largest), mean(every))
    shown = " | ".join(f"{number:.2f}" for number in numbers)
    return f"{shown} | {min(fewest)} | {seconds:.2f}"


def manifests() -> Mapping[str, tuple[Manifest, By]]:
    """Import the data sets; a digest is not needed here."""
    herlev, _ = import_images("herlev", DATA / "herlev", allow_partial=True)
    found: dict[str, tuple[Manifest, By]] = {
        "Herlev, groups": (herlev, "group"),
        "Herlev, strict groups": (herlev, "strict"),
    }
    for grades in (4, 6):
        options = ImportOptions(grades=grades)
        fields, _ = import_images("cric", DATA / "cric", options=options, allow_partial=True)
        found[f"CRIC, {grades} classes, fields"] = (replace(fields, digest=""), "group")
    return found


def main() -> None:
    """Print the table."""
    print("| images | parts | by | largest % | median % | mean % | fewest groups | seconds |")
    print("|---|---|---|---:|---:|---:|---:|---:|")
    for name, (manifest, by) in manifests().items():
        for folds, parts in ((False, "60/20/20"), (True, "5 folds")):
            for who, divide in (
                ("StratifiedGroupKFold", by_scikit_learn), ("papscope", by_papscope),
            ):  # fmt: skip
                print(f"| {name} | {parts} | {who} | {row_of(manifest, by, folds, divide)} |")


if __name__ == "__main__":
    main()

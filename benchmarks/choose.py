"""Which settings help, judged without the folds that results are reported on.

Takes one outer fold of `benchmarks/accuracy.py` away for good, cuts what is left into four inner
folds by group, trains each candidate on three of them and measures it on the fourth: accuracy,
macro-F1, abnormal AUROC and log loss, and the difference in log loss to the first candidate of its
data set with its 95 % interval (paired bootstrap over groups).

    python benchmarks/choose.py --only cric --threads 1
    python benchmarks/choose.py --table

Finished candidates are kept in --folder. Wants the images that the variable PAPSCOPE_DATA points
to (or ../shared/data): herlev/ and cric/.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from papscope.bundle import read_bundle
from papscope.config import train_settings
from papscope.cutting import cut_folds, fold_split
from papscope.evaluate.compare import MEASURES, Compared, compare
from papscope.evaluate.intervals import Estimate
from papscope.fusing.fit import fuse
from papscope.fusing.settings import FuseSettings
from papscope.importing import import_images
from papscope.manifest import Manifest, read_manifest, write_manifest
from papscope.scores import read_scores, write_scores
from papscope.scoring import score
from papscope.sources.kinds import ImportOptions
from papscope.split import By
from papscope.train.fit import fit
from papscope.train.trainer import Watch

SEED, OUTER, INNER_FOLDS = 0, 3, 4
"""Outer fold 3 holds the field with most SCC cells, so that learning keeps the others."""

DATA: Mapping[str, tuple[str, By]] = {"cric": ("cric", "group"), "herlev": ("herlev", "strict")}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Settings laid over the recipe `laptop`."""

    data: str
    settings: Mapping[str, object] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    crop: int | None = None
    tta: bool = True
    shape: bool = False
    """Whether measured cell shape has its say beside the network."""


STRONG = {"augment.rotation": "45", "augment.scale": "0.2", "augment.tint": "0.12"}
MIXED = {"mixup": 0.3, "cutmix": 0.5, "ema": 0.99}

CANDIDATES = {
    "cric: plain": Candidate("cric", {"epochs": 8}, crop=112, tta=False),
    "cric: eight orientations": Candidate("cric", {"epochs": 8}, crop=112),
    "cric: rare cells drawn more often": Candidate(
        "cric", {"epochs": 5, "balance": "sampler", "balance_power": 0.5}, crop=112
    ),
    "cric: mixed pictures": Candidate("cric", {"epochs": 8, **MIXED}, STRONG, crop=112),
    "cric: crop 160": Candidate("cric", {"epochs": 8}, crop=160),
    "herlev: plain": Candidate("herlev", {"epochs": 14}, tta=False),
    "herlev: eight orientations": Candidate("herlev", {"epochs": 14}),
    "herlev: and cell shape": Candidate("herlev", {"epochs": 14}, shape=True),
}


def main() -> None:
    """Compute what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="candidates whose name begins so")
    parser.add_argument("--folder", type=Path, default=Path("runs/choose"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--inner", type=int, default=0, help="which inner fold judges")
    parser.add_argument("--table", action="store_true", help="compute nothing")
    asked = parser.parse_args()
    wanted = tuple(asked.only or [""])
    names = [name for name in CANDIDATES if name.startswith(wanted)]
    for name in names:
        if not asked.table:
            compute(name, asked.folder, asked.inner, asked.threads)
    show(names, asked.folder, asked.inner)


def compute(name: str, folder: Path, inner: int, threads: int) -> None:
    """Train a candidate on inner training images, and let it answer for the inner fold."""
    place = _place(folder, name, inner)
    if (place / "scores.csv").exists():
        return
    begun = time.monotonic()
    one = CANDIDATES[name]
    manifest = inner_manifest(one, folder)
    by = DATA[one.data][1]
    folds = cut_folds(manifest, by=by, folds=INNER_FOLDS, seed=SEED)
    split = fold_split(folds, manifest, inner, val_share=0)
    known = {"keep": "last", "threads": threads, "seed": SEED}
    settings = train_settings("laptop", {**known, **one.settings}, one.texts)
    watch = Watch(on_epoch=lambda done: print(name, done, flush=True))
    shared = _twin(name, folder, inner)
    if shared is None:
        run = place / "run"
        shared = fit(manifest, split, settings, run, resume=run.exists(), watch=watch).bundle
    if one.shape:
        asked = FuseSettings(blocks=(str(shared),), head="late", shape=True, threads=threads)
        shared = fuse(manifest, split, asked, place / "fused").bundle
    bundle = read_bundle(shared).with_orientations(one.tta)
    scores = score(bundle, manifest, split=split, part="test")
    write_scores(place / "scores.csv", scores)
    (place / "about.json").write_text(json.dumps({"seconds": time.monotonic() - begun}))


def _twin(name: str, folder: Path, inner: int) -> Path | None:
    """Give the network of a candidate that differs in nothing but its way of answering."""

    def trained(one: Candidate) -> Candidate:
        return replace(one, tta=True, shape=False)

    for other, one in CANDIDATES.items():
        bundle = _place(folder, other, inner) / "run/bundle"
        if other != name and trained(one) == trained(CANDIDATES[name]) and bundle.exists():
            return bundle
    return None


def _place(folder: Path, name: str, inner: int) -> Path:
    return folder / f"inner-{inner}" / name.replace(": ", "-").replace(" ", "-")


def inner_manifest(one: Candidate, folder: Path) -> Manifest:
    """Import a data set and leave the outer fold out, so that nothing below can see it."""
    kind, by = DATA[one.data]
    place = folder / f"{kind}-{one.crop or 'whole'}.csv"
    if not place.exists():
        data = Path(os.environ.get("PAPSCOPE_DATA", "../shared/data")) / kind
        options = ImportOptions(crop=one.crop) if one.crop else ImportOptions()
        made, outlines = import_images(kind, data, options=options, allow_partial=True)
        write_manifest(folder / f"whole-{place.name}", made, outlines)
        whole = read_manifest(folder / f"whole-{place.name}")
        folds = cut_folds(whole, by=by, folds=5, seed=SEED)
        kept = tuple(row for row in whole.rows if folds.part_of.get(row.id) != str(OUTER))
        write_manifest(place, replace(whole, rows=kept))
    return read_manifest(place)


def show(names: list[str], folder: Path, inner: int) -> None:
    """Print a line for each candidate that is done."""
    print(f"inner fold {inner} of {INNER_FOLDS}, outer fold {OUTER} left out; seed {SEED}\n")
    print("| candidate | n | groups | accuracy | macro-F1 | abnormal AUROC | log loss | "
          "log loss against the first | minutes |")  # fmt: skip
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    first: dict[str, Path] = {}
    for name in names:
        place = _place(folder, name, inner)
        if not (place / "scores.csv").exists():
            continue
        base = first.setdefault(CANDIDATES[name].data, place)
        found = compare(read_scores(base / "scores.csv"), read_scores(place / "scores.csv"))
        cells = []
        for key in ("accuracy", "macro_f1", "abnormal_auroc", "log_loss"):
            one = found.measures[key]
            assert key in MEASURES
            assert isinstance(one, Compared)
            cells.append(f"{one.b:.3f}")
        gap = found.measures["log_loss"]
        assert isinstance(gap, Compared)
        assert isinstance(gap.difference, Estimate)
        cells.append(f"{gap.difference.value:+.3f} ({gap.difference.low:+.3f} to "
                     f"{gap.difference.high:+.3f})")  # fmt: skip
        minutes = json.loads((place / "about.json").read_text())["seconds"] / 60
        print(f"| {name} | {found.n} | {found.groups} | {' | '.join(cells)} | {minutes:.0f} |")


if __name__ == "__main__":
    main()

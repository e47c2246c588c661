"""How well a small network does on real images, by group, beside frozen features.

Cuts each data set into five folds by group, fine-tunes EfficientNet-Lite0 from packaged ImageNet
weights on each (recipe `laptop`), lets it answer for the fold that it never saw, and measures all
folds together with 95 % intervals over groups. In the same run, on the same folds: the floor,
a logistic regression on the features of the same network left as it came (224 px).

    python benchmarks/real.py                        # all, about 40 minutes on two cores
    python benchmarks/real.py --only herlev --threads 1
    python benchmarks/real.py --table                # the table of what is done so far

Finished folds are kept in --folder and not computed again. Wants the images that the variable
PAPSCOPE_DATA points to (or ../shared/data): herlev/ and cric/.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from papscope.bundle import read_bundle
from papscope.config import train_settings
from papscope.cutting import cut_folds, fold_split
from papscope.dataset import squares
from papscope.evaluate.calibrating import pooled
from papscope.evaluate.grades import graded
from papscope.evaluate.intervals import Estimate
from papscope.evaluate.summary import summarise
from papscope.importing import import_images
from papscope.labelled import targets
from papscope.manifest import Manifest, Row, read_manifest, write_manifest
from papscope.scores import Scores, read_scores, write_scores
from papscope.scoring import score
from papscope.sources.kinds import ImportOptions
from papscope.split import By, Split, part_rows
from papscope.train.fit import fit
from papscope.train.trainer import Watch

FOLDS, SEED = 5, 0
BACKBONE = "tf_efficientnet_lite0"
COLUMNS = ("accuracy", "macro_f1", "abnormal_auroc")

LINES: dict[str, tuple[str, By, ImportOptions, int]] = {
    "herlev": ("herlev", "group", ImportOptions(), 14),
    "herlev-strict": ("herlev", "strict", ImportOptions(), 14),
    "cric-6": ("cric", "group", ImportOptions(crop=112), 8),
}
"""What is trained: data set, what is kept together, how it is imported, epochs."""

ROWS = (*LINES, "cric-4")
"""What is shown: the four grades are read off the networks of six classes."""


def main() -> None:
    """Compute what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=LINES, action="append", help="leave the others out")
    parser.add_argument("--folder", type=Path, default=Path("runs/real"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fold", type=int, action="append", help="only these folds, 0 to 4")
    parser.add_argument("--table", action="store_true", help="compute nothing")
    asked = parser.parse_args()
    chosen = asked.only or list(LINES)
    if not asked.table:
        for line in chosen:
            compute(line, asked.folder, asked.threads, asked.fold or range(FOLDS))
    print(f"machine: {os.cpu_count()} cores, {asked.threads} threads; seed {SEED}, {FOLDS} folds")
    print("\n| images | method | n | groups | accuracy | macro-F1 | abnormal AUROC | minutes |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for line in [*chosen, *(["cric-4"] if "cric-6" in chosen else [])]:
        show(line, asked.folder)


def compute(line: str, folder: Path, threads: int, wanted: Iterable[int]) -> None:
    """Train and answer for each fold of a line that is not done."""
    kind, by, options, epochs = LINES[line]
    manifest = manifest_of(line, kind, options, folder)
    folds = cut_folds(manifest, by=by, folds=FOLDS, seed=SEED)
    changes = {"epochs": epochs, "threads": threads, "seed": SEED}
    settings = train_settings("laptop", changes)
    for fold in wanted:
        place = folder / line / f"fold-{fold}"
        if (place / "tuned.csv").exists():
            continue
        begun = time.monotonic()
        split = fold_split(folds, manifest, fold)
        run = place / "run"
        watch = Watch(on_epoch=lambda done: print(line, done, flush=True))
        fitted = fit(manifest, split, settings, run, resume=run.exists(), watch=watch)
        tuned = score(read_bundle(fitted.bundle), manifest, split=split, part="test")
        seconds = {"tuned": time.monotonic() - begun}
        begun = time.monotonic()
        write_scores(place / "frozen.csv", frozen(manifest, split, tuned, folder / line))
        seconds["frozen"] = time.monotonic() - begun
        (place / "seconds.json").write_text(json.dumps(seconds))
        write_scores(place / "tuned.csv", tuned)


def manifest_of(line: str, kind: str, options: ImportOptions, folder: Path) -> Manifest:
    """Import a data set, once."""
    place = folder / f"{line}.csv"
    if not place.exists():
        data = Path(os.environ.get("PAPSCOPE_DATA", "../shared/data")) / kind
        made, outlines = import_images(kind, data, options=options, allow_partial=True)
        write_manifest(place, made, outlines)
    return read_manifest(place)


def frozen(manifest: Manifest, split: Split, like: Scores, folder: Path) -> Scores:
    """Answer for the test part by a logistic regression on features that were never tuned.

    Its strength is scikit-learn's default, and classes are not weighted: nothing is chosen.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = manifest.labelled()
    features = dict(zip((row.id for row in rows), features_of(manifest, rows, folder), strict=True))
    learn = (*part_rows(split, manifest, "train"), *part_rows(split, manifest, "val"))
    scaler = StandardScaler().fit([features[row.id] for row in learn])
    model = LogisticRegression(max_iter=2000)
    model.fit(scaler.transform([features[row.id] for row in learn]), targets(manifest, learn))
    answers = model.predict_proba(scaler.transform([features[name] for name in like.ids]))
    return replace(like, probabilities=answers.astype(np.float64))


def features_of(manifest: Manifest, rows: Sequence[Row], folder: Path) -> np.ndarray:
    """Give each picture's pooled features, (n, 1280), computed once."""
    place = folder / "features.npy"
    if not place.exists():
        import torch

        from papscope.network.backbones import build, preprocess_for
        from papscope.network.weights import fill
        from papscope.preprocess import to_planes

        settings = preprocess_for(BACKBONE, size=224)
        network = build(BACKBONE, len(manifest.classes), size=224).eval()
        fill(network, BACKBONE, "packaged")
        pictures = squares(manifest, rows, settings, folder)
        found = []
        with torch.inference_mode():
            for start in range(0, len(pictures), 8):
                planes = torch.from_numpy(to_planes(pictures[start : start + 8], settings))
                found.append(network.forward_features(planes).mean((2, 3)).numpy())
        np.save(place, np.concatenate(found))
    return np.load(place)


def show(line: str, folder: Path) -> None:
    """Print a line's two rows, if all its folds are done."""
    trained = "cric-6" if line == "cric-4" else line
    places = [folder / trained / f"fold-{fold}" for fold in range(FOLDS)]
    if not all((place / "tuned.csv").exists() for place in places):
        print(f"| {line} | not finished | | | | | | |")
        return
    for method in ("frozen", "tuned"):
        scores = pooled([read_scores(place / f"{method}.csv") for place in places])
        summary = summarise(graded(scores) if line == "cric-4" else scores)
        cells = []
        for key in COLUMNS:
            found = summary.overall[key]
            assert isinstance(found, Estimate)
            cells.append(f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})")
        minutes = sum(json.loads((one / "seconds.json").read_text())[method] for one in places) / 60
        counts = f"{summary.n} | {summary.groups}"
        print(f"| {line} | {method} | {counts} | {' | '.join(cells)} | {minutes:.0f} |")
        whole = {**summary.to_json(), "settings": asdict(train_settings("laptop", {}))}
        (folder / f"{line}-{method}.json").write_text(json.dumps(whole, indent=1, default=str))


if __name__ == "__main__":
    main()

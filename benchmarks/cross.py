r"""What a model of one laboratory's cells says of another's: normal or abnormal, nothing finer.

Each class of each data set is put on its side: Herlev's dysplastic cells and carcinoma in situ, and
CRIC's five abnormal categories, are abnormal; of ComparisonDetector's classes those of atypia and
neoplasia are, and organisms and flora are not (Bethesda counts them as NILM). The model's answer is
the sum of its abnormal classes' probabilities. Intervals are over groups where a source has them.

    python benchmarks/cross.py --cric cric-6 \
        --herlev runs/accuracy/herlev-strict/repeat-1/fold-0/bundle

Wants the images that the variable PAPSCOPE_DATA points to (or ../shared/data).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from papscope.evaluate.intervals import Estimate
from papscope.evaluate.summary import summarise
from papscope.importing import import_images
from papscope.manifest import Manifest, read_manifest, write_manifest
from papscope.predict.predictor import Prediction, Predictor, load
from papscope.preprocess import Source
from papscope.scores import Scores
from papscope.shipped import find_bundle
from papscope.sources.kinds import ImportOptions
from papscope.taxonomy import CellClass

LESIONS = ("AGC", "ASC-H", "ASC-US", "HSIL", "LSIL", "SCC")
SIDES = (CellClass("normal", "normal"), CellClass("abnormal", "abnormal"))
SHOWN = ("abnormal_auroc", "abnormal_sensitivity", "abnormal_specificity")

TARGETS: Mapping[str, tuple[str, ImportOptions]] = {
    "herlev": ("herlev", ImportOptions()),
    "lbc11": ("folder", ImportOptions(abnormal=LESIONS)),
    "cric": ("cric", ImportOptions(crop=112)),
}


def main() -> None:
    """Print a line for each model and each other data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cric", help="a model of CRIC's cells: a bundle, or a shipped one's name")
    parser.add_argument("--herlev", help="a model of Herlev's cells")
    parser.add_argument("--folder", type=Path, default=Path("runs/cross"))
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    print("| trained on | answers for | n | groups | abnormal AUROC | sensitivity | specificity |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for trained, named, others in (
        ("cric", asked.cric, ("herlev", "lbc11")),
        ("herlev", asked.herlev, ("cric", "lbc11")),
    ):
        for other in others if named else ():
            turned = None if trained == "cric" else False  # one orientation: eight times as quick
            model = load(find_bundle(named).folder, threads=asked.threads, orientations=turned)
            show(trained, other, answered(model, manifest_of(other, asked.folder)))


def manifest_of(name: str, folder: Path) -> Manifest:
    """Import a data set, once."""
    kind, options = TARGETS[name]
    place = folder / f"{name}.csv"
    if not place.exists():
        data = Path(os.environ.get("PAPSCOPE_DATA", "../shared/data")) / name
        made, outlines = import_images(kind, data, options=options, allow_partial=True)
        write_manifest(place, made, outlines)
    return read_manifest(place)


def answered(model: Predictor, manifest: Manifest) -> Scores:
    """Let a model say of each cell how likely it is abnormal."""
    side = {one.name: one.side for one in manifest.classes}
    rows = sorted(manifest.labelled(), key=lambda row: (str(row.path), row.id))
    sources = [Source(manifest.file_of(row), row.box, row.id) for row in rows]
    kept, chances = [], []
    for row, one in zip(rows, model.stream(sources), strict=True):
        if isinstance(one, Prediction):
            assert one.answer.abnormal is not None
            kept.append(row)
            chances.append(one.answer.abnormal)
    ill = np.array(chances)
    return Scores(
        ids=tuple(row.id for row in kept),
        groups=tuple(row.strict or row.group for row in kept),
        truth=np.array([int(side[str(row.label)] == "abnormal") for row in kept]),
        probabilities=np.stack([1 - ill, ill], axis=1),
        classes=SIDES,
        paths=tuple(row.path.as_posix() for row in kept),
        boxes=tuple(row.box for row in kept),
    )


def show(trained: str, other: str, scores: Scores) -> None:
    """Print a line."""
    summary = summarise(scores)
    cells = []
    for key in SHOWN:
        found = summary.overall[key]
        assert isinstance(found, Estimate)
        cells.append(f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})")
    print(f"| {trained} | {other} | {summary.n} | {summary.groups} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

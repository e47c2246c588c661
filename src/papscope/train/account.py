"""What a bundle says of how it came to be, for machines and for people.

Takes   the data, the split, the settings and the epochs of a run
Gives   a bundle's description, and its card in Markdown
Never   claims what was not measured: numbers are validation's, and say so
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from papscope import __version__
from papscope.bundle import DESCRIPTION, Description, read_bundle
from papscope.manifest import Manifest
from papscope.network.weights import Taken
from papscope.preprocess import Preprocess
from papscope.readings import card_rows
from papscope.seen import Seen, seen_in
from papscope.split import Split
from papscope.train.module import EpochDone
from papscope.train.settings import TrainSettings

_PARTS = ("lightning", "numpy", "pillow", "timm", "torch", "torchvision")


def description_of(
    manifest: Manifest,
    split: Split,
    settings: TrainSettings,
    preprocess: Preprocess,
    taken: Taken,
    history: Sequence[EpochDone],
) -> Description:
    """Describe the model of a run."""
    validated = sum(part == "val" for part in split.part_of.values())
    return Description(
        classes=manifest.classes,
        preprocess=preprocess,
        backbone=settings.backbone,
        network=_network(settings),
        provenance={
            "dataset": manifest.dataset,
            "manifest_sha256": manifest.digest,
            "licence": manifest.licence,
            "citation": manifest.citation,
            "notes": list(manifest.notes),
            "protocol": split.protocol.to_json(),
            "seen": (_seen(manifest, split) | _seen_before(settings.weights)).to_json(),
            "weights": taken.sentence(),
            "weights_left_random": list(taken.kept),
            "training": {
                "settings": asdict(settings),
                "history": [done.to_json() for done in history],
            },
            "versions": versions(),
        },
        metrics=_measured(history, settings, validated),
    )


def _network(settings: TrainSettings) -> dict[str, float | bool]:
    """Say how the network is built, and that it answers over all orientations where it does."""
    oriented = {"orientations": True} if settings.tta else {}
    return {"drop_rate": settings.drop_rate, **oriented}


def kept_epoch(history: Sequence[EpochDone], settings: TrainSettings) -> EpochDone:
    """Say which epoch is kept: the first of the best by validation, or the last."""
    if settings.keep == "last":
        return history[-1]
    return max(history, key=lambda done: done.val_macro_f1 or 0.0)


def _measured(
    history: Sequence[EpochDone], settings: TrainSettings, validated: int
) -> dict[str, str | int | float | None]:
    if not history:
        return {}
    kept = kept_epoch(history, settings)
    if kept.val_macro_f1 is None:
        return {"part": "none: all images were learned from", "n": 0, "epoch": kept.epoch}
    chosen = ", on which the epoch was chosen: too hopeful" if settings.keep == "best" else ""
    lying = ", as the pictures lie, not turned" if settings.tta else ""
    return {
        "part": f"validation{lying}{chosen}",
        "n": validated,
        "epoch": kept.epoch,
        "accuracy": kept.val_accuracy,
        "macro_f1": kept.val_macro_f1,
    }


def _seen(manifest: Manifest, split: Split) -> Seen:
    return seen_in(row for row in manifest.rows if split.part_of.get(row.id) in ("train", "val"))


def _seen_before(weights: str) -> Seen:
    """Say what the bundle has seen that training began from; nothing is known of other weights."""
    start = Path(weights)
    if not (start / DESCRIPTION).is_file():
        return Seen(frozenset(), frozenset())
    return Seen.from_json(read_bundle(start).description.provenance.get("seen", {}))


def versions() -> dict[str, str]:
    """Name the versions that a result depends on."""
    found = {name: version(name) for name in _PARTS}
    return {"papscope": __version__, "python": platform.python_version(), **found}


def _stain(about: Description) -> str:
    stain = about.preprocess.stain
    return (
        "" if stain is None else f"; first brought to the training images' stain ({stain.method})"
    )


def _how(about: Description) -> str:
    """Say what else is done to a picture before and by the network."""
    turned = "; answers with the mean over all eight orientations" if about.orientations else ""
    return f"{_stain(about)}{turned}"


def card(about: Description) -> str:
    """Write a model card in Markdown."""
    known, metrics = about.provenance, about.metrics
    classes = card_rows(about.classes, known["dataset"])
    leaks = known["protocol"]["leaks"]
    warning = f"\n> **{leaks}**: its test results are too hopeful.\n" if leaks else ""
    notes = "".join(f"- {note}\n" for note in known["notes"])
    return f"""# {about.backbone} for {known["dataset"]}
{warning}
**Research use only. Not a medical device.** It labels pictures of single cells; it gives no
diagnosis of a slide or a patient, and it cannot exclude disease.

| class | side | category | what such cells look like |
|---|---|---|---|
{classes}

- Trained on: {known["dataset"]} (manifest {known["manifest_sha256"][:12]})
- Licence of the data: {known["licence"]}
- Cite: {known["citation"]}
- Divided by: {known["protocol"]["by"]}, seed {known["protocol"]["seed"]}
- Input: {about.preprocess.size} x {about.preprocess.size} px, {about.preprocess.fit}{_how(about)}
- {known["weights"]}
- {_validation(metrics)} Results on unseen images come from `papscope evaluate`.
{notes}
Use it with `papscope predict` or `papscope.load(folder).predict(images)`.
"""


def _validation(metrics: Mapping[str, Any]) -> str:
    if metrics.get("accuracy") is None:
        return "No image was held back for validation: the number of epochs was fixed beforehand."
    return (
        f"Measured on {metrics['part']}: accuracy {metrics['accuracy']:.3f}, "
        f"macro-F1 {metrics['macro_f1']:.3f}, n {metrics['n']}."
    )

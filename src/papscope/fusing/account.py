"""What a fused bundle says of how it came to be, for machines and for people.

Takes   the data, the split, the settings, the blocks and what was measured on validation
Gives   a bundle's description, and its card in Markdown
Never   claims what was not measured
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from papscope import __version__
from papscope.bundle import Description
from papscope.fusing.blocks import Block
from papscope.fusing.selecting import Fitted
from papscope.fusing.settings import FuseSettings
from papscope.manifest import Manifest
from papscope.preprocess import Preprocess
from papscope.readings import card_rows
from papscope.seen import Seen, seen_in
from papscope.shape.measures import NAMES
from papscope.split import Split

_PARTS = ("numpy", "pillow", "scikit-learn", "timm", "torch")


@dataclass(frozen=True, slots=True)
class Validated:
    """How one way of answering did on validation."""

    what: str
    n: int
    accuracy: float
    macro_f1: float


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """All that a fused model was made of."""

    blocks: Sequence[Block]
    preprocess: Preprocess
    heads: Mapping[str, Fitted]
    validated: Sequence[Validated]
    """The joined answer is the last one."""


def description_of(
    manifest: Manifest, split: Split, settings: FuseSettings, made: Made
) -> Description:
    """Describe a fused model."""
    network: dict[str, Any] = {
        "kind": "fusion",
        "blocks": [block.to_json() for block in made.blocks],
        "heads": {name: head.words for name, head in made.heads.items()},
    }
    if "shaped" in made.heads:
        network["shape"] = list(NAMES)
    if settings.head == "late" and all(one.network.get("orientations") for one in made.blocks):
        network["orientations"] = True  # as each block was meant to answer
    return Description(
        classes=manifest.classes,
        preprocess=made.preprocess,
        backbone=" + ".join(block.backbone for block in made.blocks),
        network=network,
        provenance=_provenance(manifest, split, settings, made),
        metrics=_measured(settings, made.validated),
    )


def _measured(settings: FuseSettings, validated: Sequence[Validated]) -> dict[str, Any]:
    if not validated:
        return {"part": "none: all images were learned from", "n": 0, "epoch": None, "each": []}
    joined = validated[-1]
    chosen = "validation, on which the epoch was chosen: too hopeful"
    return {
        "part": chosen if settings.head == "mlp" else "validation",
        "n": joined.n,
        "epoch": None,
        "accuracy": joined.accuracy,
        "macro_f1": joined.macro_f1,
        "each": [{**asdict(one), "what": _short(one.what)} for one in validated],
    }


def _provenance(
    manifest: Manifest, split: Split, settings: FuseSettings, made: Made
) -> dict[str, Any]:
    own = seen_in(row for row in manifest.rows if split.part_of.get(row.id) in ("train", "val"))
    seen = Seen(
        own.images.union(*(block.seen.images for block in made.blocks)),
        own.groups.union(*(block.seen.groups for block in made.blocks)),
    )
    return {
        "dataset": manifest.dataset,
        "manifest_sha256": manifest.digest,
        "licence": _every("licence", manifest.licence, made.blocks),
        "citation": _every("citation", manifest.citation, made.blocks),
        "notes": list(manifest.notes),
        "protocol": split.protocol.to_json(),
        "seen": seen.to_json(),
        "weights": "; ".join(f"{one.backbone}: {one.origin}" for one in made.blocks),
        "training": {
            "settings": _told(settings),
            "chosen": {name: head.chosen for name, head in made.heads.items()},
        },
        "versions": versions(),
    }


def _every(key: str, own: str, blocks: Sequence[Block]) -> str:
    """Give the manifest's text and those of data that blocks were trained on, each once."""
    told = [
        stage[key]
        for block in blocks
        for stage in (*(block.known.get("chain") or ()), block.known)
        if stage.get(key)
    ]
    return "; ".join(dict.fromkeys([own, *told]))


def _told(settings: FuseSettings) -> dict[str, Any]:
    """Write settings without the places of files, which are one machine's."""
    kept = {name: value for name, value in asdict(settings).items() if name != "cache"}
    for name in ("blocks", "weights"):
        kept[name] = [_short(word) for word in kept[name]]
    return kept


def _short(word: str) -> str:
    """Give the last two parts of a path, and other words as they are.

    >>> _short("/home/me/run/bundle:layer3"), _short("timm:resnet50"), _short("joined")
    ('run/bundle:layer3', 'timm:resnet50', 'joined')
    """
    return "/".join(word.replace("\\", "/").split("/")[-2:])


def versions() -> dict[str, str]:
    """Name the versions that a result depends on."""
    found = {name: version(name) for name in _PARTS}
    return {"papscope": __version__, "python": platform.python_version(), **found}


def card(about: Description) -> str:
    """Write a model card in Markdown."""
    known = about.provenance
    leaks = known["protocol"]["leaks"]
    warning = f"\n> **{leaks}**: its test results are too hopeful.\n" if leaks else ""
    classes = card_rows(about.classes, known["dataset"])
    blocks = "\n".join(
        f"- {one['backbone']}, {one['layer'] or 'features below the head'}"
        for one in about.network["blocks"]
    )
    notes = "".join(f"- {note}\n" for note in known["notes"])
    shape = "shape" in about.network
    shaped = "- Cell shape from masks; without a mask, another head answers\n" if shape else ""
    return f"""# {about.backbone}, joined, for {known["dataset"]}
{warning}
**Research use only. Not a medical device.** It labels pictures of single cells; it gives no
diagnosis of a slide or a patient, and it cannot exclude disease.

| class | side | category | what such cells look like |
|---|---|---|---|
{classes}

Joined from

{blocks}
{shaped}
- Fitted to: {known["dataset"]} (manifest {known["manifest_sha256"][:12]})
- Licence of the data: {known["licence"]}
- Cite: {known["citation"]}
- Divided by: {known["protocol"]["by"]}, seed {known["protocol"]["seed"]}
- Input: {about.preprocess.size} x {about.preprocess.size} px, {about.preprocess.fit}
- Weights: {known["weights"]}

{_results(about.metrics)}
{notes}
Use it with `papscope predict` or `papscope.load(folder).predict(images)`.
"""


def _results(metrics: Mapping[str, Any]) -> str:
    later = "results on unseen images come from `papscope evaluate`"
    if not metrics["each"]:
        return f"No image was held back for validation; {later}.\n"
    rows = "\n".join(
        f"| {one['what']} | {one['n']} | {one['accuracy']:.3f} | {one['macro_f1']:.3f} |"
        for one in metrics["each"]
    )
    return f"""On {metrics["part"]}; {later}:

| what answers | n | accuracy | macro-F1 |
|---|---|---|---|
{rows}
"""

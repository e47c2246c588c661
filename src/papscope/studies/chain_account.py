"""What the last bundle of a chain says of all its stages, for machines and for people.

Takes   the stages and their bundles
Gives   the last one's description with the provenance of all, and its card
Never   names a folder of this machine, or claims what was not measured
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from papscope.bundle import Bundle, Description
from papscope.studies.chain_folder import Ready
from papscope.train.account import card


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A stage that is finished."""

    ready: Ready
    bundle: Bundle
    began_from: str
    """In words: `stage 1, herlev`, or `imagenet`."""

    @property
    def sentence(self) -> str:
        """Which weights were taken, and whether the head is new; without a folder's name."""
        known = self.bundle.description.provenance
        return str(known["weights"]).replace(
            known["training"]["settings"]["weights"], self.began_from
        )

    @property
    def settings(self) -> dict[str, Any]:
        """How it was trained; without a folder's name."""
        told: dict[str, Any] = self.bundle.description.provenance["training"]["settings"]
        return {**told, "weights": self.began_from}

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form that the last bundle carries."""
        known, stage = self.bundle.description.provenance, self.ready.images.stage
        return {
            "name": stage.data.called,
            "dataset": known["dataset"],
            "classes": [one.name for one in self.bundle.description.classes],
            "manifest_sha256": self.ready.manifest.digest,
            "licence": known["licence"],
            "citation": known["citation"],
            "notes": list(known["notes"]),
            "protocol": known["protocol"],
            "extend": stage.data.extend,
            "settings": self.settings,
            "weights": self.sentence,
            "metrics": dict(self.bundle.description.metrics),
        }


def chain_description(name: str, stages: Sequence[Trained]) -> Description:
    """Describe the model that came out of a chain: the last stage's, and all before it."""
    last = stages[-1]
    about = last.bundle.description
    known = about.provenance
    provenance = {
        **known,
        "weights": last.sentence,
        "training": {**known["training"], "settings": last.settings},
        "chain": [one.to_json() for one in stages],
        "chain_name": name,
    }
    return replace(about, provenance=provenance)


def chain_card(about: Description) -> str:
    """Write the card of a chain's model: that of its last stage, and a line for each before."""
    lines = "\n".join(
        _line(number, one) for number, one in enumerate(about.provenance["chain"], start=1)
    )
    return f"""{card(about)}
## Trained in a chain, {about.provenance["chain_name"]}

Each stage began from the one before it. What is said above is of the last.

{lines}

The terms and citations of every stage's data hold for this model.
"""


def _line(number: int, one: dict[str, Any]) -> str:
    metrics = one["metrics"]
    accuracy, f1 = metrics.get("accuracy"), metrics.get("macro_f1")
    measured = "nothing was held back"
    if accuracy is not None and f1 is not None:
        measured = f"accuracy {accuracy:.3f}, macro-F1 {f1:.3f}"
    extended = f", each training image extended ({one['extend']})" if one["extend"] else ""
    classes = f"{len(one['classes'])} classes{extended}"
    return f"""{number}. **{one["name"]}**: {one["dataset"]}, {classes}
   (manifest {one["manifest_sha256"][:12]}); divided by {one["protocol"]["by"]}, seed
   {one["protocol"]["seed"]}; {one["settings"]["epochs"]} epochs at
   {one["settings"]["size"]} px; {one["weights"]}
   - Validation: {measured}
   - Licence of the data: {one["licence"]}
   - Cite: {one["citation"]}"""

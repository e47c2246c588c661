"""What an ensemble says of how it came to be, for machines and for people.

Takes   what its members say of themselves
Gives   its provenance and metrics, and its card in Markdown
Never   claims what was not measured: members' measures stay the members'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from papscope.bundle import Bundle, Description
from papscope.readings import card_rows
from papscope.seen import Seen

_UNMEASURED = "none: an ensemble is measured as a whole, by `papscope evaluate`"


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One of the models that are joined."""

    called: str
    """What errors call it."""
    bundle: Bundle
    told: Mapping[str, Any]
    """Its provenance in short."""


def told_of(bundle: Bundle) -> dict[str, Any]:
    """Tell a bundle's provenance in short."""
    about = bundle.description
    known = about.provenance
    return {
        "backbone": about.backbone,
        "bundle_sha256": bundle.digest,
        "dataset": known.get("dataset"),
        "manifest_sha256": known.get("manifest_sha256"),
        "protocol": known.get("protocol") or {},
        "weights": known.get("weights"),
        "metrics": dict(about.metrics),
        "settings": (known.get("training") or {}).get("settings") or {},
    }


def provenance_of(known: Sequence[Mapping[str, Any]], members: Sequence[Member]) -> dict[str, Any]:
    """Give what bundles have in common, and what each member has of its own.

    Args:
        known: the bundles' provenance.
        members: the members, in order.
    """
    settings = _shared([one.told["settings"] for one in members])
    protocols = [one.get("protocol") or {} for one in known]
    leaks = next((one["leaks"] for one in protocols if one.get("leaks")), None)
    seen = reduce(or_, (Seen.from_json(one.get("seen") or {}) for one in known))
    return {
        **{key: "; ".join(_every(known, key)) for key in ("licence", "citation", "weights")},
        "dataset": " + ".join(_every(known, "dataset")),
        "notes": list(dict.fromkeys(note for one in known for note in one.get("notes") or ())),
        "protocol": {**_shared(protocols), "leaks": leaks},
        "seen": seen.to_json(),
        "training": {"settings": settings},
        "versions": _shared([one.get("versions") or {} for one in known]),
        "members": [
            {
                **one.told,
                "settings": {
                    key: value for key, value in one.told["settings"].items() if key not in settings
                },
            }
            for one in members
        ],
    }


def metrics_of() -> dict[str, Any]:
    """Say that nothing was measured."""
    return {"part": _UNMEASURED, "n": 0}


def _shared(every: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give what is equal in all."""
    first, *others = every
    return {
        key: value
        for key, value in first.items()
        if all(key in other and other[key] == value for other in others)
    }


def _every(known: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    """Give the different texts, in order; of models that were trained in a chain, each stage's."""
    told = [stage for one in known for stage in (*(one.get("chain") or ()), one)]
    return list(dict.fromkeys(str(one[key]) for one in told if one.get(key)))


def card(about: Description) -> str:
    """Write an ensemble's card in Markdown."""
    known = about.provenance
    leaks = known["protocol"]["leaks"]
    warning = f"\n> **{leaks}**: its test results are too hopeful.\n" if leaks else ""
    classes = card_rows(about.classes, known["dataset"])
    members = "\n".join(_row(one) for one in known["members"])
    lying = "with the mean over all eight orientations" if about.orientations else "as it lies"
    notes = "".join(f"- {note}\n" for note in known["notes"])
    return f"""# {about.backbone} for {known["dataset"]}
{warning}
**Research use only. Not a medical device.** It labels pictures of single cells; it gives no
diagnosis of a slide or a patient, and it cannot exclude disease.

| class | side | category | what such cells look like |
|---|---|---|---|
{classes}

Its answer is the mean of the probabilities of

| member | network | trained on | divided by | accuracy | macro-F1 | n | measured on |
|---|---|---|---|---|---|---|---|
{members}

The numbers are each member's own. The ensemble as a whole has been measured on nothing yet: results
come from `papscope evaluate`, on images that no member has learned from.

- Licence of the data: {known["licence"]}
- Cite: {known["citation"] or "nobody is named"}
- Input: {about.preprocess.size} x {about.preprocess.size} px, {about.preprocess.fit}
- Answers for a picture {lying}
- Weights of the members: {known["weights"]}
{notes}
Use it with `papscope predict` or `papscope.load(folder).predict(images)`.
"""


def _row(member: Mapping[str, Any]) -> str:
    protocol, metrics = member["protocol"], member["metrics"]
    fold = protocol.get("fold")
    part = f", fold {fold} of {protocol.get('folds')}" if fold is not None else ""
    cells = (
        str(member["bundle_sha256"])[:12],
        member["backbone"],
        member["dataset"] or "unknown",
        f"{protocol.get('by', 'unknown')}, seed {protocol.get('seed', 'unknown')}{part}",
        *(_number(metrics.get(name)) for name in ("accuracy", "macro_f1")),
        metrics.get("n", "-"),
        metrics.get("part", "-"),
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "-"

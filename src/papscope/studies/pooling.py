"""The answers of all folds as one: every image once, from the network that never saw its group.

Takes   the scores of each fold
Gives   scores of all images, in the manifest's order, with all that a report must tell
Never   hides that they come from several networks, or drops a fold's stamp
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from papscope.manifest import Manifest
from papscope.scores import Scores
from papscope.scoring import counts, group_counts
from papscope.split import Split


def pooled(parts: Sequence[Scores], manifest: Manifest, folds: Split, command: str = "") -> Scores:
    """Put the folds' answers together.

    Args:
        parts: the scores of each fold, in order.
        manifest: all images.
        folds: who is in which fold.
        command: the command line that asked for it, if there was one.
    """
    order = {row.id: place for place, row in enumerate(manifest.rows)}
    ids = [name for part in parts for name in part.ids]
    places = sorted(range(len(ids)), key=lambda place: order[ids[place]])
    groups = [name for part in parts for name in part.groups]
    paths = [name for part in parts for name in part.paths]
    boxes = [box for part in parts for box in part.boxes]
    return Scores(
        ids=tuple(ids[place] for place in places),
        groups=tuple(groups[place] for place in places),
        truth=np.concatenate([part.truth for part in parts])[places],
        probabilities=np.concatenate([part.probabilities for part in parts])[places],
        classes=manifest.classes,
        paths=tuple(paths[place] for place in places),
        boxes=tuple(boxes[place] for place in places),
        about={**_about(parts, manifest, folds), **({"command": command} if command else {})},
    )


def _about(parts: Sequence[Scores], manifest: Manifest, folds: Split) -> dict[str, Any]:
    """Gather what a report must tell: what holds for all folds, and what was so in any."""
    every = [part.about for part in parts]
    alike = _alike(every)
    model, training = (_alike([one[key] for one in every]) for key in ("model", "training"))
    training["settings"] = _alike([one["training"].get("settings", {}) for one in every])
    backbones = dict.fromkeys(str(one["model"]["backbone"]) for one in every)
    named = {f"fold {fold}": part for fold, part in zip(folds.parts, folds.parts, strict=True)}
    by_class, by_group = counts(manifest, folds), group_counts(manifest, folds)
    return {
        **alike,
        "part": "test",
        "pooled": len(parts),
        "protocol": folds.protocol.to_json(),
        "leaks": next((part.leaks for part in parts if part.leaks), None),
        "counts": {name: by_class[part] for name, part in named.items()},
        "group_counts": {name: by_group[part] for name, part in named.items()},
        "model": {
            "backbone": ", ".join(backbones),
            "networks": len(parts),
            **{key: value for key, value in model.items() if key != "backbone"},
        },
        "training": training,
    }


def _alike(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Keep what is the same in all."""
    first = told[0]
    return {
        key: value for key, value in first.items() if all(one.get(key) == value for one in told)
    }

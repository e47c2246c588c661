"""A model's answers for the labelled images of a manifest, with all that a report must tell.

Takes   a bundle, a manifest, and which part of which split
Gives   a frozen `Scores`
Never   trains, measures, or passes over an image that cannot be read
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from papscope import __version__
from papscope.bundle import Bundle
from papscope.decision import calibrated
from papscope.errors import ImageError, SplitError, TrainingError
from papscope.labelled import sources_of, targets
from papscope.manifest import Manifest, Row
from papscope.predict.engine import Engine, MeasuringEngine, answered
from papscope.predict.engines import engine_for
from papscope.preprocess import prepare
from papscope.progress import Tell, silent
from papscope.scores import Probabilities, Scores
from papscope.seen import Seen, overlap
from papscope.shape.measures import Measured
from papscope.shape.reading import measured_all, outlined
from papscope.split import Split, originals, part_rows


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def score(
    bundle: Bundle,
    manifest: Manifest,
    *,
    split: Split | None = None,
    part: str | None = None,
    batch_size: int = 32,
    tell: Tell = silent,
) -> Scores:
    """Let a bundle's model answer for the labelled images of a manifest.

    Images that `papscope augment` made are left out, whatever part they are in.

    Args:
        bundle: the model; over all orientations by `with_orientations`.
        manifest: the images; its classes must be the model's.
        split: which images are in which part; None for all images.
        part: `train`, `val` or `test`; None for all images.
        batch_size: how many squares are held before the network sees them.
        tell: hears how far it is.

    Raises:
        SplitError: the split is another manifest's, or the part is empty.
        TrainingError: the classes differ.
        ImageError: an image cannot be read.
        MissingExtra: the model needs torch, which is not installed.
    """
    rows = _rows(manifest, split, part)
    _check_classes(bundle, manifest)
    # Images of one field follow one another, so that it is decoded once.
    rows = sorted(rows, key=lambda row: (str(row.path), row.id))
    engine = engine_for(bundle)
    unit = engine.at_once
    measures = _measures(bundle, engine, manifest, rows, tell)
    ready = prepare(sources_of(manifest, rows), bundle.description.preprocess)
    answers: list[Probabilities] = []
    for chunk in _chunks(ready, max(1, batch_size // unit) * unit):
        broken = next((one for one in chunk if isinstance(one, ImageError)), None)
        if broken is not None:
            raise broken
        done = sum(len(answer) for answer in answers)
        told = None if measures is None else measures[done : done + len(chunk)]
        chances = answered(engine, np.stack(chunk), told)
        answers.append(calibrated(chances, bundle.description.calibration))
        tell("answering", done + len(chunk), len(rows))
    return Scores(
        ids=tuple(row.id for row in rows),
        groups=tuple(_group(row, split) for row in rows),
        truth=targets(manifest, rows),
        probabilities=np.concatenate(answers),
        classes=manifest.classes,
        paths=tuple(row.path.as_posix() for row in rows),
        boxes=tuple(row.box for row in rows),
        about={
            **_about(bundle, manifest, split, part),
            "leaks": _leaks(bundle, rows, split, part),
            **_not_measured(measures),
        },
    )


def _measures(
    bundle: Bundle, engine: Engine, manifest: Manifest, rows: list[Row], tell: Tell
) -> Measured | None:
    """Measure the cells, where the model asks for that and runs on what can use it."""
    if "shape" not in bundle.description.network or not isinstance(engine, MeasuringEngine):
        return None
    return measured_all(outlined(manifest, rows), tell=tell)


def _not_measured(measures: Measured | None) -> dict[str, int]:
    """Count the images that were answered for without the shape that the model asks for."""
    if measures is None:
        return {}
    return {"without_shape": int(np.isnan(measures).any(axis=1).sum())}


def _rows(manifest: Manifest, split: Split | None, part: str | None) -> list[Row]:
    if split is None or part is None:
        rows = list(originals(manifest.labelled()))
    else:
        rows = [row for row in originals(part_rows(split, manifest, part)) if row.label is not None]
    if not rows:
        raise SplitError(
            f"no labelled image is in {part or 'the manifest'}", hint="choose another --part"
        )
    return rows


def _group(row: Row, split: Split | None) -> str | None:
    """Give the group that intervals are drawn over: the one that the split kept together."""
    return row.strict if split is not None and split.protocol.by == "strict" else row.group


def _leaks(bundle: Bundle, rows: list[Row], split: Split | None, part: str | None) -> str | None:
    """Say whether the model has learned from these images or from their groups' others."""
    if part in ("train", "val"):
        return None  # said by the part's name, and told by every summary
    if split is not None and split.protocol.leaks:
        return split.protocol.leaks
    same, near = overlap(Seen.from_json(bundle.description.provenance.get("seen", {})), rows)
    if same == near == 0:
        return None
    return (
        f"leaks: of {len(rows)} images, the model was trained on {same}, and on others of the "
        f"same group for {near} more"
    )


def _check_classes(bundle: Bundle, manifest: Manifest) -> None:
    trained = tuple(one.name for one in bundle.description.classes)
    if trained != manifest.class_names:
        raise TrainingError(
            f"the model's classes are {', '.join(trained)}; the manifest's are "
            f"{', '.join(manifest.class_names)}",
            hint="evaluate on a manifest of the same classes, imported the same way",
        )


def _about(
    bundle: Bundle, manifest: Manifest, split: Split | None, part: str | None
) -> Mapping[str, Any]:
    """Gather what a report must tell."""
    known = bundle.description.provenance
    return {
        "papscope_version": __version__,
        "root": str(manifest.root),
        "dataset": manifest.dataset,
        "part": part,
        "manifest": {
            "sha256": manifest.digest,
            "licence": manifest.licence,
            "citation": manifest.citation,
            "notes": list(manifest.notes),
            "group_is": manifest.group_is,
        },
        "protocol": split.protocol.to_json() if split else None,
        "counts": counts(manifest, split),
        "group_counts": group_counts(manifest, split),
        "model": {
            "bundle_sha256": bundle.digest,
            "backbone": bundle.description.backbone,
            "members": _members(known),
            "orientations": 8 if bundle.description.orientations else 1,
            "preprocess": bundle.description.preprocess.to_json(),
            "calibration": dict(bundle.description.calibration),
            "rules": dict(bundle.description.rules),
            "weights": known.get("weights"),
            "leaks": (known.get("protocol") or {}).get("leaks"),
        },
        "training": known.get("training", {}),
        "versions": known.get("versions", {}),
    }


def _members(known: Mapping[str, Any]) -> list[str]:
    """Name the models that a model was joined from, each by backbone and digest."""
    told = known.get("members")
    return [
        f"{one.get('backbone')} {str(one.get('bundle_sha256'))[:12]}"
        for one in (told if isinstance(told, list) else ())
    ]


def counts(manifest: Manifest, split: Split | None) -> dict[str, dict[str, int]]:
    """Count the images of each class in each part, without those that papscope made."""
    found: dict[str, dict[str, int]] = {}
    for row in originals(manifest.labelled()):
        part = split.part_of.get(row.id, "left out") if split else "all"
        of_part = found.setdefault(part, dict.fromkeys(manifest.class_names, 0))
        of_part[str(row.label)] += 1
    return found


def group_counts(manifest: Manifest, split: Split | None) -> dict[str, int]:
    """Count the groups in each part."""
    found: dict[str, set[str]] = {}
    for row in originals(manifest.labelled()):
        part = split.part_of.get(row.id, "left out") if split else "all"
        found.setdefault(part, set()).add(row.group or row.id)
    return {part: len(groups) for part, groups in found.items()}

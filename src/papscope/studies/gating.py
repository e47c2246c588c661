"""A bundle gets its gate: from the cells that it learned from, and from others like them.

Takes   a bundle, a manifest, and either its split or the folder of a cross-validation
Gives   the bundle with a gate
Never   sees an outlier, touches the weights, or sets the threshold by cells that were learned from

A model that was trained on everything has no cell left that it did not learn from. Then the models
of a cross-validation, trained alike, stand for it: each is gated by its own training cells, and its
held-out fold says how strange genuine cells of new groups are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from papscope.bundle import Bundle, read_bundle
from papscope.errors import MeasureError, SettingError, TrainingError
from papscope.evaluate.gating import (
    MOST_CELLS,
    Cells,
    HeldOut,
    Measure,
    fit_measure,
    fit_reference,
    measured,
)
from papscope.manifest import Manifest, Row
from papscope.predict.engine import Engine
from papscope.predict.engines import engine_for
from papscope.progress import Tell, silent
from papscope.seen import Seen, overlap
from papscope.split import Split, check_belongs, part_rows
from papscope.studies.gate_cells import Looking, folds_of, labelled

Make: TypeAlias = Callable[[Bundle], Engine]
"""Makes a model ready to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """How a gate is fitted."""

    accept: float = 0.95
    """The share of genuine cells of a new group that shall pass, 0..1."""
    cells: int = MOST_CELLS
    """Training cells that it is fitted on and carries, at most: of each class and group in turn."""
    held_out: int = 0
    """Cells that set the threshold, at most, of each group in turn, and of each fold; 0 takes
    all."""
    make: Make = field(default=engine_for, compare=False)
    """What answers."""

    def __post_init__(self) -> None:
        if not 0 < self.accept < 1 or self.cells < 1 or self.held_out < 0:
            raise SettingError(
                f"accept {self.accept:g}, cells {self.cells}, held_out {self.held_out}",
                hint="give a share between 0 and 1, 1 cell or more, and 0 or more",
            )


DEFAULT = GateSettings()


@dataclass(frozen=True, slots=True, eq=False)
class Gated:
    """A bundle that tells what is unlike anything that it learned from."""

    bundle: Bundle
    """With the gate; its digest is the older one's until written."""
    measure: Measure
    cells: int
    """Training cells that the gate carries."""
    warnings: tuple[str, ...] = ()


def gate_by_split(
    bundle: Bundle,
    manifest: Manifest,
    split: Split,
    settings: GateSettings = DEFAULT,
    tell: Tell = silent,
) -> Gated:
    """Fit a gate on the training part, and its threshold on the validation part.

    Args:
        bundle: the model; an older gate is replaced.
        manifest: the images.
        split: as the model was trained with.
        settings: how.
        tell: hears how far it is.

    Raises:
        SplitError: the split is another manifest's.
        TrainingError: the classes are not the model's.
        MeasureError: the model learned from validation images, or not from the training part, or
            there are too few cells or groups.
        BundleError: the network tells no features.
        ImageError: an image cannot be read.
    """
    check_belongs(split, manifest)
    _check_classes(bundle, manifest)
    train, held = (labelled(part_rows(split, manifest, part)) for part in ("train", "val"))
    refuse_seen(bundle, held)
    _refuse_unseen(bundle, train)
    own, strangers = _both(
        Looking(bundle, settings.make(bundle), manifest, tell), train, held, settings
    )
    measure = fit_measure([strangers], settings.accept)
    whose = "the validation part, on which its epoch was chosen and from which it did not learn"
    sentence = f"{measure.n} cells of {manifest.dataset} in {measure.groups} groups, {whose}"
    return _gated(bundle, measure, own, sentence)


def gate_by_folds(
    bundle: Bundle,
    manifest: Manifest,
    folder: Path,
    settings: GateSettings = DEFAULT,
    tell: Tell = silent,
) -> Gated:
    """Fit a gate on all cells, and its threshold by the models of a cross-validation.

    Args:
        bundle: the model, which learned from every labelled image; an older gate is replaced.
        manifest: the images that were cross-validated.
        folder: of the cross-validation; its first repeat is taken.
        settings: how.
        tell: hears how far it is.

    Raises:
        SettingError: the folder is no cross-validation.
        SplitError: its folds are another manifest's.
        TrainingError: the classes are not the model's.
        MeasureError: a fold's model learned from what it shall judge, or there are too few cells
            or groups.
        BundleError: a model is missing, damaged, of other classes, or tells no features.
        ImageError: an image cannot be read.
    """
    _check_classes(bundle, manifest)
    parts: list[HeldOut] = []
    warnings: list[str] = []
    for place, train, held in folds_of(folder, manifest):
        sister = read_bundle(place)
        warnings += differing(bundle, sister)
        parts.append(held_out(sister, manifest, train, held, settings, tell))
    measure = fit_measure(parts, settings.accept)
    rows = labelled(manifest.rows)
    _refuse_unseen(bundle, rows)
    looking = Looking(bundle, settings.make(bundle), manifest, tell)
    own = looking.at_learned(rows, settings.cells)
    sentence = (
        f"{measure.n} cells of {manifest.dataset} in {measure.groups} groups, by {len(parts)} "
        "sister models (out of fold), none of which had learned from what it judged"
    )
    done = _gated(bundle, measure, own, sentence)
    return replace(done, warnings=tuple(dict.fromkeys(warnings)))


def held_out(
    sister: Bundle,
    manifest: Manifest,
    train: Sequence[Row],
    held: Sequence[Row],
    settings: GateSettings = DEFAULT,
    tell: Tell = silent,
) -> HeldOut:
    """Say how strange the cells of a fold are to the model that had it left out.

    Raises:
        BundleError: the model is of other classes, or tells no features.
        MeasureError: it learned from the fold, or there are too few cells.
        ImageError: an image cannot be read.
    """
    _check_classes(sister, manifest)
    refuse_seen(sister, held)
    _, found = _both(Looking(sister, settings.make(sister), manifest, tell), train, held, settings)
    return found


def _both(
    looking: Looking, train: Sequence[Row], held: Sequence[Row], settings: GateSettings
) -> tuple[Cells, HeldOut]:
    """Give the cells that were learned from, and how strange others are beside them."""
    own = looking.at_learned(train, settings.cells)
    reference = fit_reference(own, len(looking.manifest.class_names))
    others = looking.at_held_out(held, settings.held_out)
    return own, HeldOut(measured(reference, others), others.groups)


def _gated(bundle: Bundle, measure: Measure, own: Cells, sentence: str) -> Gated:
    reference = fit_reference(own, len(bundle.description.classes))
    told = {**measure.to_json(), "cells": len(own), "fitted_on": sentence}
    about = replace(bundle.description, gate=told)
    whole = replace(bundle, description=about, reference=reference.to_tensors())
    return Gated(whole, measure, len(own))


def _check_classes(bundle: Bundle, manifest: Manifest) -> None:
    names = tuple(one.name for one in bundle.description.classes)
    if names != manifest.class_names:
        raise TrainingError(
            f"the model's classes are {', '.join(names)}; the manifest's are "
            f"{', '.join(manifest.class_names)}",
            hint="give the manifest that it was trained with",
        )


def refuse_seen(bundle: Bundle, rows: Sequence[Row]) -> None:
    """Refuse to set a threshold by cells that the model learned from, or others of their groups.

    Raises:
        MeasureError: there are such cells.
    """
    same, near = overlap(_seen(bundle), rows)
    if same or near:
        raise MeasureError(
            f"the model learned from {same} of the {len(rows)} images that shall say how strange "
            f"genuine cells are, and from others of the groups of {near} more",
            hint="give the split or the cross-validation that it was trained with",
        )


def _refuse_unseen(bundle: Bundle, rows: Sequence[Row]) -> None:
    seen = _seen(bundle)
    same, _ = overlap(seen, rows)
    if seen.images and same < len(rows):
        raise MeasureError(
            f"the model has not learned from {len(rows) - same} of the {len(rows)} images that "
            "shall say what it learned from",
            hint="give the manifest and the split that it was trained with",
        )


def _seen(bundle: Bundle) -> Seen:
    return Seen.from_json(bundle.description.provenance.get("seen", {}))


def differing(bundle: Bundle, sister: Bundle) -> Iterator[str]:
    """Say in what a model that stands for another differs from it."""
    one, other = bundle.description, sister.description
    if one.backbone != other.backbone:
        yield f"the folds' models are {other.backbone}s, the model is a {one.backbone}"
    if one.preprocess != other.preprocess:
        yield "the folds' models see pictures otherwise (size, fit or colours)"
    if one.orientations != other.orientations:
        yield "the folds' models average over orientations otherwise"

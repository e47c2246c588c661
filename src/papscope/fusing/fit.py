"""A whole fusion, from blocks, a manifest and a split to one bundle.

Takes   a manifest, a split of it, the settings, and a folder
Gives   a bundle, and how each block and all together did on validation
Never   looks at the test part, or trains the blocks

The folder holds `bundle/` and `cache/`, where features are kept by digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from papscope.bundle import write_bundle
from papscope.errors import SettingError, TrainingError
from papscope.fusing.account import Made, Validated, card, description_of
from papscope.fusing.blocks import Block, open_blocks
from papscope.fusing.dense import Judged
from papscope.fusing.features import ORIENTATIONS, Cache
from papscope.fusing.fitting import Data, fit_heads, module_of
from papscope.fusing.sample import Numbers, Places, Sample, balanced, inner_folds
from papscope.fusing.settings import AUTO, FuseSettings
from papscope.labelled import targets
from papscope.manifest import Manifest, Row
from papscope.network.backbones import tensors_of
from papscope.network.fusion import Fusion
from papscope.progress import Tell, silent
from papscope.seen import overlap
from papscope.shape.reading import outlined
from papscope.split import Split, part_rows

BUNDLE = "bundle"
CACHE = "cache"


@dataclass(frozen=True, slots=True)
class Fused:
    """What a fusion came to."""

    bundle: Path
    digest: str
    validated: tuple[Validated, ...]
    """Each block alone, then all together; empty where no image is in validation."""
    notes: tuple[str, ...]
    """What a person must know of these numbers."""


def fuse(
    manifest: Manifest,
    split: Split,
    settings: FuseSettings,
    output: Path,
    *,
    tell: Tell = silent,
) -> Fused:
    """Join features of several networks, fit a head to them, and write one bundle.

    Args:
        manifest: the images.
        split: which of them are `train` and `val`.
        settings: what to join, and what to put on top.
        output: the folder for the bundle.
        tell: hears how far it is.

    Raises:
        SettingError: a block, layer or class is unknown, blocks take different pictures, or no
            image has a mask to measure cells by.
        TrainingError: classes differ, a class has no training image, or validation is empty
            and the head mlp chooses by it.
        SplitError: the split is another manifest's, a class has too few groups for inner folds,
            or a block has learned from test images.
        ImageError: a picture cannot be used.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    rows = _rows(manifest, split, settings)
    _check_experts(settings, manifest)
    if settings.shape:
        _check_outlines(manifest, rows["train"])
    folds = _folds(manifest, split, rows["train"], settings)
    blocks, preprocess = open_blocks(settings, manifest, split)
    store = Cache(settings.cache or output / CACHE, preprocess, settings.threads, tell)
    data = _data(store, blocks, manifest, rows, settings, folds)
    if settings.shape:
        known = store.measures(manifest, rows["train"])
        held_back = store.measures(manifest, rows["val"]) if rows["val"] else known[:0]
        data = replace(data, measures=(known, held_back))
    heads, validated = fit_heads(data, settings, manifest.class_names, tell)
    validated = validated if rows["val"] else []
    about = description_of(manifest, split, settings, Made(blocks, preprocess, heads, validated))
    modules = {name: module_of(head) for name, head in heads.items()}
    network = Fusion([block.trunk for block in blocks], **modules)
    digest = write_bundle(output / BUNDLE, about, tensors_of(network), card(about))
    return Fused(output / BUNDLE, digest, tuple(validated), _notes(blocks, rows["val"]))


def _rows(manifest: Manifest, split: Split, settings: FuseSettings) -> dict[str, tuple[Row, ...]]:
    found = {
        part: tuple(row for row in part_rows(split, manifest, part) if row.label is not None)
        if part in split.parts
        else ()
        for part in ("train", "val")
    }
    present = {row.label for row in found["train"]}
    missing = [name for name in manifest.class_names if name not in present]
    if missing:
        raise TrainingError(
            f"no training image is {', '.join(missing)}",
            hint="split again with another --seed, or import without that class",
        )
    if not found["val"] and settings.head == "mlp":
        raise TrainingError(
            "no image is in validation, by which the head mlp chooses its epoch",
            hint="split with a val share, or take another head",
        )
    return found


def _check_experts(settings: FuseSettings, manifest: Manifest) -> None:
    strange = [one for one in settings.experts if one not in (AUTO, *manifest.class_names)]
    if strange:
        raise SettingError(
            f"there is no class {strange[0]!r} to have an expert",
            hint=f"the classes are {', '.join(manifest.class_names)}; or say auto",
        )


def _check_outlines(manifest: Manifest, rows: Sequence[Row]) -> None:
    if not any(source.outline for source in outlined(manifest, rows)):
        raise SettingError(
            f"no training image of {manifest.dataset} has a mask or outline, so no cell can be "
            "measured",
            hint="leave --shape out, or import the images with their masks",
        )


def _folds(manifest: Manifest, split: Split, rows: Sequence[Row], settings: FuseSettings) -> Places:
    if settings.head == "mlp":
        return np.zeros(len(rows), dtype=np.int64)
    return inner_folds(manifest, split, rows, settings.inner_folds, settings.seed)


def _data(
    store: Cache,
    blocks: Sequence[Block],
    manifest: Manifest,
    rows: Mapping[str, Sequence[Row]],
    settings: FuseSettings,
    folds: Places,
) -> Data:
    """Gather the features of all blocks side by side."""

    def joined(part: str, orientation: int) -> Numbers:
        found = [store.features(one, manifest, rows[part], orientation) for one in blocks]
        ends.extend(np.cumsum([one.shape[1] for one in found]).tolist() if not ends else [])
        return np.concatenate(found, axis=1)

    ends: list[int] = []
    orientations = range(ORIENTATIONS if settings.orientations else 1)
    features = np.stack([joined("train", one) for one in orientations])
    truth, classes = targets(manifest, rows["train"]), len(manifest.classes)
    weights = balanced(truth, classes, settings.balance)
    held_back = joined("val", 0) if rows["val"] else features[0, :0]
    judged = Judged(held_back, targets(manifest, rows["val"]))
    columns = tuple(slice(start, end) for start, end in pairwise([0, *ends]))
    words = tuple(one.asked.word for one in blocks)
    sample = Sample(features, truth, folds, weights, classes)
    return Data(sample, judged, columns, words, own=tuple(one.own for one in blocks))


def _notes(blocks: Sequence[Block], val: Sequence[Row]) -> tuple[str, ...]:
    """Say which blocks have learned from validation images, or were chosen by them."""
    told = []
    for block in blocks:
        same, _ = overlap(block.seen, val)
        if same:
            told.append(
                f"{block.asked.word} was trained on, or chosen by, {same} of the {len(val)} "
                "validation images: these numbers are too hopeful"
            )
    return tuple(told)

"""The folds of a cross-validation, all cut before anything is trained.

Takes   a manifest, how to cut it, and whether training needs a validation part
Gives   the split of each fold, and the images and splits of its inner folds
Never   lets an inner fold see an image of the outer test part: they are not in its manifest
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from papscope.cutting import cut_folds, fold_split
from papscope.errors import SplitError
from papscope.manifest import Manifest
from papscope.parts.blocks import blocks_of
from papscope.parts.dealing import usable
from papscope.progress import Tell, silent
from papscope.seeds import key
from papscope.split import By, Split, originals
from papscope.studies.crossval_settings import CrossvalSettings
from papscope.train.settings import TrainSettings


def outer_folds(manifest: Manifest, by: By, cross: CrossvalSettings, repeat: int) -> Split:
    """Cut the folds of one repeat.

    Args:
        manifest: all images.
        by: what no fold divides.
        cross: how many folds, and the first repeat's seed.
        repeat: from 0.

    Raises:
        SplitError: a class has too few groups; says which, and how many folds are possible.
    """
    _refuse_few(manifest, by, cross.folds, "--folds")
    return cut_folds(manifest, by=by, folds=cross.folds, seed=cross.seed + repeat)


def parts_of(folds: Split, manifest: Manifest, fold: int, settings: TrainSettings) -> Split:
    """Make one fold the test part; what is left is learned from, all of it if no epoch is chosen.

    Raises:
        SplitError: what is left cannot be divided into training and validation.
    """
    if settings.keep == "last":
        return fold_split(folds, manifest, fold, 0)
    with _within(f"fold {fold}, training and validation"):
        return fold_split(folds, manifest, fold)


def inner_images(manifest: Manifest, folds: Split, fold: int) -> Manifest:
    """Give the images outside a fold, as a manifest of their own."""
    kept = tuple(row for row in manifest.rows if folds.part_of.get(row.id, str(fold)) != str(fold))
    return replace(manifest, rows=kept)


def inner_folds(inside: Manifest, folds: Split, fold: int, number: int) -> Split:
    """Cut the inner folds of a fold, by what the outer ones were cut by.

    Args:
        inside: the images outside the fold.
        folds: the outer folds.
        fold: which of them.
        number: how many inner folds.

    Raises:
        SplitError: a class has too few groups; says which, and how many inner folds are possible.
    """
    told = folds.protocol
    with _within(f"inner folds of fold {fold}"):
        _refuse_few(inside, told.by, number, "--inner-folds")
        seed = key(told.seed, f"inner folds of fold {fold}")
        return cut_folds(inside, by=told.by, folds=number, seed=seed)


def rehearse(
    manifest: Manifest,
    by: By,
    cross: CrossvalSettings,
    candidates: Sequence[TrainSettings],
    tell: Tell = silent,
) -> None:
    """Cut everything that will be cut, so that what is impossible is told before any training.

    Args:
        manifest: all images.
        by: what no fold divides.
        cross: how to cut.
        candidates: the settings that may be trained with; one where nothing is chosen.
        tell: told as folds are cut, which takes a while where there are thousands of groups.

    Raises:
        SplitError: a fold, an inner fold or a validation part is not possible.
    """
    kinds = list({one.keep: one for one in candidates}.values())
    every = cross.repeats * cross.folds
    for repeat in range(cross.repeats):
        folds = outer_folds(manifest, by, cross, repeat)
        for fold in range(cross.folds):
            for settings in kinds:
                parts_of(folds, manifest, fold, settings)
            if len(candidates) > 1:
                _rehearse_inner(inner_images(manifest, folds, fold), folds, fold, cross, kinds)
            tell(f"cutting folds by {by}", repeat * cross.folds + fold + 1, every)


def _rehearse_inner(
    inside: Manifest, folds: Split, fold: int, cross: CrossvalSettings, kinds: list[TrainSettings]
) -> None:
    inner = inner_folds(inside, folds, fold, cross.inner_folds)
    with _within(f"inner folds of fold {fold}"):
        for number in range(cross.inner_folds):
            for settings in kinds:
                parts_of(inner, inside, number, settings)


def _refuse_few(manifest: Manifest, by: By, folds: int, option: str) -> None:
    """Refuse folds of which one would lack a class, and say how many are possible."""
    rows = usable(manifest, by)
    found = dict.fromkeys((name for name in manifest.class_names), 0)
    for block in blocks_of(rows, by, {row.id for row in manifest.rows}):
        for label in {row.label for row in originals(block)}:
            found[str(label)] += 1
    missing = [name for name, groups in found.items() if not groups]
    if missing:
        raise SplitError(
            f"no image is {', '.join(missing)}", hint="import without that class, or label some"
        )
    most = min(found.values())
    if most < folds:
        unit = "images" if by == "image" else "groups"
        few = ", ".join(f"{name} ({n})" for name, n in found.items() if n < folds)
        raise SplitError(
            f"{folds} folds each need every class, and these have too few {unit}: {few}",
            hint=f"at most {most} folds are possible: {option} {most}"
            if most > 1
            else "leave that class out, or gather more slides",
        )


@contextmanager
def _within(where: str) -> Iterator[None]:
    """Say where in a cross-validation a division was not possible."""
    try:
        yield
    except SplitError as wrong:
        raise SplitError(f"{where}: {wrong}", hint=wrong.hint) from None

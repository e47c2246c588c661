"""Folds divide no group, inner folds never see the outer test part, and what cannot be is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_slides import draw, quick

from papscope.errors import SplitError
from papscope.manifest import Manifest
from papscope.split import Split, part_rows
from papscope.studies.crossval_settings import CrossvalSettings, FoldsBy
from papscope.studies.folding import inner_folds, inner_images, outer_folds, parts_of, rehearse
from papscope.taxonomy import CellClass

LAST, BEST = quick(), quick(keep="best")


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return draw(tmp_path_factory.mktemp("slides"), (6, 6), cells=2, strict=True)


def groups(manifest: Manifest, split: Split, part: str, *, strict: bool = False) -> set[str | None]:
    rows = part_rows(split, manifest, part)
    return {row.strict if strict else row.group for row in rows}


def test_each_image_is_tested_once_in_each_repeat_and_repeats_differ(slides: Manifest) -> None:
    cross = CrossvalSettings(folds=3, repeats=2)
    cut = [outer_folds(slides, "group", cross, repeat) for repeat in range(2)]

    for folds in cut:
        tested = [
            row.id
            for fold in range(3)
            for row in part_rows(parts_of(folds, slides, fold, LAST), slides, "test")
        ]
        assert sorted(tested) == sorted(row.id for row in slides.rows)
    assert cut[0].part_of != cut[1].part_of
    assert [folds.protocol.seed for folds in cut] == [0, 1]


@pytest.mark.parametrize("strict", [False, True])
def test_no_group_is_on_both_sides(slides: Manifest, strict: bool) -> None:
    by: FoldsBy = "strict" if strict else "group"
    folds = outer_folds(slides, by, CrossvalSettings(folds=3, by=by), 0)
    for fold in range(3):
        split = parts_of(folds, slides, fold, LAST)
        sides = [groups(slides, split, part, strict=strict) for part in ("train", "test")]
        assert not sides[0] & sides[1]


def test_a_fixed_number_of_epochs_leaves_no_image_to_validation(slides: Manifest) -> None:
    folds = outer_folds(slides, "group", CrossvalSettings(folds=3), 0)

    assert parts_of(folds, slides, 0, LAST).parts == ("train", "test")
    assert parts_of(folds, slides, 0, BEST).parts == ("train", "val", "test")


def test_inner_folds_hold_no_image_and_no_group_of_the_outer_test_part(slides: Manifest) -> None:
    folds = outer_folds(slides, "group", CrossvalSettings(folds=3), 0)
    for fold in range(3):
        inside = inner_images(slides, folds, fold)
        inner = inner_folds(inside, folds, fold, 2)
        outer = {row.group for row in slides.rows if folds.part_of[row.id] == str(fold)}
        assert not outer & {row.group for row in inside.rows}
        assert set(inner.part_of) == {row.id for row in inside.rows}
        assert not groups(inside, inner, "0") & groups(inside, inner, "1")


def test_inner_folds_are_cut_by_what_the_outer_ones_are(slides: Manifest) -> None:
    folds = outer_folds(slides, "strict", CrossvalSettings(folds=3, by="strict"), 0)
    inside = inner_images(slides, folds, 1)

    inner = inner_folds(inside, folds, 1, 2)

    assert inner.protocol.by == "strict"
    assert not groups(inside, inner, "0", strict=True) & groups(inside, inner, "1", strict=True)


def test_a_class_with_too_few_groups_is_named_with_the_folds_that_are_possible(
    tmp_path: Path,
) -> None:
    few = draw(tmp_path, (6, 3), cells=2)
    with pytest.raises(SplitError, match=r"5 folds each need .*groups: dark \(3\)") as no:
        rehearse(few, "group", CrossvalSettings(), [LAST])
    assert no.value.hint == "at most 3 folds are possible: --folds 3"


def test_a_class_of_one_group_cannot_be_cross_validated(tmp_path: Path) -> None:
    few = draw(tmp_path, (6, 1), cells=4)
    with pytest.raises(SplitError, match=r"dark \(1\)") as no:
        rehearse(few, "group", CrossvalSettings(folds=2), [LAST])
    assert no.value.hint == "leave that class out, or gather more slides"


def test_an_inner_fold_that_is_too_small_is_named_with_what_is_possible(slides: Manifest) -> None:
    cross = CrossvalSettings(folds=3, inner_folds=5)
    with pytest.raises(SplitError, match=r"inner folds of fold 0: 5 folds each need") as no:
        rehearse(slides, "group", cross, [LAST, LAST])
    assert no.value.hint == "at most 4 folds are possible: --inner-folds 4"
    rehearse(slides, "group", cross, [LAST])  # without a choice there are no inner folds


def test_a_validation_part_that_is_not_possible_is_told(tmp_path: Path) -> None:
    two = draw(tmp_path, (2, 2), cells=2)
    with pytest.raises(SplitError, match="fold 0, training and validation: pale has 1 group"):
        rehearse(two, "group", CrossvalSettings(folds=2), [BEST])
    rehearse(two, "group", CrossvalSettings(folds=2), [LAST])


def test_a_class_without_images_is_told(slides: Manifest) -> None:
    more = replace(slides, classes=(*slides.classes, CellClass("odd")))
    with pytest.raises(SplitError, match="no image is odd"):
        rehearse(more, "group", CrossvalSettings(folds=2), [LAST])

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_discs import quick

from papscope.bundle import Bundle, read_bundle
from papscope.cutting import cut
from papscope.decision import calibrated
from papscope.errors import SplitError, TrainingError
from papscope.manifest import Manifest
from papscope.scoring import score
from papscope.split import LEAKS, Split
from papscope.train.fit import fit


@pytest.fixture
def bundle(discs: Manifest, parts: Split, tmp_path: Path) -> Bundle:
    return read_bundle(fit(discs, parts, quick(epochs=1), tmp_path / "run").bundle)


def test_the_test_part_of_the_training_split_is_clean(
    bundle: Bundle, discs: Manifest, parts: Split
) -> None:
    scores = score(bundle, discs, split=parts, part="test")

    assert scores.leaks is None
    assert set(scores.ids) == {name for name, part in parts.part_of.items() if part == "test"}


def test_images_that_the_model_learned_from_are_found_out(
    bundle: Bundle, discs: Manifest, parts: Split
) -> None:
    known = sum(part in ("train", "val") for part in parts.part_of.values())

    every = score(bundle, discs)
    other = score(bundle, discs, split=cut(discs, seed=9), part="test")

    assert every.leaks is not None
    assert f"of 36 images, the model was trained on {known}, and" in every.leaks
    assert other.leaks is not None


def test_images_that_an_earlier_training_learned_from_are_found_out(
    bundle: Bundle, discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    other = cut(discs, seed=9)
    later = quick(epochs=1, weights=str(tmp_path / "run" / "bundle"))
    again = read_bundle(fit(discs, other, later, tmp_path / "again").bundle)
    tested = {name for name, part in other.part_of.items() if part == "test"}
    known = sum(parts.part_of[name] in ("train", "val") for name in tested)

    scores = score(again, discs, split=other, part="test")

    assert known > 0
    assert f"of {len(tested)} images, the model was trained on {known}, and" in str(scores.leaks)


def test_neighbours_of_training_images_are_found_out(
    bundle: Bundle, discs: Manifest, parts: Split
) -> None:
    changed = {"sha256": "another file"}
    rows = tuple(replace(row, **changed) for row in discs.rows)  # type: ignore[arg-type]

    scores = score(bundle, replace(discs, rows=rows))

    assert scores.leaks is not None
    assert "trained on 0, and on others of the same group for" in scores.leaks


def test_a_split_by_image_stamps_the_scores(discs: Manifest, tmp_path: Path) -> None:
    parts = cut(discs, by="image", seed=1)
    bundle = read_bundle(fit(discs, parts, quick(epochs=1), tmp_path / "run").bundle)

    assert score(bundle, discs, split=parts, part="test").leaks == LEAKS


def test_intervals_are_drawn_over_the_groups_that_the_split_kept_together(
    discs: Manifest, tmp_path: Path
) -> None:
    rows = tuple(replace(row, strict_group=str(row.group)[:6]) for row in discs.rows)
    strict = replace(discs, rows=rows)
    parts = cut(strict, by="strict", seed=1)
    bundle = read_bundle(fit(strict, parts, quick(epochs=1), tmp_path / "run").bundle)

    scores = score(bundle, strict, split=parts, part="test")

    assert set(scores.groups) <= {row.strict_group for row in rows}


def test_answers_do_not_depend_on_the_batch_size(
    bundle: Bundle, discs: Manifest, parts: Split
) -> None:
    one, many = (score(bundle, discs, batch_size=size) for size in (1, 64))

    assert np.array_equal(one.probabilities, many.probabilities)


def test_scores_are_calibrated_as_the_bundle_says_and_tell_it(
    bundle: Bundle, discs: Manifest
) -> None:
    warm = {"method": "temperature", "temperature": 2.0}
    scaled = replace(bundle, description=replace(bundle.description, calibration=warm))

    before, after = score(bundle, discs), score(scaled, discs)

    assert np.allclose(after.probabilities, calibrated(before.probabilities, warm))
    assert not np.allclose(after.probabilities, before.probabilities)
    assert [one.about["model"]["calibration"] for one in (before, after)] == [{}, warm]


def test_other_classes_and_other_splits_are_refused(
    bundle: Bundle, discs: Manifest, parts: Split
) -> None:
    named = tuple(replace(one, name=one.name.upper()) for one in discs.classes)
    rows = tuple(replace(row, label=str(row.label).upper()) for row in discs.rows)

    with pytest.raises(TrainingError, match="classes are pale, dark; the manifest's are PALE"):
        score(bundle, replace(discs, classes=named, rows=rows))
    with pytest.raises(SplitError, match="manifest"):
        score(bundle, replace(discs, digest="other"), split=parts, part="test")


def test_a_model_trained_with_tta_answers_over_all_orientations_and_scores_tell_it(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    settings = quick(epochs=1, tta=True)
    oriented = read_bundle(fit(discs, parts, settings, tmp_path / "run").bundle)

    answers = {
        asked: score(oriented.with_orientations(asked), discs) for asked in (None, True, False)
    }

    assert oriented.description.orientations
    assert "as the pictures lie, not turned" in oriented.description.metrics["part"]
    told = (tmp_path / "run/bundle/README.md").read_text(encoding="utf-8")
    assert "answers with the mean over all eight orientations" in told
    same, other = (
        np.array_equal(answers[None].probabilities, answers[asked].probabilities)
        for asked in (True, False)
    )
    assert (same, other) == (True, False)
    assert [one.about["model"]["orientations"] for one in answers.values()] == [8, 8, 1]


def test_a_model_answers_for_pictures_as_they_lie_unless_asked_otherwise(
    bundle: Bundle, discs: Manifest
) -> None:
    plain, turned = score(bundle, discs), score(bundle.with_orientations(True), discs)

    assert not bundle.description.orientations
    assert [one.about["model"]["orientations"] for one in (plain, turned)] == [1, 8]
    assert not np.array_equal(plain.probabilities, turned.probabilities)

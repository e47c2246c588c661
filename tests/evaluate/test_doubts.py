"""Labels in doubt are those that a model finds least likely, had it not learned from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from papscope.errors import MeasureError, TableError
from papscope.evaluate.doubts import Doubts, doubted, find_doubts, refuse_other_labels
from papscope.evaluate.intervals import Estimate, Undefined
from papscope.evaluate.noise import joint_of, marks
from papscope.scores import Scores
from papscope.taxonomy import CellClass, classes_of

cleanlab_count = pytest.importorskip("cleanlab.count", reason="the extra `train` is not installed")
cleanlab_filter = pytest.importorskip("cleanlab.filter")

FOUR = classes_of("mendeley")
N, EACH = 400, 8


def made_scores(flipped: tuple[int, ...] = (), **about: Any) -> Scores:
    """Answers for 400 cells, 8 to a field, every fifth hard; some labels moved by two grades."""
    draw = np.random.default_rng(5)
    truth, hard = np.arange(N) % len(FOUR), np.arange(N) % 5 == 4
    sure = np.where(hard, 1.0, 6.0)[:, None] * np.eye(len(FOUR))[truth]
    logits = sure + draw.normal(0, 0.8, (N, len(FOUR)))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = truth.copy()
    given[list(flipped)] = (given[list(flipped)] + 2) % len(FOUR)
    return Scores(
        ids=tuple(f"cell-{place:03}" for place in range(N)),
        groups=tuple(f"field-{place // EACH:02}" for place in range(N)),
        truth=given.astype(np.int64),
        probabilities=chances,
        classes=FOUR,
        paths=("cells.png",) * N,
        boxes=(None,) * N,
        about={"part": "test", **about},
    )


FLIPPED = (3, 50, 77, 120, 121, 122, 123, 200, 310, 398)


def found(*parts: Scores, resamples: int = 40, seed: int = 0) -> Doubts:
    return find_doubts(parts, resamples=resamples, seed=seed)


def ids(doubts: Doubts) -> set[str]:
    return {one.id for one in doubts.rows()}


def test_the_flipped_labels_are_found_and_come_first() -> None:
    doubts = found(made_scores(FLIPPED))

    rows = doubts.rows()
    assert {one.id for one in rows[: len(FLIPPED)]} == {f"cell-{place:03}" for place in FLIPPED}
    assert len(rows) <= len(FLIPPED) + 8  # the model errs now and then by itself
    assert [one.quality for one in rows] == sorted(one.quality for one in rows)
    assert all(one.given != one.suggested for one in rows)
    first = rows[0]
    assert (first.given, first.suggested) in {
        (FOUR[(k + 2) % 4].name, FOUR[k].name) for k in range(4)
    }
    assert first.probability > 0.8
    assert first.quality < 0.1


def test_the_estimated_share_holds_the_share_that_was_flipped() -> None:
    none, some = (found(made_scores(flipped)).noise.share for flipped in ((), FLIPPED))

    assert isinstance(none, Estimate)
    assert isinstance(some, Estimate)
    assert none.n == N
    assert some.value - none.value == pytest.approx(len(FLIPPED) / N, abs=0.01)
    assert some.low < some.value < some.high


def test_the_joint_distribution_has_the_given_labels_in_its_rows() -> None:
    scores = made_scores(FLIPPED)

    joint = joint_of(scores.truth, scores.probabilities)

    assert joint.sum() == pytest.approx(1)
    assert (joint.sum(axis=1) * N).round().tolist() == np.bincount(scores.truth).tolist()


def test_the_list_holds_as_many_as_cleanlab_counts_and_what_it_would_list() -> None:
    scores = made_scores(FLIPPED)
    theirs = cleanlab_filter.find_label_issues(
        scores.truth, scores.probabilities, filter_by="low_self_confidence", n_jobs=1
    )

    doubts = found(scores)

    assert theirs.any()
    assert set(np.flatnonzero(theirs & (scores.called != scores.truth))) <= set(doubts.suspects)
    counted = cleanlab_count.num_label_issues(scores.truth, scores.probabilities)
    assert len(doubts.suspects) == counted


def test_labels_that_the_model_agrees_with_are_not_in_doubt_however_low_they_stand() -> None:
    torn, sure = (0.24, 0.28, 0.24, 0.24), (0.05, 0.9, 0.03, 0.02)
    other, right = (0.4, 0.6, 0.0, 0.0), (0.9, 0.06, 0.02, 0.02)
    chances = np.array([torn, sure, other, right]).repeat(10, axis=0)
    truth = np.array([1, 1, 0, 0]).repeat(10)

    quality, suspects = doubted(truth, chances)

    assert quality[0] < quality[20]  # the torn ones stand lower, but the model would give them too
    assert suspects.tolist() == list(range(20, 30))


def test_the_order_of_files_and_rows_changes_nothing() -> None:
    fine = made_scores(FLIPPED)
    coarse = np.round(fine.probabilities, 1) + 0.1  # so that many labels are doubted alike
    whole = replace(fine, probabilities=coarse / coarse.sum(axis=1, keepdims=True))
    halves = [taken(whole, range(start, N, 2)) for start in (1, 0)]

    one, other = found(whole), found(*halves)

    assert one.rows() == other.rows()
    assert one.to_json() == other.to_json()


def taken(scores: Scores, rows: range) -> Scores:
    return replace(
        scores,
        ids=tuple(scores.ids[one] for one in rows),
        groups=tuple(scores.groups[one] for one in rows),
        truth=scores.truth[list(rows)],
        probabilities=scores.probabilities[list(rows)],
        paths=tuple(scores.paths[one] for one in rows),
        boxes=tuple(scores.boxes[one] for one in rows),
    )


def test_only_intervals_depend_on_the_seed() -> None:
    one, other = (found(made_scores(FLIPPED), seed=seed) for seed in (0, 1))

    assert one.rows() == other.rows()
    assert (one.noise.joint == other.noise.joint).all()
    assert one.noise.share != other.noise.share
    assert one.to_json() == found(made_scores(FLIPPED), seed=0).to_json()


def test_intervals_are_drawn_over_groups_and_not_over_cells() -> None:
    bad_fields = tuple(range(3 * EACH))  # three whole fields of another reader
    grouped = made_scores(bad_fields)
    alone = replace(grouped, groups=(None,) * N)

    by_field, by_cell = (found(one, resamples=200).noise.share for one in (grouped, alone))

    assert isinstance(by_field, Estimate)
    assert isinstance(by_cell, Estimate)
    assert by_field.value == by_cell.value
    assert by_field.high - by_field.low > 1.5 * (by_cell.high - by_cell.low)


def test_groups_with_many_labels_in_doubt_are_named_first() -> None:
    doubts = found(made_scores((3, 120, 121, 122, 123)))

    assert doubts.groups()[0][:2] == ("field-15", EACH)
    assert doubts.groups()[0][2] >= 4
    assert all(name != "field-00" for name, _, _ in doubts.groups())  # one label alone


def test_doubts_are_told_by_how_far_the_grades_are_apart() -> None:
    doubts = found(made_scores(FLIPPED))
    told = doubts.to_json()

    assert doubts.counts_apart["far_grade"] >= len(FLIPPED)
    assert sum(doubts.counts_apart[key] for key in ("next_grade", "far_grade")) == len(
        doubts.suspects
    )
    assert set(told["apart"]) == {"next_grade", "far_grade", "other_side"}
    shares = [told["apart"][key]["estimated_share"]["value"] for key in ("next_grade", "far_grade")]
    assert sum(shares) == pytest.approx(told["estimated_share"]["value"])
    assert told["suspects"] == sum(one["suspects"] for one in told["classes"].values())


def test_equal_grades_are_neither_next_nor_far() -> None:
    found_marks = marks(classes_of("herlev"))

    assert found_marks["same_grade"][:3, :3].sum() == 6
    assert found_marks["same_grade"].sum() == 6
    assert found_marks["next_grade"][0, 3]
    assert found_marks["far_grade"][0, 4]
    assert not found_marks["far_grade"].diagonal().any()


def test_classes_without_an_order_have_no_distances() -> None:
    assert marks((CellClass("a"), CellClass("b"))) == {}
    assert list(marks(classes_of("sipakmed"))) == ["other_side"]


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"part": "train"}, "the scores are of the training part"),
        ({"leaks": "leaks: cut by image"}, "learned from: leaks: cut by image"),
        ({"protocol": {"leaks": "leaks: by image"}}, "learned from: leaks: by image"),
    ],
)
def test_scores_of_images_that_were_learned_from_are_refused(
    about: dict[str, Any], words: str
) -> None:
    with pytest.raises(MeasureError, match=words):
        found(made_scores(**about))


def test_what_cannot_be_told_is_refused() -> None:
    scores = made_scores()
    with pytest.raises(MeasureError, match="there are no scores"):
        found()
    with pytest.raises(MeasureError, match="cell-000 stands in the scores 2 times"):
        found(scores, scores)
    with pytest.raises(MeasureError, match="labels of one class alone"):
        found(replace(scores, truth=np.zeros(N, dtype=np.int64)))


def test_a_class_without_labels_has_no_share_of_its_own() -> None:
    scores = made_scores()
    doubts = found(taken(scores, range(0, N, 2)))  # every second class

    empty = FOUR[1].name
    assert doubts.noise.of_class[empty] == Undefined("no image has this label", 0)
    assert doubts.to_json()["classes"][empty]["images"] == 0
    assert f"{empty} has 0 labels: too few to say what is usual of it" in doubts.warnings


def test_a_reader_is_warned_of_what_weakens_the_doubt() -> None:
    scores = made_scores()
    whole = taken(scores, range(40))
    assert "only 5 groups" in " ".join(found(whole).warnings)
    chosen = replace(scores, about={"part": "val"}, groups=(None,) * N)
    told = " ".join(found(chosen).warnings)
    assert "the epoch was chosen on these images" in told
    assert "no group is known" in told
    unsplit = replace(scores, about={"part": None, "model": {}})
    assert "labels that the model learned by heart" in " ".join(found(unsplit).warnings)
    assert found(scores).warnings == ()


def test_nothing_is_printed_while_doubting(capfd: pytest.CaptureFixture[str]) -> None:
    found(made_scores(FLIPPED))
    assert capfd.readouterr() == ("", "")


def test_labels_of_another_manifest_are_refused(tmp_path: Any) -> None:
    from pathlib import PurePosixPath

    from papscope.manifest import Manifest, Row

    scores = taken(made_scores(), range(2))
    rows = tuple(
        Row(name, PurePosixPath("cells.png"), FOUR[place].name, "made", 9, 9, "")
        for place, name in enumerate(scores.ids)
    )
    images = Manifest(tmp_path, rows, "made", FOUR, "", "")
    refuse_other_labels(scores, images)

    other = replace(images, rows=(replace(rows[0], label=FOUR[3].name), rows[1]))
    with pytest.raises(TableError, match="cell-000 is NILM in the scores and SCC in the manifest"):
        refuse_other_labels(scores, other)
    with pytest.raises(TableError, match="cell-001 is LSIL in the scores and not in the manifest"):
        refuse_other_labels(scores, replace(images, rows=rows[:1]))

"""A comparison finds a difference that is there, none that is not, and refuses what is unlike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as theirs
from typer.testing import CliRunner, Result

from papscope.cli.main import app
from papscope.errors import MeasureError, SettingError
from papscope.evaluate.compare import MEASURES, Compared, Comparison, compare
from papscope.evaluate.intervals import Estimate, Undefined
from papscope.evaluate.pairing import taken
from papscope.evaluate.summary import summarise
from papscope.files import canonical_json
from papscope.scores import Scores, write_scores
from papscope.split import LEAKS
from papscope.taxonomy import classes_of, named

CLASSES = classes_of("cric-4")


def model(skill: float, seed: int = 0, groups: int = 25, n: int = 200, **about: Any) -> Scores:
    """Answers to the same made images, better with more skill; a group is hard or easy for all."""
    images, answers = np.random.default_rng(0), np.random.default_rng(seed)
    truth = images.integers(0, 4, n)
    hard = images.normal(0, 1.5, groups)[np.arange(n) % groups]
    near = answers.normal(0, 1, (n, 4))
    near[np.arange(n), truth] += skill + hard
    chances = np.exp(near) / np.exp(near).sum(axis=1, keepdims=True)
    return Scores(
        ids=tuple(f"cell-{k}" for k in range(n)),
        groups=tuple(f"field-{k % groups}" for k in range(n)),
        truth=truth.astype(np.int64),
        probabilities=chances,
        classes=CLASSES,
        paths=("x.png",) * n,
        boxes=(None,) * n,
        about=about,
    )


def found(comparison: Comparison, key: str = "macro_f1") -> Compared:
    one = comparison.measures[key]
    assert isinstance(one, Compared)
    return one


def test_a_better_model_is_called_better_with_an_interval_that_leaves_0_out() -> None:
    told = compare(model(0.5, seed=1), model(2.5, seed=2), resamples=500)

    one = found(told)
    assert one.better == "b"
    assert 0 < one.difference.low < one.difference.value < one.difference.high
    assert one.b_better == 1.0
    assert told.verdict(b="the chain").startswith("the chain is better in macro F1 by 0.")


def test_the_other_way_round_everything_is_mirrored() -> None:
    one, other = model(0.5, seed=1), model(2.5, seed=2)

    there, back = compare(one, other, resamples=300), compare(other, one, resamples=300)

    for key in MEASURES:
        gap, pag = found(there, key).difference, found(back, key).difference
        assert (gap.value, gap.low) == pytest.approx((-pag.value, -pag.high))
        assert found(there, key).b_better == pytest.approx(1 - found(back, key).b_better)
    assert (found(there).better, found(back).better) == ("b", "a")


def test_two_models_of_the_same_skill_are_not_told_apart() -> None:
    told = compare(model(1.0, seed=1), model(1.0, seed=2), resamples=500)

    assert found(told).better is None
    assert told.verdict().startswith(
        "no difference in macro F1 that these 200 images of 25 groups can show"
    )


def test_a_model_against_itself_differs_by_nothing_in_any_draw() -> None:
    told = compare(model(1.0), model(1.0), resamples=200)

    for key in MEASURES:
        one = found(told, key)
        assert (one.difference.low, one.difference.high, one.b_better) == (0.0, 0.0, 0.5)
    assert told.verdict("accuracy") == "a and b are the same in accuracy"


def test_the_values_are_those_of_scikit_learn() -> None:
    a, b = model(0.5, seed=1), model(2.0, seed=2)
    told = compare(a, b, resamples=100)

    assert found(told, "accuracy").a == pytest.approx(theirs.accuracy_score(a.truth, a.called))
    assert found(told).b == pytest.approx(theirs.f1_score(b.truth, b.called, average="macro"))
    assert found(told, "log_loss").b == pytest.approx(theirs.log_loss(b.truth, b.probabilities))
    hit = np.eye(4)[a.truth]
    assert found(told, "brier").a == pytest.approx(((a.probabilities - hit) ** 2).sum(1).mean())


def test_a_lower_log_loss_is_better() -> None:
    one = found(compare(model(0.5), model(2.5), resamples=200), "log_loss")

    assert one.difference.value < 0
    assert (one.better, one.b_better) == ("b", 1.0)


def test_pairing_knows_a_difference_far_better_than_two_intervals_side_by_side() -> None:
    a, b = model(1.0, seed=1), model(1.3, seed=1)

    gap = found(compare(a, b, resamples=500), "accuracy").difference

    alone = summarise(a, resamples=500).overall["accuracy"]
    assert isinstance(alone, Estimate)
    assert gap.high - gap.low < (alone.high - alone.low) / 2


def test_the_order_of_rows_changes_nothing() -> None:
    a, b = model(0.5, seed=1), model(1.5, seed=2)
    turned = taken(b, np.random.default_rng(3).permutation(len(b)).tolist())

    assert compare(a, turned, resamples=100).to_json() == compare(a, b, resamples=100).to_json()


def test_images_are_drawn_by_group() -> None:
    a, b = model(0.8, seed=1), model(1.1, seed=2)
    alone = [replace(one, groups=(None,) * len(one)) for one in (a, b)]

    told = compare(*alone, resamples=200)

    assert told.groups == 200
    assert told.warnings == (
        "no group is known: each image counts as its own, and the intervals may be too narrow",
    )
    assert compare(a, b, resamples=200).groups == 25


def test_groups_that_are_known_differently_are_joined_and_it_is_told() -> None:
    a = model(1.0, groups=20)
    b = replace(a, groups=tuple(f"slide-{int(name[6:]) // 2}" for name in a.groups if name))

    told = compare(a, b, resamples=100)

    assert told.groups == 10
    assert told.warnings == (
        "a and b know the groups differently: what shares a group in either was kept together",
    )


def test_other_images_are_refused_and_named() -> None:
    a = model(1.0)
    with pytest.raises(
        MeasureError, match=r"2 only in the first \(cell-0, cell-1\), 0 only in the second"
    ) as refused:
        compare(a, taken(a, range(2, 200)))
    assert "compare the 198 shared with --common" in refused.value.hint


def test_shared_images_are_compared_if_asked_for() -> None:
    a, b = model(1.0, seed=1), model(2.0, seed=2)

    told = compare(taken(a, range(150)), taken(b, range(50, 200)), common=True, resamples=100)

    assert told.n == 100
    assert found(told).a == found(compare(taken(a, range(50, 150)), taken(b, range(50, 150)))).a
    assert told.warnings[0].startswith("50 images that only a answers and 50 that only b answers")


def test_nothing_shared_is_refused_even_if_asked_for() -> None:
    a = model(1.0)
    with pytest.raises(MeasureError, match="none of 100 and 100 is the same"):
        compare(taken(a, range(100)), taken(a, range(100, 200)), common=True)


def test_another_truth_is_refused_and_named() -> None:
    a = model(1.0)
    truth = a.truth.copy()
    truth[7] = (truth[7] + 1) % 4
    with pytest.raises(MeasureError, match="true class of 1 images differs, such as cell-7: "):
        compare(a, replace(a, truth=truth))


def test_other_classes_are_refused_and_named() -> None:
    a = model(1.0)
    with pytest.raises(MeasureError, match="classes differ: NILM, LSIL, HSIL, SCC and a, b, c, d"):
        compare(a, replace(a, classes=named("abcd")))


def test_an_image_that_stands_there_twice_is_refused() -> None:
    a = model(1.0)
    with pytest.raises(MeasureError, match="the second answers image cell-3 twice"):
        compare(a, taken(a, [*range(200), 3]))


def test_no_image_and_too_few_resamples_are_refused() -> None:
    a = model(1.0)
    with pytest.raises(MeasureError, match="no image to compare on"):
        compare(taken(a, []), a)
    with pytest.raises(SettingError, match="99 resamples are too few"):
        compare(a, a, resamples=99)


def test_what_is_undefined_stays_so() -> None:
    a = replace(model(1.0), classes=named("abcd"))
    told = compare(a, a, resamples=100)
    one = told.measures["abnormal_auroc"]
    assert isinstance(one, Undefined)
    assert told.verdict("abnormal_auroc").startswith(
        "AUROC for abnormal cannot be compared: nobody"
    )


def test_a_leak_and_images_that_were_learned_from_are_told() -> None:
    leaky = model(1.0, protocol={"by": "image", "leaks": LEAKS}, part="train")
    told = compare(leaky, model(2.0), resamples=100)
    assert told.leaks == (LEAKS, None)
    assert told.warnings[0] == (f"a {LEAKS}: its measures are too good, and so is what it gains")
    assert told.warnings[1].startswith("a was scored on train: it learned from these images")


def test_one_group_shows_nothing() -> None:
    told = compare(model(0.1, groups=1), model(3.0, groups=1), resamples=100)
    assert found(told, "accuracy").difference.low == -1.0
    assert found(told, "accuracy").better is None
    assert told.warnings == ("there are only 1 groups: the intervals are rough, often too narrow",)


def test_the_same_seed_gives_the_same_bytes() -> None:
    texts = {
        canonical_json(compare(model(1.0), model(2.0, seed=1), resamples=100, seed=3).to_json())
        for _ in range(2)
    }
    assert len(texts) == 1


def run(*words: object) -> Result:
    line = ["compare", *(str(word) for word in words)]
    return CliRunner().invoke(app, line, env={"COLUMNS": "200", "NO_COLOR": "1"})


def test_the_command_prints_a_verdict_and_writes_the_numbers(tmp_path: Path) -> None:
    for name, skill in (("a", 0.5), ("b", 2.5)):
        write_scores(tmp_path / name / "scores.csv", model(skill))

    told = run(*(tmp_path / name / "scores.csv" for name in "ab"), "--json", tmp_path / "c.json")

    assert told.exit_code == 0
    assert "b is better in macro F1 by 0." in told.stdout
    assert '"b": "b/scores.csv"' in (tmp_path / "c.json").read_text()


def test_the_command_refuses_other_images_in_two_lines(tmp_path: Path) -> None:
    write_scores(tmp_path / "a.csv", model(1.0))
    write_scores(tmp_path / "b.csv", taken(model(1.0), range(10)))

    told = run(tmp_path / "a.csv", tmp_path / "b.csv")

    assert told.exit_code == MeasureError.exit_status
    assert told.stderr.startswith("error: the two answer different images: 190 only in the first")
    assert run(tmp_path / "a.csv", tmp_path / "b.csv", "--common").exit_code == 0

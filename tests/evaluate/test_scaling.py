"""A fitted temperature undoes what was done, is the same each time, and is judged by others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from papscope.decision import calibrated
from papscope.errors import MeasureError
from papscope.evaluate.grades import graded
from papscope.evaluate.proper import costs
from papscope.evaluate.scaling import RANGE, fit_temperature
from papscope.scores import Scores
from papscope.taxonomy import classes_of


def drawn(n: int = 3000, *, sure: float = 1.0, shift: float = 0.0, seed: int = 0) -> Scores:
    """Answers whose logits are `sure` times, and by `shift` beside, what they should be."""
    draw = np.random.default_rng(seed)
    classes = classes_of("cric-4")
    logits = draw.normal(0, 1.5, (n, len(classes)))
    true = softmax(logits, axis=1)
    truth = np.array([draw.choice(len(classes), p=row) for row in true])
    given = logits * sure
    given[:, -1] += shift
    return Scores(
        ids=tuple(f"c{i}" for i in range(n)),
        groups=tuple(f"g{i % 60}" for i in range(n)),
        truth=truth.astype(np.int64),
        probabilities=softmax(given, axis=1),
        classes=classes,
        paths=("x.png",) * n,
        boxes=(None,) * n,
    )


@pytest.mark.parametrize("sure", [0.5, 1.0, 2.5])
def test_the_temperature_is_by_how_much_a_model_is_too_sure(sure: float) -> None:
    found = fit_temperature(drawn(sure=sure))

    assert found.temperature == pytest.approx(sure, rel=0.06)
    assert found.bias is None
    assert (found.n, found.groups) == (3000, 60)


def test_what_it_gains_is_told_by_groups_that_were_held_out() -> None:
    scores = drawn(sure=3.0)

    found = fit_temperature(scores)

    assert found.log_loss[0] == pytest.approx(costs(scores)["log_loss"].mean())
    assert found.log_loss[1] < found.log_loss[0] - 0.3
    assert found.error[0] > 0.15
    assert found.error[1] < 0.03
    best = calibrated(scores.probabilities, found.to_json())
    on_itself = costs(replace(scores, probabilities=best))["log_loss"].mean()
    assert on_itself < found.log_loss[1] < on_itself + 0.002


def test_a_model_that_is_right_about_itself_is_left_as_it_is() -> None:
    found = fit_temperature(drawn())

    assert found.temperature == pytest.approx(1, abs=0.06)
    assert found.log_loss[1] == pytest.approx(found.log_loss[0], abs=0.002)


def test_a_bias_finds_a_class_that_was_favoured_and_a_temperature_alone_does_not() -> None:
    scores = drawn(sure=2.0, shift=2.0)

    alone, both = fit_temperature(scores), fit_temperature(scores, bias=True)

    assert both.bias is not None
    assert sum(both.bias) == pytest.approx(0, abs=1e-6)
    assert both.temperature == pytest.approx(2, rel=0.08)
    assert both.bias[-1] - np.mean(both.bias[:-1]) == pytest.approx(-1, abs=0.15)
    assert both.log_loss[1] < alone.log_loss[1] - 0.02


def test_the_same_scores_give_the_same_calibration_whatever_their_order() -> None:
    scores = drawn(600, sure=1.7)
    order = np.random.default_rng(5).permutation(600)
    other = Scores(
        ids=tuple(scores.ids[i] for i in order),
        groups=tuple(scores.groups[i] for i in order),
        truth=scores.truth[order],
        probabilities=scores.probabilities[order],
        classes=scores.classes,
        paths=scores.paths,
        boxes=scores.boxes,
    )

    found = [fit_temperature(one).to_json() for one in (scores, scores, other)]

    assert found[0] == found[1]
    assert found[2]["temperature"] == pytest.approx(found[0]["temperature"], abs=1e-6)
    assert found[0]["temperature"] == pytest.approx(1.844951, abs=1e-4)


def test_a_model_that_is_always_right_is_not_made_surer_than_the_range_allows() -> None:
    scores = drawn(200)
    sure = np.full((200, 4), 0.02)
    sure[np.arange(200), scores.truth] = 0.94

    found = fit_temperature(replace(scores, probabilities=sure))

    assert RANGE[0] <= found.temperature < 0.1
    assert 0 <= found.log_loss[1] < 1e-6


def test_one_group_and_a_class_without_images_are_refused() -> None:
    scores = drawn(50)

    with pytest.raises(MeasureError, match="the 50 images are of one group"):
        fit_temperature(replace(scores, groups=("g",) * 50))
    without = replace(scores, truth=np.minimum(scores.truth, 2))
    assert fit_temperature(without).temperature > 0
    with pytest.raises(MeasureError, match="SCC is in too few groups for a bias of its own"):
        fit_temperature(without, bias=True)


def test_images_without_a_group_are_groups_of_their_own() -> None:
    assert fit_temperature(replace(drawn(40), groups=(None,) * 40)).groups == 40


def test_graded_scores_hold_the_cells_of_the_four_grades_alone() -> None:
    draw = np.random.default_rng(0)
    truth = np.arange(60) % 6
    scores = Scores(
        ids=tuple(f"c{i}" for i in range(60)),
        groups=tuple(f"g{i}" for i in range(60)),
        truth=truth,
        probabilities=draw.dirichlet(np.ones(6), 60),
        classes=classes_of("cric"),
        paths=("x.png",) * 60,
        boxes=(None,) * 60,
        about={"dataset": "made"},
    )

    found = graded(scores)

    kept = np.flatnonzero(np.isin(truth, [0, 2, 4, 5]))
    assert found.ids == tuple(f"c{i}" for i in kept)
    assert found.class_names == ("NILM", "LSIL", "HSIL", "SCC")
    names = [scores.class_names[place] for place in truth[kept]]
    assert [found.class_names[place] for place in found.truth] == names
    ratio = found.probabilities[:, 0] / found.probabilities[:, 3]
    assert np.allclose(ratio, scores.probabilities[kept, 0] / scores.probabilities[kept, 5])
    assert found.about == {"dataset": "made"}
    with pytest.raises(MeasureError, match="are not Bethesda's six categories"):
        graded(found)

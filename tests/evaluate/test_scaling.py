"""A fitted temperature undoes what was done, is the same each time, and is judged by others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from papscope.decision import calibrated
from papscope.errors import MeasureError, SettingError
from papscope.evaluate.affine import fit_affine
from papscope.evaluate.calibration import CalibrationError, error_by_chance
from papscope.evaluate.candidates import CANDIDATES, RANGE, Method
from papscope.evaluate.grades import graded
from papscope.evaluate.intervals import Groups
from papscope.evaluate.proper import costs
from papscope.evaluate.scaling import Fits, fit_scaling, fit_temperature
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

    assert RANGE[0] <= (found.temperature or 0) < 0.1
    assert 0 <= found.log_loss[1] < 1e-6


def test_one_group_and_a_class_without_images_are_refused() -> None:
    scores = drawn(50)

    with pytest.raises(MeasureError, match="the 50 images are of one group"):
        fit_temperature(replace(scores, groups=("g",) * 50))
    without = replace(scores, truth=np.minimum(scores.truth, 2))
    assert (fit_temperature(without).temperature or 0) > 0
    with pytest.raises(MeasureError, match="SCC is in too few groups for a bias of its own"):
        fit_temperature(without, bias=True)


def bent(scores: Scores, matrix: np.ndarray, shift: np.ndarray) -> Scores:
    """Answers that softmax(matrix log p + shift) brings back to what they were."""
    logs = (np.log(scores.probabilities) - shift) @ np.linalg.inv(matrix).T
    along = np.linalg.inv(matrix).sum(axis=1)
    low, high = np.full((len(logs), 1), -200.0), np.full((len(logs), 1), 200.0)
    for _ in range(100):  # what makes each row sum to 1
        middle = (low + high) / 2
        more = np.exp(logs + middle * along).sum(axis=1, keepdims=True) > 1
        low, high = np.where(more, low, middle), np.where(more, middle, high)
    return replace(scores, probabilities=np.exp(logs + low * along))


SCALES = np.array([0.6, 1.0, 1.8, 1.0])
SHIFT = np.array([0.5, -0.5, 0.0, 0.0])
MIXED = np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, -0.5], [0.4, 0, 0, 1.0]])


def test_a_vector_finds_by_how_much_each_class_was_bent() -> None:
    honest = drawn(8000)
    scores = bent(honest, np.diag(SCALES), SHIFT)

    found = fit_scaling(scores, "vector")

    calibration = found.calibration
    assert calibration["method"] == "vector"
    assert np.allclose(calibration["scale"], SCALES, atol=0.15)
    assert np.allclose(calibration["bias"], SHIFT - SHIFT.mean(), atol=0.2)
    assert sum(calibration["bias"]) == pytest.approx(0, abs=1e-6)
    after = calibrated(scores.probabilities, calibration)
    assert np.abs(after - honest.probabilities).mean() < 0.01


def test_a_matrix_undoes_what_no_vector_can_and_is_chosen_for_it() -> None:
    honest = drawn(1500)
    scores = bent(honest, MIXED, np.zeros(4))

    vector, found = fit_scaling(scores, "vector"), fit_scaling(scores, "auto")

    assert found.calibration["method"] == "dirichlet"
    assert found.log_loss[1] < vector.log_loss[1] - 0.02
    after = calibrated(scores.probabilities, found.calibration)
    assert np.abs(after - honest.probabilities).mean() < 0.03
    assert found.called_otherwise == int((scores.called != found.held_out.called).sum()) > 0
    assert found.temperature is None


def test_the_least_log_loss_of_parts_held_out_chooses_and_all_are_told() -> None:
    found = fit_scaling(drawn(400, sure=2.0), "auto")

    assert list(found.tried)[:3] == ["temperature", "temperature and bias", "vector"]
    assert len(found.tried) == 7
    best = min(found.tried, key=lambda name: found.tried[name])
    assert best == "temperature"
    assert found.calibration["method"] == "temperature"
    assert found.to_json()["tried"].keys() == found.tried.keys()
    assert "tried" not in fit_scaling(drawn(400), "vector").to_json()


@pytest.mark.parametrize("method", ["temperature", "vector", "auto"])
def test_no_image_has_a_part_in_how_it_is_calibrated_when_held_out(method: Method) -> None:
    scores = drawn(600, sure=1.5)
    before = fit_scaling(scores, method).held_out
    order = {name: place for place, name in enumerate(sorted({str(g) for g in scores.groups}))}
    first = np.array([order[str(name)] % 5 == 0 for name in scores.groups])

    other = np.where(first, (scores.truth + 1) % 4, scores.truth)
    after = fit_scaling(replace(scores, truth=other), method).held_out

    assert np.array_equal(before.probabilities[first], after.probabilities[first])
    assert not np.allclose(before.probabilities[~first], after.probabilities[~first], atol=1e-4)


def test_what_is_left_out_has_no_part_in_the_choice_either() -> None:
    scores = drawn(300, sure=1.5)
    parts = np.arange(300) % 60 % 5
    other = replace(scores, truth=np.where(parts == 2, (scores.truth + 1) % 4, scores.truth))
    candidates = (*CANDIDATES["temperature"], *CANDIDATES["vector"])

    before, after = (Fits(one, parts, candidates).log_losses({2}) for one in (scores, other))

    assert before == after
    assert before.keys() == {"temperature", "vector"}
    assert Fits(other, parts, candidates).log_losses(set()) != before


def test_a_higher_penalty_keeps_a_matrix_closer_to_its_diagonal() -> None:
    scores = bent(drawn(500), MIXED, np.zeros(4))

    size = [
        np.abs(np.array(told["matrix"])[~np.eye(4, dtype=bool)]).mean()
        for told in (
            fit_affine(scores.probabilities, scores.truth, "dirichlet", penalty=one)
            for one in (0.001, 0.1, 1.0, 100.0)
        )
    ]

    assert size == sorted(size, reverse=True)
    assert size[0] > 0.15
    assert size[-1] < 0.01


def test_nothing_near_the_matrix_that_was_found_is_better() -> None:
    scores, penalty, draw = bent(drawn(400), MIXED, np.zeros(4)), 0.1, np.random.default_rng(0)
    told = fit_affine(scores.probabilities, scores.truth, "dirichlet", penalty=penalty)
    beside = ~np.eye(4, dtype=bool)

    def cost(matrix: np.ndarray, bias: np.ndarray) -> float:
        chances = softmax(np.log(scores.probabilities) @ matrix.T + bias, axis=1)
        loss = -np.log(chances[np.arange(400), scores.truth]).mean()
        return float(loss + penalty * ((matrix[beside] ** 2).mean() + (bias**2).mean()))

    matrix, bias = np.array(told["matrix"]), np.array(told["bias"])
    best = cost(matrix, bias)
    for _ in range(200):
        step = draw.normal(0, 0.01, (4, 5))
        assert cost(matrix + step[:, :4], bias + step[:, 4]) > best


def test_where_a_class_is_in_too_few_groups_auto_falls_back_on_a_temperature() -> None:
    scores = drawn(300)
    groups = tuple(
        "g0" if true == 3 else name for true, name in zip(scores.truth, scores.groups, strict=True)
    )
    rare = replace(scores, groups=groups)

    found = fit_scaling(rare, "auto")

    assert found.calibration["method"] == "temperature"
    assert found.tried == {}
    for method in ("vector", "dirichlet"):
        with pytest.raises(MeasureError, match="SCC is in too few groups"):
            fit_scaling(rare, method)


def test_two_groups_are_too_few_to_choose_and_enough_for_a_temperature() -> None:
    scores = drawn(100)
    two = replace(scores, groups=("a", "b") * 50)

    with pytest.raises(MeasureError, match="of 2 groups: too few to choose a method by"):
        fit_scaling(two, "auto")
    assert (fit_scaling(two, "temperature").temperature or 0) > 0


def test_an_unknown_method_and_a_bias_without_a_temperature_are_refused() -> None:
    with pytest.raises(SettingError, match="method is 'isotonic'"):
        fit_scaling(drawn(50), "isotonic")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(SettingError, match="method is 'vector' with a bias"):
        fit_scaling(drawn(50), "vector", bias=True)


def test_the_error_by_chance_is_that_of_probabilities_which_are_exactly_right() -> None:
    errors = []
    for seed in range(20):
        scores = drawn(400, seed=seed)
        groups = Groups.of(scores.groups)
        right = scores.called == scores.truth
        one = CalibrationError.of(scores.probabilities.max(axis=1), right, groups)
        errors.append(float(one(np.ones((1, groups.number), dtype=np.int64))[0]))

    told = error_by_chance(drawn(400).probabilities)

    assert told == pytest.approx(np.mean(errors), rel=0.15)
    assert error_by_chance(drawn(6400).probabilities) == pytest.approx(told / 4, rel=0.15)


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

"""scikit-learn's estimators, turned into tensors, answer as scikit-learn does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from papscope.fusing.dense import folded
from papscope.fusing.experts import weak, with_experts
from papscope.fusing.machines import Machine, calibration, choices
from papscope.fusing.sample import Numbers, Sample, balanced
from papscope.fusing.selecting import Fitted, choose, fit_head, macro_f1
from papscope.fusing.settings import HeadKind
from papscope.network.heads import head_from

WIDTH = 12
KINDS: tuple[HeadKind, ...] = ("linear", "svm", "boosting")


def sample(classes: int, *, count: int = 90, orientations: int = 2, apart: float = 1.0) -> Sample:
    """Features of very different scales, whose means differ from class to class."""
    random = np.random.default_rng(classes)
    truth = np.arange(count) % classes
    means = random.normal(size=(classes, WIDTH)) * apart
    scales = 10.0 ** random.integers(-2, 3, WIDTH)
    features = means[truth] + random.normal(size=(orientations, count, WIDTH))
    return Sample(
        (features * scales + 3 * scales).astype(np.float32),
        truth,
        np.arange(count) // classes % 3,
        np.ones(count),
        classes,
    )


def given(head: Fitted, features: Numbers) -> np.ndarray:
    """What the tensors say, as probabilities."""
    arrays = {name: torch.from_numpy(np.array(value)) for name, value in head.arrays.items()}
    with torch.inference_mode():
        logits = head_from(head.words, arrays)(torch.from_numpy(features))
    return np.asarray(torch.softmax(logits.double(), 1).numpy())


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_a_head_answers_as_the_estimator_that_it_was_made_from(
    kind: HeadKind, classes: int
) -> None:
    known = sample(classes, apart=0.5)
    features = sample(classes, apart=0.5, orientations=3).features[2]  # drawn after those above
    machine = Machine.fitted(kind, choices(kind)[-1], known, seed=0)
    if kind == "svm":
        told: Any = calibration(machine.decisions(known.features[0]), known.truth)
        words, arrays = machine.head(told)
        wanted = told.predict_proba(machine.decisions(features))
    else:
        words, arrays = machine.head()
        wanted = machine.probabilities(features)

    assert np.abs(given(Fitted(words, arrays, {}), features) - wanted).max() < 1e-5
    assert wanted.std(axis=0).min() > 0.05


def test_decisions_of_every_pair_of_classes_are_those_of_scikit_learn() -> None:
    known = sample(4)
    machine = Machine.fitted("svm", choices("svm")[-1], known, seed=0)
    words, arrays = machine.head(calibration(machine.decisions(known.features[0]), known.truth))
    head: Any = head_from(
        words, {name: torch.from_numpy(np.array(x)) for name, x in arrays.items()}
    )

    found = head.decisions(torch.from_numpy(known.features[0])).numpy()

    assert found.shape == (90, 6)
    assert np.abs(found - machine.decisions(known.features[0])).max() < 1e-5


def test_a_feature_exactly_on_a_threshold_goes_the_way_it_went_when_fitted() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(1, 200, 2)).astype(np.float32)
    truth = random.integers(0, 2, 200)  # so that trees cut wherever they can
    known = Sample(values, truth, np.arange(200) % 2, np.ones(200), 2)
    machine = Machine.fitted("boosting", {"leaves": 12, "l2": 0.0}, known, seed=0)
    words, arrays = machine.head()
    thresholds = arrays["threshold"][arrays["left"] != np.arange(len(arrays["left"]))]
    edges = np.stack([thresholds, thresholds], 1)

    wanted = machine.probabilities(edges)

    assert np.abs(given(Fitted(words, arrays, {}), edges) - wanted).max() < 1e-5


def test_settings_are_chosen_without_the_images_they_are_judged_by() -> None:
    random = np.random.default_rng(0)
    # Twins that differ from all others: who has seen the one knows the other.
    base = np.repeat(random.normal(size=(60, WIDTH)), 2, axis=0).astype(np.float32)
    truth = np.repeat(random.integers(0, 2, 60), 2)
    together = Sample(base[None], truth, np.repeat(np.arange(60), 2) % 4, np.ones(120), 2)
    apart = Sample(base[None], truth, np.tile([0, 1], 60), np.ones(120), 2)

    assert choose(together, "svm", 0).macro_f1 < 0.75
    assert choose(apart, "svm", 0).macro_f1 > 0.95


def test_calibrated_probabilities_are_no_surer_than_right() -> None:
    unsure = sample(3, count=300, orientations=1, apart=0.0)

    head, away = fit_head(unsure, "svm", choose(unsure, "svm", 0), 0)

    assert away.max() < 0.7  # nothing can be learnt here
    assert given(head, unsure.features[0]).max() < 0.9


def test_weights_count_rare_classes_more_as_far_as_asked() -> None:
    truth = np.array([0] * 16 + [1] * 4)
    for balance, ratio in (("none", 1.0), ("root", 2.0), ("full", 4.0)):
        weights = balanced(truth, 2, balance)  # type: ignore[arg-type]
        assert weights[-1] / weights[0] == pytest.approx(ratio)
        assert weights.mean() == pytest.approx(1.0)


def test_orientations_of_an_image_share_its_weight() -> None:
    _, truth, weights = sample(3, orientations=2).laid_out()

    assert len(truth) == 180
    assert weights.sum() == pytest.approx(90)


def ring(count: int = 150) -> Sample:
    """Three classes, one of which lies around the second, where no plane can cut it off."""
    random = np.random.default_rng(0)
    truth = np.arange(count) % 3
    angle = random.uniform(0, 2 * np.pi, count)
    radius = np.where(truth == 2, 4.0, 0.5)
    features = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    features[truth == 0] += (20, 0)
    noisy = (features + random.normal(0, 0.3, features.shape)).astype(np.float32)
    return Sample(noisy[None], truth, np.arange(count) // 3 % 3, np.ones(count), 3)


def test_an_expert_helps_where_the_main_head_is_weak() -> None:
    known = ring()
    head = fit_head(known, "linear", choose(known, "linear", 0), 0)

    blended = with_experts(head, known, ("auto",), ("far", "core", "ring"), 0)

    plain = given(head[0], known.features[0]).argmax(1)
    called = given(blended, known.features[0]).argmax(1)
    assert weak(head[1], known)
    assert blended.words["kind"] == "blend"
    assert macro_f1(known.truth, called, 3) > macro_f1(known.truth, plain, 3) + 0.1


def test_an_expert_that_does_not_help_is_left_out() -> None:
    known = sample(3, apart=20.0, orientations=1)
    head = fit_head(known, "linear", choose(known, "linear", 0), 0)

    alike = with_experts(head, known, ("b",), ("a", "b", "c"), 0)

    assert alike.words == {"kind": "linear"}
    assert alike.chosen["experts"] == {"b": 0.0}


def branch(width: int, hidden: int = 5, classes: int = 3) -> nn.Sequential:
    """A branch whose normalisations have seen something."""
    layers = nn.Sequential(
        nn.BatchNorm1d(width),
        nn.Dropout(0.5),
        nn.Linear(width, hidden),
        nn.ReLU(),
        nn.BatchNorm1d(hidden),
        nn.Dropout(0.5),
        nn.Linear(hidden, classes),
    )
    moved(layers, width)
    return layers.eval()


def moved(layers: nn.Sequential, width: int) -> None:
    with torch.no_grad():
        for _ in range(20):
            layers.train()(torch.randn(32, width) * 3 + 1)
        for name, tensor in layers.named_parameters():
            tensor.add_(0.3 * torch.randn_like(tensor) if "weight" in name else 0.2)
    layers.eval()


def test_a_dense_branch_folds_into_two_matrices() -> None:
    torch.manual_seed(0)
    layers, features = branch(7), torch.randn(20, 7) * 3
    head = Fitted({"kind": "mlp"}, folded([layers], layers[4], layers[6]), {})

    wanted = torch.softmax(layers(features).double(), 1).detach().numpy()

    assert np.abs(given(head, features.numpy()) - wanted).max() < 1e-5


def test_the_originals_branches_and_joint_layers_fold_into_two_matrices() -> None:
    torch.manual_seed(0)
    one, other = branch(7), branch(4)
    top = nn.Sequential(nn.Dropout(0.75), nn.BatchNorm1d(10), nn.Linear(10, 3))
    moved(top, 10)
    features = torch.randn(20, 11) * 3
    lower = torch.cat([one[:5](features[:, :7]), other[:5](features[:, 7:])], 1)
    head = Fitted({"kind": "mlp"}, folded([one, other], top[1], top[2]), {})

    wanted = torch.softmax(top(lower).double(), 1).detach().numpy()

    assert np.abs(given(head, features.numpy()) - wanted).max() < 1e-5

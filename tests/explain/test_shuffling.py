"""Weights are shuffled from the top downwards, in bundles of torch's and in exported graphs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_engines import CLASSES, SIDE, bundle_of, noise

from papscope.bundle import Bundle
from papscope.explain.shuffling import RUNGS, chosen_of, shuffled
from papscope.export.graph import graph_of
from papscope.network.assembly import from_bundle
from papscope.network.backbones import head_names
from papscope.predict.engines import engine_for


def changed(before: Bundle, after: Bundle) -> set[str]:
    return {
        name
        for name, value in before.tensors.items()
        if not np.array_equal(value, after.tensors[name])
    }


@pytest.mark.parametrize("backbone", ["test_efficientnet", "test_resnet", "test_vit"])
def test_each_rung_reaches_further_down(tmp_path: Path, backbone: str) -> None:
    bundle = bundle_of(tmp_path, backbone)
    head, half, whole = (changed(bundle, shuffled(bundle, rung)) for rung in RUNGS)

    assert head
    assert head <= head_names(from_bundle(bundle))
    assert head < half < whole
    assert len(whole) > 1.4 * len(half)


def test_the_numbers_stay_and_only_their_order_changes(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path)
    after = shuffled(bundle, "all")
    for name, value in bundle.tensors.items():
        assert np.array_equal(np.sort(value, axis=None), np.sort(after.tensors[name], axis=None))


def test_one_seed_gives_one_order_and_another_another(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path)
    assert not changed(shuffled(bundle, "all"), shuffled(bundle, "all"))
    assert changed(shuffled(bundle, "all"), shuffled(bundle, "all", seed=1))


def test_of_several_networks_each_is_shuffled_from_its_own_top() -> None:
    layers = ("stem.weight", "blocks.0.0.weight", "head.weight")
    ensemble = {f"members.{n}.{name}": 4 for n in (0, 1) for name in layers}
    fused = {f"blocks.{n}.network.{name}": 4 for n in (0, 1) for name in layers[:2]}
    fused |= {"plain.mean": 1, "plain.weights": 2}

    assert chosen_of(ensemble, "head") == {"members.0.head.weight", "members.1.head.weight"}
    assert chosen_of(fused, "head") == {"plain.mean", "plain.weights"}
    assert chosen_of(fused, "half") == {
        "plain.mean",
        "plain.weights",
        "blocks.0.network.blocks.0.0.weight",
        "blocks.1.network.blocks.0.0.weight",
    }


def test_an_exported_graph_answers_otherwise_and_runs(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path)
    exported = replace(bundle, onnx=graph_of(from_bundle(bundle), SIDE), tensors={})
    before = engine_for(exported, threads=1).probabilities(noise(3))

    found = [engine_for(shuffled(exported, rung), threads=1) for rung in RUNGS]

    for after in (one.probabilities(noise(3)) for one in found):
        assert after.shape == (3, len(CLASSES))
        assert np.isfinite(after).all()
        assert np.abs(before - after).max() > 1e-4

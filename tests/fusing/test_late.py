"""The head `late`: each block keeps its own head, and answers are averaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_masked import asked, bundled, draw

from papscope.bundle import read_bundle
from papscope.cutting import cut
from papscope.errors import SettingError, TrainingError
from papscope.fusing.fit import fuse
from papscope.manifest import Manifest
from papscope.scores import Probabilities
from papscope.scoring import score
from papscope.split import Split


def answers(bundle: Path, cells: Manifest, parts: Split) -> Probabilities:
    return score(read_bundle(bundle), cells, split=parts, part="test").probabilities


def test_bundles_answer_by_their_own_heads_and_their_logarithms_are_averaged(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    other = bundled(tmp_path / "other", "test_efficientnet")

    done = fuse(cells, parts, asked(network, other, head="late"), tmp_path / "out")

    alone = [answers(one, cells, parts) for one in (network, other)]
    wanted = np.exp(np.mean(np.log(alone), axis=0))
    wanted /= wanted.sum(axis=1, keepdims=True)
    assert np.allclose(answers(done.bundle, cells, parts), wanted, atol=1e-5)
    assert [one.what for one in done.validated] == [str(network), str(other), "joined"]


def test_a_block_without_a_head_of_its_own_gets_a_linear_one(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    layer = f"{network}:layer2"
    linear = fuse(cells, parts, asked(layer, head="linear"), tmp_path / "linear")

    late = fuse(cells, parts, asked(layer, head="late"), tmp_path / "late")

    assert np.allclose(
        answers(late.bundle, cells, parts), answers(linear.bundle, cells, parts), atol=1e-5
    )


def test_cell_shape_has_a_say_of_its_own_and_a_picture_without_a_mask_none(
    network: Path, tmp_path: Path
) -> None:
    alike = draw(tmp_path / "alike", alike=True)
    parts = cut(alike, seed=1)
    bare = replace(alike, rows=tuple(replace(row, mask=None) for row in alike.rows))

    done = fuse(alike, parts, asked(network, head="late", shape=True), tmp_path / "out")

    shown = answers(done.bundle, alike, parts)
    truth = score(read_bundle(done.bundle), alike, split=parts, part="test").truth
    assert (shown.argmax(1) == truth).mean() == 1.0
    assert np.allclose(answers(done.bundle, bare, parts), answers(network, bare, parts), atol=1e-5)


def test_no_image_need_be_held_back_unless_an_epoch_is_chosen(
    cells: Manifest, network: Path, tmp_path: Path
) -> None:
    parts = cut(cells, shares={"train": 0.5, "test": 0.5}, seed=1)

    done = fuse(cells, parts, asked(network, head="late", shape=True), tmp_path / "out")

    assert done.validated == ()
    assert read_bundle(done.bundle).description.metrics["n"] == 0
    assert "No image was held back" in (done.bundle / "README.md").read_text()
    with pytest.raises(TrainingError, match="the head mlp chooses its epoch"):
        fuse(cells, parts, asked(network, head="mlp"), tmp_path / "other")


def test_blocks_that_answer_over_all_orientations_do_so_together(
    cells: Manifest, parts: Split, tmp_path: Path
) -> None:
    turned = bundled(tmp_path / "turned", orientations=True)

    done = fuse(cells, parts, asked(turned, head="late"), tmp_path / "out")

    assert read_bundle(done.bundle).description.orientations
    assert np.allclose(answers(done.bundle, cells, parts), answers(turned, cells, parts), atol=1e-5)


def test_the_head_late_takes_no_experts() -> None:
    with pytest.raises(SettingError, match="inner folds, which the head late does not use"):
        asked("x", head="late", experts=("small",))

"""A fusion, from blocks to one bundle that answers as it was judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import papscope.torchvision_ops  # noqa: F401 -- first: makes timm importable

import numpy as np
import pytest
import timm
import torch
from made_masked import asked, bundled, draw
from timm.models import create_feature_extractor
from torch import nn

from papscope.bundle import read_bundle
from papscope.cutting import cut
from papscope.errors import PapscopeError, SettingError, SplitError, TrainingError
from papscope.fusing.blocks import parsed
from papscope.fusing.features import Cache, turned
from papscope.fusing.fit import fuse
from papscope.fusing.settings import ORIGINAL, FuseSettings, original
from papscope.manifest import Manifest
from papscope.predict.predictor import load
from papscope.preprocess import Preprocess
from papscope.scoring import score
from papscope.seen import seen_in
from papscope.split import Split
from papscope.taxonomy import named


def accuracy(bundle: Path, cells: Manifest, parts: Split) -> float:
    scores = score(read_bundle(bundle), cells, split=parts, part="val")
    return float((scores.called == scores.truth).mean())


@pytest.mark.parametrize("head", ["linear", "svm", "mlp"])
def test_a_fused_bundle_answers_as_it_was_judged(
    head: str, cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    blocks = (network, f"{network}:layer2:both")

    done = fuse(cells, parts, asked(*blocks, head=head), tmp_path / "out")

    assert [one.what for one in done.validated] == [*map(str, blocks), "joined"]
    assert accuracy(done.bundle, cells, parts) == done.validated[-1].accuracy
    assert read_bundle(done.bundle).digest == done.digest


def test_the_bundle_holds_no_layer_above_the_one_that_is_used(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    done = fuse(cells, parts, asked(f"{network}:layer1:max"), tmp_path / "out")

    names = [name for name in read_bundle(done.bundle).tensors if name.startswith("blocks.")]
    assert any("layer1" in name for name in names)
    assert not any("layer2" in name or "fc" in name for name in names)


@pytest.fixture
def alike(tmp_path: Path) -> Manifest:
    return draw(tmp_path / "alike", alike=True)


def test_measures_of_the_cell_tell_what_pictures_do_not(
    alike: Manifest, network: Path, tmp_path: Path
) -> None:
    parts = cut(alike, seed=1)

    done = fuse(alike, parts, asked(network, shape=True), tmp_path / "out")

    plain, shaped = done.validated
    assert shaped.what == "joined, with cell shape of 6 of 6"
    assert plain.accuracy < 0.7 < shaped.accuracy == 1.0
    assert accuracy(done.bundle, alike, parts) == 1.0


def test_a_picture_without_a_mask_is_answered_for_by_the_other_head(
    alike: Manifest, network: Path, tmp_path: Path
) -> None:
    parts = cut(alike, seed=1)
    cache = tmp_path / "cache"
    shaped = fuse(alike, parts, asked(network, shape=True, cache=cache), tmp_path / "a").bundle
    plain = fuse(alike, parts, asked(network, cache=cache), tmp_path / "b").bundle
    bare = replace(alike, rows=tuple(replace(row, mask=None) for row in alike.rows))

    without = score(read_bundle(shaped), bare, split=parts, part="val")
    within = score(read_bundle(shaped), alike, split=parts, part="val")
    alone = score(read_bundle(plain), alike, split=parts, part="val")

    np.testing.assert_allclose(without.probabilities, alone.probabilities, atol=1e-6)
    assert (within.called != alone.called).any()
    assert without.about["without_shape"] == 6
    assert within.about["without_shape"] == 0
    assert "without_shape" not in alone.about


def test_prediction_says_of_each_picture_whether_its_cell_was_measured(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    from papscope.predict.sources import named_by

    model = load(fuse(cells, parts, asked(network, shape=True), tmp_path / "out").bundle)
    masked = named_by([str(tmp_path / "cells.csv")])[:3]
    files = [cells.file_of(row) for row in cells.rows[:3]]

    assert [one.measured for one in model.predict(masked).good] == [True] * 3
    assert [one.measured for one in model.predict(files).good] == [False] * 3
    assert [one.measured for one in load(network).predict(files).good] == [None] * 3


def test_a_model_that_looks_from_all_sides_still_hears_of_the_shape(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    done = fuse(cells, parts, asked(network, shape=True), tmp_path / "out")
    bundle = read_bundle(done.bundle).with_orientations(True)

    scores = score(bundle, cells, split=parts, part="val")

    assert (scores.called == scores.truth).all()


def test_the_same_seed_gives_the_same_bundle(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    wanted = asked(network, head="mlp", orientations=True)

    one = fuse(cells, parts, wanted, tmp_path / "one")
    other = fuse(cells, parts, wanted, tmp_path / "other")

    assert one.digest == other.digest


def test_features_are_computed_once_and_again_for_other_weights(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    run = Cache._run

    def counted(self: Cache, block: Any, *rest: Any) -> Any:
        ran.append(block.asked.word)
        return run(self, block, *rest)

    monkeypatch.setattr(Cache, "_run", counted)
    wanted = asked(network, cache=tmp_path / "cache")
    fuse(cells, parts, wanted, tmp_path / "out")
    assert len(ran) == 2  # training and validation

    fuse(cells, parts, wanted, tmp_path / "again")
    assert len(ran) == 2

    bundled(network, "test_efficientnet")  # another model in the same place
    fuse(cells, parts, wanted, tmp_path / "other")
    assert len(ran) == 4


def test_a_damaged_file_of_features_is_made_again(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    wanted = asked(network, cache=tmp_path / "cache")
    first = fuse(cells, parts, wanted, tmp_path / "out")
    for file in (tmp_path / "cache").glob("features-*.npy"):
        file.write_bytes(file.read_bytes()[:100])

    assert fuse(cells, parts, wanted, tmp_path / "again").digest == first.digest


def test_the_eight_orientations_differ_and_the_first_is_the_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (1, 4, 4, 3), dtype=np.uint8)

    found = [turned(picture, one) for one in range(8)]

    assert len({one.tobytes() for one in found}) == 8
    assert (found[0] == picture).all()


def test_what_blocks_have_seen_the_fused_model_has_seen(
    cells: Manifest, parts: Split, tmp_path: Path
) -> None:
    elsewhere = [replace(row, sha256=f"{row.id} there", group="there") for row in cells.rows]
    chain = [{"licence": "of the stage before"}]
    seen = seen_in(elsewhere).to_json()
    block = bundled(tmp_path / "b", seen=seen, licence="theirs", chain=chain)

    done = fuse(cells, parts, asked(block), tmp_path / "out")

    known = read_bundle(done.bundle).description.provenance
    own = seen_in(elsewhere).images
    assert all(mark in known["seen"]["images"] for mark in own)
    assert known["licence"] == "none; of the stage before; theirs"


def test_a_bundle_tells_no_folder_of_the_machine_it_was_made_on(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    wanted = asked(network, f"{network}:layer2", cache=tmp_path / "cache")

    done = fuse(cells, parts, wanted, tmp_path / "out")

    for name in ("bundle.json", "README.md"):
        assert str(tmp_path) not in (done.bundle / name).read_text(encoding="utf-8")


def test_a_block_that_has_seen_the_test_images_is_refused(
    cells: Manifest, parts: Split, tmp_path: Path
) -> None:
    block = bundled(tmp_path / "b", seen=seen_in(cells.rows).to_json())

    with pytest.raises(SplitError, match=r"has learned from 6 of the 6 test images.*leaks"):
        fuse(cells, parts, asked(block), tmp_path / "out")


def test_a_block_that_was_chosen_by_the_validation_images_is_told(
    cells: Manifest, parts: Split, tmp_path: Path
) -> None:
    rows = [row for row in cells.rows if parts.part_of[row.id] != "test"]
    block = bundled(tmp_path / "b", seen=seen_in(rows).to_json())

    (note,) = fuse(cells, parts, asked(block), tmp_path / "out").notes

    assert "6 of the 6 validation images: these numbers are too hopeful" in note


@pytest.mark.parametrize(
    ("block", "shape"), [(ORIGINAL[0], (1, 1024, 14, 14)), (ORIGINAL[1], (1, 512, 28, 28))]
)
def test_the_original_is_cut_where_the_student_project_cut(
    block: str, shape: tuple[int, ...]
) -> None:
    one = parsed(block)
    assert original().blocks == ORIGINAL
    assert one.pool == "max"
    with torch.device("meta"):  # no weight is drawn
        cut_off = create_feature_extractor(timm.create_model(one.source), [str(one.layer)])
        maps = cut_off.eval()(torch.zeros(1, 3, original().size, original().size))
    assert tuple(maps[str(one.layer)].shape) == shape


def test_vggs_block_4_convolution_3_is_what_the_original_names() -> None:
    with torch.device("meta"):
        layers: Any = timm.create_model("vgg16").features
    last = int(str(parsed(ORIGINAL[1]).layer).removeprefix("features."))
    pools = [place for place in range(last) if isinstance(layers[place], nn.MaxPool2d)]
    since = [layers[place] for place in range(pools[-1], last + 1)]

    assert len(pools) == 3
    assert sum(isinstance(one, nn.Conv2d) for one in since) == 3
    assert isinstance(since[-1], nn.ReLU)


def test_the_originals_form_joins_branches_of_their_own(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    blocks = (f"{network}:layer2:max", f"{network}:layer3:max")

    done = fuse(cells, parts, asked(*blocks, head="mlp", original=True), tmp_path / "out")

    bundle = read_bundle(done.bundle)
    assert bundle.tensors["plain.first"].shape[1] == 16  # two branches of 8
    assert accuracy(done.bundle, cells, parts) == done.validated[-1].accuracy


def refused(
    kind: type[PapscopeError], match: str, cells: Manifest, parts: Split, settings: FuseSettings
) -> None:
    out = cells.root.parent / "out"
    with pytest.raises(kind, match=match):
        fuse(cells, parts, settings, out)
    assert not out.exists()


def test_blocks_of_other_classes_are_refused_before_any_work(
    cells: Manifest, parts: Split, tmp_path: Path
) -> None:
    block = bundled(tmp_path / "b", of=named("xyz"))
    refused(
        TrainingError, "classes x, y, z; cells has large, middle, small", cells, parts, asked(block)
    )


def test_blocks_of_other_preprocessing_are_refused_and_told_apart(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    other = bundled(tmp_path / "b", preprocess=Preprocess(size=48, fit="pad"))
    refused(SettingError, "fit squash and pad; size 32 and 48", cells, parts, asked(network, other))


def test_an_unknown_layer_is_refused_with_those_that_there_are(
    cells: Manifest, parts: Split, network: Path
) -> None:
    with pytest.raises(SettingError, match="no layer 'layr2'") as told:
        fuse(cells, parts, asked(f"{network}:layr2"), cells.root.parent / "out")
    assert "layer2" in told.value.hint


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"head": "forest"}, "head is 'forest'"),
        ({"blocks": ()}, "no block is named"),
        ({"experts": ("small",), "head": "mlp"}, "experts are weighed on inner folds"),
        ({"inner_folds": 1}, "inner_folds is 1; want 2 to 20"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(SettingError, match=match):
        asked("somewhere", **changes)


def test_what_the_data_do_not_have_is_refused_before_any_work(
    cells: Manifest, parts: Split, network: Path, tmp_path: Path
) -> None:
    bare = replace(cells, rows=tuple(replace(row, mask=None) for row in cells.rows))
    other = draw(tmp_path / "other", slides=4)
    few = {**parts.part_of, **{row.id: "test" for row in cells.rows if row.label == "large"}}

    refused(
        SettingError,
        "no training image of cells has a mask",
        bare,
        parts,
        asked(network, shape=True),
    )
    refused(SettingError, "no class 'huge'", cells, parts, asked(network, experts=("huge",)))
    refused(SplitError, "another manifest", other, parts, asked(network))
    refused(
        TrainingError,
        "no training image is large",
        cells,
        replace(parts, part_of=few),
        asked(network),
    )
    refused(
        SplitError, "cannot be cut into 9 inner folds", cells, parts, asked(network, inner_folds=9)
    )


@pytest.mark.parametrize(
    ("word", "match"),
    [
        ("a:b:c:d", "means nothing"),
        ("a:layer2:min", "pools by 'min'"),
        ("a::max", "names no layer to pool"),
    ],
)
def test_a_blocks_word_that_means_nothing_is_refused(
    word: str, match: str, cells: Manifest, parts: Split
) -> None:
    refused(SettingError, match, cells, parts, asked(word))


def test_weights_must_be_one_for_all_or_one_for_each(cells: Manifest, parts: Split) -> None:
    wanted = asked("timm:resnet10t", "timm:resnet10t:layer2", "timm:resnet10t:layer3", size=32)
    refused(
        SettingError,
        "2 weights are given for 3 blocks",
        cells,
        parts,
        replace(wanted, weights=("none", "none")),
    )


def test_a_split_by_image_keeps_its_stamp(cells: Manifest, network: Path, tmp_path: Path) -> None:
    parts = cut(cells, by="image", seed=1)

    done = fuse(cells, parts, asked(network), tmp_path / "out")

    assert "leaks" in (done.bundle / "README.md").read_text(encoding="utf-8")

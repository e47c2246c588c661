"""Bundles become one only where they answer the same question, and it claims nothing of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from papscope.bundle import Bundle, Description
from papscope.errors import BundleError, SettingError
from papscope.network.account import card
from papscope.network.joining import join_bundles, members_of
from papscope.preprocess import Preprocess
from papscope.seen import Seen
from papscope.taxonomy import CellClass, named

SETTINGS = {"backbone": "test_resnet", "epochs": 3, "seed": 0}


def provenance(mark: str, **more: Any) -> dict[str, Any]:
    return {
        "dataset": "made",
        "manifest_sha256": "f" * 64,
        "licence": "CC0",
        "citation": "nobody",
        "notes": ["drawn by a program"],
        "protocol": {"by": "group", "seed": 1, "folds": 5, "fold": 0, "leaks": None},
        "seen": Seen(frozenset([mark * 12]), frozenset(["0" * 12])).to_json(),
        "weights": "weights: random",
        "training": {"settings": {**SETTINGS, "seed": ord(mark)}, "history": []},
        "versions": {"papscope": "0.1.0", "python": mark},
        **more,
    }


def bundle(mark: str, **changes: Any) -> Bundle:
    """A bundle of its own digest, of one tensor; `mark` is a hexadecimal digit."""
    known: dict[str, Any] = {
        "classes": named("ab"),
        "preprocess": Preprocess(size=32),
        "backbone": "test_resnet",
        "network": {"drop_rate": 0.1},
        "provenance": provenance(mark),
        "metrics": {"part": "validation", "n": 9, "accuracy": 0.75, "macro_f1": 0.5},
        **changes,
    }
    return Bundle(Description(**known), {"w": np.full(2, ord(mark))}, mark * 64)


def joined(*bundles: Bundle, **more: Any) -> Bundle:
    about, tensors = join_bundles(bundles, **more)
    return Bundle(about, tensors, "9" * 64)


def test_members_stand_in_order_with_their_tensors_and_networks() -> None:
    one, two = bundle("a"), bundle("b", backbone="test_vit", network={"drop_rate": 0.2})

    about, tensors = join_bundles([one, two, bundle("c")])

    assert about.backbone == "ensemble of 2 test_resnet and 1 test_vit"
    assert about.kind == "ensemble"
    assert about.network["members"][:2] == [
        {"backbone": "test_resnet", "network": {"drop_rate": 0.1}},
        {"backbone": "test_vit", "network": {"drop_rate": 0.2}},
    ]
    assert {name: int(value[0]) for name, value in tensors.items()} == {
        "members.0.w": ord("a"), "members.1.w": ord("b"), "members.2.w": ord("c"),
    }  # fmt: skip
    again = members_of(Bundle(about, tensors, "0" * 64))
    assert [one.description.backbone for one in again] == ["test_resnet", "test_vit", "test_resnet"]
    assert [list(one.tensors) for one in again] == [["w"]] * 3


def test_the_provenance_holds_what_is_common_and_what_is_each_members() -> None:
    split = {"by": "group", "seed": 1, "folds": 5, "fold": 1, "leaks": None}
    other = provenance("b", protocol=split, dataset="drawn", citation="nobody else")

    about, _ = join_bundles([bundle("a"), bundle("b", provenance=other), bundle("c")])

    known = about.provenance
    assert known["dataset"] == "made + drawn"
    assert (known["licence"], known["citation"]) == ("CC0", "nobody; nobody else")
    assert known["notes"] == ["drawn by a program"]
    assert known["protocol"] == {"by": "group", "seed": 1, "folds": 5, "leaks": None}
    assert known["training"] == {"settings": {"backbone": "test_resnet", "epochs": 3}}
    assert known["versions"] == {"papscope": "0.1.0"}
    first, second, _ = known["members"]
    assert first["settings"] == {"seed": ord("a")}
    assert (first["bundle_sha256"], second["bundle_sha256"]) == ("a" * 64, "b" * 64)
    assert second["protocol"] == split
    assert second["metrics"]["macro_f1"] == 0.5


def test_it_has_seen_what_any_member_has_seen() -> None:
    about, _ = join_bundles([bundle("a"), bundle("b")])
    seen = Seen.from_json(about.provenance["seen"])
    assert seen.images == {"a" * 12, "b" * 12}
    assert seen.groups == {"0" * 12}


def test_terms_of_every_stage_of_a_chain_hold_for_the_ensemble() -> None:
    stages = [{"dataset": "first", "licence": "CC BY", "citation": "somebody"}, {"dataset": "made"}]

    about, _ = join_bundles([bundle("a", provenance=provenance("a", chain=stages)), bundle("b")])

    assert about.provenance["licence"] == "CC BY; CC0"
    assert about.provenance["citation"] == "somebody; nobody"


def test_one_member_that_learned_from_divided_groups_stamps_the_whole() -> None:
    leaky = provenance("b", protocol={"by": "image", "leaks": "leaks: by image"})

    about, _ = join_bundles([bundle("a"), bundle("b", provenance=leaky)])

    assert about.provenance["protocol"]["leaks"] == "leaks: by image"
    assert "> **leaks: by image**" in card(about)


def test_it_claims_no_measure_and_no_calibration() -> None:
    warm = {"method": "temperature", "temperature": 2.0}

    about, _ = join_bundles([bundle("a", calibration=warm), bundle("b", calibration=warm)])

    assert about.metrics == {
        "part": "none: an ensemble is measured as a whole, by `papscope evaluate`", "n": 0,
    }  # fmt: skip
    assert about.calibration == {}


def test_an_ensemble_among_them_is_taken_apart() -> None:
    turned = {"drop_rate": 0.1, "orientations": True}
    one, two, three = (bundle(mark, network=turned) for mark in "abc")

    nested = join_bundles([joined(one, two), three])

    flat = join_bundles([one, two, three])
    assert nested[0] == flat[0]
    assert list(nested[1]) == list(flat[1])


@pytest.mark.parametrize(
    ("told", "asked", "wanted"),
    [
        ((True, True), None, True),
        ((False, False), None, False),
        ((True, False), True, True),
        ((True, False), False, False),
    ],
)
def test_orientations_are_the_whole_ensembles_matter(
    told: tuple[bool, bool], asked: bool | None, wanted: bool
) -> None:
    members = [
        bundle(mark, network={"orientations": one}) for mark, one in zip("ab", told, strict=True)
    ]

    about, _ = join_bundles(members, orientations=asked)

    assert about.orientations is wanted
    assert [one["network"] for one in about.network["members"]] == [{}, {}]


MILD = CellClass("a", "normal", "NILM"), CellClass("b", "abnormal", "LSIL")
GRAVE = CellClass("a", "normal", "NILM"), CellClass("b", "abnormal", "HSIL")


@pytest.mark.parametrize(
    ("first", "other", "said"),
    [
        (
            {},
            {"classes": named("ax")},
            r"classes differ: those of bundle 1 \(.*\) are a, b; .* a, x",
        ),
        ({}, {"classes": named("ab")[::-1]}, "those of bundle 2 .* are b, a$"),
        ({"classes": MILD}, {"classes": GRAVE}, "class b is abnormal, LSIL in bundle 1 .* HSIL in"),
        ({}, {"preprocess": Preprocess(size=64, fit="pad")}, "fit squash and pad; size 32 and 64"),
        ({}, {"preprocess": Preprocess(size=32, mean=(0.5,) * 3)}, r"mean \[0.485, .* and \[0.5, "),
        ({"network": {"orientations": True}}, {}, "bundle 1 .* over all orientations, bundle 2"),
        ({}, {"network": {"orientations": True}}, "bundle 2 .* over all orientations, bundle 1"),
        ({}, {"network": {"kind": "fusion", "shape": ["area"]}}, "bundle 2 .* measures the shape"),
    ],
)
def test_what_does_not_go_together_is_refused_and_named(
    first: Mapping[str, Any], other: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        join_bundles([bundle("a", **first), bundle("b", **other)])


def test_a_long_difference_is_cut_short() -> None:
    class Wordy(Preprocess):
        def to_json(self) -> dict[str, Any]:
            return {**super().to_json(), "stain": "dye " * 99}

    with pytest.raises(SettingError, match=r"stain none and dye dye .*d\.\.\.$"):
        join_bundles([bundle("a"), bundle("b", preprocess=Wordy(size=32))])


def test_one_bundle_alone_none_and_the_same_twice_are_refused() -> None:
    with pytest.raises(SettingError, match="two bundles or more; 0 given"):
        join_bundles([])
    with pytest.raises(SettingError, match="two bundles or more; 1 given"):
        join_bundles([bundle("a")])
    with pytest.raises(SettingError, match=r"bundle 2 \(test_resnet, .*\) is the same as bundle 1"):
        join_bundles([bundle("a"), bundle("a")])
    with pytest.raises(SettingError, match=r"bundle 1 .* member 2 is the same as|bundle 2 .* same"):
        join_bundles([joined(bundle("a"), bundle("b")), bundle("b")])


def test_what_cannot_be_taken_apart_is_refused() -> None:
    exported = replace(bundle("b"), tensors={}, onnx=b"a graph")
    with pytest.raises(BundleError, match=r"b{12} was exported"):
        join_bundles([bundle("a"), exported])
    with pytest.raises(BundleError, match=r"9{12} was exported"):
        join_bundles([replace(joined(bundle("a"), bundle("b")), onnx=b"a graph"), bundle("c")])
    with pytest.raises(BundleError, match=r"bundle 2 .* is of kind 'swarm'") as told:
        join_bundles([bundle("a"), bundle("b", network={"kind": "swarm"})])
    assert "update papscope" in told.value.hint


def test_the_card_tells_each_member_and_that_the_whole_is_not_measured() -> None:
    about, _ = join_bundles(
        [bundle("a"), bundle("b", metrics={"part": "none", "n": 0})], orientations=True
    )

    told = card(about)

    assert told.startswith("# ensemble of 2 test_resnet for made\n")
    assert "Research use only. Not a medical device." in told
    row = "| aaaaaaaaaaaa | test_resnet | made | group, seed 1, fold 0 of 5 | 0.750 | 0.500 | 9 | "
    assert row in told
    assert "| - | - | 0 | none |" in told
    assert "measured on nothing yet" in told
    assert "- Answers for a picture with the mean over all eight orientations\n" in told
    assert "- Answers for a picture as it lies\n" in card(
        join_bundles([bundle("a"), bundle("b")])[0]
    )


def test_joining_needs_no_torch() -> None:
    program = "import sys, papscope.network.joining; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"

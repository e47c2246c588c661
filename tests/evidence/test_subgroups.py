"""Subgroups: cut by what is known, measured as everywhere, silent where there is too little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import made_run
import numpy as np
import pytest

from papscope.evaluate.intervals import Estimate
from papscope.evaluate.pairing import taken
from papscope.evaluate.summary import summarise
from papscope.evidence.measuring import EvidenceInput
from papscope.evidence.pack import evidence
from papscope.evidence.page import FEW, page
from papscope.evidence.subgroups import Part, Subgroups, Table, subgroups
from papscope.manifest import Manifest, read_manifest
from papscope.progress import silent
from papscope.scores import Scores


def cut(scores: Scores, *manifests: Manifest) -> Subgroups:
    return subgroups(scores, manifests, 100, 0, silent)


def table(found: Subgroups, title: str) -> Table:
    return next(one for one in found.tables if one.title == title)


@pytest.fixture
def known(tmp_path: Path) -> tuple[Scores, Manifest]:
    digest = made_run.manifest(tmp_path / "cells.csv")
    return made_run.scores(None, manifest_sha256=digest), read_manifest(tmp_path / "cells.csv")


def test_a_part_is_measured_as_if_it_were_alone(known: tuple[Scores, Manifest]) -> None:
    scores, manifest = known

    parts = {one.name: one for one in table(cut(scores, manifest), "size of the picture").parts}

    assert list(parts) == ["320 x 480", "640 x 480"]
    alone = summarise(taken(scores, range(made_run.CELLS // 2)), resamples=100)
    assert parts["640 x 480"].measures["accuracy"] == alone.overall["accuracy"]
    assert (parts["640 x 480"].n, parts["640 x 480"].groups) == (alone.n, alone.groups)


def test_parts_of_a_property_hold_each_image_once(known: tuple[Scores, Manifest]) -> None:
    found = cut(*known)

    assert len(found.tables) >= 2
    for one in found.tables:
        assert sum(part.n for part in one.parts) == made_run.CELLS


def test_classes_have_the_measures_of_the_whole(known: tuple[Scores, Manifest]) -> None:
    scores, _ = known
    whole = summarise(scores, resamples=100).per_class

    for part in table(cut(scores), "class").parts:
        assert part.measures["recall"] == whole[part.name]["recall"]


def test_what_one_manifest_knows_is_not_told_of_other_images(
    known: tuple[Scores, Manifest],
) -> None:
    scores, manifest = known
    other = replace(manifest, digest="cd" * 32)

    assert [one.title for one in cut(scores, other).tables] == ["class"]


def test_groups_of_different_sizes_are_told_apart(known: tuple[Scores, Manifest]) -> None:
    scores, _ = known
    sizes = [1] * 5 + [3] * 5 + [70]
    groups = tuple(np.repeat([f"s{k}" for k in range(11)], sizes).tolist())

    parts = table(cut(replace(scores, groups=groups)), "number of images in the group").parts

    told = [(one.name, one.n, one.groups, one.few) for one in parts]
    assert told == [("1", 5, 5, True), ("2 to 4", 15, 5, True), ("25 or more", 70, 1, True)]


@pytest.mark.parametrize(("n", "groups", "few"), [(19, 6, True), (20, 4, True), (20, 5, False)])
def test_too_few_is_fewer_than_20_images_or_5_groups(n: int, groups: int, few: bool) -> None:
    part = Part("p", n, groups, {"accuracy": Estimate(0.5, 0.25, 0.75, n)})

    assert part.few is few
    assert part.to_json()["too_few_to_say"] is few


def test_the_page_keeps_numbers_of_too_few_to_itself(tmp_path: Path) -> None:
    made_run.run(tmp_path)
    told = evidence(
        tmp_path / "run", tmp_path / "out", given=EvidenceInput(resamples=100)
    ).to_json()
    ((name, _),) = told["subgroups"].items()
    few = Part("p", 19, 9, {"accuracy": Estimate(0.4321, 0.25, 0.75, 19)})
    more = Part("q", 90, 9, {"accuracy": Estimate(0.5678, 0.25, 0.75, 90)})
    told["subgroups"] = {name: {"made": Table("made", (few, more)).to_json()}}

    text = page(told)

    assert FEW in text
    assert "0.432" not in text
    assert "0.568<small>[0.250, 0.750], n\N{NO-BREAK SPACE}90</small>" in text

"""A split as a file: what is read is what was written, for the manifest that was divided."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from papscope.errors import SettingError, SplitError, TableError
from papscope.manifest import Manifest, Row
from papscope.shares import largest_deviation, shares_table
from papscope.split import (
    LEAKS,
    Protocol,
    Split,
    part_rows,
    read_split,
    write_split,
)
from papscope.taxonomy import named

PROTOCOL = Protocol(
    by="group", seed=4, shares={"train": 0.5, "val": 0.25, "test": 0.25}, group_is="slide"
)


def made_manifest(labels: str = "aabb", digest: str = "m") -> Manifest:
    """One image a letter, each on a slide of its own."""
    rows = tuple(
        Row(
            id=f"i{n}",
            path=PurePosixPath(f"{n}.png"),
            label=label,
            dataset="made",
            width=9,
            height=9,
            sha256=f"{n}",
            group=f"slide {n}",
            strict_group=f"patient {n // 2}",
        )
        for n, label in enumerate(labels)
    )
    return Manifest(
        root=Path(),
        rows=rows,
        dataset="made",
        classes=named(labels),
        licence="",
        citation="",
        digest=digest,
    )


def made_split(parts: str = "train train val test", protocol: Protocol = PROTOCOL) -> Split:
    return Split(protocol, {f"i{n}": part for n, part in enumerate(parts.split())}, "m")


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    split = made_split()

    write_split(tmp_path / "s.csv", split)

    assert read_split(tmp_path / "s.csv") == split


def test_the_bytes_do_not_depend_on_the_order_of_the_images(tmp_path: Path) -> None:
    split = made_split()
    turned = Split(PROTOCOL, dict(sorted(split.part_of.items(), reverse=True)), "m")

    digests = {write_split(tmp_path / f"{n}.csv", one) for n, one in enumerate((split, turned))}

    assert len(digests) == 1


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("i1,train", "i0,train", "'i0' stands there twice"),
        ("i1,train", "i1,", "'' is no part"),
        ("i3,test", "i3,te", "'te' is no part"),
        ("i3,test", "i3,0", "'0' is no part"),
        ("i1,train", ",train", "'' stands there twice or has no name"),
        ("id,part", "id,piece", "columns are id, piece"),
        ('"by": "group"', '"by": "luck"', "by is 'luck'"),
        ('"seed": 4', '"seed": null', "protocol is damaged"),
        ('"protocol"', '"rules"', "'protocol'"),
        ("i1,train", "i1", "line 4: 1 cells"),
    ],
)
def test_a_damaged_split_is_refused(tmp_path: Path, old: str, new: str, match: str) -> None:
    file = tmp_path / "s.csv"
    write_split(file, made_split())
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))

    with pytest.raises(TableError, match=match):
        read_split(file)


@pytest.mark.parametrize("value", [{}, {"by": "group"}, {**PROTOCOL.to_json(), "shares": [1]}])
def test_a_protocol_that_is_none_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(SettingError, match="protocol is damaged"):
        Protocol.from_json(value)


def test_a_part_keeps_the_order_of_the_manifest() -> None:
    manifest = made_manifest()
    assert [row.id for row in part_rows(made_split(), manifest, "train")] == ["i0", "i1"]
    assert [row.id for row in part_rows(made_split(), manifest, "test")] == ["i3"]


def test_a_split_of_another_manifest_is_refused() -> None:
    with pytest.raises(SplitError, match="made for another manifest than this one of made"):
        part_rows(made_split(), made_manifest(digest="other"), "train")


def test_a_split_that_names_strange_images_is_refused() -> None:
    with pytest.raises(SplitError, match=r"1 of its images are not in it"):
        part_rows(made_split("train val test test test"), made_manifest(), "train")


def test_a_split_that_lost_its_end_is_refused() -> None:
    with pytest.raises(SplitError, match="1 images of made have no part in the split, such as i3"):
        part_rows(made_split("train train val"), made_manifest(), "train")


def test_a_part_that_is_not_there_is_refused_and_folds_ask_for_a_choice() -> None:
    with pytest.raises(SplitError, match="no part 'val'; it has train, test") as refused:
        part_rows(made_split("train train test test"), made_manifest(), "val")
    assert refused.value.hint == "name one of these parts"

    folds = made_split("0 1 0 1", Protocol(by="group", seed=0, shares={}, folds=2))
    with pytest.raises(SplitError, match="no part 'test'; it has 0, 1") as refused:
        part_rows(folds, made_manifest(), "test")
    assert "choose a fold" in refused.value.hint


def test_parts_are_told_in_the_order_of_use_and_folds_by_number() -> None:
    assert made_split("test val train test").parts == ("train", "val", "test")
    assert made_split("10 2 0 1").parts == ("0", "1", "2", "10")


def test_shares_are_counted_by_class_and_part_with_their_groups() -> None:
    table = {(one.label, one.part): one for one in shares_table(made_split(), made_manifest())}

    assert [(one.images, one.groups, one.share) for one in table.values()] == [
        (2, 2, 1.0), (0, 0, 0.0), (0, 0, 0.0),
        (0, 0, 0.0), (1, 1, 0.5), (1, 1, 0.5),
        (2, 2, 0.5), (1, 1, 0.25), (1, 1, 0.25),
    ]  # fmt: skip
    assert table["a", "train"].wanted == 0.5


def test_strict_groups_are_counted_where_they_are_what_is_kept() -> None:
    strict = Protocol(by="strict", seed=0, shares={"train": 0.5, "test": 0.5})
    table = shares_table(made_split("train train test test", strict), made_manifest())
    assert [one.groups for one in table if one.label is None] == [1, 1]


def test_the_largest_deviation_is_the_worst_share() -> None:
    worst = largest_deviation(shares_table(made_split(), made_manifest()))
    assert worst is not None
    assert (worst.label, worst.part, worst.share) == ("a", "train", 1.0)

    given = made_split(protocol=Protocol(by="given", seed=0, shares={}))
    assert largest_deviation(shares_table(given, made_manifest())) is None


@pytest.mark.parametrize(
    ("protocol", "sentence"),
    [
        (
            PROTOCOL,
            "train 50 %, val 25 %, test 25 %, cut by slide, stratified by class, seed 4; "
            "no slide is divided",
        ),
        (
            Protocol(by="strict", seed=0, shares={}, folds=5, group_is="field"),
            "5 folds, cut by strict groups (coarser than field), stratified by class, seed 0; "
            "no field is divided",
        ),
        (
            Protocol(
                by="image",
                seed=1,
                shares={"train": 0.7, "val": 0.1, "test": 0.2},
                folds=5,
                fold=2,
                leaks=LEAKS,
            ),
            "fold 2 of 5 is the test set (train 70 %, val 10 %, test 20 %), cut by image, "
            "stratified by class, seed 1; leaks: cells of one slide on both sides",
        ),
        (
            Protocol(by="given", seed=0, shares={}, group_is="slide"),
            "as the source came divided; no slide is divided",
        ),
    ],
)
def test_the_protocol_is_told_in_a_sentence(protocol: Protocol, sentence: str) -> None:
    assert protocol.sentence() == sentence

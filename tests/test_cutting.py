"""Dividing a manifest: no group on two sides, every class in every part, refusals that say why."""

from __future__ import annotations

import csv
import os
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from papscope.cutting import SHARES, cut, cut_folds, fold_split
from papscope.errors import SplitError
from papscope.image import Box
from papscope.manifest import Manifest, Row
from papscope.shares import largest_deviation, shares_table
from papscope.split import LEAKS, By, Split, write_split
from papscope.taxonomy import named

DATA = Path(os.environ.get("PAPSCOPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not (DATA / "herlev").is_dir(), reason=f"real images are not at {DATA}: set PAPSCOPE_DATA"
)


def made_row(name: str, label: str | None, group: str | None, **more: object) -> Row:
    row = Row(
        id=name,
        path=PurePosixPath(f"{name}.png"),
        label=label,
        dataset="made",
        width=9,
        height=9,
        sha256=f"bytes of {name}",
        group=group,
    )
    return replace(row, **more)  # type: ignore[arg-type]


def made_manifest(rows: Iterable[Row], digest: str = "m") -> Manifest:
    rows = tuple(rows)
    return Manifest(
        root=Path(),
        rows=rows,
        dataset="made",
        classes=named(row.label for row in rows if row.label),
        licence="",
        citation="",
        group_is="slide",
        digest=digest,
    )


def made_slides(slides: int = 12, cells: int = 5, classes: str = "ab") -> list[Row]:
    """Each class on `slides` slides of its own, `cells` cells each."""
    return [
        made_row(f"{label}{slide:02}-{cell}", label, f"{label} slide {slide:02}")
        for label in classes
        for slide in range(slides)
        for cell in range(cells)
    ]


def torn(split: Split, manifest: Manifest, field: str = "group") -> list[str]:
    """Name the groups that lie in more than one part."""
    parts: dict[str, set[str]] = defaultdict(set)
    for row in manifest.rows:
        if row.id in split.part_of:
            parts[getattr(row, field)].add(split.part_of[row.id])
    return [group for group, found in parts.items() if len(found) > 1]


def missing(split: Split, manifest: Manifest) -> list[tuple[str | None, str]]:
    table = shares_table(split, manifest)
    return [(one.label, one.part) for one in table if one.images == 0]


@pytest.mark.parametrize("seed", range(5))
def test_each_slide_is_in_one_part_and_parts_get_their_shares(seed: int) -> None:
    manifest = made_manifest(made_slides(slides=10))

    split = cut(manifest, seed=seed)

    assert torn(split, manifest) == []
    counted = [(one.images, one.groups) for one in shares_table(split, manifest)]
    assert counted == [(30, 6), (10, 2), (10, 2)] * 2 + [(60, 12), (20, 4), (20, 4)]


def test_the_bytes_of_a_known_split_never_change(tmp_path: Path) -> None:
    manifest = made_manifest(made_slides(slides=7, cells=3, classes="abc"))
    digest = write_split(tmp_path / "s.csv", cut(manifest, seed=11))
    assert digest == "abe4c843a385dfcaf02a7875487cbd89a5fecc18160443271cc9cb32e5ed85fa"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 14), st.booleans()),
        min_size=30,
        max_size=90,
    ),
    st.integers(0, 5),
    st.sampled_from(["group", "strict", "image"]),
)
def test_whatever_the_images_no_group_is_divided_and_all_have_a_part(
    cells: list[tuple[str, int, bool]], seed: int, by: By
) -> None:
    rows = [
        made_row(f"i{n}", label, f"g{group}", strict_group=f"s{group // 2}" if coarse else None)
        for n, (label, group, coarse) in enumerate(cells)
    ]
    manifest = made_manifest(rows)
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    try:
        split = cut(manifest, by=by, seed=seed)
    except SplitError as refused:
        assume("parts each need one" not in str(refused))
        assume("no way was found" not in str(refused))
        assume("no strict groups" not in str(refused))
        assume("all images are of one class" not in str(refused))
        raise

    assert set(split.part_of) == {row.id for row in rows}
    assert set(split.part_of.values()) == {"train", "val", "test"}
    assert missing(split, manifest) == []
    assert cut(made_manifest(shuffled), by=by, seed=seed) == split
    if by != "image":
        assert torn(split, manifest) == []
    if by == "strict":
        assert torn(split, manifest, "strict") == []


def test_by_image_is_possible_and_stamped() -> None:
    manifest = made_manifest(made_slides(slides=2, cells=30))

    split = cut(manifest, by="image")

    assert torn(split, manifest) != []
    assert split.protocol.leaks == LEAKS
    assert cut_folds(manifest, by="image", folds=2).protocol.leaks == LEAKS
    assert cut(made_manifest(made_slides())).protocol.leaks is None


def test_groups_and_strict_groups_that_interlock_stay_in_one_block() -> None:
    chain = [
        made_row("x1", "a", "g1", strict_group="s1"),
        made_row("x2", "a", "g2", strict_group="s1"),
        made_row("x3", "b", "g2", strict_group="s2"),
        made_row("x4", "b", "s2"),  # its strict group is the same as its group
    ]
    manifest = made_manifest(made_slides() + chain)
    for seed in range(5):
        split = cut(manifest, by="strict", seed=seed)
        assert len({split.part_of[row.id] for row in chain}) == 1


@pytest.mark.parametrize("by", ["group", "image"])
def test_identical_twins_and_children_stay_together(by: By) -> None:
    twins = [made_row(f"t{n}", "a", f"twin slide {n}", sha256="same") for n in range(4)]
    children = [made_row(f"c{n}", "a", f"made {n}", parent="a00-0") for n in range(4)]
    manifest = made_manifest(made_slides() + twins + children)
    for seed in range(5):
        part_of = cut(manifest, by=by, seed=seed).part_of
        assert len({part_of[row.id] for row in twins}) == 1
        assert {part_of[row.id] for row in children} == {part_of["a00-0"]}


def test_cells_of_one_file_are_no_twins_and_a_parent_that_is_no_row_ties_nothing() -> None:
    cells = [
        made_row(f"c{n}", "a", f"g{n}", sha256="field", box=Box(n, 0, 5, 5), parent="field")
        for n in range(9)
    ]
    part_of = cut(made_manifest(made_slides() + cells)).part_of
    assert len({part_of[row.id] for row in cells}) > 1


def test_images_without_a_label_are_left_out_and_counted() -> None:
    manifest = made_manifest([*made_slides(), made_row("u", None, "g"), made_row("v", None, None)])

    split = cut(manifest)

    assert not {"u", "v"} & set(split.part_of)
    assert split.protocol.left_out == 2


def test_a_part_of_no_share_is_not_made() -> None:
    split = cut(made_manifest(made_slides()), shares={"train": 0.8, "val": 0, "test": 0.2})
    assert split.parts == ("train", "test")
    assert split.protocol.shares == {"train": 0.8, "test": 0.2}


@pytest.mark.parametrize(
    ("shares", "match"),
    [
        ({"train": 0.5, "val": 0.2}, "do not sum to 1"),
        ({"train": 1.2, "val": -0.2}, "negative or no number"),
        ({"train": float("nan"), "val": 0.5}, "negative or no number"),
        ({"train": 0.5, "hold": 0.5}, "'hold' is no part"),
        ({"val": 0.5, "test": 0.5}, "nothing to learn from"),
    ],
)
def test_shares_that_are_none_are_refused(shares: Mapping[str, float], match: str) -> None:
    with pytest.raises(SplitError, match=match):
        cut(made_manifest(made_slides()), shares=shares)


def test_a_class_on_two_slides_cannot_be_in_three_parts() -> None:
    manifest = made_manifest([*made_slides(), made_row("z1", "z", "g1"), made_row("z2", "z", "g2")])

    with pytest.raises(SplitError, match="z has 2 groups, and 3 parts each need one"):
        cut(manifest)
    with pytest.raises(SplitError, match="z has 2 groups, and 5 parts each need one"):
        cut_folds(manifest, folds=5)
    with pytest.raises(SplitError, match="z has 2 images, and 3 parts"):
        cut(manifest, by="image")


def test_a_class_bound_to_another_so_that_no_division_has_both_is_refused() -> None:
    rows = [made_row(f"i{n}", "abcdefg"[n // 3], f"g{point}") for n, point in enumerate(
        point for line in FANO for point in line
    )]  # fmt: skip
    with pytest.raises(SplitError, match=r"no way was found to have . in every part"):
        cut(made_manifest(rows))


FANO = ((0, 1, 2), (0, 3, 4), (0, 5, 6), (1, 3, 5), (1, 4, 6), (2, 3, 6), (2, 4, 5))
"""Seven classes on seven slides, each on three: no three colours make every line colourful."""


@pytest.mark.parametrize(
    ("rows", "by", "match"),
    [
        ([made_row("u", None, "g")], "group", "no image has a label"),
        (made_slides(classes="a"), "group", "all images are of one class, a"),
        (
            [*made_slides(), made_row("z", "a", None)],
            "group",
            r"1 of 121 images .* such as z:",
        ),
        (made_slides(), "strict", "made has no strict groups: slide is the coarsest"),
        (made_slides(), "given", "did not come divided .* 120 of 120 images have no part"),
    ],
)
def test_what_cannot_be_divided_honestly_is_refused(rows: list[Row], by: By, match: str) -> None:
    with pytest.raises(SplitError, match=match):
        cut(made_manifest(rows), by=by)


@pytest.mark.parametrize("parts", [["train"], ["val", "test"], ["train", "holdout"]])
def test_given_parts_that_are_none_are_refused(parts: list[str]) -> None:
    rows = [replace(row, part=parts[n % len(parts)]) for n, row in enumerate(made_slides())]
    with pytest.raises(SplitError, match="into train, val and test: the parts are"):
        cut(made_manifest(rows), by="given")


def test_given_parts_are_taken_as_they_are() -> None:
    rows = [
        replace(row, part=("train", "val", "test")[int(row.id[1:3]) % 3]) for row in made_slides()
    ]
    split = cut(made_manifest(rows), by="given")
    assert split.part_of == {row.id: row.part for row in rows}
    assert split.protocol.leaks is None


def test_given_parts_that_divide_slides_or_twins_are_stamped_with_counts() -> None:
    rows = [replace(row, part="train") for row in made_slides(slides=3)]
    rows[0] = replace(rows[0], part="test")
    leak = cut(made_manifest(rows), by="given").protocol.leaks
    assert leak == f"{LEAKS} (1 of 6 groups, 5 images)"

    twin = made_row("t", "a", "other", part="test", sha256=rows[5].sha256)
    leak = cut(made_manifest([*rows[1:], twin]), by="given").protocol.leaks
    assert leak == f"{LEAKS} (1 of 6 groups, 6 images)"


def test_given_parts_of_images_without_a_slide_may_leak() -> None:
    rows = [replace(row, part="train", group=None) for row in made_slides(slides=1)]
    rows[0] = replace(rows[0], part="test")
    leak = cut(made_manifest(rows), by="given").protocol.leaks
    assert leak == "may leak: the slide of 10 of 10 images is not known"


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_folds_are_alike_and_whole_slides(folds: int) -> None:
    manifest = made_manifest(made_slides(slides=30))
    split = cut_folds(manifest, folds=folds, seed=3)
    assert split.parts == tuple(str(fold) for fold in range(folds))
    assert torn(split, manifest) == []
    assert {one.images for one in shares_table(split, manifest) if one.label} == {150 // folds}


def test_every_image_is_tested_once_and_validation_is_cut_by_group() -> None:
    manifest = made_manifest(made_slides(slides=20))
    folds = cut_folds(manifest, folds=4, seed=1)
    tested: list[str] = []
    for fold in range(4):
        split = fold_split(folds, manifest, fold, val_share=0.2)
        tested += [name for name, part in split.part_of.items() if part == "test"]
        assert torn(split, manifest) == []
        assert set(split.part_of) == {row.id for row in manifest.rows}
        assert split.protocol.fold == fold
        assert split.protocol.shares == {"train": 0.6, "val": 0.15, "test": 0.25}
        worst = largest_deviation(shares_table(split, manifest))
        assert worst is not None
        assert abs(worst.share - (worst.wanted or 0)) < 1e-9
    assert sorted(tested) == sorted(row.id for row in manifest.rows)


def test_folds_that_are_none_are_refused() -> None:
    manifest = made_manifest(made_slides())
    with pytest.raises(SplitError, match="1 folds are no cross-validation"):
        cut_folds(manifest, folds=1)
    with pytest.raises(SplitError, match="came divided has parts, not folds"):
        cut_folds(manifest, by="given", folds=3)

    folds = cut_folds(manifest, folds=3)
    with pytest.raises(SplitError, match="no fold 3; its parts are 0, 1, 2"):
        fold_split(folds, manifest, 3)
    with pytest.raises(SplitError, match="no fold 0; its parts are train"):
        fold_split(cut(manifest), manifest, 0)
    with pytest.raises(SplitError, match="no fold 1; its parts are train"):
        fold_split(fold_split(folds, manifest, 0), manifest, 1)
    with pytest.raises(SplitError, match="made for another manifest"):
        fold_split(folds, replace(manifest, digest="other"), 0)
    with pytest.raises(SplitError, match="negative"):
        fold_split(folds, manifest, 0, val_share=1.5)


def herlev() -> Manifest:
    images = [file for file in (DATA / "herlev").glob("*/*.jpg") if not file.stem.endswith("-d")]
    return made_manifest(
        made_row(one.stem, one.parent.name, one.stem[:19], strict_group=one.stem[:9])
        for one in images
    )


def cric() -> Manifest:
    with (DATA / "cric" / "classifications.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return made_manifest(
        made_row(row["cell_id"], row["bethesda_system"], row["image_id"]) for row in rows
    )


@needs_data
@pytest.mark.parametrize("by", ["group", "strict"])
def test_herlev_keeps_every_class_share_to_the_image(by: By) -> None:
    manifest = herlev()
    assert len(manifest.rows) == 917

    split = cut(manifest, by=by)

    assert torn(split, manifest, by) == []
    for one in shares_table(split, manifest):
        assert abs(one.share - SHARES[one.part]) * 70 < 0.75, one


@needs_data
def test_cric_keeps_class_shares_within_five_points_and_has_scc_everywhere() -> None:
    manifest = cric()
    assert len(manifest.rows) == 4468

    split = cut(manifest)

    worst = largest_deviation(shares_table(split, manifest))
    assert torn(split, manifest) == []
    assert worst is not None
    assert abs(worst.share - (worst.wanted or 0)) < 0.05
    assert min(one.groups for one in shares_table(split, manifest)) >= 2


@needs_data
def test_cric_folds_have_every_class_and_can_be_the_test_set() -> None:
    manifest = cric()
    folds = cut_folds(manifest, folds=5)
    assert missing(folds, manifest) == []
    for fold in (0, 4):
        split = fold_split(folds, manifest, fold)
        assert torn(split, manifest) == []
        assert missing(split, manifest) == []

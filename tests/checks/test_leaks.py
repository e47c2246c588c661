"""An audit finds each kind of relative on the other side, and says what it cannot see."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from made_cells_of_slides import blobs, listed, parts, row, slides
from PIL import ImageOps

from papscope.checks.leaks import Audit, audit_split
from papscope.checks.ties import KINDS, origin_of, shared
from papscope.files import canonical_json
from papscope.image import Box
from papscope.manifest import Manifest, made_id

CLEAN = "0-0.png=train 0-1.png=train 1-0.png=train 1-1.png=train 2-0.png=val 2-1.png=val"
HONEST = f"{CLEAN} 3-0.png=test 3-1.png=test"


def audited(manifest: Manifest, words: str) -> Audit:
    return audit_split(manifest, parts(manifest.root / "split.csv", words))


def crossing(audit: Audit) -> dict[str, list[tuple[str, str]]]:
    """Image and relative of each kind that crosses from test to training."""
    links = audit.sides[0].links
    return {
        kind: [(one.image, one.relative) for one in some] for kind, some in links.items() if some
    }


def test_a_split_that_divides_no_slide_is_clean(tmp_path: Path) -> None:
    audit = audited(slides(tmp_path), HONEST)

    assert [crossing(audit), audit.severity, audit.exit_status] == [{}, None, 0]
    assert audit.verdict() == (
        "No leak found: none of the 2 test images has a relative in training"
    )
    assert [(side.judged, side.learned) for side in audit.sides] == [
        ("test", "train"),
        ("val", "train"),
        ("test", "val"),
    ]


def test_a_slide_on_both_sides_leaks(tmp_path: Path) -> None:
    audit = audited(slides(tmp_path), f"{CLEAN} 3-0.png=test 3-1.png=train")

    assert crossing(audit) == {"group": [("3-0.png", "3-1.png")]}
    assert audit.sides[0].ties["group"] == 1
    assert (audit.severity, audit.exit_status) == ("stop", 5)
    assert audit.verdict() == "LEAKS: 1 of 1 test images (100 %) has a relative in training"


def test_a_slide_in_validation_and_test_is_told_of_this_side(tmp_path: Path) -> None:
    words = HONEST.replace("2-1.png=val", "2-1.png=test")
    audit = audited(slides(tmp_path), words)
    assert audit.verdict() == "LEAKS: 1 of 3 test images (33 %) has a relative in validation"


@pytest.mark.parametrize("way", ["mirrored", "smaller", "jpeg"])
def test_a_changed_copy_in_another_slide_leaks(tmp_path: Path, way: str) -> None:
    cells = slides(tmp_path)
    again, name = blobs(0, 96), "again.jpg" if way == "jpeg" else "again.png"
    blobs(0, 96).save(tmp_path / "0-0.png")
    again = ImageOps.mirror(again.rotate(90)) if way == "mirrored" else again
    again = again.resize((60, 60)) if way == "smaller" else again
    again.save(tmp_path / name)
    rows = [row(tmp_path, "0-0.png", "slide 0"), *cells.rows[1:], row(tmp_path, name, "slide 9")]

    audit = audited(listed(tmp_path, rows), f"{HONEST} {name}=test")

    assert crossing(audit) == {"near": [(name, "0-0.png")]}


def test_the_same_bytes_under_another_name_leak_and_count_once(tmp_path: Path) -> None:
    cells = slides(tmp_path)
    shutil.copy(tmp_path / "0-0.png", tmp_path / "again.png")
    rows = [*cells.rows, row(tmp_path, "again.png", "slide 0")]

    audit = audited(listed(tmp_path, rows), f"{HONEST} again.png=test")

    found = crossing(audit)
    assert found == {
        "copy": [("again.png", "0-0.png")],
        "group": [("again.png", "0-0.png")],
    }
    assert len(audit.sides[0].certain) == 1


def test_a_copy_of_a_copy_that_is_turned_is_found_through_it(tmp_path: Path) -> None:
    """Of twins one stands for all in the comparison of pictures; none of them is lost."""
    cells = slides(tmp_path, 3)
    shutil.copy(tmp_path / "0-0.png", tmp_path / "twin.png")
    ImageOps.mirror(blobs(0)).save(tmp_path / "turned.png")
    extra = [row(tmp_path, name, f"slide of {name}") for name in ("twin.png", "turned.png")]
    words = "0-0.png=val 0-1.png=val 1-0.png=train twin.png=train turned.png=test"

    audit = audited(listed(tmp_path, [*cells.rows, *extra]), words)

    assert crossing(audit)["near"] == [("turned.png", "twin.png")]


def field(root: Path) -> Manifest:
    """One picture of three crops, of which the first two overlap, and a picture without crops."""
    blobs(1, 200).save(root / "field.png")
    blobs(2).save(root / "other.png")
    places = (Box(-10, 0, 60, 60), Box(30, 0, 60, 60), Box(120, 120, 60, 60))
    rows = [
        row(root, "field.png", f"crop {number}", box=box, parent="field", number=number)
        for number, box in enumerate(places)
    ]
    return listed(root, [*rows, row(root, "other.png", "other")])


def test_crops_that_share_pixels_leak_by_how_much_they_share(tmp_path: Path) -> None:
    words = "field.png:0=train field.png:1=test other.png=train"
    audit = audited(field(tmp_path), words)

    assert set(crossing(audit)) == {"overlap", "source"}
    (link,) = audit.sides[0].links["overlap"]
    assert (link.image, link.relative) == ("field.png:1", "field.png:0")
    assert link.what == "40% of the smaller crop"  # 20 of the 50 columns inside the picture


def test_of_several_crops_the_one_that_shares_most_is_named(tmp_path: Path) -> None:
    blobs(1, 200).save(tmp_path / "field.png")
    places = (Box(0, 0, 60, 60), Box(50, 0, 60, 60), Box(60, 0, 60, 60))
    rows = [
        row(tmp_path, "field.png", f"crop {number}", box=box, number=number)
        for number, box in enumerate(places)
    ]
    words = "field.png:0=train field.png:1=test field.png:2=train"

    audit = audited(listed(tmp_path, rows), words)

    (link,) = audit.sides[0].links["overlap"]
    assert (link.relative, audit.sides[0].ties["overlap"]) == ("field.png:2", 2)


def test_crops_of_one_picture_that_do_not_touch_leak_all_the_same(tmp_path: Path) -> None:
    words = "field.png:0=train field.png:2=test other.png=train"
    assert set(crossing(audited(field(tmp_path), words))) == {"source"}


def test_corners_that_only_touch_share_nothing() -> None:
    assert shared((0, 0, 10, 10), (10, 0, 20, 10)) == 0
    assert shared((0, 0, 10, 10), (9, 9, 20, 20)) == pytest.approx(0.01)


def test_a_child_of_augmentation_apart_from_its_parent_leaks(tmp_path: Path) -> None:
    cells = slides(tmp_path)
    parent = cells.rows[0]
    blobs(77).save(tmp_path / "child.png")
    child = replace(
        parent,
        id=made_id(parent.id, 1),
        path=PurePosixPath("child.png"),
        parent=parent.id,
        group=None,
    )
    words = HONEST.replace("0-0.png=train", f"0-0.png=test {child.id}=train")

    audit = audited(listed(tmp_path, [*cells.rows, child]), f"{words}")

    assert crossing(audit)["made"] == [("0-0.png", child.id)]


def test_names_that_augmentation_programs_made_are_a_doubt(tmp_path: Path) -> None:
    cells = slides(tmp_path)
    blobs(77).save(tmp_path / "3-0_flip.png")
    rows = [*cells.rows, row(tmp_path, "3-0_flip.png", "slide 9")]

    audit = audited(listed(tmp_path, rows), f"{HONEST} 3-0_flip.png=train")

    assert crossing(audit) == {"name": [("3-0.png", "3-0_flip.png")]}
    assert (audit.severity, audit.exit_status) == ("warn", 20)


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("cell_aug3.png", "cell"),
        ("cell (2).png", "cell"),
        ("001_01.bmpnew3.jpg", "001_01"),
        ("149014631-149014646-004.bmp", "149014631-149014646-004"),
        ("rotunda.png", "rotunda"),
        ("slide_12.png", "slide_12"),
    ],
)
def test_only_what_augmentation_adds_is_taken_from_a_name(name: str, origin: str) -> None:
    assert origin_of(PurePosixPath(name)) == origin


def test_a_strict_group_on_both_sides_is_a_doubt_and_no_leak(tmp_path: Path) -> None:
    cells = slides(tmp_path)
    rows = [
        replace(one, strict_group="patient" if one.group in ("slide 0", "slide 3") else "rest")
        for one in cells.rows[:4] + cells.rows[6:]
    ]
    words = "0-0.png=train 0-1.png=train 1-0.png=train 3-0.png=test 3-1.png=test"

    audit = audited(listed(tmp_path, rows), words)

    assert audit.verdict() == (
        "No leak is certain, but 2 of 2 test images (100 %) may have a relative in training"
    )
    assert audit.exit_status == 20


def test_an_image_that_is_listed_in_both_parts_leaks(tmp_path: Path) -> None:
    audit = audited(slides(tmp_path), f"{HONEST} 3-0.png=train")
    assert crossing(audit) == {"listed": [("3-0.png", "3-0.png")]}


def test_folds_are_audited_each_against_the_others(tmp_path: Path) -> None:
    words = "0-0.png=0 0-1.png=0 1-0.png=0 1-1.png=1 2-0.png=1 2-1.png=1 3-0.png=2 3-1.png=2"
    audit = audited(slides(tmp_path), words)

    assert audit.verdict() == "LEAKS: 2 of 8 images (25 %) have a relative in another fold"
    assert crossing(audit) == {"group": [("1-0.png", "1-1.png"), ("1-1.png", "1-0.png")]}


def test_what_cannot_be_seen_keeps_a_split_from_being_called_clean(tmp_path: Path) -> None:
    cells = slides(tmp_path, grouped=False)
    (tmp_path / "3-0.png").write_bytes(b"no picture")

    audit = audited(cells, f"{HONEST} gone.png=train")

    assert audit.verdict().endswith("has a relative in training, as far as can be seen")
    assert audit.exit_status == 20
    told = "; ".join(audit.hidden)
    assert "which slide 8 of 8 images come from" in told
    assert "what 1 image looked like: the file cannot be read, such as 3-0.png" in told
    assert "1 names in the split that fit no image" in told
    assert "the same group" not in audit.looked_for()


def test_the_json_form_names_every_image_with_its_relative(tmp_path: Path) -> None:
    audit = audited(slides(tmp_path), f"{CLEAN} 3-0.png=test 3-1.png=train")

    told = json.loads(canonical_json(audit.to_json()))

    assert told["verdict"].startswith("LEAKS")
    assert told["images"] == {"train": 5, "val": 2, "test": 1}
    assert set(told["sides"][0]["kinds"]) == set(KINDS)
    assert told["sides"][0]["kinds"]["group"] == {
        "certain": True,
        "ties": 1,
        "images": [{"image": "3-0.png", "relative": "3-1.png", "what": "slide slide 3"}],
    }

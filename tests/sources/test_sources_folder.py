from __future__ import annotations

from pathlib import Path

import pytest

from papscope.errors import SettingError, SourceError
from papscope.sources import folder
from papscope.sources.base import NO_GROUPS
from papscope.sources.folder import GroupsFrom


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


def labels(root: Path) -> dict[str, str | None]:
    return {item.id: item.label for item in folder.find(root).items}


def test_the_class_is_the_folder_below_the_root_however_deep_the_image(tmp_path: Path) -> None:
    touch(tmp_path, "good/1.png", "bad/slide 1/2.JPG", "bad/slide 2/x/3.tif", "Thumbs.db")

    found = folder.find(tmp_path)

    assert labels(tmp_path) == {
        "good/1.png": "good",
        "bad/slide 1/2.JPG": "bad",
        "bad/slide 2/x/3.tif": "bad",
    }
    assert [one.name for one in found.classes] == ["bad", "good"]
    assert found.dataset == tmp_path.name


def test_an_outer_folder_is_no_class_and_that_is_told(tmp_path: Path) -> None:
    touch(tmp_path, "v2/data/good/1.png", "v2/data/bad/1.png")

    assert set(labels(tmp_path).values()) == {"good", "bad"}
    assert "the classes are the folders in v2/data/" in folder.find(tmp_path).notes


def test_a_divided_tree_keeps_its_parts(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "valid/bad/2.png", "test/good/3.png", "other/good/4.png")

    found = folder.find(tmp_path)

    assert [(item.label, item.part) for item in found.items] == [
        ("good", "test"),
        ("good", "train"),
        ("bad", "val"),
    ]
    assert "passed over 1 file: no class folder (other/good/4.png)" in found.notes


def test_a_tree_with_a_train_part_alone_keeps_it(tmp_path: Path) -> None:
    touch(tmp_path, "x/train/good/1.png", "x/train/bad/2.png")

    assert [(i.label, i.part) for i in folder.find(tmp_path).items] == [
        ("bad", "train"),
        ("good", "train"),
    ]


def test_images_without_any_class_folder_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "2.png")

    with pytest.raises(SourceError, match="holds no images"):
        folder.find(tmp_path)


def test_an_image_beside_the_class_folders_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "legend.png", "good/1.png", "bad/1.png")

    assert "passed over 1 file: no class folder (legend.png)" in folder.find(tmp_path).notes


def test_without_groups_none_is_guessed_and_that_is_said_loudly(tmp_path: Path) -> None:
    touch(tmp_path, "good/017_1.png", "bad/017_2.png")

    found = folder.find(tmp_path)

    assert {item.group for item in found.items} == {None}
    assert found.notes[0] == NO_GROUPS


@pytest.mark.parametrize(
    ("regex", "groups"),
    [
        (r"^(\d+)_", [("017", None), ("018", None)]),
        (r"^\d+_(?P<group>\d+)", [("1", None), ("2", None)]),
        (r"^(?P<group>(?P<strict>\d\d)\d)_", [("017", "01"), ("018", "01")]),
        (r"^([^/]+/\d+)_", [("bad/017", None), ("good/018", None)]),
    ],
)
def test_a_pattern_tells_the_groups(
    tmp_path: Path, regex: str, groups: list[tuple[str, str | None]]
) -> None:
    touch(tmp_path, "bad/017_1.png", "good/018_2.png")

    found = folder.find(tmp_path, groups=GroupsFrom(regex=regex))

    assert [(item.group, item.strict_group) for item in found.items] == groups
    assert NO_GROUPS not in found.notes


def test_a_pattern_that_fits_too_few_names_is_refused_with_examples(tmp_path: Path) -> None:
    touch(tmp_path, "a/017_1.png", "b/x.png")

    with pytest.raises(SourceError, match=r"only 1 of 2 images tell their group.*b/x\.png"):
        folder.find(tmp_path, groups=GroupsFrom(regex=r"^(\d+)_"))


@pytest.mark.parametrize(
    ("regex", "message"), [("(", "not a regular expression"), (r"^\d+", "has no brackets")]
)
def test_a_pattern_that_cannot_be_used_is_refused(tmp_path: Path, regex: str, message: str) -> None:
    touch(tmp_path, "a/1.png", "b/1.png")

    with pytest.raises(SettingError, match=message):
        folder.find(tmp_path, groups=GroupsFrom(regex=regex))


def test_a_table_tells_the_groups(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png")
    table = tmp_path / "groups.csv"
    table.write_text("path;group;strict_group\na\\1.png;s1;p\nb/2.png;s2;p\ngone.png;s3;p\n")

    found = folder.find(tmp_path, groups=GroupsFrom(table=table))

    assert [(item.group, item.strict_group) for item in found.items] == [("s1", "p"), ("s2", "p")]
    assert "groups.csv names 1 images that are not imported: gone.png" in found.notes
    assert not [note for note in found.notes if "no image" in note]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,slide\n", "has no column group"),
        ("path,group\na/1.png,s1\na/1.png,s2\n", "line 3: a/1.png has two groups"),
        ("path,group\n../1.png,s1\n", "line 2: ../1.png leaves the folder"),
        ("path,group\na/1.png,s1\n", "only 1 of 2 images tell their group"),
    ],
)
def test_a_table_of_groups_that_does_not_fit_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    touch(tmp_path, "a/1.png", "b/2.png")
    table = tmp_path / "groups.csv"
    table.write_text(text)

    with pytest.raises(SourceError, match=message):
        folder.find(tmp_path, groups=GroupsFrom(table=table))


def test_groups_from_both_a_pattern_and_a_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="asked for twice"):
        GroupsFrom(regex="(x)", table=tmp_path)


def test_a_mask_is_one_only_beside_an_image_of_its_name(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "a/1_mask.png", "a/2.bmp", "a/2-d.bmp", "a/vitamin-d.png")
    touch(tmp_path, "b/3.png", "b/3_nuc.png")

    found = folder.find(tmp_path)

    assert {item.id: item.mask and str(item.mask) for item in found.items} == {
        "a/1.png": "a/1_mask.png",
        "a/2.bmp": "a/2-d.bmp",
        "a/vitamin-d.png": None,
        "b/3.png": None,
    }
    assert "passed over 1 file: mask of a cell's part (b/3_nuc.png)" in found.notes


def test_classes_that_are_abnormal_are_told_and_unknown_ones_refused(tmp_path: Path) -> None:
    touch(tmp_path, "good/1.png", "bad/1.png")

    found = folder.find(tmp_path, abnormal=("bad",))

    assert [(one.name, one.side) for one in found.classes] == [
        ("bad", "abnormal"),
        ("good", "normal"),
    ]
    with pytest.raises(SettingError, match="worse is called abnormal but is no class"):
        folder.find(tmp_path, abnormal=("worse",))


def test_a_label_is_the_same_however_its_accents_are_written(tmp_path: Path) -> None:
    touch(tmp_path, "e\u0301/1.png", "\u00e9tat/1.png")

    assert set(labels(tmp_path).values()) == {"\u00e9", "\u00e9tat"}

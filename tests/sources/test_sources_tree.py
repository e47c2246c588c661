from __future__ import annotations

import sys
from pathlib import Path

import pytest

from papscope.errors import SourceError
from papscope.sources.tree import ClassFolders, PassedOver, files_below, is_augmented, part_of


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


def test_files_are_listed_sorted_and_hidden_ones_are_not(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.png", "b/10.png", "a.png", ".git/x.png", "b/._2.png", "__MACOSX/b/2.png")

    assert files_below(tmp_path) == ["a.png", "b/10.png", "b/2.png"]


def test_names_in_any_script_are_listed(tmp_path: Path) -> None:
    touch(tmp_path, "Паранормал/клетка 1.png", "naïve/細胞.png")

    assert files_below(tmp_path) == ["naïve/細胞.png", "Паранормал/клетка 1.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right that Windows keeps back")
def test_a_link_in_a_circle_is_followed_once(tmp_path: Path) -> None:
    touch(tmp_path, "data/a/1.png")
    (tmp_path / "data" / "a" / "up").symlink_to(tmp_path / "data")

    assert files_below(tmp_path / "data") == ["a/1.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right that Windows keeps back")
def test_a_linked_folder_is_read(tmp_path: Path) -> None:
    touch(tmp_path, "disk/a/1.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "disk")

    assert files_below(tmp_path / "data") == ["linked/a/1.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad\udcff.png").write_bytes(b"")

    with pytest.raises(SourceError, match="not UTF-8 text"):
        files_below(tmp_path)


def test_a_folder_that_is_absent_or_a_file_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "file.png")

    with pytest.raises(SourceError, match="does not exist"):
        files_below(tmp_path / "absent")
    with pytest.raises(SourceError, match="is not a folder"):
        files_below(tmp_path / "file.png")


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("train/a/1.png", "train"),
        ("x/Validation/a/1.png", "val"),
        ("TEST/1.png", "test"),
        ("a/train.png", None),
        ("trainees/1.png", None),
    ],
)
def test_a_part_is_read_from_a_folder_and_from_nothing_else(path: str, part: str | None) -> None:
    assert part_of(path) == part


@pytest.mark.parametrize(
    ("name", "augmented"),
    [
        ("001_01.bmpnew0.jpg", True),
        ("001_01.BMPnew12.JPG", True),
        ("001_01.bmp", False),
        ("new.bmp", False),
    ],
)
def test_leftovers_of_augmentation_are_known_by_name(name: str, augmented: bool) -> None:
    assert is_augmented(f"new.bmpnew/{name}") == augmented


def test_a_misspelt_folder_is_taken_for_the_one_class_it_is_near_to(tmp_path: Path) -> None:
    folders = ClassFolders({"dyskeratotic": "D", "koilocytotic": "K"}, misspelt=True)

    assert folders.label_of("Dyskertotic/1.png", tmp_path) == "D"
    assert folders.label_of("koilocitotic/1.png", tmp_path) == "K"
    assert folders.label_of("keratotic/1.png", tmp_path) is None
    assert folders.notes() == [
        "folder Dyskertotic taken for D",
        "folder koilocitotic taken for K",
    ]


def test_a_misspelt_folder_between_two_classes_is_taken_for_neither(tmp_path: Path) -> None:
    folders = ClassFolders({"highlesion": "H", "highlesions": "S"}, misspelt=True)

    assert folders.label_of("highleson/1.png", tmp_path) is None


def test_what_is_passed_over_is_counted_by_reason() -> None:
    passed = PassedOver()

    kept = passed.images(["a/Results.csv", "Thumbs.db", "1.PNG", "1.bmpnew1.jpg"])

    assert kept == ["1.PNG"]
    assert passed.notes() == [
        "passed over 1 file: left over from an old augmentation script (1.bmpnew1.jpg)",
        "passed over 2 files: no image (a/Results.csv, Thumbs.db)",
    ]

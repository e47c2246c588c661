"""Anybody's split is read for what it says, and nothing is guessed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from made_cells_of_slides import listed, parts, slides

from papscope.checks.given import given_parts
from papscope.cutting import cut
from papscope.errors import SplitError, TableError
from papscope.manifest import Manifest
from papscope.split import write_split


@pytest.fixture
def cells(tmp_path: Path) -> Manifest:
    return slides(tmp_path)


def moved(manifest: Manifest, folders: str) -> Manifest:
    """The same rows in other folders, as if the files lay there."""
    names = folders.split()
    rows = [
        replace(one, path=PurePosixPath(folder) / one.path, id=f"{folder}/{one.path}")
        for one, folder in zip(manifest.rows, names, strict=True)
    ]
    return replace(manifest, rows=tuple(rows))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("filename,split", "0-0.png"),
        ("ID,Set", "0-0.png"),
        ("image,subset", "0-0"),
        ("path,part", "./0-0.png"),
        ("file,partition", "C:\\somewhere\\0-0.bmp"),
    ],
)
def test_an_image_is_known_by_its_id_path_name_or_stem(
    cells: Manifest, tmp_path: Path, head: str, name: str
) -> None:
    given = given_parts(cells, parts(tmp_path / "s.csv", f"{name}=test 1-0.png=train", head))

    assert given.split.part_of == {"0-0.png": "test", "1-0.png": "train"}
    assert given.unplaced == ()


def test_other_words_for_parts_are_understood(cells: Manifest, tmp_path: Path) -> None:
    words = "0-0.png=Training 0-1.png=VALID 1-0.png=dev 1-1.png=testing 2-0.png=holdout"
    given = given_parts(cells, parts(tmp_path / "s.csv", words))
    assert list(given.split.part_of.values()) == ["train", "val", "val", "test", "test"]


def test_a_word_that_is_no_part_names_its_line(cells: Manifest, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"s\.csv, line 3: 'maybe' is no part"):
        given_parts(cells, parts(tmp_path / "s.csv", "0-0.png=train 1-0.png=maybe"))


def test_folds_that_are_counted_from_one_count_from_zero_here(
    cells: Manifest, tmp_path: Path
) -> None:
    words = "0-0.png=1 0-1.png=fold_2 1-0.png=3 1-1.png=1"
    given = given_parts(cells, parts(tmp_path / "s.csv", words, "filename,fold"))

    assert given.split.protocol.folds == 3
    assert given.split.part_of == {"0-0.png": "0", "0-1.png": "1", "1-0.png": "2", "1-1.png": "0"}


def test_folds_beside_parts_are_refused(cells: Manifest, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"names folds \(2\) and parts \(test\)"):
        given_parts(cells, parts(tmp_path / "s.csv", "0-0.png=2 1-0.png=test"))


def test_a_name_of_two_files_is_placed_nowhere_and_told(cells: Manifest, tmp_path: Path) -> None:
    twins = replace(cells, rows=(*cells.rows, *moved(cells, "b " * 8).rows))
    given = given_parts(
        twins, parts(tmp_path / "s.csv", "0-0=train b/1-1.png=train b/1-0.png=test")
    )

    assert given.split.part_of == {"b/1-0.png": "test", "b/1-1.png": "train"}
    assert given.unplaced == ("0-0",)


def test_an_image_of_two_parts_is_in_the_later_one_and_told(
    cells: Manifest, tmp_path: Path
) -> None:
    words = "0-0.png=test 0-0.png=train 1-0.png=train"
    given = given_parts(cells, parts(tmp_path / "s.csv", words))

    assert given.split.part_of["0-0.png"] == "test"
    assert given.twice == {"0-0.png": ("train", "test")}


def test_a_line_without_a_part_is_left_out(cells: Manifest, tmp_path: Path) -> None:
    given = given_parts(cells, parts(tmp_path / "s.csv", "0-0.png=train 1-0.png=test 2-0.png="))
    assert set(given.split.part_of) == {"0-0.png", "1-0.png"}


def test_without_a_file_the_parts_are_those_that_the_images_came_in(cells: Manifest) -> None:
    rows = [replace(one, part="train" if n else "test") for n, one in enumerate(cells.rows)]
    came = replace(cells, rows=tuple(rows))
    assert set(given_parts(came, None).split.part_of.values()) == {"train", "test"}


def test_without_parts_the_folders_names_tell_them(cells: Manifest) -> None:
    there = moved(cells, "Train/calm Train/odd Test/calm valid/odd " * 2)
    found = given_parts(there, None).split.part_of
    assert list(found.values()) == ["train", "train", "test", "val"] * 2


def test_nothing_that_tells_parts_is_refused(cells: Manifest) -> None:
    with pytest.raises(SplitError, match="no folder is called train or test"):
        given_parts(cells, None)


def test_a_split_of_an_older_manifest_is_held_against_this_one(
    cells: Manifest, tmp_path: Path
) -> None:
    made = cut(cells, by="image", shares={"train": 0.5, "test": 0.5})
    write_split(tmp_path / "ours.csv", made)
    fewer = listed(tmp_path, cells.rows[1:])

    given = given_parts(fewer, tmp_path / "ours.csv")

    assert set(given.split.part_of) == {row.id for row in fewer.rows}
    assert given.unplaced == (cells.rows[0].id,)
    assert given.split.manifest_sha256 == fewer.digest


def test_a_file_that_names_none_of_the_images_is_refused(cells: Manifest, tmp_path: Path) -> None:
    with pytest.raises(
        SplitError, match=r"none of the images that s\.csv.* names is in made: x\.png"
    ):
        given_parts(cells, parts(tmp_path / "s.csv", "x.png=train"))


def test_one_part_is_no_split(cells: Manifest, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="all images are in one part, train"):
        given_parts(cells, parts(tmp_path / "s.csv", "0-0.png=train 1-0.png=train"))


@pytest.mark.parametrize(("head", "lack"), [("filename,colour", "parts"), ("x,split", "images")])
def test_a_column_that_is_not_there_is_named(
    cells: Manifest, tmp_path: Path, head: str, lack: str
) -> None:
    with pytest.raises(
        TableError, match=f"has no column of {lack} among {head.replace(',', ', ')}"
    ):
        given_parts(cells, parts(tmp_path / "s.csv", "0-0.png=train", head))


def test_a_file_that_is_not_there_is_told(cells: Manifest, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        given_parts(cells, tmp_path / "no.csv")

"""Words stand for the pictures that a person means, in the same order each time."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from papscope.errors import SettingError, TableError
from papscope.image import Box
from papscope.manifest import Manifest, Row, write_manifest
from papscope.predict.sources import below, named_by
from papscope.preprocess import Source
from papscope.taxonomy import named


def made(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"not looked at")


def shown(sources: list[Source], folder: Path) -> list[str]:
    paths = [one.picture for one in sources]
    return [path.relative_to(folder).as_posix() for path in paths if isinstance(path, Path)]


def test_a_file_stands_for_itself_even_if_it_is_missing_or_no_picture(tmp_path: Path) -> None:
    made(tmp_path, "a.png", "notes.txt")
    words = [str(tmp_path / name) for name in ("notes.txt", "gone.png", "a.png")]

    assert shown(named_by(words), tmp_path) == ["notes.txt", "gone.png", "a.png"]


def test_a_folder_stands_for_all_pictures_below_it_sorted(tmp_path: Path) -> None:
    made(tmp_path, "b/2.JPG", "b/10.jpg", "a/x.bmp", "c.tiff", "a/x-d.bmp", "a/notes.txt", "Z.png")

    found = shown(named_by([str(tmp_path)]), tmp_path)

    assert found == ["Z.png", "a/x-d.bmp", "a/x.bmp", "b/10.jpg", "b/2.JPG", "c.tiff"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    made(tmp_path, "a.png", ".b.png", "._a.png", ".trash/c.png", "d/.e/f.png")
    assert shown(named_by([str(tmp_path)]), tmp_path) == ["a.png"]


def test_a_hidden_folder_that_is_named_is_meant(tmp_path: Path) -> None:
    made(tmp_path, ".cells/a.png")
    assert shown(named_by([str(tmp_path / ".cells")]), tmp_path) == [".cells/a.png"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.png", ["a.png", "b.png"]),
        ("?.jpg", ["a.jpg"]),
        ("[ab].png", ["a.png", "b.png"]),
        ("**/*.png", ["a.png", "b.png", "c/d.png", "c/e/f.png"]),
        ("c/**", ["c/d.png", "c/e/f.png"]),
        ("c*", ["c/d.png", "c/e/f.png"]),
        ("**/e", ["c/e/f.png"]),
    ],
)
def test_a_pattern_is_expanded_where_the_shell_did_not(
    tmp_path: Path, pattern: str, found: list[str]
) -> None:
    made(tmp_path, "b.png", "a.png", "a.jpg", "c/d.png", "c/e/f.png", ".h.png")

    assert shown(named_by([str(tmp_path / pattern)]), tmp_path) == found


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    made(tmp_path, "cell[1].png", "cell1.png")
    assert shown(named_by([str(tmp_path / "cell[1].png")]), tmp_path) == ["cell[1].png"]


def test_what_is_named_twice_is_answered_twice(tmp_path: Path) -> None:
    made(tmp_path, "a.png")
    words = [str(tmp_path / "a.png"), str(tmp_path), str(tmp_path / "*.png")]
    assert shown(named_by(words), tmp_path) == ["a.png"] * 3


def test_a_list_takes_the_place_of_its_mark(tmp_path: Path) -> None:
    made(tmp_path, "a.png", "b.png", "c/d.png", "z[1].png")
    listed = [str(tmp_path / "c"), "", str(tmp_path / "z[1].png"), str(tmp_path / "*.png")]

    found = named_by([str(tmp_path / "b.png"), "-", str(tmp_path / "a.png")], listed)

    assert shown(found, tmp_path) == ["b.png", "c/d.png", "z[1].png", "*.png", "a.png"]


def test_a_manifest_stands_for_its_rows_and_their_boxes(tmp_path: Path) -> None:
    box = Box(1, 2, 3, 4)
    rows = (
        Row("f-2", PurePosixPath("x/f.png"), None, "made", 9, 9, "0" * 64, box=box),
        Row("f-1", PurePosixPath("x/f.png"), "a", "made", 9, 9, "0" * 64),
    )
    made_up = Manifest(tmp_path, rows, "made", named("a"), "CC0", "nobody")
    write_manifest(tmp_path / "cells.csv", made_up)

    found = named_by([str(tmp_path / "cells.csv")])

    file = tmp_path / "x/f.png"
    assert [(one.picture, one.box, one.called) for one in found] == [
        (file, box, "f-2"),
        (file, None, "f-1"),
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "no picture is named"),
        (["-"], "the list is empty"),
        (["empty"], "empty has no picture in it"),
        (["nothing*.png"], r"nothing\*\.png matches no file"),
    ],
)
def test_words_that_stand_for_nothing_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingError, match=told):
        named_by(words)


def test_a_csv_file_that_is_no_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("path,label\na.png,x\n")
    with pytest.raises(TableError, match="is not a papscope manifest"):
        named_by([str(tmp_path / "table.csv")])


def test_a_folder_that_may_not_be_read_is_told_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "a.png", "locked/b.png")
    real = os.scandir

    def scandir(place: str) -> object:
        if Path(place).name == "locked":
            raise PermissionError(13, "Permission denied", place)
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(SettingError, match=r"locked may not be read \(Permission denied\)"):
        below(tmp_path)

from __future__ import annotations

from pathlib import Path

import pytest

from papscope.errors import SettingError, SourceError
from papscope.image import Box
from papscope.sources import table
from papscope.sources.base import NO_GROUPS
from papscope.sources.table import Columns


def write(root: Path, text: str, *images: str, encoding: str = "utf-8") -> None:
    (root / "cells.csv").write_text(text, encoding=encoding)
    for path in images:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


def test_columns_are_found_by_their_usual_names(tmp_path: Path) -> None:
    text = "Image,Class,Slide,Split\nx/1.png,LSIL,s1,train\nx/2.png,,s2,TEST\n"
    write(tmp_path, text, "x/1.png", "x/2.png")

    found = table.find(tmp_path)

    assert [(i.id, i.label, i.group, i.part) for i in found.items] == [
        ("x/1.png", "LSIL", "s1", "train"),
        ("x/2.png", None, "s2", "test"),
    ]
    assert (found.group_is, found.missing) == ("Slide", ())
    assert found.notes == ("1 lines have no label",)
    assert found.settings["label_column"] == "Class"


def test_columns_are_taken_as_told(tmp_path: Path) -> None:
    write(tmp_path, "path,where,kind,woman\nno,1.png,A,w\n", "1.png")

    columns = Columns(path="where", label="kind", group="woman")
    (item,) = table.find(tmp_path, columns=columns).items

    assert (item.id, item.label, item.group) == ("1.png", "A", "w")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_files_of_every_spreadsheet_are_read(tmp_path: Path, encoding: str, separator: str) -> None:
    text = "path,label,group\nx/1.png,é,s\n".replace(",", separator).replace("\n", "\r\n")
    write(tmp_path, text, "x/1.png", encoding=encoding)

    (item,) = table.find(tmp_path).items

    assert (item.id, item.label, item.group) == ("x/1.png", "é", "s")


def test_boxes_make_cells_of_one_image(tmp_path: Path) -> None:
    head = "path,label,left,top,box_width,box_height\n"
    write(tmp_path, f"{head}f.png,A,1,2,30,40\nf.png,B,-5,2.4,30,40\ng.png,B,0,0,5,5\n", "f.png")

    found = table.find(tmp_path)

    assert [(i.id, i.box, i.parent) for i in found.items] == [
        ("f.png:-5,2,30,40", Box(-5, 2, 30, 40), "f.png"),
        ("f.png:1,2,30,40", Box(1, 2, 30, 40), "f.png"),
        ("g.png", Box(0, 0, 5, 5), "g.png"),
    ]


def test_box_columns_are_taken_as_told(tmp_path: Path) -> None:
    write(tmp_path, "path,label,x,y,w,h\nf.png,A,1,2,30,40\n", "f.png")

    (item,) = table.find(tmp_path, columns=Columns(box=("x", "y", "w", "h"))).items

    assert item.box == Box(1, 2, 30, 40)


def test_images_that_are_not_there_are_listed(tmp_path: Path) -> None:
    write(tmp_path, "path,label\n1.png,A\n2.png,A\n", "1.png")

    assert table.find(tmp_path).missing == ("2.png",)


def test_a_table_without_a_column_of_groups_says_so_loudly(tmp_path: Path) -> None:
    write(tmp_path, "path,label\n1.png,A\n", "1.png")

    assert NO_GROUPS in table.find(tmp_path).notes


def test_a_column_of_groups_that_is_mostly_empty_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "path,label,slide\n1.png,A,s\n2.png,A,\n", "1.png", "2.png")

    with pytest.raises(SourceError, match=r"only 1 of 2 images tell their slide.*line 3"):
        table.find(tmp_path)


def test_a_part_column_of_other_meaning_is_told(tmp_path: Path) -> None:
    write(tmp_path, "path,label,split\n1.png,A,fold 3\n", "1.png")

    found = table.find(tmp_path)

    assert [item.part for item in found.items] == [None]
    assert any(
        "none of train, val and test, and say nothing here: fold 3" in n for n in found.notes
    )


def test_an_absolute_path_below_the_root_becomes_relative(tmp_path: Path) -> None:
    write(tmp_path, f"path,label\n{tmp_path.resolve() / 'x' / '1.png'},A\n", "x/1.png")

    assert [item.id for item in table.find(tmp_path).items] == ["x/1.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n../1.png,A\n", r"line 2: the path '\.\./1\.png' leaves the folder"),
        ("path,label\n/etc/1.png,A\n", r"line 2: the path '/etc/1\.png' leaves the folder"),
        ("path,label\n,A\n", "line 2: the path '' is empty"),
        ("path,label\n1.png,A\n1.png,B\n", "line 2 and cells.csv, line 3"),
        ("path,label\n1.png\n", "line 2: 1 cells where 2 columns are"),
        ("path,path\n", "line 1: the columns' names are missing or not distinct"),
        ("path,label\n", "has no lines"),
        ('path,label\n"1.png,A\n', "line 2: unexpected end of data"),
        ("path,left,top,box_width,box_height\n1.png,a,0,1,1\n", "line 2: .* is no box"),
        ("path,left,top,box_width,box_height\n1.png,0,0,0,1\n", "line 2: .* is no box"),
        ('# {"papscope": "manifest"}\n', "is a table of papscope's already"),
    ],
)
def test_what_means_nothing_is_refused_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    write(tmp_path, text)

    with pytest.raises(SourceError, match=message):
        table.find(tmp_path)


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_bytes(b"path,label\n\xff\xfe,A\n")

    with pytest.raises(SourceError, match="is not UTF-8 text"):
        table.find(tmp_path)


def test_columns_that_are_not_there_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a,b\n1.png,A\n")

    with pytest.raises(SettingError, match="has no column of paths among a, b"):
        table.find(tmp_path)
    with pytest.raises(SettingError, match="has no column c"):
        table.find(tmp_path, columns=Columns(path="a", label="c"))


@pytest.mark.parametrize("count", [0, 2])
def test_the_table_must_be_named_unless_it_is_the_only_one(tmp_path: Path, count: int) -> None:
    for number in range(count):
        (tmp_path / f"{number}.csv").write_text("path\n")

    with pytest.raises(SourceError, match=f"holds {count} CSV files"):
        table.find(tmp_path)

"""A manifest as a file: what is read is what was written, wherever the folder goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from papscope.errors import TableError
from papscope.files import digest_of
from papscope.image import Box
from papscope.manifest import (
    COLUMNS,
    Manifest,
    Row,
    polygons_path,
    read_manifest,
    read_polygons,
    write_manifest,
)
from papscope.taxonomy import named

FULL = Row(
    id="c1",
    path=PurePosixPath("fields/a, b.png"),
    label="b",
    dataset="made",
    width=40,
    height=30,
    sha256="abc",
    box=Box(-3, 4, 10, 12),
    group="slide 1",
    strict_group="patient 1",
    parent="a",
    mask=PurePosixPath("masks/a.png"),
    part="train",
)
BARE = Row("c2", PurePosixPath("ü.png"), None, "made", 8, 9, "def")


def made(root: Path, *rows: Row) -> Manifest:
    return Manifest(
        root=root,
        rows=rows or (FULL, BARE),
        dataset="made",
        classes=named("ab", abnormal="b"),
        licence="CC BY 4.0",
        citation='Someone, "Cells", 2020',
        notes=("counts are partial",),
        group_is="slide",
        settings={"crop": 90},
    )


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    digest = write_manifest(tmp_path / "m.csv", made(tmp_path / "images"))

    read = read_manifest(tmp_path / "m.csv")

    assert read == replace(made(tmp_path / "images"), digest=digest)
    assert digest == digest_of(tmp_path / "m.csv")


def test_the_same_manifest_gives_the_same_bytes_in_any_folder(tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "two"]
    digests = {write_manifest(place / "m.csv", made(place / "images")) for place in places}
    assert len(digests) == 1
    assert str(tmp_path) not in (tmp_path / "one" / "m.csv").read_text(encoding="utf-8")


def test_a_folder_with_manifest_and_images_can_be_moved(tmp_path: Path) -> None:
    write_manifest(tmp_path / "one" / "m.csv", made(tmp_path / "one" / "images"))
    (tmp_path / "one").rename(tmp_path / "two")
    assert read_manifest(tmp_path / "two" / "m.csv").root == tmp_path / "two" / "images"


def test_a_root_elsewhere_is_kept_whole(tmp_path: Path) -> None:
    write_manifest(tmp_path / "one" / "m.csv", made(tmp_path / "images"))
    read = read_manifest(tmp_path / "one" / "m.csv")
    assert read.file_of(BARE) == tmp_path / "images" / "ü.png"


def test_counts_are_by_class_in_order_and_labelled_rows_are_told(tmp_path: Path) -> None:
    manifest = made(tmp_path)
    assert manifest.counts() == {"a": 0, "b": 1}
    assert manifest.labelled() == (FULL,)
    assert (FULL.strict, BARE.strict) == ("patient 1", None)
    assert replace(FULL, strict_group=None).strict == "slide 1"


@pytest.mark.parametrize("path", ["/etc/passwd", "../up.png", "a/../../up.png"])
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="leaves the data set's folder"):
        replace(BARE, path=PurePosixPath(path))
    with pytest.raises(ValueError, match="leaves the data set's folder"):
        replace(BARE, mask=PurePosixPath(path))


def test_rows_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="has no id"):
        replace(BARE, id="")
    with pytest.raises(ValueError, match="c2 is 0 x 9 pixels"):
        replace(BARE, width=0)


def test_ids_stand_once_and_labels_are_classes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="id c2 stands for 2 rows"):
        made(tmp_path, BARE, BARE)
    with pytest.raises(ValueError, match="label z is none of the classes"):
        made(tmp_path, replace(FULL, label="z"))


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("c2,ü.png", "c1,ü.png", "id c1 stands for 2 rows"),
        ("c2,ü.png", "c2,../ü.png", r"line 4: path \.\./ü\.png leaves"),
        (",8,9,", ",eight,9,", "line 4: invalid literal"),
        (",8,9,", ",0,9,", "line 4: c2 is 0 x 9 pixels"),
        ("-3,4,10,12", "-3,4,10,", "line 3: box .* is incomplete"),
        ("-3,4,10,12", "-3,4,10,0", "line 3: a box of 10 x 0 pixels"),
        ("-3,4,10,12,b", "-3,4,10,12,z", "label z is none of the classes"),
        ("id,path", "name,path", r"columns differ: \['id', 'name'\]"),
        ('"dataset": "made"', '"data": "made"', "its head is damaged: 'dataset'"),
        ('"name": "a"', '"name": 1', "its head is damaged: .* does not describe a class"),
        ('"root": ', '"root": 3, "was": ', "its head is damaged"),
    ],
)
def test_a_damaged_manifest_is_told_by_line(tmp_path: Path, old: str, new: str, match: str) -> None:
    file = tmp_path / "m.csv"
    write_manifest(file, made(tmp_path / "images"))
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")

    with pytest.raises(TableError, match=match):
        read_manifest(file)


def test_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    write_manifest(file, made(tmp_path, BARE))
    head, names, row = file.read_text(encoding="utf-8").splitlines()
    turned = [",".join(reversed(line.split(","))) for line in (names, row)]
    assert names.split(",") == list(COLUMNS)
    file.write_text("\n".join([head, *turned]) + "\n", encoding="utf-8")
    assert read_manifest(file).rows == (BARE,)


OUTLINES = {"c2": {"nucleus": [[1.5, 2.0], [3.0, 4.0]]}, "c1": {"cytoplasm": [[0.0, 0.0]]}}


def test_outlines_lie_beside_the_manifest(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.csv", made(tmp_path), OUTLINES)
    assert read_polygons(tmp_path / "m.csv") == OUTLINES
    assert polygons_path(tmp_path / "m.csv").name == "m.polygons.jsonl"

    write_manifest(tmp_path / "bare.csv", made(tmp_path))
    assert read_polygons(tmp_path / "bare.csv") == {}


def test_outlines_that_are_missing_or_others_are_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.csv", made(tmp_path), OUTLINES)
    place = polygons_path(tmp_path / "m.csv")
    place.write_text(place.read_text().replace("1.5", "1.6"))
    with pytest.raises(TableError, match=r"m\.polygons\.jsonl is missing or changed"):
        read_polygons(tmp_path / "m.csv")
    place.unlink()
    with pytest.raises(TableError, match=r"m\.polygons\.jsonl is missing or changed"):
        read_polygons(tmp_path / "m.csv")

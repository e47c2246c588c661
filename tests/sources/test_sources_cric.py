from __future__ import annotations

import json
from pathlib import Path

import pytest

from papscope.errors import SettingError, SourceError
from papscope.image import Box
from papscope.sources import cric

HEAD = "image_id,image_filename,image_doi,cell_id,bethesda_system,nucleus_x,nucleus_y"
NILM = "Negative for intraepithelial lesion"


def write(root: Path, *lines: str, fields: tuple[str, ...] = ("a.png",)) -> None:
    (root / "classifications.csv").write_text("\n".join([HEAD, *lines]), encoding="utf-8")
    for name in fields:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_a_cell_is_a_square_around_its_nucleus_that_may_reach_over_the_border(
    tmp_path: Path,
) -> None:
    write(tmp_path, f"1,a.png,doi,7,{NILM},20,300", "1,a.png,doi,8,ASC-US,101,102")

    first, second = cric.find(tmp_path).items

    assert (first.id, first.label, first.group, first.parent) == ("a:7", "NILM", "a", "a")
    assert (first.box, first.centre) == (Box(-30, 250, 100, 100), (20, 300))
    assert (second.id, second.label, second.box) == ("a:8", "ASC-US", Box(51, 52, 100, 100))


def test_the_crop_is_as_asked(tmp_path: Path) -> None:
    write(tmp_path, "1,a.png,doi,7,SCC,500,300")

    assert cric.find(tmp_path, crop=91).items[0].box == Box(455, 255, 91, 91)


@pytest.mark.parametrize("crop", [0, -5, 7, 1001])
def test_a_crop_that_shows_no_cell_is_refused(tmp_path: Path, crop: int) -> None:
    with pytest.raises(SettingError, match=f"crop is {crop} pixels"):
        cric.find(tmp_path, crop=crop)


def test_four_grades_leave_atypical_cells_out_and_say_how_many(tmp_path: Path) -> None:
    lines = [f"1,a.png,d,{i},{name},9,9" for i, name in enumerate([*cric.CELLS, "ASC-H"])]
    write(tmp_path, *(line.replace("NILM", NILM) for line in lines))

    found = cric.find(tmp_path, grades=4)

    assert [cell.label for cell in found.items] == ["NILM", "LSIL", "HSIL", "SCC"]
    assert [one.name for one in found.classes] == ["NILM", "LSIL", "HSIL", "SCC"]
    assert found.notes == ("four grades: left out 3 cells that have none (2 ASC-H, 1 ASC-US)",)
    assert found.expected == {"NILM": 6779, "LSIL": 1360, "HSIL": 1703, "SCC": 161}


def test_five_grades_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="grades is 5"):
        cric.find(tmp_path, grades=5)


def test_the_published_counts_sum_to_11534() -> None:
    assert sum(cric.CELLS.values()) == 11534


def test_json_gives_the_same_cells_as_csv(tmp_path: Path) -> None:
    write(tmp_path, f"1,a.png,doi,7,{NILM},20,300", "2,b.png,doi,8,HSIL,4,5", fields=("a.png",))
    (tmp_path / "b.png").write_bytes(b"")
    fields = [
        {
            "image_id": number,
            "image_name": name,
            "image_doi": "doi",
            "classifications": [
                {"cell_id": cell, "bethesda_system": label, "nucleus_x": x, "nucleus_y": y}
            ],
        }
        for number, name, cell, label, x, y in (
            (1, "a.png", 7, NILM, 20, 300),
            (2, "b.png", 8, "HSIL", 4, 5),
        )
    ]
    table = tmp_path / "classifications.json"
    table.write_text(json.dumps(fields), encoding="utf-8")

    from_csv = cric.find(tmp_path).items
    from_json = cric.find(tmp_path, table=table).items

    assert [(c.id, c.label, c.box) for c in from_csv] == [(c.id, c.label, c.box) for c in from_json]


def test_json_alone_is_found(tmp_path: Path) -> None:
    (tmp_path / "classifications.json").write_text("[]", encoding="utf-8")

    with pytest.raises(SourceError, match="holds no images of the data set"):
        cric.find(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]", '[{"image_name": "a.png"}]', '{"a": 1}'])
def test_json_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "classifications.json").write_text(text, encoding="utf-8")

    with pytest.raises(SourceError, match=r"is not CRIC's classifications\.json"):
        cric.find(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,a.png,doi,7,LSIIL,1,2", "line 3: 'LSIIL' is no category"),
        ("1,a.png,doi,7,LSIL,,2", "line 3: no nucleus_x"),
        ("1,a.png,doi,7,LSIL,one,2", "line 3: the nucleus has no place"),
        ("1,a.png,doi,7,LSIL,nan,2", "line 3: the nucleus has no place"),
        ("1,,doi,7,LSIL,1,2", "line 3: no image_filename"),
        ("1,a.png,doi,7,LSIL,1", "line 3: 6 cells where 7 columns are"),
    ],
)
def test_a_line_that_means_nothing_is_named(tmp_path: Path, line: str, message: str) -> None:
    write(tmp_path, "1,a.png,doi,6,LSIL,1,2", line)

    with pytest.raises(SourceError, match=message):
        cric.find(tmp_path)


def test_a_cell_that_is_told_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    write(tmp_path, "1,a.png,doi,6,LSIL,1,2", "1,a.png,doi,6,HSIL,1,2")

    with pytest.raises(SourceError, match=r"line 2 and classifications\.csv, line 3"):
        cric.find(tmp_path)


def test_a_copy_in_another_format_and_folder_is_found_by_stem(tmp_path: Path) -> None:
    write(tmp_path, "1,a.png,doi,7,SCC,1,2", fields=("fields/A.JPG",))

    (cell,) = cric.find(tmp_path).items

    assert str(cell.path) == "fields/A.JPG"


def test_fields_of_one_name_in_two_folders_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "1,a.png,doi,7,SCC,1,2", fields=("x/a.png", "y/a.png"))

    with pytest.raises(SourceError, match=r"two fields have one name: x/a\.png and y/a\.png"):
        cric.find(tmp_path)


def test_fields_that_are_absent_and_fields_that_the_table_leaves_out_are_told(
    tmp_path: Path,
) -> None:
    lines = ("1,a.png,d,7,SCC,1,2", "2,b.png,d,8,SCC,1,2", "2,b.png,d,9,SCC,1,2")
    write(tmp_path, *lines, fields=("a.png", "c.png", "notes.txt"))

    found = cric.find(tmp_path)

    assert found.missing == ("b.png",)
    assert [cell.id for cell in found.items] == ["a:7"]
    assert "passed over 1 file: field that classifications.csv does not name (c.png)" in found.notes
    assert "passed over 1 file: no image (notes.txt)" in found.notes


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"neither classifications\.csv nor"):
        cric.find(tmp_path)


def test_two_tables_are_refused_unless_one_is_chosen(tmp_path: Path) -> None:
    write(tmp_path, "1,a.png,doi,7,SCC,1,2")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "classifications.csv").write_text(HEAD, encoding="utf-8")

    with pytest.raises(SourceError, match="several tables"):
        cric.find(tmp_path)
    assert len(cric.find(tmp_path, table=tmp_path / "classifications.csv").items) == 1


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "classifications.csv").write_text("image_filename,cell_id\n", encoding="utf-8")

    with pytest.raises(SourceError, match="has no column bethesda_system, nucleus_x, nucleus_y"):
        cric.find(tmp_path)

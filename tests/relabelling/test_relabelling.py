"""Verdicts of a reader change exactly the labels that they speak of, and the manifest tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from papscope.errors import SettingError, TableError
from papscope.image import Box
from papscope.manifest import Manifest, Row, made_id, read_manifest, write_manifest
from papscope.relabelling.applying import relabel
from papscope.relabelling.suspects import COLUMNS, Suspect, write_suspects
from papscope.relabelling.verdicts import Verdicts, read_verdicts
from papscope.taxonomy import classes_of

FOUR = classes_of("mendeley")
LABELS = {"a": "NILM", "b": "LSIL", "c": "HSIL", "d": "SCC"}


def row(name: str, label: str, parent: str | None = None) -> Row:
    return Row(name, PurePosixPath(f"{name}.png"), label, "made", 40, 30, "", parent=parent)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Four cells and a picture made from the second one."""
    child = row(made_id("b", 1), "LSIL", parent="b")
    rows = (*(row(name, label) for name, label in LABELS.items()), child)
    write_manifest(tmp_path / "m.csv", Manifest(tmp_path, rows, "made", FOUR, "", "", ("first",)))
    return read_manifest(tmp_path / "m.csv")


def suspect(name: str, suggested: str = "NILM", box: Box | None = None) -> Suspect:
    given = LABELS.get(name, "NILM")
    return Suspect(name, f"{name}.png", box, "field-1", given, suggested, 0.91239, 0.01)


def filled(file: Path, **verdicts: str) -> Path:
    """Fill in a list as a reader does: by the id, in the column `verdict`."""
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    place = COLUMNS.index("verdict")
    for number, line in enumerate(lines):
        cells = line.split(",")
        if cells[1] in verdicts:
            cells[place] = verdicts[cells[1]]
            lines[number] = ",".join(cells)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def came_back(folder: Path, **verdicts: str) -> Verdicts:
    write_suspects(folder / "doubts.csv", [suspect(name) for name in "bcd"])
    return read_verdicts(filled(folder / "doubts.csv", **verdicts))


def labels(manifest: Manifest) -> dict[str, str | None]:
    return {one.id: one.label for one in manifest.rows}


def test_the_list_is_read_by_spreadsheets_and_has_room_for_verdicts(tmp_path: Path) -> None:
    box = Box(-5, 0, 112, 90)
    write_suspects(tmp_path / "doubts.csv", [suspect("c", "SCC", box), suspect("é,b")])

    data = (tmp_path / "doubts.csv").read_bytes()

    assert data.startswith(b"\xef\xbb\xbfnumber,id,path,")
    assert data.decode("utf-8-sig").splitlines() == [
        "number,id,path,left,top,box_width,box_height,group,given,suggested,probability,quality,"
        "verdict,comment",
        "1,c,c.png,-5,0,112,90,field-1,HSIL,SCC,0.9124,0.0100,,",
        '2,"é,b","é,b.png",,,,,field-1,NILM,NILM,0.9124,0.0100,,',
    ]
    assert read_verdicts(tmp_path / "doubts.csv").each == ()
    assert read_verdicts(tmp_path / "doubts.csv").unread == 2


def test_only_what_a_reader_said_is_changed(manifest: Manifest, tmp_path: Path) -> None:
    done = relabel(manifest, came_back(tmp_path, c="SCC"), reader="Dr A")

    assert labels(done.manifest) == {**labels(manifest), "c": "SCC"}
    assert done.changes == {"c": ("HSIL", "SCC")}
    assert [replace(one, label=None) for one in done.manifest.rows] == [
        replace(one, label=None) for one in manifest.rows
    ]


def test_any_class_may_be_named_in_any_case_and_the_given_one_confirms(
    manifest: Manifest, tmp_path: Path
) -> None:
    done = relabel(manifest, came_back(tmp_path, b=" hsil ", c="HSIL"), reader="Dr A")

    assert labels(done.manifest)["b"] == "HSIL"
    assert labels(done.manifest)["c"] == "HSIL"
    assert (done.changes, done.confirmed) == ({"b": ("LSIL", "HSIL")}, 1)


def test_who_is_unsure_changes_nothing_and_hides_no_cell(
    manifest: Manifest, tmp_path: Path
) -> None:
    done = relabel(manifest, came_back(tmp_path, b="unsure", c="Unsure"), reader="Dr A")

    assert done.manifest.rows == manifest.rows
    assert (done.changes, done.confirmed, done.unsure) == ({}, 0, 2)
    assert done.manifest.notes == ("first",)


def test_pictures_made_from_a_corrected_one_are_corrected_with_it(
    manifest: Manifest, tmp_path: Path
) -> None:
    done = relabel(manifest, came_back(tmp_path, b="NILM"), reader="Dr A")

    assert labels(done.manifest)[made_id("b", 1)] == "NILM"


def test_the_manifest_tells_who_changed_what(manifest: Manifest, tmp_path: Path) -> None:
    verdicts = came_back(tmp_path, b="NILM", c="HSIL", d="unsure")
    done = relabel(manifest, verdicts, reader=" Dr A ")
    write_manifest(tmp_path / "m2.csv", done.manifest)

    again = read_manifest(tmp_path / "m2.csv")

    assert again.settings["relabelled"] == [
        {
            "reader": "Dr A",
            "verdicts_sha256": verdicts.sha256,
            "manifest_sha256": manifest.digest,
            "confirmed": 1,
            "unsure": 1,
            "unread": 0,
            "changes": [{"id": "b", "from": "LSIL", "to": "NILM"}],
        }
    ]
    assert again.notes[0] == "first"
    assert again.notes[1].startswith("labels changed by Dr A: 1,")
    assert "flatter such models" in again.notes[1]
    assert labels(again) == labels(done.manifest)


def test_a_second_round_is_told_after_the_first(manifest: Manifest, tmp_path: Path) -> None:
    first = relabel(manifest, came_back(tmp_path, b="NILM"), reader="Dr A").manifest
    (tmp_path / "doubts.csv").unlink()
    second = relabel(first, came_back(tmp_path, c="SCC"), reader="Dr B").manifest

    told = second.settings["relabelled"]
    assert [one["reader"] for one in told] == ["Dr A", "Dr B"]
    assert len(second.notes) == 3


@pytest.mark.parametrize("between", [";", "\t"])
def test_a_list_comes_back_however_a_spreadsheet_parts_its_cells(
    manifest: Manifest, tmp_path: Path, between: str
) -> None:
    came_back(tmp_path, c="SCC")
    file = tmp_path / "doubts.csv"
    text = file.read_text(encoding="utf-8").replace(",", between).replace("\n", "\r\n")
    file.write_bytes(text.encode())

    done = relabel(manifest, read_verdicts(file), reader="Dr A")

    assert done.changes == {"c": ("HSIL", "SCC")}


def test_verdicts_are_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "doubts.csv"
    write_suspects(file, [suspect("b")])
    write_suspects(file, [suspect("b"), suspect("c")])  # nobody has read yet
    before = filled(file, b="NILM").read_bytes()

    with pytest.raises(SettingError, match="holds verdicts, which would be lost"):
        write_suspects(file, [suspect("b")])
    assert file.read_bytes() == before

    file.write_text("my own notes\n", encoding="utf-8")
    with pytest.raises(SettingError, match="holds verdicts"):
        write_suspects(file, [suspect("b")])


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ({}, "nobody has put a verdict into the list"),
        ({"b": "LGSIL"}, "line 2: 'LGSIL' is none of NILM, LSIL, HSIL, SCC, unsure"),
        ({"b": "agree", "c": "yes"}, "line 2: 'agree' is none of .*; line 3: 'yes' is none of"),
    ],
)
def test_verdicts_that_mean_nothing_are_refused(
    manifest: Manifest, tmp_path: Path, verdicts: dict[str, str], words: str
) -> None:
    with pytest.raises(TableError, match=words):
        relabel(manifest, came_back(tmp_path, **verdicts), reader="Dr A")


def test_verdicts_on_other_cells_or_labels_are_refused(manifest: Manifest, tmp_path: Path) -> None:
    verdicts = came_back(tmp_path, b="NILM", c="SCC")
    relabelled = replace(manifest, rows=(row("b", "SCC"), row("x", "HSIL")))

    with pytest.raises(TableError, match=r"b is SCC in the manifest, not LSIL; line 3: .* no 'c'"):
        relabel(relabelled, verdicts, reader="Dr A")
    twice = replace(verdicts, each=(verdicts.each[0], *verdicts.each))
    with pytest.raises(TableError, match="line 2: b stands there 2 times"):
        relabel(manifest, twice, reader="Dr A")
    with pytest.raises(SettingError, match="no reader is named"):
        relabel(manifest, verdicts, reader="  ")


def test_many_wrong_lines_are_told_in_short(manifest: Manifest, tmp_path: Path) -> None:
    one = came_back(tmp_path, b="NILM").each[0]
    many = tuple(replace(one, id=f"x{place}", line=place) for place in range(9))

    with pytest.raises(TableError, match=r"line 0: .*line 4: [^;]*; and 4 more$"):
        relabel(manifest, Verdicts(many, 0, ""), reader="Dr A")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no file"),
        (b"\xff\xfe\x00", "cannot be read as text"),
        (b"id,given\nb,LSIL\n", "has no column 'verdict'"),
        (b'id,given,verdict\nb,LSIL,"NI"LM\n', "line 2: "),
        (b"", "has no column 'id'"),
    ],
)
def test_what_is_no_such_list_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "doubts.csv").write_bytes(content)
    with pytest.raises(TableError, match=words):
        read_verdicts(tmp_path / "doubts.csv")

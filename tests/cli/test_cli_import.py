from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from papscope.cli.main import app
from papscope.manifest import polygons_path, read_manifest
from papscope.sources.kinds import KINDS
from papscope.taxonomy import classes_of


def run(*words: str | Path) -> Result:
    runner = CliRunner()
    return runner.invoke(app, ["import", *map(str, words)], env={"COLUMNS": "200", "NO_COLOR": "1"})


def made(root: Path, *names: str) -> Path:
    for shade, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 16), (shade, 9, 9)).save(root / name)
    return root


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return made(tmp_path / "data", "bad/s1_1.png", "good/s2_1.png", "good/s3_1.png")


def test_it_tells_counts_groups_notes_and_what_comes_next(data: Path, tmp_path: Path) -> None:
    place = tmp_path / "m.csv"

    told = run("folder", data, "-o", place, "--group-regex", r"^(s\d+)_", "--abnormal", "bad")

    assert told.exit_code == 0, told.output
    lines = [" ".join(line.replace("│", " ").split()) for line in told.stdout.splitlines()]
    assert {"bad abnormal 1 1", "good normal 2 2", "all 3 3"} < set(lines)
    assert f"manifest: {place}" in lines
    assert f"next: papscope check {place}" in lines
    assert [row.group for row in read_manifest(place).rows] == ["s1", "s2", "s3"]


@pytest.mark.parametrize(
    "words", [("--bethesda", "good=NILM, bad=LSIL"), ("--bethesda", "bad=LSIL")]
)
def test_own_classes_have_the_category_that_was_said_and_no_other(
    data: Path, tmp_path: Path, words: tuple[str, str]
) -> None:
    place = tmp_path / "m.csv"

    told = run("folder", data, "-o", place, *words)

    assert told.exit_code == 0, told.output
    good = "NILM" if "NILM" in words[1] else None
    found = {one.name: one.bethesda for one in read_manifest(place).classes}
    assert found == {"bad": "LSIL", "good": good}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("bad", "'bad' does not pair classes with categories"),
        ("bad=LSIL=HSIL", "does not pair classes with categories"),
        ("worse=LSIL", "worse has a category but is no class"),
        ("bad=CIN1", "CIN1 is no category"),
    ],
)
def test_categories_that_mean_nothing_are_refused(
    data: Path, tmp_path: Path, words: str, why: str
) -> None:
    refused = run("folder", data, "-o", tmp_path / "m.csv", "--bethesda", words)

    assert refused.exit_code == 2
    assert why in refused.stderr


def test_lbc11_has_its_eleven_classes_whatever_is_there(tmp_path: Path) -> None:
    root, place = made(tmp_path / "lbc", "HSIL/1.png", "candida/2.png"), tmp_path / "m.csv"

    told = run("lbc11", root, "-o", place)

    assert told.exit_code == 0, told.output
    manifest = read_manifest(place)
    assert manifest.classes == classes_of("lbc11")
    assert {row.label for row in manifest.rows} == {"HSIL", "candida"}
    assert (manifest.dataset, "Liang Y" in manifest.citation) == ("lbc11", True)


def test_a_folder_of_other_classes_is_not_lbc11(data: Path, tmp_path: Path) -> None:
    refused = run("lbc11", data, "-o", tmp_path / "m.csv")

    assert refused.exit_code == 4
    assert "no class of lbc11: bad, good" in refused.stderr


def test_without_groups_the_note_is_loud(data: Path, tmp_path: Path) -> None:
    assert "note: NO GROUP IS KNOWN" in run("folder", data, "-o", tmp_path / "m.csv").stdout


def test_the_manifest_is_named_for_the_kind_in_the_current_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run("folder", data).exit_code == 0
    assert (tmp_path / "folder.csv").is_file()


def test_the_same_again_is_fine_and_other_content_needs_force(data: Path, tmp_path: Path) -> None:
    place = tmp_path / "m.csv"
    run("folder", data, "-o", place)
    before = place.read_bytes()

    again = run("folder", data, "-o", place)
    assert (again.exit_code, place.read_bytes()) == (0, before)
    assert "(the same as before)" in again.stdout

    made(data, "good/s4_1.png")
    refused = run("folder", data, "-o", place)
    assert (refused.exit_code, place.read_bytes()) == (2, before)
    assert "is there already, with other content" in refused.stderr
    assert "--force" in refused.stderr

    assert run("folder", data, "-o", place, "--force").exit_code == 0
    assert len(read_manifest(place).rows) == 4


def test_a_file_that_is_no_manifest_is_not_replaced(data: Path, tmp_path: Path) -> None:
    place = tmp_path / "thesis.csv"
    place.write_text("years of work")

    assert run("folder", data, "-o", place).exit_code == 2
    assert place.read_text() == "years of work"


def test_licence_and_citation_are_shown_and_outlines_written(tmp_path: Path) -> None:
    made(tmp_path / "data", "im_Parabasal/CROPPED/001_01.bmp")
    outline = tmp_path / "data" / "im_Parabasal" / "CROPPED" / "001_01_nuc.dat"
    outline.write_text("1,1\n5,1\n5,5\n")
    place = tmp_path / "m.csv"

    told = run("sipakmed", tmp_path / "data", "-o", place, "--allow-partial")

    assert "licence: publicly available, may be used for experimental purposes" in told.stdout
    assert "cite: Plissiti ME" in told.stdout
    assert "outlines: of 1 rows, beside the manifest" in told.stdout
    assert polygons_path(place).is_file()


def test_a_mismatch_of_counts_is_told_in_two_lines_and_writes_nothing(tmp_path: Path) -> None:
    made(tmp_path / "data", "im_Parabasal/CROPPED/001_01.bmp")

    refused = run("sipakmed", tmp_path / "data", "-o", tmp_path / "m.csv")

    assert refused.exit_code == 4
    assert "Dyskeratotic 0 instead of 813" in refused.stderr
    assert "try: if this part is what is wanted, add --allow-partial" in refused.stderr
    assert not (tmp_path / "m.csv").exists()


def test_a_table_may_be_given_as_the_root(tmp_path: Path) -> None:
    made(tmp_path, "x/1.png", "x/2.png")
    table = tmp_path / "cells.csv"
    table.write_text("file,kind,woman,l,t,w,h\nx/1.png,A,p1,0,0,8,8\nx/2.png,B,p2,0,0,8,8\n")
    words = ("--label-column", "kind", "--group-column", "woman", "--box-columns", "l, t, w, h")

    told = run("csv", table, "-o", tmp_path / "m.csv", *words)

    assert told.exit_code == 0, told.output
    rows = read_manifest(tmp_path / "m.csv").rows
    assert [(row.label, row.group, row.box is not None) for row in rows] == [
        ("A", "p1", True),
        ("B", "p2", True),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("herlef", "."), "'herlef' is no kind of data set"),
        (("herlev", "absent"), "absent does not exist"),
        (("folder", ".", "--crop", "90"), "folder takes no --crop"),
        (("csv", ".", "--table", "absent.csv"), "there is no table absent.csv"),
        (("csv", ".", "--box-columns", "a,b"), "--box-columns names 2 columns"),
        (("folder", ".", "--group-regex", "(a)", "--groups", "b"), "groups are asked for twice"),
        (("synthetic", ".", "--slides", "0"), "slides_per_class is 0"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    words: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    refused = run(*words)

    assert refused.exit_code in (2, 4)
    assert message in refused.stderr
    assert "try: " in refused.stderr


def test_made_images_are_drawn_as_asked(tmp_path: Path) -> None:
    words = ("--slides", "2", "--cells-per-slide", "1", "--image-size", "48", "--seed", "1")

    told = run("synthetic", tmp_path / "made", "-o", tmp_path / "m.csv", *words)

    assert told.exit_code == 0, told.output
    assert "note: made images: drawn, not photographed" in told.stdout
    assert len(read_manifest(tmp_path / "m.csv").rows) == 10


def test_the_help_names_every_kind() -> None:
    shown = run("--help").stdout

    assert [kind for kind in KINDS if kind not in shown] == []

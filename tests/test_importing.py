from __future__ import annotations

import io
import os
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papscope.errors import SettingError, SourceError
from papscope.image import Box
from papscope.importing import import_images
from papscope.manifest import read_manifest, read_polygons, write_manifest
from papscope.sources.folder import GroupsFrom
from papscope.sources.kinds import KINDS, ImportOptions
from papscope.sources.synthetic import SyntheticSettings

BY_SLIDE = ImportOptions(groups=GroupsFrom(regex=r"^(s\d+)_"))
OUTLINE = "1.5,2\n9,2.25\n9,8\n"
SHARED = Path(os.environ.get("PAPSCOPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the real images are not here; set PAPSCOPE_DATA"
)


def image_at(path: Path, width: int = 12, height: int = 10, shade: int = 99) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (shade, 0, 0)).save(path)


def two_classes(root: Path) -> None:
    for number, name in enumerate(("bad/s1_1.png", "good/s2_1.png", "good/s2_2.png")):
        image_at(root / name, shade=number)


def test_rows_carry_the_size_and_the_digest_of_the_files_bytes(tmp_path: Path) -> None:
    image_at(tmp_path / "good" / "s1_1.png", width=31, height=17)
    image_at(tmp_path / "bad" / "s2_1.bmp", width=9, height=40)

    manifest, polygons = import_images("folder", tmp_path, options=BY_SLIDE)

    assert [(row.id, row.width, row.height) for row in manifest.rows] == [
        ("bad/s2_1.bmp", 9, 40),
        ("good/s1_1.png", 31, 17),
    ]
    digest = sha256((tmp_path / "good" / "s1_1.png").read_bytes()).hexdigest()
    assert manifest.rows[1].sha256 == digest
    assert (manifest.root, polygons) == (tmp_path.resolve(), {})
    assert manifest.settings["kind"] == "folder"


def test_the_same_folder_gives_the_same_bytes_and_reads_back(tmp_path: Path) -> None:
    two_classes(tmp_path / "data")

    digests = []
    for name in ("one.csv", "two.csv"):
        manifest, polygons = import_images("folder", tmp_path / "data", options=BY_SLIDE)
        digests.append(write_manifest(tmp_path / name, manifest, polygons))

    assert digests[0] == digests[1]
    assert read_manifest(tmp_path / "one.csv").rows == manifest.rows


def test_counts_other_than_published_are_refused_class_by_class(tmp_path: Path) -> None:
    image_at(tmp_path / "im_Parabasal" / "CROPPED" / "001_01.bmp")

    with pytest.raises(
        SourceError,
        match=r"1 of 4049 in all: Dyskeratotic 0 instead of 813.*Parabasal 1 instead of 787.*"
        r"1 groups \(cluster image\) instead of 966",
    ) as refused:
        import_images("sipakmed", tmp_path)
    assert "--allow-partial" in refused.value.hint


def test_a_part_that_is_allowed_is_noted(tmp_path: Path) -> None:
    image_at(tmp_path / "im_Parabasal" / "CROPPED" / "001_01.bmp")

    manifest, _ = import_images("sipakmed", tmp_path, allow_partial=True)

    assert any("1 of 4049 in all" in note for note in manifest.notes)


def test_outlines_are_kept_with_their_cell_and_read_back(tmp_path: Path) -> None:
    cell = tmp_path / "im_Parabasal" / "CROPPED" / "001_01.bmp"
    image_at(cell)
    for name in ("cyt", "nuc"):
        cell.with_name(f"001_01_{name}.dat").write_text(OUTLINE)

    manifest, polygons = import_images("sipakmed", tmp_path, allow_partial=True)
    write_manifest(tmp_path / "m.csv", manifest, polygons)

    points = [[1.5, 2.0], [9.0, 2.25], [9.0, 8.0]]
    assert polygons == {"Parabasal/001_01": {"cytoplasm": points, "nucleus": points}}
    assert read_polygons(tmp_path / "m.csv") == polygons


@pytest.mark.parametrize(
    "text", ["", "1,2\n3,4\n", "1,2\n3\n4,5\n6,7,8\n", "a,b\n1,2\n3,4\n", "nan,1\n" * 3]
)
def test_a_damaged_outline_is_noted_and_stops_nothing(tmp_path: Path, text: str) -> None:
    cell = tmp_path / "im_Parabasal" / "CROPPED" / "001_01.bmp"
    image_at(cell)
    cell.with_name("001_01_cyt.dat").write_text(OUTLINE)
    cell.with_name("001_01_nuc.dat").write_text(text)

    manifest, polygons = import_images("sipakmed", tmp_path, allow_partial=True)

    assert list(polygons["Parabasal/001_01"]) == ["cytoplasm"]
    damaged = "im_Parabasal/CROPPED/001_01_nuc.dat"
    assert f"left out 1 outlines that cannot be read: {damaged}" in manifest.notes


def test_an_outline_that_leaves_its_image_is_kept_and_noted(tmp_path: Path) -> None:
    cell = tmp_path / "im_Parabasal" / "CROPPED" / "001_01.bmp"
    image_at(cell, width=8)
    cell.with_name("001_01_nuc.dat").write_text(OUTLINE)

    manifest, polygons = import_images("sipakmed", tmp_path, allow_partial=True)

    assert "nucleus" in polygons["Parabasal/001_01"]
    assert any(note.startswith("1 outlines reach beyond their image") for note in manifest.notes)


def test_unreadable_files_are_listed_all_at_once(tmp_path: Path) -> None:
    two_classes(tmp_path)
    (tmp_path / "bad" / "s3_1.png").write_bytes(b"")
    (tmp_path / "good" / "s4_1.jpg").write_text("not a picture")

    with pytest.raises(SourceError) as refused:
        import_images("folder", tmp_path, options=BY_SLIDE)

    assert "2 files are no readable images" in str(refused.value)
    assert "bad/s3_1.png is empty" in str(refused.value)
    assert "good/s4_1.jpg is not a picture" in str(refused.value)
    assert "--skip-unreadable" in refused.value.hint


def test_unreadable_files_are_left_out_when_asked_and_noted(tmp_path: Path) -> None:
    two_classes(tmp_path)
    (tmp_path / "bad" / "s3_1.png").write_bytes(b"")
    options = ImportOptions(groups=BY_SLIDE.groups, skip_unreadable=True)

    manifest, _ = import_images("folder", tmp_path, options=options)

    assert len(manifest.rows) == 3
    assert any("left out 1 files" in n and "bad/s3_1.png is empty" in n for n in manifest.notes)


def test_a_folder_of_unreadable_files_alone_is_refused_even_so(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "1.png").write_bytes(b"")

    with pytest.raises(SourceError, match="1 files are no readable images"):
        import_images("folder", tmp_path, options=ImportOptions(skip_unreadable=True))


def test_animated_and_sixteen_bit_images_are_imported_for_the_check_to_list(
    tmp_path: Path,
) -> None:
    two_classes(tmp_path)
    frames = [Image.new("P", (12, 10), shade) for shade in (1, 2)]
    frames[0].save(tmp_path / "bad" / "s5_1.gif", save_all=True, append_images=frames[1:])
    deep = Image.fromarray(np.full((10, 12), 999, dtype=np.uint16))
    deep.save(tmp_path / "bad" / "s5_2.png")

    manifest, _ = import_images("folder", tmp_path, options=BY_SLIDE)

    assert {"bad/s5_1.gif", "bad/s5_2.png"} < {row.id for row in manifest.rows}


def test_a_truncated_image_is_imported_for_the_check_to_list(tmp_path: Path) -> None:
    two_classes(tmp_path)
    whole = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(whole, "JPEG")
    (tmp_path / "bad" / "s6_1.jpg").write_bytes(whole.getvalue()[:-500])

    manifest, _ = import_images("folder", tmp_path, options=BY_SLIDE)

    assert "bad/s6_1.jpg" in {row.id for row in manifest.rows}


def cric_folder(root: Path, x: int = 50, width: int = 1376) -> None:
    image_at(root / "a.png", width=width, height=1020)
    head = "image_id,image_filename,image_doi,cell_id,bethesda_system,nucleus_x,nucleus_y"
    lines = [f"1,a.png,d,1,LSIL,{x},700", "1,a.png,d,2,HSIL,9,9", "2,b.png,d,3,SCC,9,9"]
    (root / "classifications.csv").write_text("\n".join([head, *lines]))


def test_cells_of_one_field_share_its_size_and_digest(tmp_path: Path) -> None:
    cric_folder(tmp_path)

    manifest, _ = import_images("cric", tmp_path, allow_partial=True)

    first, second = manifest.rows
    assert (first.id, first.box) == ("a:1", Box(0, 650, 100, 100))
    assert (first.sha256, first.width, first.height) == (second.sha256, 1376, 1020)
    assert "1 images that the table names are not there: b.png" in manifest.notes


def test_images_that_a_table_names_and_that_are_absent_are_refused(tmp_path: Path) -> None:
    cric_folder(tmp_path)

    with pytest.raises(SourceError, match=r"1 images that the table names are not there: b\.png"):
        import_images("cric", tmp_path)


def test_a_nucleus_outside_its_field_is_refused_with_its_line(tmp_path: Path) -> None:
    cric_folder(tmp_path, x=1377)

    with pytest.raises(SourceError, match=r"1 cells lie outside .*classifications\.csv, line 2"):
        import_images("cric", tmp_path, allow_partial=True)


def test_fields_of_another_size_than_published_are_noted(tmp_path: Path) -> None:
    cric_folder(tmp_path, width=1280)

    manifest, _ = import_images("cric", tmp_path, allow_partial=True)

    assert any("not of the published 1376 x 1020 pixels" in note for note in manifest.notes)


def test_a_box_wholly_outside_its_image_is_refused_and_one_across_the_border_is_not(
    tmp_path: Path,
) -> None:
    image_at(tmp_path / "f.png", width=12, height=10)
    head = "path,label,left,top,box_width,box_height\n"
    across, outside = "f.png,A,-4,8,5,5\n", "f.png,B,12,0,5,5\n"
    table = tmp_path / "cells.csv"

    table.write_text(head + across)
    assert len(import_images("csv", tmp_path)[0].rows) == 1
    table.write_text(head + across + outside)
    with pytest.raises(SourceError, match=r"1 cells lie outside their image: cells\.csv, line 3"):
        import_images("csv", tmp_path)


def test_a_resized_copy_is_told_by_its_single_size(tmp_path: Path) -> None:
    folder = tmp_path / "im_Parabasal" / "CROPPED"
    image_at(folder / "001_01.bmp")
    image_at(folder / "001_02.bmp")
    notes = import_images("sipakmed", tmp_path, allow_partial=True)[0].notes
    assert any("all images are 12 x 10 pixels" in note for note in notes)

    image_at(folder / "001_03.bmp", width=20)
    notes = import_images("sipakmed", tmp_path, allow_partial=True)[0].notes
    assert not any("all images are" in note for note in notes)


def test_progress_ends_at_the_number_of_files(tmp_path: Path) -> None:
    two_classes(tmp_path)
    told: list[tuple[str, int, int | None]] = []

    import_images("folder", tmp_path, options=BY_SLIDE, tell=lambda *what: told.append(what))

    assert told[-1] == ("files read", 3, 3)


def test_an_unknown_kind_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="'herlef' is no kind of data set") as refused:
        import_images("herlef", tmp_path)
    assert all(kind in refused.value.hint for kind in KINDS)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("herlev", ImportOptions(crop=90), "herlev takes no --crop"),
        ("csv", BY_SLIDE, "csv takes no --group-regex or --groups"),
        ("folder", ImportOptions(metaplastic="normal"), "folder takes no --metaplastic"),
        ("mendeley", ImportOptions(seed=0), "mendeley takes no --seed"),
    ],
)
def test_an_option_of_another_kind_is_refused(
    tmp_path: Path, kind: str, options: ImportOptions, message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        import_images(kind, tmp_path, options=options)


def test_made_images_are_drawn_imported_and_marked_as_made(tmp_path: Path) -> None:
    drawing = SyntheticSettings(slides_per_class=2, cells_per_slide=3, image_size=48)

    manifest, polygons = import_images(
        "synthetic", tmp_path / "made", options=ImportOptions(drawing=drawing, seed=3)
    )

    assert manifest.dataset == "synthetic"
    assert set(manifest.counts().values()) == {6}
    assert len({row.group for row in manifest.rows}) == 10
    assert len(polygons) == 30
    assert manifest.notes[0].startswith("made images: drawn, not photographed")
    assert manifest.settings["seed"] == 3


@needs_shared
def test_herlev_is_whole_with_its_masks_and_groups() -> None:
    manifest, _ = import_images("herlev", SHARED / "herlev")

    assert manifest.counts() == {
        "normal_superficiel": 74,
        "normal_intermediate": 70,
        "normal_columnar": 98,
        "light_dysplastic": 182,
        "moderate_dysplastic": 146,
        "severe_dysplastic": 197,
        "carcinoma_in_situ": 150,
    }
    assert len({row.group for row in manifest.rows}) == 538
    assert len({row.strict_group for row in manifest.rows}) == 323
    classes_of_group = Counter(group for group, _ in {(r.group, r.label) for r in manifest.rows})
    assert set(classes_of_group.values()) == {1}
    masks = {row.mask for row in manifest.rows}
    assert len(masks) == 917
    assert all(mask and (manifest.root / mask).is_file() for mask in masks)


@needs_shared
@pytest.mark.parametrize("grades", [6, 4])
def test_the_part_of_cric_has_its_cells(grades: int) -> None:
    manifest, _ = import_images(
        "cric", SHARED / "cric", options=ImportOptions(grades=grades), allow_partial=True
    )

    counts = {"NILM": 3393, "ASC-US": 331, "LSIL": 409, "ASC-H": 77, "HSIL": 193, "SCC": 65}
    if grades == 4:
        del counts["ASC-US"], counts["ASC-H"]
    assert manifest.counts() == counts
    assert len({row.group for row in manifest.rows}) == 183


@needs_shared
def test_the_part_of_cric_is_refused_as_the_whole() -> None:
    with pytest.raises(SourceError, match=r"4468 of 11534 in all.*183 groups \(field\)"):
        import_images("cric", SHARED / "cric")


@needs_shared
def test_ten_cells_of_sipakmed_are_found() -> None:
    manifest, _ = import_images("sipakmed", SHARED / "sipakmed-samples", allow_partial=True)

    assert set(manifest.counts().values()) == {2}
    assert len({row.group for row in manifest.rows}) == 6

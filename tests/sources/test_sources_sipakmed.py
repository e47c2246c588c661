from __future__ import annotations

from pathlib import Path

import pytest

from papscope.errors import SourceError
from papscope.sources import sipakmed
from papscope.taxonomy import classes_of


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


LAYOUTS = {
    "official": "im_Dyskeratotic/CROPPED/001_03.bmp",
    "doubled": "im_Dyskeratotic/im_Dyskeratotic/CROPPED/001_03.bmp",
    "deeper": "SIPaKMeD/archive/im_Dyskeratotic/CROPPED/001_03.BMP",
    "misspelt": "im_Dyskertotic/CROPPED/001_03.bmp",
    "capitals": "IM_DYSKERATOTIC/cropped/001_03.Bmp",
    "mirror": "abnormal_Dyskeratotic/001_03.bmp",
    "png": "im_Dyskeratotic/CROPPED/001_03.png",
    "jpg": "Dyskeratotic/001_03.jpg",
    "prefixed": "Dyskeratotic/im_Dyskeratotic_001_03.jpg",
    "unpadded": "Dyskeratotic/1_3.jpg",
}


@pytest.mark.parametrize("path", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_cell_has_one_id_and_group_in_every_layout(tmp_path: Path, path: str) -> None:
    touch(tmp_path, path)

    (cell,) = sipakmed.find(tmp_path).items

    assert (cell.id, cell.label) == ("Dyskeratotic/001_03", "Dyskeratotic")
    assert (cell.group, cell.parent) == ("Dyskeratotic/001", "Dyskeratotic/001")
    assert str(cell.path) == path


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        ("im_Superficial-Intermediate", "Superficial-Intermediate"),
        ("im_Superficial_Intermediate", "Superficial-Intermediate"),
        ("normal_Superficial-Intermediate", "Superficial-Intermediate"),
        ("normal_Parabasal", "Parabasal"),
        ("benign_Metaplastic", "Metaplastic"),
        ("abnormal_Koilocytotic", "Koilocytotic"),
    ],
)
def test_a_class_is_read_from_every_spelling_of_its_folder(
    tmp_path: Path, folder: str, label: str
) -> None:
    touch(tmp_path, f"{folder}/001_01.bmp")

    assert [cell.label for cell in sipakmed.find(tmp_path).items] == [label]


def test_cluster_numbers_that_start_again_in_each_class_are_different_groups(
    tmp_path: Path,
) -> None:
    touch(tmp_path, "im_Parabasal/CROPPED/001_01.bmp", "im_Metaplastic/CROPPED/001_01.bmp")

    groups = [cell.group for cell in sipakmed.find(tmp_path).items]

    assert groups == ["Metaplastic/001", "Parabasal/001"]


def test_cells_and_cluster_images_are_told_apart_and_outlines_go_with_each(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "im_Parabasal/001.bmp",
        "im_Parabasal/001_cyt01.dat",
        "im_Parabasal/001_nuc01.dat",
        "im_Parabasal/CROPPED/001_01.bmp",
        "im_Parabasal/CROPPED/001_01_cyt.dat",
        "im_Parabasal/CROPPED/001_01_NUC.DAT",
    )

    cells, clusters = sipakmed.find(tmp_path), sipakmed.find(tmp_path, what="clusters")

    (cell,) = cells.items
    assert cell.outlines == {
        "cytoplasm": "im_Parabasal/CROPPED/001_01_cyt.dat",
        "nucleus": "im_Parabasal/CROPPED/001_01_NUC.DAT",
    }
    (cluster,) = clusters.items
    assert (cluster.id, cluster.group, cluster.parent) == ("Parabasal/001", "Parabasal/001", None)
    assert cluster.outlines == {
        "cytoplasm-01": "im_Parabasal/001_cyt01.dat",
        "nucleus-01": "im_Parabasal/001_nuc01.dat",
    }
    assert (cells.expected, clusters.expected) == (sipakmed.CELLS, sipakmed.CLUSTERS)


def test_the_published_counts_are_those_of_the_paper() -> None:
    assert (sum(sipakmed.CELLS.values()), sum(sipakmed.CLUSTERS.values())) == (4049, 966)


def test_masks_leftovers_and_strays_are_no_cells_and_are_told(tmp_path: Path) -> None:
    folder = "im_Parabasal/CROPPED"
    strays = ("001_01_cyt.png", "001_01_nuc.bmp", "001_01.bmpnew2.jpg", "Thumbs.db")
    touch(tmp_path, f"{folder}/001_01.bmp", *(f"{folder}/{name}" for name in strays))
    touch(tmp_path, "elsewhere/001_01.bmp")

    found = sipakmed.find(tmp_path)

    assert [cell.id for cell in found.items] == ["Parabasal/001_01"]
    told = " ".join(found.notes)
    assert "passed over 2 files: mask or outline" in told
    assert "passed over 1 file: left over from an old augmentation script" in told
    assert "passed over 1 file: no image (im_Parabasal/CROPPED/Thumbs.db)" in told
    assert "passed over 1 file: no class folder (elsewhere/001_01.bmp)" in told


def test_a_tree_that_is_divided_already_keeps_its_parts(tmp_path: Path) -> None:
    touch(tmp_path, "train/Parabasal/001_01.bmp", "val/Parabasal/002_01.bmp")
    touch(tmp_path, "Test/Parabasal/003_01.bmp")

    assert [cell.part for cell in sipakmed.find(tmp_path).items] == ["train", "val", "test"]


def test_a_cell_that_is_there_twice_is_refused_with_both_places(tmp_path: Path) -> None:
    touch(tmp_path, "train/Parabasal/001_01.bmp", "test/Parabasal/001_01.bmp")

    places = r"test/Parabasal/001_01\.bmp and train/Parabasal/001_01\.bmp"
    with pytest.raises(SourceError, match=f"1 images or cells are there twice: {places}"):
        sipakmed.find(tmp_path)


def test_names_that_do_not_tell_the_cluster_are_refused_when_many(tmp_path: Path) -> None:
    touch(tmp_path, *(f"Parabasal/001_{cell:02}.bmp" for cell in range(1, 10)))
    touch(tmp_path, "Parabasal/renamed.bmp")

    with pytest.raises(SourceError, match="only 9 of 10 images tell their cluster image"):
        sipakmed.find(tmp_path)


def test_a_few_names_that_do_not_tell_the_cluster_are_kept_and_told(tmp_path: Path) -> None:
    touch(tmp_path, *(f"Parabasal/001_{cell:02}.bmp" for cell in range(1, 20)))
    touch(tmp_path, "Parabasal/renamed.bmp")

    found = sipakmed.find(tmp_path)

    assert [cell.group for cell in found.items].count(None) == 1
    assert "1 images tell no cluster image: Parabasal/renamed.bmp" in found.notes


@pytest.mark.parametrize("side", ["normal", "abnormal"])
def test_metaplastic_cells_count_as_asked_and_the_manifest_says_so(
    tmp_path: Path, side: str
) -> None:
    touch(tmp_path, "im_Metaplastic/CROPPED/001_01.bmp")

    found = sipakmed.find(tmp_path, metaplastic="abnormal" if side == "abnormal" else "normal")

    assert {one.name: one.side for one in found.classes}["Metaplastic"] == side
    assert [one.name for one in found.classes] == [one.name for one in classes_of("sipakmed")]
    assert any(note.startswith(f"metaplastic cells count as {side}") for note in found.notes)


def test_archives_that_are_not_unpacked_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "im_Parabasal.7z")

    with pytest.raises(SourceError, match=r"archives and no images.*im_Parabasal\.7z"):
        sipakmed.find(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no images of the data set"):
        sipakmed.find(tmp_path)

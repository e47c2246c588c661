from __future__ import annotations

from pathlib import Path

import pytest

from papscope.errors import SourceError
from papscope.sources import herlev

STEM = "149143370-149143378-001"


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


@pytest.mark.parametrize(
    ("folder", "image", "mask"),
    [
        ("smear2005/New database pictures/carcinoma_in_situ", f"{STEM}.BMP", f"{STEM}-d.bmp"),
        ("carcinoma_in_situ", f"{STEM}.jpg", f"{STEM}-d.jpg"),
        ("Carcinoma in situ", f"{STEM}.bmp", f"{STEM}-D.BMP"),
    ],
)
def test_a_cell_is_found_with_its_mask_which_is_no_image(
    tmp_path: Path, folder: str, image: str, mask: str
) -> None:
    touch(tmp_path, f"{folder}/{image}", f"{folder}/{mask}", "smear2005/results.xls")

    (cell,) = herlev.find(tmp_path).items

    assert (cell.id, cell.label) == (f"carcinoma_in_situ/{STEM}", "carcinoma_in_situ")
    assert (str(cell.path), str(cell.mask)) == (f"{folder}/{image}", f"{folder}/{mask}")


def test_groups_are_the_first_nineteen_characters_and_strictly_the_first_nine(
    tmp_path: Path,
) -> None:
    touch(tmp_path, f"light_dysplastic/{STEM}.BMP")

    (cell,) = herlev.find(tmp_path).items

    assert (cell.group, cell.strict_group) == ("149143370-149143378", "149143370")


@pytest.mark.parametrize("folder", ["normal_superficiel", "normal_superficial"])
def test_the_superficial_class_keeps_its_published_spelling(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, f"{folder}/{STEM}.BMP")

    assert [cell.label for cell in herlev.find(tmp_path).items] == ["normal_superficiel"]


def test_an_image_without_a_mask_is_told(tmp_path: Path) -> None:
    touch(tmp_path, f"light_dysplastic/{STEM}.BMP")

    assert "1 images have no mask" in herlev.find(tmp_path).notes


def test_the_published_counts_sum_to_917() -> None:
    assert sum(herlev.CELLS.values()) == 917


def test_renamed_files_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "light_dysplastic/1.bmp", "light_dysplastic/2.bmp")

    with pytest.raises(SourceError, match="only 0 of 2 images tell their group"):
        herlev.find(tmp_path)


def test_a_copy_divided_into_train_and_test_keeps_its_parts(tmp_path: Path) -> None:
    touch(tmp_path, f"train/light_dysplastic/{STEM}.BMP")
    touch(tmp_path, f"test/light_dysplastic/{STEM[:-1]}2.BMP")

    assert [cell.part for cell in herlev.find(tmp_path).items] == ["train", "test"]

from __future__ import annotations

from pathlib import Path

import pytest

from papscope.errors import SourceError
from papscope.sources import mendeley

HSIL = "High squamous intra-epithelial lesion"
LSIL = "Low squamous intra-epithelial lesion"
NILM = "Negative for Intraepithelial malignancy"
SCC = "Squamous cell carcinoma"


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


def test_fields_get_bethesda_names_and_slides_from_the_published_names(tmp_path: Path) -> None:
    touch(tmp_path, f"{HSIL}/HSIL_2 (10).jpg", f"{LSIL}/LSIL_4 (37).jpg", f"{NILM}/Results.csv")
    touch(tmp_path, f"{NILM}/NL_10_ (5).jpg", f"{SCC}/scc_1 (21).jpg", f"{SCC}/SCC_3 (11).jpg")

    found = mendeley.find(tmp_path)

    assert [(field.label, field.group) for field in found.items] == [
        ("HSIL", "hsil_2"),
        ("LSIL", "lsil_4"),
        ("NILM", "nl_10"),
        ("SCC", "scc_3"),
        ("SCC", "scc_1"),
    ]
    assert [field.label for field in found.items if "High" in str(field.path)] == ["HSIL"]
    assert f"passed over 1 file: no image ({NILM}/Results.csv)" in found.notes


def test_one_slide_written_in_two_ways_is_one_group(tmp_path: Path) -> None:
    touch(tmp_path, f"{SCC}/scc_1 (2).jpg", f"{SCC}/SCC_1_(3).jpg", f"{SCC}/SCC_1 (4).jpg")

    assert {field.group for field in mendeley.find(tmp_path).items} == {"scc_1"}


def test_the_published_counts_sum_to_962() -> None:
    assert sum(mendeley.FIELDS.values()) == 962


def test_a_folder_whose_name_is_near_two_classes_is_taken_for_none(tmp_path: Path) -> None:
    touch(tmp_path, "squamous intra-epithelial lesion/HSIL_2 (10).jpg")

    with pytest.raises(SourceError, match="holds no images of the data set"):
        mendeley.find(tmp_path)


def test_names_without_a_slide_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, f"{SCC}/1.jpg")

    with pytest.raises(SourceError, match="only 0 of 1 images tell their slide"):
        mendeley.find(tmp_path)

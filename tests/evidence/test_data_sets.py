"""What the package says of public data sets is what their pages and importers say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from papscope.evidence.reading import base_name, known_data_sets
from papscope.taxonomy import KNOWN

PAGES = Path(__file__).parents[2] / "docs" / "datasets"
NAMES = sorted(known_data_sets())


def prose(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("name", NAMES)
def test_citation_and_counts_stand_on_the_data_sets_page(name: str) -> None:
    content = known_data_sets()[name].content
    text = prose((PAGES / f"{name}.md").read_text(encoding="utf-8"))

    if "counts" in content:
        assert content["citation"] in text
    for label, number in content.get("counts", {}).items():
        assert re.search(rf"\| {label}\b[^|]*\|[^\n]*?\b{number} \|", text), label
    number, _, _ = content["groups_are"].partition(" ") if "groups_are" in content else ("", "", "")
    assert number in text


@pytest.mark.parametrize("name", [one for one in NAMES if one in KNOWN])
def test_its_classes_are_those_that_its_importer_makes(name: str) -> None:
    counts = known_data_sets()[name].content["counts"]

    assert set(counts) == {one.name for one in KNOWN[name]}


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_every_card_needs(name: str) -> None:
    content = known_data_sets()[name].content

    for key in ("title", "what", "preparation", "labels", "groups", "terms", "citation", "where"):
        assert content[key].strip()
    assert content["faults"]


def test_a_form_of_a_data_set_is_known_by_its_base() -> None:
    assert [base_name(one) for one in ("cric-4", "cric", "own-cells")] == ["cric", "cric", "own"]

"""The cards of the data sets say what the importers hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from papscope.sources import cric, herlev, mendeley, sipakmed
from papscope.sources.kinds import KINDS

CARDS = Path(__file__).parents[2] / "docs" / "datasets"


def card(name: str) -> str:
    return (CARDS / f"{name}.md").read_text(encoding="utf-8")


def counts(text: str, column: int) -> dict[str, int]:
    """Class and number of each row of a card's first table."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return {
        row[0].split("(")[0].strip(): int(row[column])
        for row in rows
        if row[column].strip().isdigit()
    }


@pytest.mark.parametrize(
    ("name", "column", "published"),
    [
        ("sipakmed", 1, sipakmed.CLUSTERS),
        ("sipakmed", 2, sipakmed.CELLS),
        ("herlev", 1, herlev.CELLS),
        ("cric", 1, cric.CELLS),
        ("mendeley", 2, mendeley.FIELDS),
    ],
)
def test_a_cards_counts_are_those_that_an_import_is_held_against(
    name: str, column: int, published: Mapping[str, int]
) -> None:
    assert counts(card(name), column) == {**published, "all": sum(published.values())}


@pytest.mark.parametrize(
    ("name", "citation"),
    [
        ("sipakmed", sipakmed.CITATION),
        ("herlev", herlev.CITATION),
        ("cric", cric.CITATION),
        ("mendeley", mendeley.CITATION),
    ],
)
def test_a_card_cites_as_the_manifest_does(name: str, citation: str) -> None:
    assert citation in " ".join(card(name).split())


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"folder", "csv"}))
def test_every_kind_of_published_data_has_a_card_that_shows_its_import(name: str) -> None:
    assert re.search(rf"^\$ papscope import {name} ", card(name), re.MULTILINE)

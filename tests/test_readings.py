"""What reports may say of a class: sourced, no verdict, and of own classes only what was said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from papscope.literature import SOURCES, TOLD
from papscope.readings import (
    NO_CATEGORY,
    NOT_SAID,
    Reading,
    reading_of,
    readings,
    to_json,
)
from papscope.shipped import HOME
from papscope.taxonomy import CATEGORIES, KNOWN, CellClass, classes_of

EVERY = [(dataset, one) for dataset in KNOWN for one in readings(dataset)]
NAMES = [f"{dataset} {one.name}" for dataset, one in EVERY]


def named(dataset: str) -> dict[str, Reading]:
    return {one.name: one for one in readings(dataset)}


@pytest.mark.parametrize("dataset", KNOWN)
def test_every_class_of_a_known_data_set_is_told_of_and_nothing_else(dataset: str) -> None:
    assert set(TOLD[dataset]) >= {one.name for one in KNOWN[dataset]}
    strange = set(TOLD[dataset]) - {one.name for one in KNOWN[dataset]}
    assert strange <= {"NILM", "ASC-US", "ASC-H"}  # shared with sets that have all six


@pytest.mark.parametrize(("dataset", "one"), EVERY, ids=NAMES)
def test_every_reading_has_a_reason_and_the_books_that_it_rests_on(
    dataset: str, one: Reading
) -> None:
    assert one.why
    assert "Bethesda" in one.sources
    assert set(one.sources) <= set(SOURCES)
    assert len(set(one.sources)) == len(one.sources) >= 2  # the data set's own paper too
    assert one.category == NO_CATEGORY or one.category in CATEGORIES


@pytest.mark.parametrize(("dataset", "one"), EVERY, ids=NAMES)
def test_a_category_is_only_ever_what_cells_are_consistent_with(dataset: str, one: Reading) -> None:
    if one.category == NO_CATEGORY:
        assert "no single Bethesda category" in one.sentence
        assert "consistent with" not in one.sentence
    else:
        assert one.sentence.startswith(f"cells consistent with {one.category}")


def test_readings_with_a_trap_carry_their_caution() -> None:
    assert "mimic ASC-H" in named("sipakmed")["Parabasal"].caution
    assert "either side" in named("sipakmed")["Metaplastic"].caution
    assert "cytopathic effect of HPV" in named("sipakmed")["Koilocytotic"].sentence
    assert "within HSIL" in named("herlev")["carcinoma_in_situ"].caution
    for dataset in ("cric", "lbc11"):
        for name in ("ASC-US", "ASC-H"):
            assert named(dataset)[name].caution == "a degree of doubt, not a grade"
    assert all("whole field of view" in one.caution for one in readings("mendeley"))


def test_dyskeratosis_is_referred_and_never_read_as_hsil() -> None:
    one = named("sipakmed")["Dyskeratotic"]

    assert one.category == NO_CATEGORY
    assert one.sentence == "abnormal keratinisation, of no single Bethesda category: refer"
    assert one.caution == "it is no sign of HSIL by itself"


def test_organisms_have_no_category_and_are_no_grade() -> None:
    organisms = [one for one in classes_of("lbc11") if one.bethesda is None]

    assert [one.name for one in organisms] == [
        "actinomyces", "candida", "flora", "herpes", "trichomonas",
    ]  # fmt: skip
    assert all(one.side == "normal" for one in organisms)
    assert all(one.grade is None for one in classes_of("lbc11"))


def test_somebodys_own_class_is_not_taken_for_a_published_one_of_its_name() -> None:
    own = reading_of(CellClass("HSIL", "abnormal"))

    assert (own.category, own.sentence, own.sources) == (NOT_SAID, "cells labelled HSIL", ())


def test_a_category_that_somebody_gave_their_own_class_is_told_as_theirs() -> None:
    own = reading_of(CellClass("cin1", "abnormal", "LSIL"))

    assert own.sentence == "cells consistent with LSIL"
    assert own.why == "said by whoever imported the data"


def test_a_class_that_was_moved_to_the_other_side_says_so() -> None:
    [moved] = [one for one in classes_of("sipakmed", metaplastic="abnormal") if one.name[0] == "M"]
    assert reading_of(moved).caution.endswith("; counted as abnormal here")
    assert "counted" not in reading_of(replace(moved, side="normal")).caution


def test_a_data_sets_own_reading_is_found_first_where_sets_share_names() -> None:
    hsil = CellClass("HSIL", "abnormal", "HSIL")
    assert reading_of(hsil, "mendeley").sources == ("Bethesda", "Mendeley")
    assert reading_of(hsil, "mine").sources == ("Bethesda", "CRIC")


def test_shipped_models_need_no_sentences_of_their_own() -> None:
    for place in sorted(HOME.glob("*/bundle.json")):
        content = json.loads(place.read_text(encoding="utf-8"))
        for value in content["classes"]:
            assert set(value) == {"name", "side", "bethesda", "grade", "note"}
            assert reading_of(CellClass.from_json(value)).sources


def test_sources_are_given_in_full_for_programs() -> None:
    one = classes_of("herlev")[3]

    told = to_json(one, reading_of(one, "herlev"))

    assert told["sentence"] == "cells consistent with LSIL: mild dysplasia (CIN 1)"
    assert told["sources"] == [SOURCES["Bethesda"], SOURCES["Herlev"]]
    assert told["bethesda"] == "LSIL"


@pytest.mark.parametrize("dataset", ["sipakmed", "herlev", "mendeley", "cric", "lbc11"])
def test_a_source_is_cited_as_on_the_data_sets_card(dataset: str) -> None:
    card = Path(__file__).parents[1] / "docs" / "datasets" / f"{dataset}.md"
    paper = SOURCES[readings(dataset)[0].sources[-1]]

    assert paper.partition(",")[0] in " ".join(card.read_text(encoding="utf-8").split())

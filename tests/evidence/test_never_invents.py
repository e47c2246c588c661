"""The pack answers nothing that no file and no person says."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import made_run
import pytest

from papscope.evidence.checklists import CHECKLISTS, DATA_CARD, Answered, checklist, fill_in
from papscope.evidence.documents import Document, Documents, Source
from papscope.evidence.measuring import EvidenceInput
from papscope.evidence.pack import Pack, evidence
from papscope.evidence.points import points, worded
from papscope.evidence.reading import sections
from papscope.evidence.wording import WORDS
from papscope.files import digest_of

EVERY = (*CHECKLISTS, DATA_CARD)
ROLES = {"bundle", "card", "run", "crossval", "folds", "scores", "external", "manifest", "split",
         "dataset", "program", "words", "bill"}  # fmt: skip


@pytest.fixture(scope="module", params=["run", "cv", "cric-6"])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Pack, Path]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "cric-6":
        given = EvidenceInput(resamples=100)
        return evidence("cric-6", folder / "out", given=given), Path(
            str(files("papscope.models") / "cric-6")
        )
    {"run": made_run.run, "cv": made_run.crossval}[request.param](folder)
    splits = (folder / "split.csv",) if request.param == "run" else ()
    given = EvidenceInput(manifests=(folder / "cells.csv",), splits=splits, resamples=100)
    return evidence(folder / request.param, folder / "out", given=given), folder / request.param


def items(pack: Pack) -> Iterator[Answered]:
    for one in pack.checklists:
        yield from one.items


@pytest.mark.parametrize("name", EVERY)
def test_without_any_file_every_item_is_open(name: str) -> None:
    filled = fill_in(name, Documents(), {})

    assert {one.status for one in filled.items} == {"open"}
    assert all(one.answer == "" and one.sources == () for one in filled.items)
    assert all(one.missing == one.item.points for one in filled.items)


def test_what_is_not_open_has_an_answer_with_a_source(made: tuple[Pack, Path]) -> None:
    pack, _ = made
    for one in items(pack):
        assert (one.status == "open") == (one.answer == "") == (one.sources == ())
        for source in one.sources:
            assert source.value
            assert source.value in one.answer


def test_an_item_is_answered_only_when_each_point_of_it_is(made: tuple[Pack, Path]) -> None:
    pack, _ = made
    seen = set()
    for one in items(pack):
        applies = one.status != "not applicable"
        assert (one.status == "partly") == (bool(one.sources) and bool(one.missing))
        assert (one.status == "known") == (bool(one.sources) and not one.missing and applies)
        seen.add(one.status)
    assert seen == {"known", "partly", "open", "not applicable"}


def test_every_value_stands_in_the_file_that_is_named(made: tuple[Pack, Path]) -> None:
    pack, place = made
    read = 0
    for one in items(pack):
        for source in one.sources:
            file = found(source, place)
            if source.computed or file is None:
                continue
            assert digest_of(file) == source.sha256
            value = looked_up(content_of(file), source.key)
            words = {worded(value, word) for word in (None, *WORDS)}
            assert source.value in words, f"{source.file}: {source.key}"
            read += 1
    assert read > 50


def test_without_the_key_an_item_no_longer_says_what_stood_there(made: tuple[Pack, Path]) -> None:
    pack, _ = made
    for one in pack.checklists:
        for before in one.items:
            for source in before.sources:
                after = item(one.checklist.name, before, without(pack.documents, (source,)))

                assert (source.file, source.key) not in {(s.file, s.key) for s in after.sources}


def test_without_all_of_its_keys_an_item_is_open(made: tuple[Pack, Path]) -> None:
    pack, _ = made
    for one in pack.checklists:
        for before in one.items:
            documents, now = pack.documents, before
            while now.sources:
                documents = without(documents, now.sources)
                now = item(one.checklist.name, before, documents)

            assert (now.status, now.answer) == ("open", "")


def test_a_run_never_answers_what_only_a_person_knows(made: tuple[Pack, Path]) -> None:
    pack, _ = made
    asked = set(pack.waiting)
    assert {"ethics", "funding", "registration", "demographics", "annotators"} <= asked
    assert {"conflicts", "deidentification", "agreement", "eligibility", "monitoring"} <= asked


def test_gaps_name_roles_and_words_that_there_are() -> None:
    for point in points().values():
        for sentence in (*point.first, *point.every, *point.no_use):
            gaps = re.findall(r"\{(\w+):([^}|]*)(?:\|([\w-]+))?\}", sentence)
            assert len(gaps) == sentence.count("{") == sentence.count("}") > 0
            for role, _, word in gaps:
                assert role in ROLES
                assert not word or word in WORDS


def test_every_point_serves_an_item_and_every_item_has_points() -> None:
    used = {name for one in EVERY for each in checklist(one).items for name in each.points}
    assert used == set(points())


TRIPOD = (
    "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 "
    "16 17 18a 18b 18c 18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"
)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("claim", " ".join(map(str, range(1, 45)))),
        ("tripod-ai", TRIPOD),
        ("gmlp", "1 2 3 4 5 6 7 8 9 10"),
    ],
)
def test_a_checklist_has_the_published_numbers(name: str, numbers: str) -> None:
    assert " ".join(one.number for one in checklist(name).items) == numbers


def item(name: str, before: Answered, documents: Documents) -> Answered:
    after = fill_in(name, documents, {}).items
    return next(one for one in after if one.item == before.item)


def without(documents: Documents, sources: tuple[Source, ...]) -> Documents:
    """The same files with some keys taken out of them."""
    gone = {(one.file, one.key) for one in sources}
    return Documents(tuple(_without(one, gone) for one in documents.every))


def _without(one: Document, gone: set[tuple[str, str]]) -> Document:
    keys = [key for file, key in gone if file == one.file]
    if "" in keys:
        return replace(one, role="gone")
    content = deepcopy(dict(one.content))
    for key in keys:
        *above, last = key.split(".")
        table = looked_up(content, ".".join(above))
        if table is not None:
            table.pop(last, None)
    return replace(one, content=content)


def looked_up(content: Any, key: str) -> Any:
    for name in key.split(".") if key else ():
        content = content[name] if isinstance(content, Mapping) and name in content else None
    return content


def found(source: Source, place: Path) -> Path | None:
    """The file itself, where it is one of the run's or of the package's."""
    tried = [
        place / source.file,
        place.parent / source.file,
        place.parent / "out" / source.file,
        Path(str(files("papscope"))).parent / source.file,
    ]
    return next((one for one in tried if one.is_file()), None)


def content_of(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".csv":
        return json.loads(text.partition("\n")[0].removeprefix("# "))
    if file.suffix == ".md":
        return sections(text)
    if file.suffix == ".py":
        from papscope.report.card import NOT_FOR

        return {"NOT_FOR": list(NOT_FOR)}
    return tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)

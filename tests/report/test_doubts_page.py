"""The page of labels in doubt asks a cytologist, shows the worst first, and fetches nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_cells import draw_cells, made_scores, told_all

from papscope.evaluate.doubts import Doubts, find_doubts
from papscope.report.doubts_page import write_doubts_page
from papscope.report.gallery import tiles
from papscope.taxonomy import CellClass, classes_of

pytest.importorskip("cleanlab", reason="the extra `train` is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("doubts")
    draw_cells(place / "cells", 42)
    return place


@pytest.fixture(scope="module")
def doubts(folder: Path) -> Doubts:
    scores = made_scores(folder / "cells", classes=classes_of("herlev"), **told_all())
    return find_doubts([scores], resamples=20)


def page(folder: Path, doubts: Doubts, most: int = 200, root: str | None = "cells") -> str:
    place = None if root is None else folder / root
    write_doubts_page(folder / "doubts.html", doubts, root=place, most=most)
    return (folder / "doubts.html").read_text(encoding="utf-8")


def test_a_doubt_is_told_as_a_question_and_never_as_an_error(folder: Path, doubts: Doubts) -> None:
    text = page(folder, doubts)
    assert "A label in doubt is a question to a cytologist, not an error." in text
    assert "The model may be what is wrong" in text
    assert "research only, not a medical device" in text
    assert "Nothing was changed" in text


def test_each_label_in_doubt_is_shown_worst_first(folder: Path, doubts: Doubts) -> None:
    text = page(folder, doubts)

    rows = doubts.rows()
    assert len(rows) > 5
    assert text.count("data:image/jpeg;base64,") == len(rows)
    told = re.findall(r"quality ([\d.]+)", text)
    assert told == [f"{one.quality:.3f}" for one in rows]
    captions = [re.sub(r"<[^>]+>", "", one) for one in re.findall(r"<figcaption>.*", text)]
    first = rows[0]
    assert captions[0].startswith(f"1 given {first.given}model: {first.suggested} ")
    assert f"{first.probability:.2f}" in captions[0]
    assert captions[0].endswith(str(first.group))


def test_under_each_picture_stands_what_is_said_of_it(folder: Path, doubts: Doubts) -> None:
    text = page(folder, doubts)

    shown = re.findall(r'src="(data:image/jpeg[^"]+)"', text)
    made = tiles(doubts.scores, doubts.suspects, folder / "cells")
    assert shown == [made[place].picture for place in doubts.suspects]
    assert [made[place].id for place in doubts.suspects] == [one.id for one in doubts.rows()]
    assert len(set(shown)) > 5  # they differ


def test_fewer_pictures_are_shown_if_asked(folder: Path, doubts: Doubts) -> None:
    text = page(folder, doubts, most=3)
    assert text.count("data:image/jpeg;base64,") == 3
    assert f"The worst 3 of {len(doubts.suspects)}" in text
    assert "Pictures were not asked for" in page(folder, doubts, most=0)


def test_pictures_that_are_not_there_leave_an_empty_tile(folder: Path, doubts: Doubts) -> None:
    text = page(folder, doubts, root="elsewhere")
    many = len(doubts.suspects)
    assert text.count(">no picture<") == many
    assert f"{many} of {many} pictures are not shown" in text
    assert page(folder, doubts, root=None).count(">no picture<") == many


def test_counts_and_shares_are_those_that_were_found(folder: Path, doubts: Doubts) -> None:
    text = page(folder, doubts)
    table = text.partition('id="counts"')[2].partition("</table>")[0]
    rows = re.findall(r"<tr><th scope=\"row\">.*", table)
    numbers = [re.findall(r'class="num(?: own)?">(\d+|\N{EN DASH})<', one) for one in rows]
    counts = [[str(one) for one in row] for row in doubts.counts.tolist()]
    for place in range(len(counts)):
        counts[place][place] = "\N{EN DASH}"
    assert numbers == counts
    for key, measure in doubts.noise.apart.items():
        line = re.search(rf'data-apart="{key}">.*', text)
        assert line is not None
        assert f">{doubts.counts_apart[key]}<" in line[0]
        assert f"{measure.value:.3f}" in line[0]  # type: ignore[union-attr]  # all are defined here


def test_nothing_is_fetched_and_no_folder_is_named(folder: Path, doubts: Doubts) -> None:
    text = page(folder, doubts)
    assert "<script" not in text
    assert set(re.findall(r'(?:src|href)="([^"#]{1,5})', text)) == {"data:"}
    assert "default-src 'none'" in text
    assert str(folder) not in text


def test_the_same_doubts_give_the_same_bytes(folder: Path, doubts: Doubts) -> None:
    assert page(folder, doubts) == page(folder, doubts)


def test_names_are_shown_as_text(folder: Path) -> None:
    classes = (CellClass("<b>odd</b>"), CellClass("other&more"), CellClass("third"))
    scores = made_scores(None, classes=classes)
    scores = replace(scores, groups=("<i>g</i>",) * len(scores))

    text = page(folder, find_doubts([scores], resamples=20))

    assert "<b>odd" not in text
    assert "<i>g" not in text
    assert "&lt;i&gt;g" in text
    assert "Suggested is" not in text  # these classes have no order


def test_where_nothing_is_in_doubt_it_says_so(folder: Path, doubts: Doubts) -> None:
    text = page(folder, replace(doubts, suspects=()))
    assert "0 labels of 42 are in doubt" in text
    assert "No label is in doubt." in text

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_cells import PROTOCOL, THREE, draw_cells, made_scores, told_all
from PIL import Image

from papscope.claims import claims
from papscope.errors import DiskError, MeasureError
from papscope.evaluate.alone import left_alone
from papscope.evaluate.intervals import Estimate
from papscope.evaluate.summary import summarise
from papscope.readings import reading_of
from papscope.report.gallery import choose, tiles
from papscope.report.page import write_report
from papscope.scores import Scores, write_scores
from papscope.split import LEAKS
from papscope.taxonomy import named


class Reader(HTMLParser):
    """Gathers what the tests ask of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader


def page_of(tmp_path: Path, scores: Scores) -> Path:
    return write_report(tmp_path / "report.html", scores, resamples=100)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the page of scores that tell all of themselves, and whose images are there."""
    folder = tmp_path_factory.mktemp("usual")
    draw_cells(folder, 42)
    return page_of(folder, made_scores(folder, **told_all()))


def test_each_class_is_told_in_words_that_are_no_verdict_with_their_sources(usual: Path) -> None:
    text = read(usual).text

    for one in THREE:
        assert reading_of(one).whole in text
    assert "never a diagnosis of a slide or of a person" in text
    unstyled = re.sub(r"<style\b.*?</style>", "", usual.read_text(encoding="utf-8"), flags=re.S)
    assert [one.sentence for one in claims(re.sub(r"<[^>]*>", " ", unstyled))] == []
    assert "After: Nayar R, Wilbur DC (eds). The Bethesda System" in text


def test_own_classes_have_no_category_on_a_page_and_rest_on_no_book(tmp_path: Path) -> None:
    text = read(page_of(tmp_path, made_scores(None, classes=named(["HSIL", "SCC"])))).text

    assert "cells labelled HSIL" in text
    assert "consistent with" not in text
    assert "Nayar" not in text


def test_the_page_tells_every_measure_with_its_interval_as_it_was_measured(usual: Path) -> None:
    summary = summarise(made_scores(None, **told_all()), resamples=100)

    reader = read(usual)

    for key, measure in summary.overall.items():
        assert isinstance(measure, Estimate), key
        assert any(tag[1].get("data-metric") == key for tag in reader.tags), key
        assert ("data", {"value": repr(float(measure.value))}) in reader.tags, key
        assert f"{measure.low:.3f} to {measure.high:.3f}" in reader.text, key


def test_the_page_tells_what_the_model_may_be_left_to_do(usual: Path) -> None:
    scores = made_scores(usual.parent, **told_all())
    alone = left_alone(scores, resamples=100)

    page = read(usual)

    assert isinstance(alone.risk.area, Estimate)
    metrics = {a["data-metric"] for _, a in page.tags if "data-metric" in a}
    assert {"log_loss", "brier", "classwise_calibration_error", "risk-0.8", "risk-area"} <= metrics
    for one in alone.aside:
        assert one.sentence()[1:] in page.text
    assert f"would show {alone.error_by_chance:.3f} if the probabilities were" in page.text
    assert "The model has no rules for prediction sets or referral" in page.text
    ids = {a.get("id") for _, a in page.tags}
    assert {"alone", "risk-coverage-title", "reliability-0-title", "reliability-2-title"} <= ids


def test_sets_and_referral_are_on_the_page_where_the_bundle_has_rules(tmp_path: Path) -> None:
    scores = made_scores(tmp_path, **told_all())
    c = len(scores.classes)
    sets = {"score": "lac", "coverage": 0.8, "limits": [0.5] * c}
    rules = {"sets": sets, "refer": {"abnormal": 0.5}}
    model = {**scores.about["model"], "rules": rules}
    ruled = replace(scores, about={**scores.about, "model": model})

    page = read(page_of(tmp_path, ruled))

    metrics = {a["data-metric"] for _, a in page.tags if "data-metric" in a}
    first = f"sets-of-{scores.class_names[0]}"
    assert {"sets-coverage", "sets-size", first, "referral-referred"} <= metrics
    assert "hold the right class for 80% of the cells of a new group" in page.text
    assert "The model has no rules" not in page.text


def test_the_page_says_on_how_many_images_and_groups_and_how_they_were_divided(
    usual: Path,
) -> None:
    text = read(usual).text
    assert "42 images" in text
    assert "from 14 groups (one group is one smear)" in text
    assert "train 60 %, val 20 %, test 20 %, cut by smear" in text
    assert "no smear is divided" in text


def test_all_that_the_scores_tell_of_themselves_is_on_the_page(usual: Path) -> None:
    text = read(usual).text
    for words in (
        "Herlev of 2005", "research use", "Jantzen et al., NiSIS 2005", "ounts are partial",
        "ab" * 32, "cd" * 32, "resnet50", "batch size", "The weights of epoch 2 were kept",
        "papscope evaluate runs/a/bundle herlev.csv", "2.13.0", "0.0.9", "glandular",
    ):  # fmt: skip
        assert words in text, words


def test_what_is_not_recorded_is_said_to_be_so(tmp_path: Path) -> None:
    text = read(page_of(tmp_path, made_scores(None))).text
    assert "How the images were divided is not recorded." in text
    assert "How training went is not recorded." in text
    assert "The model is not recorded." in text
    assert "Labelled images" in text
    assert text.count("not recorded") >= 9


def test_of_an_ensemble_it_tells_the_members_and_what_they_share(tmp_path: Path) -> None:
    model = {"backbone": "ensemble of 2 a", "members": ["a 0123456789ab", "a ba9876543210"]}
    training = {"settings": {"epochs": 3}}

    page = page_of(tmp_path, made_scores(tmp_path, model=model, training=training))

    text = read(page).text
    assert "a 0123456789ab, a ba9876543210" in text
    assert "2 models answer together" in text
    assert "Settings that all members share" in text
    assert "How training went is not recorded" not in text


@pytest.mark.parametrize("junk", [7, "words", [1, 2], {"a": {"b": None}}])
def test_an_about_of_the_wrong_kinds_still_gives_a_page(tmp_path: Path, junk: object) -> None:
    told: dict[str, Any] = {**dict.fromkeys(told_all(), junk), "protocol": None}
    scores = made_scores(None, **told)
    assert "Result" in read(page_of(tmp_path, scores)).text


def test_a_leak_is_a_red_banner_before_the_first_number(tmp_path: Path) -> None:
    leaking = {**PROTOCOL, "by": "image", "leaks": LEAKS}
    page = page_of(tmp_path, made_scores(None, **told_all(protocol=leaking))).read_text()
    assert 'class="banner alarm" id="leaks"' in page
    assert page.index('id="leaks"') < page.index("<data ")
    assert "Leaks: cells of one slide on both sides" in page


def test_a_model_that_learned_from_a_leaking_split_is_stamped_too(tmp_path: Path) -> None:
    told = told_all(model={"backbone": "resnet50", "leaks": LEAKS})
    assert 'id="leaks"' in page_of(tmp_path, made_scores(None, **told)).read_text()


def test_an_honest_split_has_no_banner(usual: Path) -> None:
    page = usual.read_text()
    assert 'id="leaks"' not in page
    assert 'id="made"' not in page


def test_made_images_are_called_made(tmp_path: Path) -> None:
    page = page_of(tmp_path, made_scores(None, **told_all(dataset="synthetic"))).read_text()
    assert "These are made images." in page


def test_the_same_scores_give_the_same_bytes(usual: Path, tmp_path: Path) -> None:
    scores = made_scores(usual.parent, **told_all())
    first = usual.read_bytes()
    assert first == page_of(tmp_path / "b", scores).read_bytes()
    again = write_report(tmp_path / "c.html", scores, resamples=100, seed=1).read_bytes()
    assert first != again


def test_the_page_loads_nothing_and_runs_nothing(usual: Path) -> None:
    for tag, attributes in read(usual).tags:
        assert tag not in ("script", "iframe", "object", "embed", "base")
        assert not any(name.startswith("on") for name in attributes), attributes
        for name in ("src", "href", "srcset", "data"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:")), (tag, target)
    style = re.search(r"<style>(.*?)</style>", usual.read_text(), re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_the_page_does_not_name_the_folders_of_this_machine(tmp_path: Path) -> None:
    scores = made_scores(tmp_path / "no such folder", **told_all())
    file = tmp_path / "my scores.csv"
    write_scores(file, scores)
    page = write_report(tmp_path / "report.html", scores, resamples=100, scores_path=file)
    assert str(tmp_path) not in page.read_text()
    assert "papscope report 'my scores.csv' -o report.html --resamples 100" in read(page).text


def test_cells_are_shown_and_missing_ones_are_counted(usual: Path, tmp_path: Path) -> None:
    whole = usual.read_text()
    assert whole.count("<img ") >= 42
    assert 'id="missing"' not in whole

    draw_cells(tmp_path, 42)
    for cell in tmp_path.glob("cell-0*.png"):
        cell.unlink()
    part = page_of(tmp_path / "b", made_scores(tmp_path, **told_all())).read_text()
    assert "no picture" in part
    assert 'id="missing"' in part


def test_a_relative_folder_of_images_is_looked_for_beside_the_scores(tmp_path: Path) -> None:
    draw_cells(tmp_path / "cells", 42)
    scores = made_scores(Path("cells"))
    write_scores(tmp_path / "scores.csv", scores)
    page = write_report(
        tmp_path / "out" / "report.html", scores, resamples=100, scores_path=tmp_path / "scores.csv"
    )
    assert 'id="missing"' not in page.read_text()


def test_names_cannot_smuggle_markup_into_the_page(tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>'
    classes = named([evil, "b & c", "d"])
    told = told_all(command=evil, dataset=evil, versions={evil: evil})
    page = page_of(tmp_path, made_scores(None, classes=classes, **told))
    assert "<script" not in page.read_text()
    assert "alert" in read(page).text


def test_headings_go_down_one_step_at_a_time_and_tables_name_their_columns(usual: Path) -> None:
    reader = read(usual)
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(one.get("scope") for tag, one in reader.tags if tag == "th")
    assert all(one.get("alt") for tag, one in reader.tags if tag == "img")


def test_every_place_in_the_contents_exists_and_no_id_occurs_twice(usual: Path) -> None:
    reader = read(usual)
    ids = [one["id"] for _, one in reader.tags if "id" in one]
    assert len(ids) == len(set(ids))
    places = [str(one["href"])[1:] for tag, one in reader.tags if tag == "a"]
    assert len(places) > 10
    assert set(places) <= set(ids)


def test_classes_without_sides_say_why_there_is_no_sensitivity(tmp_path: Path) -> None:
    scores = made_scores(None, classes=named(["a", "b", "c"]))
    text = read(page_of(tmp_path, scores)).text
    assert "nobody has said which classes are normal and which abnormal" in text
    assert "so there is no sensitivity or specificity" in text


def test_images_of_one_class_all_called_rightly_still_give_a_page(tmp_path: Path) -> None:
    one = Scores(
        ids=("a", "b"),
        groups=(None, None),
        truth=np.array([0, 0]),
        probabilities=np.array([[1.0, 0.0], [0.75, 0.25]]),
        classes=named(["elsewhere", "here"])[::-1],
        paths=("a.png", "b.png"),
        boxes=(None, None),
    )
    text = read(page_of(tmp_path, one)).text
    assert "No call was wrong." in text
    assert "There is no class with both images of it and others." in text


def test_no_image_at_all_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    scores = made_scores(None)
    empty = replace(
        scores, ids=(), groups=(), truth=scores.truth[:0], paths=(), boxes=(),
        probabilities=scores.probabilities[:0],
    )  # fmt: skip
    with pytest.raises(MeasureError, match="there is no image to measure"):
        page_of(tmp_path, empty)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskError, match="could not be written"):
        write_report(tmp_path / "file" / "report.html", made_scores(None), resamples=100)


def test_the_cells_of_many_classes_leave_room_below_five_megabytes(tmp_path: Path) -> None:
    noise = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")  # noise packs worse than any cell
    scores = made_scores(tmp_path, number=3000, classes=named(f"class {n:02}" for n in range(20)))
    scores = replace(scores, paths=("noise.png",) * 3000, boxes=(None,) * 3000)

    made = tiles(scores, choose(scores).all(), tmp_path).values()

    # The drawings and words of such a page take less than the 1.2 MB that this leaves.
    assert sum(len(one.picture or "") for one in made) < 3_800_000

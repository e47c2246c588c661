from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from papscope.evaluate.calibration import reliability
from papscope.report.about import read_about
from papscope.report.curves import precision_recall_svg, roc_svg
from papscope.report.figures import confusion_svg, history_svg, reliability_svg
from papscope.report.pictures import best_epoch
from papscope.taxonomy import classes_of

NAMES = [one.name for one in classes_of("herlev")]
TRUTH = np.array([True, True, False, True, False, False])
CHANCE = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.1])


def made_pictures() -> dict[str, str]:
    counts = np.arange(49).reshape(7, 7)
    history = [{"epoch": e, "train_loss": 1 / e, "val_loss": 2 / e} for e in (1.0, 2.0, 3.0)]
    lines = {"train_loss": "training", "val_loss": "validation"}
    return {
        "confusion": confusion_svg("confusion", counts, NAMES),
        "roc": roc_svg("roc", TRUTH, CHANCE, "LSIL"),
        "pr": precision_recall_svg("pr", TRUTH, CHANCE, "LSIL"),
        "rel": reliability_svg("rel", reliability(CHANCE, TRUTH), CHANCE, TRUTH),
        "loss": history_svg("loss", history, lines, "Loss", best=2),
    }


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in ET.fromstring(svg).iter("text")]


@pytest.mark.parametrize("name", ["confusion", "roc", "pr", "rel", "loss"])
def test_a_picture_is_one_well_formed_svg_with_words_for_screen_readers(name: str) -> None:
    svg = made_pictures()[name]

    root = ET.fromstring(svg)

    assert root.tag == "svg"
    assert root.get("role") == "img"
    labels = root.get("aria-labelledby", "").split()
    assert labels == [f"{name}-title", f"{name}-desc"]
    assert [root[0].tag, root[1].tag] == ["title", "desc"]
    assert root[0].text
    assert root[1].text


def test_pictures_have_no_colour_of_their_own_so_that_light_and_dark_both_suit() -> None:
    for svg in made_pictures().values():
        assert not re.search(r"(fill|stroke): #", svg)
        assert "var(--ink)" in svg or "var(--soft)" in svg


def test_pictures_put_no_style_or_foreign_file_on_the_page() -> None:
    for svg in made_pictures().values():
        assert "<style" not in svg
        assert "http" not in svg
        assert "font-family" not in svg


def test_no_two_pictures_on_a_page_share_an_id() -> None:
    ids = [one for svg in made_pictures().values() for one in re.findall(r' id="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))


def test_every_reference_inside_a_picture_finds_its_target() -> None:
    for svg in made_pictures().values():
        wanted = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
        ids = set(re.findall(r' id="([^"]+)"', svg))
        assert {one or other for one, other in wanted} <= ids


def test_the_same_numbers_give_the_same_bytes_whatever_matplotlib_was_told_before() -> None:
    first = made_pictures()
    with mpl.rc_context({"axes.grid": True, "lines.linewidth": 9, "font.size": 30}):
        again = made_pictures()
    assert first == again


def test_a_confusion_matrix_shows_counts_and_shares_of_the_row() -> None:
    svg = confusion_svg("c", np.array([[3, 1], [0, 5]]), ["well", "ill"])

    found = texts(svg)

    assert [one for one in found if one in ("3", "1", "75 %", "25 %", "5", "100 %")] == [
        "3", "75 %", "1", "25 %", "5", "100 %", "5",
    ]  # fmt: skip
    assert "4" in found  # all images of the first row
    assert "8 of 9 on the diagonal" in svg


def test_a_class_without_images_leaves_an_empty_row() -> None:
    found = texts(confusion_svg("c", np.array([[2, 0], [0, 0]]), ["well", "ill"]))
    assert found.count("·") == 3


def test_a_name_that_looks_like_markup_or_mathematics_is_shown_as_it_is() -> None:
    names = ["<b>", "a$x$b"]
    svg = confusion_svg("c", np.array([[1, 0], [0, 1]]), names)
    assert {"<b>", "a$x$b"} <= set(texts(svg))
    assert "<b>" not in svg


def test_a_roc_picture_tells_sensitivity_at_few_false_alarms() -> None:
    svg = roc_svg("r", TRUTH, CHANCE, "LSIL")
    assert "Sensitivity 0.67 at 0.05" in svg


def curve_points(svg: str) -> list[tuple[float, float]]:
    paths = [
        path.get("d", "")
        for path in ET.fromstring(svg).iter("path")
        if "var(--main)" in path.get("style", "") and "fill: none" in path.get("style", "")
    ]
    assert len(paths) == 1
    found = re.findall(r"[ML] ([\d.]+) ([\d.]+)", paths[0])
    return [(float(x), float(y)) for x, y in found]


def test_the_roc_curve_rises_from_one_corner_to_the_other() -> None:
    points = curve_points(roc_svg("r", TRUTH, CHANCE, "LSIL"))
    assert points == sorted(points, key=lambda one: (one[0], -one[1]))
    (left, bottom), (right, top) = points[0], points[-1]
    assert right - left == pytest.approx(168)
    assert bottom - top == pytest.approx(168)


def test_precision_is_drawn_at_each_hit_and_not_between() -> None:
    points = curve_points(precision_recall_svg("p", TRUTH, CHANCE, "LSIL"))
    bottom, height = 214 - 38, 168
    heights = {round((bottom - y) / height, 3) for _, y in points}
    assert heights == {1.0, 0.75}  # two hits at precision 1, the third at 3 of 4


def test_precision_starts_at_the_first_hit_even_if_the_surest_image_is_wrong() -> None:
    truth = np.array([False, True, True, False, False, False])
    points = curve_points(precision_recall_svg("p", truth, CHANCE, "LSIL"))
    heights = [round((214 - 38 - y) / 168, 3) for _, y in points]
    assert heights[0] == 0.5
    assert heights[-1] == 0.667
    assert set(heights) == {0.5, 0.667}


def test_of_epochs_that_are_equally_good_the_first_is_the_best() -> None:
    scores = [0.2, 0.6, 0.5, 0.6]
    history = [{"epoch": e, "val_macro_f1": s} for e, s in enumerate(scores, start=1)]
    assert best_epoch(read_about({"training": {"history": history}})) == 2
    assert best_epoch(read_about({})) is None


def test_a_curve_of_many_images_stays_small() -> None:
    draw = np.random.Generator(np.random.PCG64(0))
    truth = draw.random(20_000) < 0.5
    svg = roc_svg("r", truth, draw.random(20_000), "LSIL")
    assert len(svg) < 30_000


def test_training_marks_the_best_epoch_and_leaves_out_what_was_not_noted() -> None:
    history = [{"epoch": 1.0, "val_loss": 0.5}, {"epoch": 2.0}, {"epoch": 3.0, "val_loss": 0.25}]
    lines = {"train_loss": "training", "val_loss": "validation"}

    svg = history_svg("t", history, lines, "Loss", best=3)

    assert "validation from 0.500 to 0.250; best epoch 3" in svg
    assert "training" not in texts(svg)


def test_names_of_lines_that_end_together_do_not_overlap() -> None:
    history = [{"epoch": 1.0, "a": 0.1, "b": 0.1}, {"epoch": 9.0, "a": 0.9, "b": 0.9}]
    svg = history_svg("t", history, {"a": "first", "b": "second"}, "Both")
    root = ET.fromstring(svg)
    places = {
        one.text: float(re.findall(r"[\d.]+", one.get("transform", ""))[1])
        if one.get("y") is None
        else float(one.get("y", "0"))
        for one in root.iter("text")
        if one.text in ("first", "second")
    }
    assert abs(places["first"] - places["second"]) >= 11

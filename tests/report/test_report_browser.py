"""Opens the report in headless Chromium, as a reader would."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_cells import draw_cells, made_scores, told_all

from papscope.evaluate.intervals import Estimate
from papscope.evaluate.summary import Summary, summarise
from papscope.report.page import write_report
from papscope.taxonomy import classes_of

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")
OFFLINE = ("--disable-background-networking",)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is None:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)} is on the path")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=[*QUIET, *OFFLINE])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    folder = tmp_path_factory.mktemp("report")
    draw_cells(folder / "cells", 42)
    scores = made_scores(folder / "cells", classes=classes_of("herlev"), **told_all())
    page = write_report(folder / "report.html", scores, resamples=200)
    return page, summarise(scores, resamples=200)


class Opened:
    """A page, what it asked for, and what it complained of."""

    def __init__(self, browser: Any, file: Path, *, width: int = 1200, scheme: str = "light"):
        self.page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        self.page.set_default_timeout(180_000)  # a busy machine is no fault of the page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.on("console", lambda one: self.complaints.append(one.text))
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))
        self.page.goto(file.as_uri())


def test_the_numbers_on_the_page_are_those_that_were_measured(
    browser: Any, report: tuple[Path, Summary]
) -> None:
    file, summary = report
    page = Opened(browser, file).page
    for key in ("accuracy", "macro_f1", "abnormal_sensitivity", "kappa_quadratic"):
        row = page.locator(f'tr[data-metric="{key}"]')
        measure = summary.overall[key]
        assert isinstance(measure, Estimate)
        value = row.locator("data")
        assert float(value.get_attribute("value")) == measure.value
        assert value.inner_text() == f"{measure.value:.3f}"
        assert f"{measure.low:.3f} to {measure.high:.3f}" in row.inner_text()
    headline = page.locator('.headline div[data-metric="accuracy"]').inner_text()
    accuracy = summary.overall["accuracy"]
    assert isinstance(accuracy, Estimate)
    assert f"{accuracy.value:.3f}" in headline


def test_the_confusion_matrix_shows_every_count(browser: Any, report: tuple[Path, Summary]) -> None:
    file, summary = report
    page = Opened(browser, file).page
    page.locator("#confusion-matrix summary").click()
    rows = page.locator("#confusion-matrix tbody tr").all()
    shown = [[int(cell) for cell in row.locator("td").all_inner_texts()[:-1]] for row in rows]
    assert shown == summary.confusion.tolist()
    drawn = page.locator("#confusion-matrix svg text").all_text_contents()
    numbers = [int(one) for one in drawn if re.fullmatch(r"\d+", one)]
    assert sum(numbers) == 2 * summary.n  # the cells, and each row's sum beside it


def test_nothing_is_fetched_and_nothing_complains(
    browser: Any, report: tuple[Path, Summary]
) -> None:
    opened = Opened(browser, report[0])
    opened.page.wait_for_load_state("networkidle")
    elsewhere = [url for url in opened.asked if not url.startswith(("file:", "data:"))]
    assert opened.asked[0] == report[0].as_uri()
    assert elsewhere == []
    assert [url for url in opened.asked if url.startswith("file:")] == [report[0].as_uri()]
    assert opened.complaints == []


def test_every_picture_of_a_cell_is_decoded(browser: Any, report: tuple[Path, Summary]) -> None:
    page = Opened(browser, report[0]).page
    widths = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
    assert len(widths) >= 42
    assert min(widths) > 0


@pytest.mark.parametrize("width", [360, 768, 1600, 2560])
def test_the_page_never_scrolls_sideways(
    browser: Any, report: tuple[Path, Summary], width: int
) -> None:
    page = Opened(browser, report[0], width=width).page
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        """() => [...document.querySelectorAll("p, h1, h2, h3, dl, figure, .banner, ul")]
            .filter(one => !one.closest(".scroll"))
            .map(one => one.getBoundingClientRect())
            .filter(one => one.width && (one.right > innerWidth + 1 || one.left < -1)).length"""
    )
    assert outside == 0


def test_a_table_that_is_too_wide_scrolls_in_its_own_frame_and_by_keyboard(
    browser: Any, report: tuple[Path, Summary]
) -> None:
    page = Opened(browser, report[0], width=360).page
    frames = page.eval_on_selector_all(
        ".scroll",
        "all => all.map(one => [one.scrollWidth > one.clientWidth, one.tabIndex, "
        "one.getAttribute('aria-label'), getComputedStyle(one).overflowX])",
    )
    assert any(wide for wide, *_ in frames)
    assert all(place == 0 and name and way == "auto" for _, place, name, way in frames)


CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const light = (colour) => {
    const part = colour.slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || one.closest("svg title, svg desc, style")) continue;
    const style = getComputedStyle(one);
    const ink = rgba(one.closest("svg") ? style.fill : style.color);
    const [a, b] = [light(ink), light(behind(one))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05),
      one.tagName + "." + one.className + ": " + walker.currentNode.data.trim().slice(0, 40)]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_the_contrast_that_wcag_aa_wants(
    browser: Any, report: tuple[Path, Summary], scheme: str
) -> None:
    page = Opened(browser, report[0], scheme=scheme).page
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    found = page.evaluate(CONTRASTS)
    assert len(found) > 300
    assert [one for one in found if one[0] < 4.5] == []


def test_dark_is_dark_and_print_is_light(browser: Any, report: tuple[Path, Summary]) -> None:
    def background(page: Any) -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(one) for one in re.findall(r"\d+", colour)[:3])

    opened = Opened(browser, report[0], scheme="dark").page
    assert background(opened) < 120
    opened.emulate_media(media="print")
    assert background(opened) > 700
    assert background(Opened(browser, report[0]).page) > 700


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_in_the_confusion_matrix_stand_out_from_the_deepest_colours(
    browser: Any, report: tuple[Path, Summary], scheme: str
) -> None:
    page = Opened(browser, report[0], scheme=scheme).page
    for role in ("good", "bad"):
        page.evaluate(
            "role => { document.body.style.background = `var(--${role})`; "
            "document.body.style.color = 'var(--ink)'; document.body.textContent = '88 %'; }",
            role,
        )
        assert page.evaluate(CONTRASTS)[0][0] >= 4.5, role

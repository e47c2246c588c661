"""Every page by axe, by keyboard alone, on a phone and on a large screen, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from made_case import made_case
from made_site import Site, Visit

axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.browser

WIDTHS = (320, 360, 768, 3840)
SIZES = {"phone": (360, 740), "desktop": (1366, 768)}
PLACES = (
    "cases", "gallery", "large", "keys", "agreement", "menu", "edit", "account", "sign-in",
    "models",
)  # fmt: skip


@pytest.fixture(scope="module")
def case_id(site: Site) -> str:
    title = "Slide 7 of a long and winding series"
    return made_case(site.services, 12, title=title, um_per_px=0.25)


def show(found: Visit, site: Site, case_id: str, place: str) -> Any:
    """Open a page, or what lies on one."""
    page = found.page
    if place in ("cases", "account", "sign-in", "models"):
        page.goto(f"{site.url}/{'' if place == 'cases' else place}")
        page.wait_for_selector(".case-row" if place == "cases" else "main h1")
        return page
    if place in ("large", "keys"):
        found.large(site, case_id)
        if place == "keys":
            page.click("#help-open")
        return page
    found.gallery(site, case_id)
    if place == "agreement":
        page.click("#agreement-open")
        page.wait_for_selector("#agreement-body p:not(:text('Counting'))")
    if place in ("menu", "edit"):
        page.click("[aria-controls=things]")
    if place == "edit":
        page.click("#rename")
    return page


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_serious_in_light_or_dark(
    visit: Callable[..., Visit], site: Site, case_id: str, place: str, size: str
) -> None:
    width, height = SIZES[size]
    found = visit(width=width, height=height, touch=size == "phone")
    page = show(found, site, case_id, place)

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_selector(f'html[data-theme="{scheme}"]')
        told = axe_playwright.Axe().run(page).response["violations"]

        grave = [
            f"{one['id']}: {node['html'][:160]} {node['any'][:1]}"
            for one in told
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        assert (scheme, grave) == (scheme, [])
    found.assert_quiet(site)


@pytest.mark.parametrize("place", PLACES)
def test_no_page_scrolls_sideways_at_any_width(
    visit: Callable[..., Visit], site: Site, case_id: str, place: str
) -> None:
    page = show(visit(width=WIDTHS[0], height=800), site, case_id, place)

    outside = """() => [...document.querySelectorAll(
      "main *, dialog[open], dialog[open] *")].filter(one => !one.closest(".scroll, .away, .stage"))
      .filter(one => { const box = one.getBoundingClientRect();
        return box.width && box.height && (box.right > innerWidth + 1 || box.left < -1); })
      .map(one => one.outerHTML.slice(0, 90))"""
    drawn = "() => new Promise(yes => requestAnimationFrame(() => requestAnimationFrame(yes)))"
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate(drawn)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert (width, page.evaluate(outside)) == (width, [])


def test_the_keyboard_alone_leads_from_the_list_to_a_verdict(
    visit: Callable[..., Visit], site: Site
) -> None:
    case_id = made_case(site.services, 4, title="By keyboard")
    page = visit().page
    page.goto(site.url)
    page.wait_for_selector(".case-row")

    def tab_to(what: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("what => document.activeElement.matches(what)", what):
                return
        raise AssertionError(f"Tab does not reach {what}")

    tab_to(f'a[href="/cases/{case_id}"]')
    page.keyboard.press("Enter")
    page.wait_for_selector(".card")
    tab_to(".card")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer[open]")
    page.keyboard.press("3")
    page.wait_for_function("() => document.querySelector('#state').textContent.startsWith('Kept')")
    page.keyboard.press("Escape")
    page.wait_for_selector(".card .mark.correct, .card .mark.agree")

    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert "not reviewed" not in focused


@pytest.mark.parametrize("what", ["#drop-zone button", "#exports a", "#theme"])
def test_what_one_clicks_is_a_button_or_a_link(
    visit: Callable[..., Visit], site: Site, case_id: str, what: str
) -> None:
    page = show(visit(), site, case_id, "gallery" if "exports" in what else "cases")

    kinds = page.eval_on_selector_all(what, "all => all.map(one => one.localName + one.tabIndex)")
    assert kinds
    assert set(kinds) <= {"button0", "a0", "a-1"}


def test_a_verdict_is_said_to_a_screen_reader(visit: Callable[..., Visit], site: Site) -> None:
    page = visit().large(site, made_case(site.services, 3))

    page.keyboard.press("1")
    page.wait_for_function("() => document.querySelector('#spoken').textContent === 'Kept.'")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => document.querySelector('#spoken').textContent.startsWith('Image 2 of 3')"
    )

    assert page.get_attribute("#spoken", "aria-live") == "polite"
    assert page.locator("#viewer #spoken").count() == 1  # all outside it is inert


def test_the_colours_that_are_chosen_stay(visit: Callable[..., Visit], site: Site) -> None:
    page = visit(scheme="light").page
    page.goto(site.url)

    def dark() -> bool:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(one) for one in colour[4:-1].split(",")[:3]) < 200

    assert not dark()
    page.click("#theme")
    page.click("#theme")
    assert page.inner_text("#theme") == "Colours: dark"
    assert dark()
    page.reload()
    assert dark()
    page.emulate_media(media="print")
    assert not dark()


def test_what_it_is_not_stays_in_sight_and_in_print(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    found = visit()
    page = found.large(site, case_id)
    assert page.locator(".research-small").is_visible()

    page.keyboard.press("Escape")
    page.emulate_media(media="print")

    assert page.locator(".research").is_visible()
    assert "Not a medical device" in page.inner_text(".research")

"""The gallery of a case, in headless Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from made_case import made_case
from made_site import Site, Visit

pytestmark = pytest.mark.browser

MANY = 2000


@pytest.fixture(scope="module")
def few(site: Site) -> str:
    return made_case(site.services, 30, title="Slide 7", um_per_px=0.25)


@pytest.fixture(scope="module")
def thousands(site: Site) -> str:
    return made_case(site.services, MANY, title="All of slide 9")


def asked(page: Any, case_id: str, words: str = "") -> list[dict[str, Any]]:
    """The case's images as the service gives them."""
    script = "place => fetch(place).then(answer => answer.json())"
    told = page.evaluate(script, f"/v1/cases/{case_id}/images?limit=500{words}")
    return list(told["images"])


def names(page: Any) -> list[str]:
    return list(page.eval_on_selector_all(".card", "all => all.map(one => one.title)"))


def test_the_worst_come_first(visit: Callable[..., Visit], site: Site, few: str) -> None:
    found = visit()
    page = found.gallery(site, few)

    wanted = sorted(asked(page, few), key=lambda one: -one["answer"]["risk"])
    shown = names(page)
    assert len(shown) >= 10
    assert shown == [one["name"] for one in wanted][: len(shown)]
    found.assert_quiet(site)


def test_a_card_tells_class_probability_and_certainty_in_words(
    visit: Callable[..., Visit], site: Site, few: str
) -> None:
    page = visit().gallery(site, few)

    first = max(asked(page, few), key=lambda one: one["answer"]["risk"])
    said = page.locator(".card").first.get_attribute("aria-label")
    assert first["answer"]["label"] in said
    assert " %" in said
    assert "sure" in said
    assert "not reviewed" in said
    assert first["name"] in said


def test_a_class_that_is_chosen_is_all_that_is_shown(
    visit: Callable[..., Visit], site: Site, few: str
) -> None:
    page = visit(height=2400).gallery(site, few)
    label = asked(page, few)[0]["answer"]["label"]
    wanted = {one["name"] for one in asked(page, few, f"&label={label}")}

    page.check(f'input[name=label][value="{label}"]')
    page.wait_for_function("n => document.querySelectorAll('.card').length === n", arg=len(wanted))

    assert set(names(page)) == wanted
    page.click("#clear")
    page.wait_for_function("n => document.querySelectorAll('.card').length > n", arg=len(wanted))


def test_a_certainty_that_is_chosen_is_all_that_is_shown(
    visit: Callable[..., Visit], site: Site, few: str
) -> None:
    page = visit(height=2400).gallery(site, few)
    wanted = {o["name"] for o in asked(page, few) if 0.5 <= o["answer"]["certainty"] < 0.75}

    page.get_by_label("fairly sure", exact=True).check()
    page.wait_for_function("n => document.querySelectorAll('.card').length === n", arg=len(wanted))

    assert wanted
    assert set(names(page)) == wanted


@pytest.mark.parametrize("order", ["useful", "place"])
def test_another_order_is_the_services_own(
    visit: Callable[..., Visit], site: Site, few: str, order: str
) -> None:
    page = visit().gallery(site, few)
    wanted = [one["name"] for one in asked(page, few, f"&order={order}")]

    page.check(f"input[name=order][value={order}]")
    page.wait_for_function(
        "first => document.querySelector('.card')?.title === first", arg=wanted[0]
    )

    shown = names(page)
    assert shown == wanted[: len(shown)]


def test_arrows_move_through_the_cards_and_one_of_them_is_reached_by_tab(
    visit: Callable[..., Visit], site: Site, few: str
) -> None:
    page = visit().gallery(site, few)
    page.locator(".card").first.focus()

    def place() -> int:
        return int(page.evaluate("Number(document.activeElement.closest('li').ariaPosInSet)"))

    page.keyboard.press("ArrowRight")
    assert place() == 2
    page.keyboard.press("ArrowDown")
    below = place()
    assert below > 3
    page.keyboard.press("ArrowUp")
    assert place() == 2
    page.keyboard.press("End")
    assert place() == 30
    page.keyboard.press("Home")
    assert place() == 1
    reached = "all => all.filter(one => one.tabIndex === 0).length"
    assert page.eval_on_selector_all(".card", reached) == 1


def test_another_filter_shows_its_first_image_however_far_one_had_scrolled(
    visit: Callable[..., Visit], site: Site, thousands: str
) -> None:
    page = visit().gallery(site, thousands)
    page.wait_for_function("() => document.querySelector('.grid li').ariaSetSize === '2000'")
    page.evaluate("scrollTo(0, 20000)")
    page.wait_for_function("() => +document.querySelector('.grid li').ariaPosInSet > 100")

    page.get_by_label("sure", exact=True).check()

    page.wait_for_function("() => document.querySelector('.grid li').ariaPosInSet === '1'")
    assert page.locator(".card").first.evaluate("one => one.getBoundingClientRect().top >= 0")


@pytest.mark.slow
def test_thousands_of_images_scroll_with_a_bounded_page(
    visit: Callable[..., Visit], site: Site, thousands: str
) -> None:
    found = visit()
    page = found.gallery(site, thousands)
    page.wait_for_function("() => document.querySelector('.grid li').ariaSetSize === '2000'")
    most, seen = 0, set()

    for step in range(41):
        page.evaluate(
            "share => scrollTo(0, share * (document.body.scrollHeight - innerHeight))", step / 40
        )
        page.evaluate("() => new Promise(yes => requestAnimationFrame(() => setTimeout(yes)))")
        cards = page.eval_on_selector_all(".grid li", "all => all.map(one => +one.ariaPosInSet)")
        seen |= set(cards)
        most = max(most, page.evaluate("document.querySelectorAll('*').length"))
        on_screen = page.evaluate(
            """() => { const one = document.elementFromPoint(innerWidth - 120, innerHeight / 2);
            return Boolean(one.closest('.grid, .foot, .gallery')); }"""
        )
        assert cards
        assert on_screen

    assert MANY in seen
    assert most < 1500
    last = page.locator(f'li[aria-posinset="{MANY}"] img')
    page.wait_for_function("one => one.naturalWidth > 0", arg=last.element_handle())
    found.assert_quiet(site)


def test_the_last_of_thousands_is_reached_by_one_key(
    visit: Callable[..., Visit], site: Site, thousands: str
) -> None:
    page = visit().gallery(site, thousands)
    page.wait_for_function("() => document.querySelector('.grid li').ariaSetSize === '2000'")
    page.locator(".card").first.focus()

    page.keyboard.press("End")

    assert page.evaluate("document.activeElement.closest('li').ariaPosInSet") == str(MANY)
    assert page.locator(".card").count() < 200


def test_a_case_that_is_not_there_is_told(visit: Callable[..., Visit], site: Site) -> None:
    page = visit().page
    page.goto(site.case("0" * 32))

    page.wait_for_selector("#facts[role=alert]")
    assert "no such case" in page.inner_text("#facts").lower()

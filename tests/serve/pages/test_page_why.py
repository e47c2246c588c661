"""The map of what an answer rests on, in headless Chromium."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made_case import made_case, make_unlike
from made_site import Site, Visit
from PIL import Image

pytestmark = pytest.mark.browser

MAP = "**/explanation.png"
SIDE = 256


@pytest.fixture
def case_id(site: Site) -> str:
    return made_case(site.services, 3, um_per_px=0.25)


def a_map(route: Any) -> None:
    held = io.BytesIO()
    Image.fromarray(np.full((SIDE, SIDE, 3), (200, 90, 40), np.uint8)).save(held, "PNG")
    route.fulfill(status=200, content_type="image/png", body=held.getvalue())


def shown(page: Any, width: int) -> None:
    page.wait_for_function(
        "width => document.querySelector('#picture').naturalWidth === width", arg=width
    )


@pytest.mark.parametrize("by", ["key", "button"])
def test_the_map_is_shown_with_what_it_does_not_mean_and_goes_again(
    visit: Callable[..., Visit], site: Site, case_id: str, by: str
) -> None:
    found = visit()
    page = found.large(site, case_id)
    page.route(MAP, a_map)

    def toggle() -> None:
        page.keyboard.press("w") if by == "key" else page.click("#why")

    toggle()
    shown(page, SIDE)

    words = page.inner_text("#why-words")
    assert "what the network used" in words
    assert "not where disease is" in words
    assert page.get_attribute("#picture", "alt").startswith("Map of what the network used")
    assert page.get_attribute("#why", "aria-pressed") == "true"
    assert page.locator("#scale-bar").is_hidden()
    toggle()
    shown(page, 48)
    assert page.locator("#why-words").is_hidden()
    assert page.locator("#scale-bar").is_visible()
    found.assert_quiet(site)


def test_the_training_cells_that_it_looks_like_are_told_with_it(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    near = {"nearest": [{"label": "LSIL", "distance": 0.125}, {"label": "HSIL", "distance": 0.5}]}
    page.route(MAP, a_map)
    page.route("**/nearest", lambda one: one.fulfill(status=200, body=json.dumps(near)))

    page.keyboard.press("w")
    page.wait_for_selector("#near-words:not([hidden])")

    assert "LSIL (0.13), HSIL (0.50)" in page.inner_text("#near-words")
    page.keyboard.press("ArrowRight")
    assert page.locator("#near-words").is_hidden()


def test_the_next_image_is_shown_without_a_map(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    page.route(MAP, a_map)
    page.keyboard.press("w")
    shown(page, SIDE)

    page.keyboard.press("ArrowRight")
    shown(page, 48)

    assert page.get_attribute("#why", "aria-pressed") == "false"
    assert page.locator("#why-words").is_hidden()


def test_a_map_that_comes_too_late_is_not_shown_over_another_image(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    held: list[Any] = []
    page.route(MAP, lambda one: held.append(one))  # noqa: PLW0108 -- it wants a plain function
    page.keyboard.press("w")
    page.wait_for_function("() => !document.querySelector('#why-words').hidden")

    page.keyboard.press("ArrowRight")
    a_map(held[0])
    page.wait_for_timeout(300)

    shown(page, 48)
    assert page.inner_text("#which") == "2 of 3"


def test_where_the_map_fails_its_check_the_page_says_so_and_shows_none(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    told = {
        "code": "undefined-measure",
        "what": "no map is shown, as it fails its check",
        "hint": "",
    }
    body = json.dumps({"error": told})
    page.route(MAP, lambda one: one.fulfill(status=422, content_type="text/json", body=body))

    page.keyboard.press("w")
    page.wait_for_function(
        "() => document.querySelector('#why-words').textContent.includes('fails its check')"
    )

    shown(page, 48)
    assert page.get_attribute("#why", "aria-pressed") == "false"


def test_what_means_nothing_has_no_map(visit: Callable[..., Visit], site: Site) -> None:
    case_id = made_case(site.services, 1)
    make_unlike(site.services, case_id, 0)

    page = visit().large(site, case_id)

    assert page.locator("#why").is_disabled()

"""The large view: verdicts by keyboard, and nothing that is lost on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_case import made_case
from made_site import Site, Visit

pytestmark = pytest.mark.browser

VERDICTS = "**/v1/images/*/verdict"


@pytest.fixture
def case_id(site: Site) -> str:
    return made_case(site.services, 6, title="Slide 7", um_per_px=0.25)


def state(page: Any) -> str:
    return str(page.inner_text("#state"))


def kept(page: Any) -> None:
    page.wait_for_function("() => document.querySelector('#state').textContent.startsWith('Kept')")


def images(page: Any, case_id: str) -> list[dict[str, Any]]:
    script = "place => fetch(place).then(answer => answer.json())"
    return list(page.evaluate(script, f"/v1/cases/{case_id}/images?limit=500")["images"])


def test_space_agrees_and_goes_on(visit: Callable[..., Visit], site: Site, case_id: str) -> None:
    found = visit()
    page = found.large(site, case_id)

    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('#which').textContent === '2 of 6'")
    page.keyboard.press("ArrowLeft")
    kept(page)

    assert "local agreed" in state(page)
    first = images(page, case_id)[0]
    assert first["mine"]["kind"] == "agree"
    assert first["mine"]["label"] == first["answer"]["label"]
    found.assert_quiet(site)


@pytest.mark.parametrize("place", [0, 1, 5])
def test_a_number_says_which_class_it_is(
    visit: Callable[..., Visit], site: Site, case_id: str, place: int
) -> None:
    page = visit().large(site, case_id)
    classes = site.services.models.named().classes

    page.keyboard.press(str(place + 1))
    kept(page)

    mine = images(page, case_id)[0]["mine"]
    assert mine["label"] == classes[place]
    pressed = page.locator(".class[aria-pressed=true] .class-name").inner_text()
    assert pressed == classes[place]


def test_cannot_tell_is_a_verdict(visit: Callable[..., Visit], site: Site, case_id: str) -> None:
    page = visit().large(site, case_id)

    page.keyboard.press("0")
    kept(page)

    assert images(page, case_id)[0]["mine"]["kind"] == "unsure"
    assert "cannot tell" in state(page)


def test_space_where_there_is_a_verdict_only_goes_on(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    page.keyboard.press("1")
    kept(page)
    before = images(page, case_id)[0]["mine"]

    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('#which').textContent === '2 of 6'")

    assert images(page, case_id)[0]["mine"] == before


def test_undo_takes_the_last_verdict_back_and_shows_its_image(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('#unsent').hidden")
    assert page.inner_text("#which") == "3 of 6"

    page.keyboard.press("Control+z")
    page.wait_for_function("() => document.querySelector('#which').textContent === '2 of 6'")
    page.wait_for_function("() => document.querySelector('#state').className.endsWith('none')")

    assert [one["mine"] is None for one in images(page, case_id)][:3] == [False, True, True]


def test_a_note_goes_out_with_the_verdict(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)

    page.keyboard.press("n")
    page.keyboard.type("1 nucleus, folded")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    kept(page)

    assert page.locator("#viewer[open]").count() == 1
    assert images(page, case_id)[0]["mine"]["note"] == "1 nucleus, folded"


def test_a_note_that_is_changed_later_is_kept_too(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    page.keyboard.press("2")
    kept(page)

    page.keyboard.press("n")
    page.keyboard.type("overlap")
    page.keyboard.press("Control+Enter")
    page.wait_for_function("() => document.querySelector('#note-words').textContent === 'Kept.'")

    assert images(page, case_id)[0]["mine"]["note"] == "overlap"
    assert images(page, case_id)[0]["mine"]["label"] == site.services.models.named().classes[1]


def test_a_verdict_is_called_kept_only_after_the_service_said_so(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    waiting: list[Any] = []

    def hold(one: Any) -> None:
        waiting.append(one)

    page.route(VERDICTS, hold)

    page.keyboard.press("1")
    page.wait_for_function("() => document.querySelector('#state').className.includes('sending')")

    assert "not kept yet" in state(page)
    assert images(page, case_id)[0]["mine"] is None
    for one in waiting:
        one.continue_()
    kept(page)


def test_a_verdict_that_cannot_be_sent_is_told_and_sent_again(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    page.route(VERDICTS, lambda one: one.abort())

    page.keyboard.press("1")
    page.wait_for_selector("#viewer .toast.wrong")
    assert "1 verdict not kept yet" in page.inner_text(".toast.wrong")
    assert "sending" in page.get_attribute("#state", "class")

    page.unroute(VERDICTS)
    kept(page)
    assert page.locator(".toast.wrong").count() == 0
    assert images(page, case_id)[0]["mine"]["label"] == site.services.models.named().classes[0]


def test_a_verdict_on_its_way_outlives_a_reload(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    page.route(VERDICTS, lambda one: one.abort())
    page.keyboard.press("1")
    page.wait_for_selector(".toast.wrong")
    page.on("dialog", lambda one: one.accept())

    page.unroute(VERDICTS)
    page.reload()
    page.wait_for_selector(".card .mark.agree, .card .mark.correct")

    assert images(page, case_id)[0]["mine"]["label"] == site.services.models.named().classes[0]


def test_a_verdict_that_is_refused_is_told_and_not_called_kept(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    page.evaluate(
        """place => fetch('/v1/me').then(one => one.json()).then(me => fetch(place, {
        method: 'PATCH', body: '{"closed": true}',
        headers: {'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf}}))""",
        f"/v1/cases/{case_id}",
    )

    page.keyboard.press("1")
    page.wait_for_selector("#viewer .toast.wrong")

    assert page.inner_text(".toast.wrong").startswith("Not kept")
    assert "no verdict" in state(page)
    assert images(page, case_id)[0]["mine"] is None


def test_the_scale_bar_is_as_long_as_it_says_at_every_zoom(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)

    for _ in range(6):
        reads = page.inner_text("#scale-bar .reads")
        told = re.fullmatch(r"([\d.]+) (nm|µm|mm)", reads)
        assert told is not None
        number, unit = told.groups()
        um = float(number) * {"nm": 0.001, "µm": 1.0, "mm": 1000.0}[unit]
        rod, picture = (
            page.evaluate(f"document.querySelector('{one}').getBoundingClientRect().width")
            for one in ("#scale-bar .rod", "#picture")
        )
        assert rod == pytest.approx(um / 0.25 * picture / 48, rel=0.01)
        assert float(number) in {m * p for m in (1, 2, 5) for p in (0.1, 1, 10, 100)}
        page.keyboard.press("-")


def test_without_a_scale_there_is_no_bar(visit: Callable[..., Visit], site: Site) -> None:
    page = visit().large(site, made_case(site.services, 2))

    assert page.locator("#scale-bar").is_hidden()


def test_the_pictures_own_pixels_are_shown(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)

    assert page.evaluate("document.querySelector('#picture').naturalWidth") == 48
    drawn = "getComputedStyle(document.querySelector('#picture')).imageRendering"
    assert page.evaluate(drawn) == "pixelated"
    page.keyboard.press("o")
    assert page.inner_text("#scale") == "100 %"


def test_wheel_and_drag_zoom_and_move_the_picture(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)

    def box() -> dict[str, float]:
        return dict(page.locator("#picture").bounding_box())

    before = box()
    page.mouse.move(400, 380)
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "width => document.querySelector('#picture').getBoundingClientRect().width > width",
        arg=before["width"],
    )
    nearer = box()
    page.mouse.down()
    page.mouse.move(460, 420, steps=3)
    page.mouse.up()
    moved = box()
    assert moved["x"] - nearer["x"] == pytest.approx(60, abs=1)
    assert moved["y"] - nearer["y"] == pytest.approx(40, abs=1)
    page.keyboard.press("f")
    assert box() == pytest.approx(before, abs=1)


def test_two_fingers_zoom(visit: Callable[..., Visit], site: Site, case_id: str) -> None:
    found = visit(width=360, height=740, touch=True)
    page = found.large(site, case_id)
    before = page.locator("#picture").bounding_box()["width"]
    fingers = found.room.new_cdp_session(page)

    def touch(kind: str, apart: int) -> None:
        points = [{"x": 180 - apart, "y": 200, "id": 0}, {"x": 180 + apart, "y": 200, "id": 1}]
        told = {"type": kind, "touchPoints": [] if kind == "touchEnd" else points}
        fingers.send("Input.dispatchTouchEvent", told)

    touch("touchStart", 30)
    for apart in (36, 45, 60):
        touch("touchMove", apart)
    touch("touchEnd", 0)

    page.wait_for_function(
        "before => document.querySelector('#picture').getBoundingClientRect().width > before * 1.7",
        arg=before,
    )


def test_question_mark_lists_the_keys_and_escape_leads_back_to_the_card(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    page.keyboard.press("ArrowRight")

    page.keyboard.press("?")
    assert page.locator("#help-keys tr").count() > 10
    page.keyboard.press("Escape")
    assert page.locator("#viewer[open]").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewer:not([open])", state="attached")

    assert page.evaluate("document.activeElement.closest('li').ariaPosInSet") == "2"


def test_the_manual_lists_the_same_keys(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    manual = Path(__file__).parents[3] / "docs" / "how-to" / "page.md"
    table = re.findall(r"^\| (.+?) \| (.+?) \|$", manual.read_text(encoding="utf-8"), re.MULTILINE)

    shown = page.locator("#help-keys td").all_text_contents()

    assert [words for _, words in table][-len(shown) :] == shown


def test_space_on_a_button_that_was_reached_by_tab_presses_that_button(
    visit: Callable[..., Visit], site: Site, case_id: str
) -> None:
    page = visit().large(site, case_id)
    page.locator("#unsure").focus()

    page.keyboard.press("Space")
    kept(page)

    assert images(page, case_id)[0]["mine"]["kind"] == "unsure"
    assert page.inner_text("#which") == "1 of 6"

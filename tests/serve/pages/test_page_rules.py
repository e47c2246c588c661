"""Sets of classes and cells for a person, in headless Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from made_case import made_case, make_unlike
from made_rules import FITTED, ruled_bundle
from made_site import Site, Visit, listening

from papscope.serve.promises import NONE

axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.browser

COUNT, STRANGE = 30, (4, 7)
SHOW_ALL = {"width": 1366, "height": 2600}


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service whose model carries rules."""
    folder = tmp_path_factory.mktemp("ruled")
    model = ruled_bundle(folder / "careful")
    with listening(folder / "home", models=(str(model),)) as found:
        yield found


@pytest.fixture(scope="module")
def case_id(ruled: Site) -> str:
    """A case with two pictures that are unlike all that the model learned from."""
    made = made_case(ruled.services, COUNT)
    make_unlike(ruled.services, made, *STRANGE)
    return made


def asked(page: Any, case_id: str) -> list[dict[str, Any]]:
    script = "place => fetch(place).then(answer => answer.json())"
    return list(page.evaluate(script, f"/v1/cases/{case_id}/images?limit=500")["images"])


def names(page: Any) -> set[str]:
    return set(page.eval_on_selector_all(".card", "all => all.map(one => one.title)"))


def card(page: Any, image: dict[str, Any]) -> Any:
    return page.locator(f'.card[title="{image["name"]}"]')


def choose(page: Any, value: str, count: int) -> None:
    """Choose by what rules say, and wait for so many cards."""
    page.locator(f'input[name=refer][value="{value}"]').check()
    page.wait_for_function("n => document.querySelectorAll('.card').length === n", arg=count)


def test_a_card_shows_the_set_and_why_a_person_must_look(
    visit: Callable[..., Visit], ruled: Site, case_id: str
) -> None:
    found = visit(**SHOW_ALL)
    page = found.gallery(ruled, case_id)
    every = [one for one in asked(page, case_id) if not one["answer"]["unlike"]]

    doubted = next(one for one in every if len(one["answer"]["labels"]) == 2)
    aside = next(one for one in every if not one["answer"]["refer"])

    assert card(page, doubted).locator(".chip").inner_text() == " or ".join(
        doubted["answer"]["labels"]
    )
    said = card(page, doubted).get_attribute("aria-label")
    for words in ("for a person", "several classes", " or ".join(doubted["answer"]["labels"])):
        assert words in said
    assert card(page, aside).locator(".refer").inner_text() == "set aside by the rule"
    found.assert_quiet(ruled)


def test_a_picture_unlike_all_never_looks_like_a_class(
    visit: Callable[..., Visit], ruled: Site, case_id: str
) -> None:
    page = visit(**SHOW_ALL).gallery(ruled, case_id)
    strange = [one for one in asked(page, case_id) if one["answer"]["unlike"]]

    assert len(strange) == len(STRANGE)
    for one in strange:
        shown = card(page, one)
        assert shown.get_attribute("aria-label").startswith("unlike anything seen; for a person")
        assert shown.locator(".says").inner_text() == "unlike anything seen"
        assert one["answer"]["label"] in shown.locator("s").inner_text()
        assert shown.locator(".bar").count() == 0
    for label in {one["answer"]["label"] for one in strange}:
        page.check(f'input[name=label][value="{label}"]')
    page.wait_for_function("n => document.querySelectorAll('.card').length < n", arg=COUNT)
    assert not names(page) & {one["name"] for one in strange}


def test_the_gallery_is_narrowed_by_what_the_rules_say(
    visit: Callable[..., Visit], ruled: Site, case_id: str
) -> None:
    page = visit(**SHOW_ALL).gallery(ruled, case_id)
    every = asked(page, case_id)

    def wanted(passes: Callable[[list[str]], bool]) -> set[str]:
        return {one["name"] for one in every if passes(one["answer"]["refer"])}

    for value, passes in (
        ("referred", bool),
        ("=several-classes", lambda codes: "several-classes" in codes),
        ("=unlike-training", lambda codes: "unlike-training" in codes),
        ("aside", lambda codes: not codes),
    ):
        names_of = wanted(passes)
        assert 0 < len(names_of) < COUNT
        choose(page, value, len(names_of))
        assert names(page) == names_of
    page.click("#clear")
    page.wait_for_function("n => document.querySelectorAll('.card').length === n", arg=COUNT)
    assert page.locator("input[name=refer][value=any]").is_checked()


def test_the_large_view_lists_each_reason_in_a_sentence(
    visit: Callable[..., Visit], ruled: Site, case_id: str
) -> None:
    found = visit()
    page = found.large(ruled, case_id)
    first = asked(page, case_id)[0]["answer"]

    told = page.locator(".for-person li").all_inner_texts()

    assert told == first["reasons"] != []
    assert page.locator("#answer .chip").all_inner_texts() == first["labels"]
    found.assert_quiet(ruled)


def test_nobody_agrees_by_habit_with_a_class_that_means_nothing(
    visit: Callable[..., Visit], ruled: Site
) -> None:
    case_id = made_case(ruled.services, 2)
    make_unlike(ruled.services, case_id, 0, 1)
    page = visit().large(ruled, case_id)

    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('#spoken').textContent.includes('unlike')")

    assert page.inner_text("#answer .label") == "unlike anything seen"
    assert page.locator("#agree").is_disabled()
    assert page.inner_text("#which") == "1 of 2"
    assert {one["mine"] is None for one in asked(page, case_id)} == {True}
    page.keyboard.press("2")
    page.wait_for_function("() => document.querySelector('#state').textContent.startsWith('Kept')")


def test_the_head_and_the_models_page_tell_the_promise(
    visit: Callable[..., Visit], ruled: Site, case_id: str
) -> None:
    found = visit()
    page = found.gallery(ruled, case_id)
    summary = page.inner_text("#rules summary")
    said = [one["answer"]["refer"] for one in asked(page, case_id)]
    assert f"For a person: {sum(map(bool, said))}." in summary
    assert f"Set aside by the rule: {sum(not one for one in said)}." in summary
    page.click("#rules summary")
    assert FITTED in page.inner_text("#rules")

    page.click(".top a[href='/models']")
    page.wait_for_selector(".model")

    assert FITTED in page.inner_text(".model")
    assert "Rules: " in page.inner_text(".carries")
    found.assert_quiet(ruled)


def test_a_model_without_rules_says_so_and_nothing_is_set_aside(
    visit: Callable[..., Visit], site: Site
) -> None:
    page = visit().gallery(site, made_case(site.services, 3))
    assert page.locator("#rules").is_hidden()
    assert page.locator("#refer-field").is_hidden()
    assert page.locator(".refer, .set").count() == 0

    page.goto(f"{site.url}/models")

    assert NONE in page.inner_text(".model")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (360, "light"), (1366, "dark")])
def test_rules_are_readable_for_everybody(
    visit: Callable[..., Visit], ruled: Site, case_id: str, width: int, scheme: str
) -> None:
    found = visit(width=width, height=800, scheme=scheme, touch=width < 600)
    page = found.gallery(ruled, case_id)
    page.click("#rules summary")
    choices = [("gallery", None), ("unlike", "=unlike-training")]
    if width < 600:
        page.click("#filters summary")

    for _, value in choices:
        if value:
            choose(page, value, len(STRANGE))
            page.click("#start")
            page.wait_for_selector("#viewer[open]")
        told = axe_playwright.Axe().run(page).response["violations"]
        grave = [
            f"{one['id']}: {node['html'][:160]} {node['any'][:1]}"
            for one in told
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        assert grave == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    found.assert_quiet(ruled)

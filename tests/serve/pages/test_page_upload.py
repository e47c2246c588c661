"""Sending pictures in, in headless Chromium: files, folders, zips, and what is refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_case import png
from made_site import Site, Visit

pytestmark = pytest.mark.browser

DROP = """async ([names, bytes]) => {
  const carried = new DataTransfer();
  for (const name of names) {
    carried.items.add(new File([Uint8Array.from(bytes)], name, { type: "image/png" }));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.querySelector("#drop-zone").dispatchEvent(
      new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: carried }));
  }
}"""


def zipped(names: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return held.getvalue()


def given(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def ended(page: Any) -> str:
    page.wait_for_selector("#open-case:not([hidden])")
    page.wait_for_function(
        "() => document.querySelector('#going-words').textContent.startsWith('Done')"
    )
    return str(page.inner_text("#going-words"))


def test_pictures_are_sent_looked_at_and_shown(visit: Callable[..., Visit], site: Site) -> None:
    found = visit()
    page = found.page
    page.goto(site.url)
    page.set_input_files("#files", [given(f"cell-{n}.png", png(n)) for n in range(5)])
    assert page.inner_text("#given").startswith("5 files, ")
    page.fill("#title", "Slide 12")
    page.fill("#scale", "0.25")
    page.click("#send")

    assert ended(page) == "Done: 5 images looked at."
    page.click("#open-case")
    page.wait_for_selector(".card")

    assert page.inner_text("#title") == "Slide 12"
    assert "5 images" in page.inner_text("#facts")
    assert "0.25 µm per px" in page.inner_text("#facts")
    assert page.locator(".card").count() == 5
    found.assert_quiet(site)


def test_a_zip_is_a_case_and_what_is_refused_is_listed_with_its_reason(
    visit: Callable[..., Visit], site: Site
) -> None:
    page = visit().page
    good = {"s/a.png": png(1), "s/b.png": png(2)}
    archive = zipped({**good, "s/notes.txt": b"hello", "s/c.png": png(3)[:200]})

    page.goto(site.url)
    page.set_input_files("#files", [given("slide 13.zip", archive)])
    assert page.input_value("#title") == "slide 13"
    page.click("#send")

    assert ended(page).startswith("Done: 2 images")
    refused = page.inner_text("#refused")
    assert refused.startswith("2 files refused")
    assert "notes.txt" in refused
    assert "c.png" in refused
    page.click("#open-case")
    page.wait_for_selector(".card")
    page.click("#refused summary")
    assert page.locator("#refused li").count() == 2
    lines = page.locator("#refused li").all_inner_texts()
    assert all(len(one.split(maxsplit=1)) == 2 for one in lines)


def test_a_folder_gives_the_case_its_title(
    visit: Callable[..., Visit], site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "Slide 14"
    (folder / "left").mkdir(parents=True)
    for name in ("left/a.png", "b.png"):
        (folder / name).write_bytes(png(len(name)))
    (folder / ".hidden").write_bytes(b"x")
    page = visit().page

    page.goto(site.url)
    page.set_input_files("#folder", folder)
    assert page.inner_text("#given").startswith("2 files")
    assert page.input_value("#title") == "Slide 14"
    page.click("#send")

    assert ended(page).startswith("Done: 2 images")


def test_files_can_be_dropped(visit: Callable[..., Visit], site: Site) -> None:
    page = visit().page
    page.goto(site.url)
    page.wait_for_selector(".case-row, #none:not([hidden])")

    page.evaluate(DROP, [["a.png", "b.png"], list(png(4))])
    page.wait_for_selector("#details:not([hidden])")

    assert page.inner_text("#given").startswith("2 files")


def test_the_case_is_in_the_list_with_its_counts(visit: Callable[..., Visit], site: Site) -> None:
    page = visit().page
    page.goto(site.url)
    page.set_input_files("#files", [given("one.png", png(7))])
    page.fill("#title", "Slide <b>15</b>")
    page.click("#send")
    ended(page)

    row = page.locator(".case-row").filter(has_text="Slide <b>15</b>")
    row.filter(has_text="0 of 1 reviewed").wait_for()
    assert "1 image" in row.inner_text()


def test_more_images_go_into_a_case_that_is_there(visit: Callable[..., Visit], site: Site) -> None:
    page = visit().page
    page.goto(site.url)
    page.set_input_files("#files", [given("one.png", png(8))])
    page.fill("#title", "Slide 16")
    page.click("#send")
    ended(page)
    page.click("#open-case")
    page.wait_for_selector(".card")

    page.click("[aria-controls=things]")
    page.click("#things a")
    page.wait_for_selector("#into:not([hidden])", state="attached")
    page.set_input_files("#files", [given("two.png", png(9))])
    page.click("#send")
    ended(page)
    page.click("#open-case")
    page.wait_for_selector('.grid li[aria-setsize="2"]')

    assert page.inner_text("#title") == "Slide 16"


def test_an_upload_that_breaks_is_told_and_can_be_sent_again(
    visit: Callable[..., Visit], site: Site
) -> None:
    page = visit().page
    page.goto(site.url)
    page.set_input_files("#files", [given("one.png", png(10))])
    page.fill("#title", "Slide 17")
    page.route("**/v1/jobs", lambda one: one.abort())
    page.click("#send")
    page.wait_for_selector("#wrong:not([hidden])")
    assert "send again" in page.inner_text("#wrong").lower()

    page.unroute("**/v1/jobs")
    page.click("#send")

    assert ended(page).startswith("Done: 1 image")


def test_a_scale_that_is_no_number_is_refused_before_anything_is_sent(
    visit: Callable[..., Visit], site: Site
) -> None:
    found = visit()
    page = found.page
    page.goto(site.url)
    page.set_input_files("#files", [given("one.png", png(11))])
    page.fill("#scale", "-3")
    page.click("#send")

    assert "number of µm per pixel" in page.inner_text("#wrong")
    assert not [url for url in found.asked if url.endswith("/v1/jobs")]


def test_progress_comes_by_asking_where_events_do_not(
    visit: Callable[..., Visit], site: Site
) -> None:
    page = visit().page
    page.route("**/events", lambda one: one.abort())
    page.goto(site.url)
    page.set_input_files("#files", [given("one.png", png(12))])
    page.fill("#title", "Slide 18")
    page.click("#send")

    assert ended(page).startswith("Done: 1 image")


def test_who_was_signed_out_is_told_before_anything_is_sent(
    visit: Callable[..., Visit], site: Site
) -> None:
    found = visit()
    page = found.page
    page.goto(site.url)
    page.set_input_files("#files", [given("one.png", png(13))])
    told = '{"error": {"code": "sign-in-needed", "what": "who asks?", "hint": "sign in"}}'
    page.route("**/v1/me", lambda one: one.fulfill(status=401, body=told))
    page.click("#send")

    page.wait_for_selector("#wrong:not([hidden])")
    assert "Sign in" in page.inner_text("#wrong")
    assert not [url for url in found.asked if url.endswith("/v1/jobs")]

"""From an upload to a model trained on what two readers said, in headless Chromium."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_people import hash_cheaply
from made_site import WORD, Site, Visit, listening
from PIL import Image
from typer.testing import CliRunner, Result

from papscope.cli.main import app
from papscope.seeds import stream

pytestmark = pytest.mark.browser

PICTURES = 6
STATUS = "place => fetch(place).then(one => one.status)"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service with accounts: ada and eve review, rob only reads."""
    with pytest.MonkeyPatch.context() as patch:
        hash_cheaply(patch)
        with listening(tmp_path_factory.mktemp("lab") / "home", accounts=True) as found:
            for name, role in (("ada", "reviewer"), ("eve", "reviewer"), ("rob", "reader")):
                found.services.accounts.add(name, role, WORD, by="local")
            yield found


def picture(seed: int) -> bytes:
    """Draw a picture that is no other's near twin: large patches of colour."""
    draw = stream(seed, "test/patches")
    patches = Image.fromarray(draw.integers(60, 230, (6, 6, 3), dtype=np.uint8))
    smooth = np.asarray(patches.resize((48, 48), Image.Resampling.BICUBIC))
    sharp = (smooth + draw.normal(0, 12, smooth.shape)).clip(0, 255).astype(np.uint8)
    held = io.BytesIO()
    Image.fromarray(sharp).save(held, "PNG")
    return held.getvalue()


def upload(page: Any, site: Site, title: str, first: int) -> str:
    """Send some pictures in, wait for the answers, and give the case's id."""
    page.goto(site.url)
    sent = [(f"cell-{seed}.png", picture(seed)) for seed in range(first, first + PICTURES)]
    given = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in sent]
    page.set_input_files("#files", given)
    page.fill("#title", title)
    page.click("#send")
    page.wait_for_function(
        "() => document.querySelector('#going-words').textContent.startsWith('Done')"
    )
    page.click("#open-case")
    page.wait_for_selector(".card .chance:not(:empty)")
    return str(page.url).rpartition("/")[2]


def judge(page: Any, keys: str) -> None:
    """Give verdicts by keyboard, from the first image on, and go back to the gallery."""
    page.wait_for_selector("#grid:not([aria-busy])")
    page.locator(".card").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer[open]")
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_function(
            "() => document.querySelector('#state').textContent.startsWith('Kept')"
        )
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")


def run(*words: object) -> Result:
    environment = {"COLUMNS": "200", "NO_COLOR": "1", "PAPSCOPE_DATA": ""}
    return CliRunner().invoke(app, [str(word) for word in words], env=environment)


def test_who_has_not_signed_in_is_led_there_and_back(
    visit: Callable[..., Visit], lab: Site
) -> None:
    page = visit().page
    page.goto(f"{lab.url}/?into={'0' * 32}")

    assert page.url.startswith(f"{lab.url}/sign-in?next=")
    page.fill("#name", "ada")
    page.fill("#password", WORD)
    page.click("main button.first")
    page.wait_for_selector("#drop-zone")

    assert page.url == f"{lab.url}/?into={'0' * 32}"


def test_a_reader_looks_and_gives_no_verdict(visit: Callable[..., Visit], lab: Site) -> None:
    found = visit()
    found.sign_in(lab, "rob")
    upload(found.page, lab, "Slide of rob", 40)
    page = found.page
    page.locator(".card").first.focus()
    page.keyboard.press("Enter")

    page.wait_for_selector("#viewer[open]")
    page.keyboard.press("1")
    page.keyboard.press("0")

    assert "verdicts take a reviewer" in page.inner_text("#state")
    assert page.locator("#classes button:not([disabled])").count() == 0
    assert page.locator("#corrections").count() == 0
    assert page.locator("#delete").count() == 0
    found.assert_quiet(lab)


@pytest.mark.slow
def test_from_upload_to_a_model_trained_on_what_two_readers_said(
    visit: Callable[..., Visit], lab: Site, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    ada, eve = visit(), visit()
    ada.sign_in(lab, "ada")
    eve.sign_in(lab, "eve")
    cases = []
    for place in range(5):
        cases.append(upload(ada.page, lab, f"Slide {place}", 100 + 10 * place))
        judge(ada.page, "123456")

    # eve is blind until she has said what she sees
    page = eve.gallery(lab, cases[0])
    page.locator(".card").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer[open]")
    assert "1 other reader has given a verdict" in page.inner_text("#others")
    assert "ada" not in page.inner_text("#panel")
    shown = page.evaluate(
        "place => fetch(place).then(one => one.json())", f"/v1/cases/{cases[0]}/images"
    )
    assert {one["others"] is None for one in shown["images"]} == {True}
    page.keyboard.press("1")
    page.wait_for_function("() => document.querySelector('#others').textContent.includes('ada')")
    page.keyboard.press("Escape")
    judge(page, "123456")
    page.wait_for_function("() => document.querySelectorAll('.mark:not(.none)').length === 6")

    # both said the same of all six, so they agree beyond chance as much as can be
    page.click("#agreement-open")
    row = page.locator("#agreement-body tr").filter(has_text="ada and eve")
    row.wait_for()
    cells = row.locator("td").all_inner_texts()
    assert cells[0] == "6"
    assert cells[1].startswith("100 %")
    assert cells[2].startswith("1.00")

    # what they said becomes a data set that the project's own tools take
    ada.page.goto(lab.url)
    ada.page.wait_for_selector("#all-corrections:not([hidden])")
    with ada.page.expect_download() as coming:
        ada.page.click("#all-corrections")
    with zipfile.ZipFile(coming.value.path()) as archive:
        archive.extractall(tmp_path / "corrections")
    manifest, split = tmp_path / "corrections" / "manifest.csv", tmp_path / "split.csv"
    looked = run("check", manifest)
    assert looked.exit_code == 0, looked.output
    told = run("split", manifest, "-o", split)
    assert told.exit_code == 0, told.stderr
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(
        '[train]\nbackbone = "test_efficientnet"\nweights = "none"\nepochs = 1\nbatch_size = 4\n'
        'size = 32\naccelerator = "cpu"\n',
        encoding="utf-8",
    )
    words = ("train", manifest, "--split", split, "--recipe", recipe, "-o", tmp_path / "run")
    trained = run(*words, "--threads", 1)
    assert trained.exit_code == 0, trained.stderr
    about = json.loads((tmp_path / "run" / "bundle" / "bundle.json").read_text(encoding="utf-8"))
    names = [one["name"] for one in about["classes"]]
    assert names == ["NILM", "ASC-US", "LSIL", "ASC-H", "HSIL", "SCC"]
    for one in (ada, eve):
        one.assert_quiet(lab)


def test_a_case_is_deleted_only_after_it_was_said_twice(
    visit: Callable[..., Visit], site: Site
) -> None:
    page = visit().page
    case_id = upload(page, site, "To go", 60)

    page.click("[aria-controls=things]")
    page.click("#delete")
    page.wait_for_selector("#confirm[open]")
    page.keyboard.press("Enter")  # the button that changes nothing has the focus
    page.wait_for_selector("#confirm:not([open])", state="attached")
    assert page.evaluate(STATUS, f"/v1/cases/{case_id}") == 200

    page.click("[aria-controls=things]")
    page.click("#delete")
    page.click("#confirm-yes")
    page.wait_for_url(f"{site.url}/")

    assert page.evaluate(STATUS, f"/v1/cases/{case_id}") == 404


def test_a_title_and_a_scale_are_given_later(visit: Callable[..., Visit], site: Site) -> None:
    page = visit().page
    upload(page, site, "Old title", 70)

    page.click("[aria-controls=things]")
    page.click("#rename")
    page.fill("#edit-name", "New title")
    page.fill("#edit-scale", "0.5")
    page.click("#edit button[value=keep]")
    page.wait_for_function("() => document.querySelector('#title').textContent === 'New title'")

    assert "0.5 µm per px" in page.inner_text("#facts")


def test_a_closed_case_takes_no_verdict_and_opens_again(
    visit: Callable[..., Visit], site: Site
) -> None:
    page = visit().page
    upload(page, site, "To be closed", 80)

    page.click("[aria-controls=things]")
    page.click("#close-case")
    page.click("#confirm-yes")
    page.wait_for_selector("#closed:not([hidden])")
    page.click("#start")
    page.wait_for_selector("#viewer[open]")
    page.keyboard.press("1")
    assert "closed" in page.inner_text("#state")
    assert page.locator("#classes button:not([disabled])").count() == 0
    page.keyboard.press("Escape")

    page.click("[aria-controls=things]")
    page.click("#close-case")
    page.click("#confirm-yes")
    page.wait_for_selector("#closed", state="hidden")


def test_the_report_opens_and_the_pdf_is_one(visit: Callable[..., Visit], site: Site) -> None:
    found = visit()
    page = found.page
    upload(page, site, "To be reported", 90)

    page.click("[aria-controls=exports]")
    with found.room.expect_page() as coming:
        page.click("#exports a >> nth=0")
    coming.value.wait_for_load_state()
    assert "To be reported" in coming.value.inner_text("body")
    assert "not a medical device" in coming.value.inner_text("body").lower()
    page.click("[aria-controls=exports]")
    with page.expect_download() as sent:
        page.click("#exports a >> nth=1")

    assert Path(sent.value.path()).read_bytes().startswith(b"%PDF")
    found.assert_quiet(site)

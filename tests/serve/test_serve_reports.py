"""Case reports: what they say, what they never say, and what each page says."""

from __future__ import annotations

import html
import io
import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from made_case import made_case
from made_readers import Asking, pictures, reader
from pypdf import PdfReader
from sqlalchemy import select

from papscope import __version__
from papscope.claims import claims
from papscope.serve import verdicts
from papscope.serve.people import Person
from papscope.serve.reporting.content import CaseReport, gather
from papscope.serve.reporting.document import as_pdf
from papscope.serve.reporting.page import as_html
from papscope.serve.services import Services
from papscope.serve.store.tables import Answered, AuditEntry, Case, CaseImage, Job, Refused
from papscope.serve.verdicts import Given

RESEARCH = "Research use only. Not a medical device."
TITLE = "Präparat №7 Ελένη Кирилл"

FORBIDDEN = re.compile(
    r"""diagnos\w*\s*(?::|is|of|shows)   # a diagnosis given
    |(?:slide|smear|specimen|case|patient|woman|person)\s+(?:is|has|was|shows|suffers|needs)\s+
      (?:\w+\s+){0,2}(?:normal|abnormal|negative|positive|malignan\w*|cancer\w*|carcinoma|disease|
      HSIL|LSIL|SCC|NILM|ASC\S*|grade\w*)
    |(?:no|without)\s+(?:evidence|sign)\s+of
    |(?:overall|slide)[- ](?:grade|level|result|diagnosis|risk)
    |(?:refer|treat|biops|colposcop)\w*\s+(?:the|this|to|is)
    |recommend""",
    re.IGNORECASE | re.VERBOSE,
)


class Words(HTMLParser):
    """The words of a page, and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.loads: list[str] = []
        self.tags: set[str] = set()
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._in_style = tag == "style"
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_endtag(self, _: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self.text.append(data)


def words_of(page: str) -> Words:
    found = Words()
    found.feed(page)
    return found


def pages_of(pdf: bytes) -> list[str]:
    """The words of each page; reportlab's lines become one."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


@pytest.fixture
def read_case(services: Services) -> tuple[Services, str, Person]:
    """A case with two readers, a file refused and a picture without an answer."""
    case_id = made_case(services, 9, title=TITLE, um_per_px=0.25)
    images = pictures(services, case_id)
    ada, eve = reader(services, "ada"), reader(services, "eve")
    with services.database.transaction() as session:
        job = session.scalars(select(Job)).one()
        session.add(
            Refused(case_id=case_id, job_id=job.id, name="x.gif", code="animated", reason="moves")
        )
        last = session.scalars(select(Answered).where(Answered.image_id == images[8])).one()
        last.label = last.risk = last.probabilities = None
        last.failure, last.reason = "blank", "there is nothing on it"
    for place, image_id in enumerate(images[:6]):
        verdicts.give(services, image_id, ada, Given("agree"))
        if place < 4:
            verdicts.give(services, image_id, eve, Given("correct", "HSIL", "<b>dark</b> & dense"))
    verdicts.give(services, images[6], eve, Given("unsure"))
    return services, case_id, ada


def report_of(read_case: tuple[Services, str, Person], top: int = 24) -> CaseReport:
    return gather(*read_case, top)


def test_a_report_says_what_was_asked_of_it_in_all_forms(
    read_case: tuple[Services, str, Person],
) -> None:
    services, case_id, _ = read_case
    report = report_of(read_case)
    page = " ".join(" ".join(words_of(as_html(report, services.images).html).text).split())
    pdf = " ".join(pages_of(as_pdf(report, services.images)))

    model = services.models.named()
    for text in (page, pdf):
        for word in (
            RESEARCH, TITLE, case_id, model.name, model.digest, __version__, "0.25 micrometres",
            "9: 8 answered, 1 without an answer; 1 files refused", "x.gif", "refused: animated",
            "no answer: blank", "there is nothing on it", "ada agrees: ", "eve says HSIL",
            "<b>dark</b> & dense", "Nobody may decide about a patient", "glandular",
            "ada and eve", "ada and cric-6", "Others' verdicts on 1 more pictures are left out",
            "Calibration", "4468", "cell-0003.png",
        ):  # fmt: skip
            assert word in text, word


def test_counts_are_of_pictures_by_model_and_by_reader(
    read_case: tuple[Services, str, Person],
) -> None:
    report = report_of(read_case)

    assert sum(row.model for row in report.classes) == report.answered == 8
    assert sum(row.readers["ada"] for row in report.classes) == 6
    assert {row.name: row.readers["eve"] for row in report.classes}["HSIL"] == 4
    assert [(one.name, one.read) for one in report.readers] == [("ada", 6), ("eve", 4)]
    assert report.hidden == 1
    risks = [one.answer.risk for one in report.gallery if one.answer is not None]
    assert (len(risks), risks) == (8, sorted(risks, reverse=True))
    assert len(report_of(read_case, top=3).gallery) == 3


def test_no_report_says_anything_of_a_slide_or_a_patient(
    read_case: tuple[Services, str, Person],
) -> None:
    services = read_case[0]
    report = report_of(read_case)
    texts = [
        " ".join(" ".join(words_of(as_html(report, services.images).html).text).split()),
        " ".join(pages_of(as_pdf(report, services.images))),
    ]

    for text in texts:
        assert FORBIDDEN.search(text) is None, FORBIDDEN.search(text)
        assert [one.sentence for one in claims(text)] == []
        assert "cells consistent with HSIL: changes as of a high-grade" in text
    for claim in (
        "Diagnosis: HSIL", "the slide is positive", "this patient has cancer", "overall grade 3",
        "no evidence of malignancy", "refer the patient", "the case is probably abnormal",
    ):  # fmt: skip
        assert FORBIDDEN.search(claim), claim


def test_each_page_of_the_pdf_says_that_it_is_for_research_and_which_it_is(
    read_case: tuple[Services, str, Person],
) -> None:
    pages = pages_of(as_pdf(report_of(read_case), read_case[0].images))

    assert len(pages) >= 3
    for number, text in enumerate(pages, start=1):
        assert text.count(RESEARCH) >= 2
        assert f"page {number} of {len(pages)}" in text


def test_the_same_case_gives_the_same_bytes(read_case: tuple[Services, str, Person]) -> None:
    services, case_id, ada = read_case
    still = replace(services, clock=lambda: datetime(2026, 1, 2, tzinfo=UTC))

    one, other = (gather(still, case_id, ada) for _ in "ab")

    assert as_pdf(one, services.images) == as_pdf(other, services.images)
    assert as_html(one, services.images) == as_html(other, services.images)


def test_the_page_holds_all_it_needs_and_its_policy_lets_nothing_else_in(
    client: TestClient, read_case: tuple[Services, str, Person]
) -> None:
    answer = client.get(f"/v1/cases/{read_case[1]}/report", params={"download": True})
    found = words_of(answer.text)

    assert "script" not in found.tags
    assert "link" not in found.tags
    assert found.loads
    assert all(one.startswith("data:image/jpeg;base64,") for one in found.loads)
    policy = answer.headers["content-security-policy"]
    within = re.search('http-equiv="Content-Security-Policy" content="([^"]+)"', answer.text)
    assert within is not None
    assert policy == f"{html.unescape(within[1])}; frame-ancestors 'none'"
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert answer.headers["content-disposition"].startswith("attachment;")


def test_what_people_typed_is_shown_and_never_run(client: TestClient, services: Services) -> None:
    case_id = made_case(services, 1, title="<script>alert(1)</script>")
    with services.database.transaction() as session:
        for image in session.scalars(select(CaseImage)):
            image.name = "<img src=x onerror=alert(1)>.png"
    path = f"/v1/cases/{case_id}/report"

    found = words_of(client.get(path).text)

    assert "script" not in found.tags
    assert "<script>alert(1)</script>" in found.text
    assert any("<img src=x" in text for text in found.text)
    assert "<script>alert(1)</script>" in " ".join(pages_of(client.get(f"{path}.pdf").content))


def test_letters_that_the_pdf_has_no_font_for_are_boxes_and_told(services: Services) -> None:
    case_id = made_case(services, 1, title="細胞 Ωж")
    report = gather(services, case_id, Person(1, "local", "admin"))

    pages = pages_of(as_pdf(report, services.images))

    assert "\u25a1\u25a1 Ωж" in pages[0]
    assert "Boxes stand for letters" in pages[0]
    assert "細胞 Ωж" in as_html(report, services.images).html


def test_a_report_bears_the_longest_texts_and_no_pictures_at_all(services: Services) -> None:
    case_id = made_case(services, 2, title="W" * 200)
    readers = [reader(services, f"{'w' * 60}{number}") for number in range(15)]
    for image_id in pictures(services, case_id):
        for person in readers:
            verdicts.give(services, image_id, person, Given("unsure", note="long " * 400))
    with services.database.transaction() as session:
        for image in session.scalars(select(CaseImage)):
            image.name = "n" * 200
            services.images.remove(image.digest)
        session.get_one(Case, case_id).closed_at = services.clock()
    empty = made_case(services, 0)
    someone = Person(1, "local", "admin")

    long = gather(services, case_id, someone)
    pages = pages_of(as_pdf(long, services.images))

    assert all(RESEARCH in text for text in pages)
    assert "the picture is gone" in " ".join(pages)
    assert "and 3 more" in " ".join(pages)
    assert "the picture is gone" in as_html(long, services.images).html
    assert RESEARCH in pages_of(as_pdf(gather(services, empty, someone), services.images))[0]


def test_making_a_report_is_noted_with_its_digest(
    client: TestClient, read_case: tuple[Services, str, Person]
) -> None:
    services, case_id, ada = read_case
    asking = Asking(client, services, ada)
    for form in ("report", "report.pdf", "report.json"):
        assert asking.get(f"/v1/cases/{case_id}/{form}").status_code == 200

    with services.database.reading() as session:
        log = session.scalars(select(AuditEntry).where(AuditEntry.what == "report-made")).all()
    assert [(one.who, json.loads(one.details)["form"]) for one in log] == [
        ("ada", "html"),
        ("ada", "pdf"),
    ]
    assert not any(TITLE in one.details for one in log)


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_printed_from_a_browser_each_page_says_what_it_is_for(
    read_case: tuple[Services, str, Person], tmp_path: Path
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        pytest.skip("no browser is installed")
    made = as_html(report_of(read_case), read_case[0].images)
    (tmp_path / "report.html").write_text(made.html, encoding="utf-8")
    complaints: list[str] = []

    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": 360, "height": 700})
        page.set_default_timeout(180_000)
        page.on("console", lambda one: complaints.append(one.text))
        page.goto((tmp_path / "report.html").as_uri())
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        shown = page.evaluate("[...document.images].every(one => one.naturalWidth > 0)")
        printed = page.pdf(prefer_css_page_size=True)
        opened.close()

    pages = pages_of(printed)
    assert len(pages) > 2
    assert all(RESEARCH in text for text in pages)
    assert (complaints, shown) == ([], True)
    assert wider <= 0, "the page must be pushed sideways on a phone"

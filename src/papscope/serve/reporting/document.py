"""A case's report as PDF.

Takes   the content, and the pictures' store
Gives   the bytes of a PDF, the same each time for the same content
Never   leaves a page without saying that it is for research only
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    Image,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from papscope.errors import NotFound
from papscope.serve.images import ImageStore
from papscope.serve.reporting import told
from papscope.serve.reporting.content import CaseReport
from papscope.serve.reporting.fonts import BOLD, PLAIN, is_whole, marked, ready
from papscope.serve.reporting.page import SIDE
from papscope.serve.shown import ShownImage

_SOFT, _RULE, _ALARM = (colors.HexColor(one) for one in ("#56606b", "#d5d7d6", "#a8201a"))
_SIDES, _TOP, _BOTTOM = 16 * mm, 20 * mm, 18 * mm
_WIDTH = A4[0] - 2 * _SIDES
_ACROSS = 3
"""Pictures of the gallery beside each other."""
_THUMB = 38 * mm
_VERDICTS = 12
"""Beside a picture."""


def as_pdf(report: CaseReport, images: ImageStore) -> bytes:
    """Make a report's PDF.

    Raises:
        MissingExtra: there are no fonts.
    """
    ready()
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_SIDES,
        rightMargin=_SIDES,
        topMargin=_TOP,
        bottomMargin=_BOTTOM,
        title=f"{report.title} - papscope case report",
        author="papscope",
        subject=report.research,
        invariant=1,
    )

    class Pages(_Numbered):
        foot = f"papscope {report.papscope} · case {report.case_id}"
        research = report.research

    parts = (_opening(report), _counts(report), _gallery(report, images), _notes(report))
    story = [one for part in (*parts, _ending(report)) for one in part]
    document.build(story, canvasmaker=Pages)
    return out.getvalue()


class _Numbered(Canvas):  # type: ignore[misc]  # reportlab has no types
    """Pages that say what they are for, which they are, and of how many."""

    foot = research = ""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802  # reportlab calls it by this name
        """Keep a page until it is known how many there are."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write all pages, each with its head and foot."""
        for number, page in enumerate(self._pages, start=1):
            self.__dict__.update(page)
            self._frame(number, len(self._pages))
            super().showPage()
        super().save()

    def _frame(self, number: int, count: int) -> None:
        width, height = A4
        self.setFillColor(_ALARM)
        self.setFont(BOLD, 9)
        self.drawCentredString(width / 2, height - 12 * mm, self.research)
        self.drawCentredString(width / 2, 12 * mm, self.research)
        self.setFillColor(_SOFT)
        self.setFont(PLAIN, 7.5)
        self.drawString(_SIDES, 7.5 * mm, self.foot)
        self.drawRightString(width - _SIDES, 7.5 * mm, f"page {number} of {count}")


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:
    face = more.pop("fontName", PLAIN)
    return ParagraphStyle(name, fontName=face, fontSize=size, leading=size * 1.35, **more)


_TEXT = _style("text", 9, spaceAfter=4)
_SMALL = _style("small", 7.5)
_SMALL_SOFT = _style("soft", 7.5, textColor=_SOFT)
_CELL = _style("cell", 8)
_HEAD = _style("head", 8, textColor=_SOFT)
_STRONG = _style("strong", 9, fontName=BOLD)
_TITLE = _style("title", 18, fontName=BOLD, spaceAfter=6)
_SECTION = _style("section", 12, fontName=BOLD, spaceBefore=12, spaceAfter=5, keepWithNext=1)
_ITEM = _style("item", 9, leftIndent=10, bulletIndent=1, spaceAfter=3)


def _p(text: object, style: ParagraphStyle = _TEXT) -> Paragraph:
    return Paragraph(marked(str(text)), style)


def _item(text: str) -> Paragraph:
    return Paragraph(marked(text), _ITEM, bulletText="\u2022")


def _table(head: Sequence[str], rows: Sequence[Sequence[object]], widths: Sequence[float]) -> Table:
    cells = [[_p(one, _HEAD) for one in head]] if head else []
    cells += [[_p(one, _CELL) for one in row] for row in rows]
    style = [
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
    total = sum(widths)
    return Table(
        cells,
        colWidths=[_WIDTH * width / total for width in widths],
        repeatRows=1 if head else 0,
        style=style,
        spaceAfter=6,
        hAlign="LEFT",
    )


def _opening(report: CaseReport) -> list[Flowable]:
    refused = len(report.refused) + report.refused_more
    without = report.images - report.answered
    facts = [
        ("Case", f"{report.case_id}, made {told.minute(report.created_at)}"),
        ("Report", f"made {told.minute(report.made_at)} for {report.made_by}"),
        ("Pictures", f"{report.images}: {report.answered} answered, {without} without an answer; "
                     f"{refused} files refused"),
        ("Scale", report.scale),
        *(("Model", f"{model.name}, {model.digest}") for model in report.models),
    ]  # fmt: skip
    whole = [] if is_whole(report.title) else [_p(_BOXES, _SMALL_SOFT)]
    return [
        _p("papscope case report", _SMALL_SOFT),
        _p(report.title, _TITLE),
        *whole,
        _p(report.standing, _STRONG),
        Spacer(1, 4),
        _table((), facts, (1, 6)),
        _p("What this report is for", _SECTION),
        *(_p(one) for one in report.intended_use),
    ]


_BOXES = "Boxes stand for letters that this PDF's font lacks; the HTML report has them."


def _counts(report: CaseReport) -> list[Flowable]:
    names = [one.name for one in report.readers]
    rows: list[list[object]] = [
        [row.name, row.meaning, row.model, *(row.readers.get(name, 0) for name in names)]
        for row in report.classes
    ]
    rows.append(["cannot tell", "", "", *(one.cannot_tell for one in report.readers)])
    rows.append(["no answer", "", report.images - report.answered, *("" for _ in names)])
    readers = [
        (one.name, one.read, one.cannot_tell, told.days(one.first, one.last))
        for one in report.readers
    ]
    pairs = [told.pair(one) for one in (*report.agreement.pairs, *report.agreement.with_model)]
    nobody = "Nobody whose verdicts may be shown here has read a picture yet."
    return [
        _p("Pictures by class", _SECTION),
        _p("What single pictures were called. A class names what a cell looks consistent with."),
        _table(("class", "meaning", "model", *names), rows, (2, 4, 1, *(1.3 for _ in names))),
        _p("Who read", _SECTION),
        _table(("reader", "pictures", "cannot tell", "when"), readers, (3, 1, 1, 3))
        if readers else _p(nobody),
        _p("Agreement", _SECTION),
        *_agreement(report, pairs),
    ]  # fmt: skip


def _agreement(report: CaseReport, pairs: Sequence[Sequence[str]]) -> list[Flowable]:
    if not pairs:
        return [_p("There are no readings to compare.")]
    head = ("who", "pictures", "agreement", "kappa", "kappa weighted by grade")
    return [
        _p(
            f"On {report.agreement.images} pictures; readers by what they said before they could "
            "see others' verdicts. In brackets: 95 % intervals over pictures."
        ),
        _table(head, pairs, (3, 2, 2.4, 2.6, 2.6)),
    ]


def _gallery(report: CaseReport, images: ImageStore) -> list[Flowable]:
    shown = len(report.gallery)
    title = f"The {shown} pictures that the model ranks worst, of {report.answered}"
    cells = [_card(number, one, images) for number, one in enumerate(report.gallery, start=1)]
    found: list[Flowable] = []
    for start in range(0, shown, _ACROSS):
        row = cells[start : start + _ACROSS]
        row += [[] for _ in range(_ACROSS - len(row))]
        widths = [_WIDTH / _ACROSS] * _ACROSS
        style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]
        table = Table([row], colWidths=widths, style=style)
        found.append(KeepTogether([table] if found else [_p(title, _SECTION), table]))
    return found or [_p(title, _SECTION)]


def _card(number: int, one: ShownImage, images: ImageStore) -> list[Flowable]:
    assert one.answer is not None  # the gallery holds answered pictures alone
    label = f"{number}. {one.answer.label} {told.chance(one.answer.probability)}"
    certainty = f"certainty {told.chance(one.answer.certainty)}"
    found = [
        _thumb(one, images),
        _p(label, _STRONG),
        _p(f"{told.likeliest(one.answer.probabilities)}; {certainty}", _SMALL_SOFT),
        _p(f"{one.name} (no. {one.place + 1})", _SMALL_SOFT),
    ]
    found += [_p(told.verdict(verdict), _SMALL) for verdict in one.verdicts[:_VERDICTS]]
    more = len(one.verdicts) - _VERDICTS
    return [*found, _p(f"and {more} more", _SMALL)] if more > 0 else found


def _notes(report: CaseReport) -> list[Flowable]:
    """Give the notes by themselves: a row of the gallery must not be longer than a page."""
    found = [
        _p(f"{number}. {verdict.reader}: {verdict.note}")
        for number, one in enumerate(report.gallery, start=1)
        for verdict in one.verdicts
        if verdict.note
    ]
    return [_p("Notes on these pictures", _SECTION), *found] if found else []


def _thumb(one: ShownImage, images: ImageStore) -> Flowable:
    try:
        data = images.smaller(one.digest, SIDE).read_bytes()
    except (NotFound, FileNotFoundError):
        return _p("the picture is gone", _SMALL_SOFT)
    longer = max(one.width, one.height)
    width, height = _THUMB * one.width / longer, _THUMB * one.height / longer
    return Image(io.BytesIO(data), width=width, height=height, hAlign="LEFT")


def _ending(report: CaseReport) -> list[Flowable]:
    missing = [(one.name, f"refused: {one.code}", one.reason) for one in report.refused]
    missing += [(one.name, f"no answer: {one.code}", one.reason) for one in report.unanswered]
    more = report.unanswered_more + report.refused_more
    found: list[Flowable] = [_p("What was not answered", _SECTION)]
    if missing:
        found.append(_table(("file", "what", "why"), missing, (3, 2, 4)))
        found += [_p(f"And {more} more.")] if more else []
    else:
        found.append(_p("Every file that was sent was taken in and answered."))
    found.append(_p("What it cannot see", _SECTION))
    found += [_item(one) for one in report.limits]
    found.append(_p("The model", _SECTION))
    for model in report.models:
        found.append(_table((), [("Name", model.name), ("SHA-256", model.digest), *model.facts],
                            (1, 4)))  # fmt: skip
        found += [_p("Known failures:")] if model.failures else []
        found += [_item(one) for one in model.failures]
    return found

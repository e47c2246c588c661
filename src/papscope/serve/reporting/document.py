"""A case's report as PDF.

Takes   the content, and the pictures' store
Gives   the bytes of a PDF, the same each time for the same content
Never   leaves a page without saying that it is for research only
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import (
    Flowable,
    Image,
    KeepTogether,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from papscope.errors import NotFound
from papscope.serve.images import ImageStore
from papscope.serve.referral import UNLIKE_SAID
from papscope.serve.reporting import told
from papscope.serve.reporting.content import CaseReport
from papscope.serve.reporting.fonts import is_whole, ready
from papscope.serve.reporting.page import SIDE
from papscope.serve.reporting.typesetting import (
    BOTTOM,
    PART,
    SECTION,
    SIDES,
    SMALL,
    SMALL_SOFT,
    STRONG,
    TITLE,
    TOP,
    WIDTH,
    Numbered,
    item,
    paragraph,
    table,
)
from papscope.serve.shown import ShownImage

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
        leftMargin=SIDES,
        rightMargin=SIDES,
        topMargin=TOP,
        bottomMargin=BOTTOM,
        title=f"{report.title} - papscope case report",
        author="papscope",
        subject=report.research,
        invariant=1,
    )

    class Pages(Numbered):
        foot = f"papscope {report.papscope} · case {report.case_id}"
        research = report.research

    parts = (
        _opening(report),
        _counts(report),
        _rules(report),
        _readers(report),
        _gallery(report, images),
        _notes(report),
    )
    story = [one for part in (*parts, _ending(report)) for one in part]
    document.build(story, canvasmaker=Pages)
    return out.getvalue()


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
    whole = [] if is_whole(report.title) else [paragraph(_BOXES, SMALL_SOFT)]
    return [
        paragraph("papscope case report", SMALL_SOFT),
        paragraph(report.title, TITLE),
        *whole,
        paragraph(report.standing, STRONG),
        Spacer(1, 4),
        table((), facts, (1, 6)),
        paragraph("What this report is for", SECTION),
        *(paragraph(one) for one in report.intended_use),
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
    if report.rules.unlike:
        what = "unlike all pictures that the model learned from: no class"
        rows.append([UNLIKE_SAID, what, report.rules.unlike, *("" for _ in names)])
    return [
        paragraph("Pictures by class", SECTION),
        paragraph(
            "What single pictures were called. A class names what a cell looks consistent with."
        ),
        table(("class", "meaning", "model", *names), rows, (2, 4, 1, *(1.3 for _ in names))),
    ]


def _rules(report: CaseReport) -> list[Flowable]:
    found = [
        paragraph("For a person, and set aside", SECTION),
        paragraph(report.rules.sentence, STRONG),
    ]
    if report.rules.reasons:
        rows = [(one.code, one.what, one.images) for one in report.rules.reasons]
        found.append(paragraph("Why; one picture may have several reasons."))
        found.append(table(("reason", "meaning", "pictures"), rows, (2, 5, 1)))
    for name, each in report.rules.promises:
        found.append(paragraph(f"What the rules of {name} promise", PART))
        found += [paragraph(sentence) for sentence in each]
    return found


def _readers(report: CaseReport) -> list[Flowable]:
    readers = [
        (one.name, one.read, one.cannot_tell, told.days(one.first, one.last))
        for one in report.readers
    ]
    pairs = [told.pair(one) for one in (*report.agreement.pairs, *report.agreement.with_model)]
    nobody = "Nobody whose verdicts may be shown here has read a picture yet."
    return [
        paragraph("Who read", SECTION),
        table(("reader", "pictures", "cannot tell", "when"), readers, (3, 1, 1, 3))
        if readers else paragraph(nobody),
        paragraph("Agreement", SECTION),
        *_agreement(report, pairs),
    ]  # fmt: skip


def _agreement(report: CaseReport, pairs: Sequence[Sequence[str]]) -> list[Flowable]:
    if not pairs:
        return [paragraph("There are no readings to compare.")]
    head = ("who", "pictures", "agreement", "kappa", "kappa weighted by grade")
    return [
        paragraph(
            f"On {report.agreement.images} pictures; readers by what they said before they could "
            "see others' verdicts. In brackets: 95 % intervals over pictures."
        ),
        table(head, pairs, (3, 2, 2.4, 2.6, 2.6)),
    ]


def _gallery(report: CaseReport, images: ImageStore) -> list[Flowable]:
    shown = len(report.gallery)
    title = f"The {shown} pictures that the model ranks worst, of {report.answered}"
    cells = [_card(number, one, images) for number, one in enumerate(report.gallery, start=1)]
    found: list[Flowable] = []
    for start in range(0, shown, _ACROSS):
        row = cells[start : start + _ACROSS]
        row += [[] for _ in range(_ACROSS - len(row))]
        widths = [WIDTH / _ACROSS] * _ACROSS
        style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]
        drawn = Table([row], colWidths=widths, style=style)
        found.append(KeepTogether([drawn] if found else [paragraph(title, SECTION), drawn]))
    return found or [paragraph(title, SECTION)]


def _card(number: int, one: ShownImage, images: ImageStore) -> list[Flowable]:
    assert one.answer is not None  # the gallery holds answered pictures alone
    certainty = f"certainty {told.chance(one.answer.certainty)}"
    likeliest = f"{told.likeliest(one.answer.probabilities)}; {certainty}"
    found = [
        _thumb(one, images),
        paragraph(f"{number}. {told.label(one.answer)}", STRONG),
        *([] if one.answer.unlike else [paragraph(likeliest, SMALL_SOFT)]),
        *(paragraph(text, SMALL) for text in told.rules(one.answer)),
        paragraph(f"{one.name} (no. {one.place + 1})", SMALL_SOFT),
    ]
    found += [paragraph(told.verdict(verdict), SMALL) for verdict in one.verdicts[:_VERDICTS]]
    more = len(one.verdicts) - _VERDICTS
    return [*found, paragraph(f"and {more} more", SMALL)] if more > 0 else found


def _notes(report: CaseReport) -> list[Flowable]:
    """Give the notes by themselves: a row of the gallery must not be longer than a page."""
    found = [
        paragraph(f"{number}. {verdict.reader}: {verdict.note}")
        for number, one in enumerate(report.gallery, start=1)
        for verdict in one.verdicts
        if verdict.note
    ]
    return [paragraph("Notes on these pictures", SECTION), *found] if found else []


def _thumb(one: ShownImage, images: ImageStore) -> Flowable:
    try:
        data = images.smaller(one.digest, SIDE).read_bytes()
    except (NotFound, FileNotFoundError):
        return paragraph("the picture is gone", SMALL_SOFT)
    longer = max(one.width, one.height)
    width, height = _THUMB * one.width / longer, _THUMB * one.height / longer
    return Image(io.BytesIO(data), width=width, height=height, hAlign="LEFT")


def _ending(report: CaseReport) -> list[Flowable]:
    missing = [(one.name, f"refused: {one.code}", one.reason) for one in report.refused]
    missing += [(one.name, f"no answer: {one.code}", one.reason) for one in report.unanswered]
    more = report.unanswered_more + report.refused_more
    found: list[Flowable] = [paragraph("What was not answered", SECTION)]
    if missing:
        found.append(table(("file", "what", "why"), missing, (3, 2, 4)))
        found += [paragraph(f"And {more} more.")] if more else []
    else:
        found.append(paragraph("Every file that was sent was taken in and answered."))
    found.append(paragraph("What it cannot see", SECTION))
    found += [item(one) for one in report.limits]
    found.append(paragraph("The model", SECTION))
    for model in report.models:
        found.append(table((), [("Name", model.name), ("SHA-256", model.digest), *model.facts],
                            (1, 4)))  # fmt: skip
        found += [paragraph("Known failures:")] if model.failures else []
        found += [item(one) for one in model.failures]
    return found

"""How a report's PDF is set: pages, styles of text, tables.

Takes   text, and rows of text
Gives   what reportlab puts onto pages
Never   knows what a report says
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, Table

from papscope.serve.reporting.fonts import BOLD, PLAIN, marked

_SOFT, _RULE, _ALARM = (colors.HexColor(one) for one in ("#56606b", "#d5d7d6", "#a8201a"))
SIDES, TOP, BOTTOM = 16 * mm, 20 * mm, 18 * mm
WIDTH = A4[0] - 2 * SIDES


class Numbered(Canvas):  # type: ignore[misc]  # reportlab has no types
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
        self.drawString(SIDES, 7.5 * mm, self.foot)
        self.drawRightString(width - SIDES, 7.5 * mm, f"page {number} of {count}")


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:
    face = more.pop("fontName", PLAIN)
    return ParagraphStyle(name, fontName=face, fontSize=size, leading=size * 1.35, **more)


TEXT = _style("text", 9, spaceAfter=4)
SMALL = _style("small", 7.5)
SMALL_SOFT = _style("soft", 7.5, textColor=_SOFT)
CELL = _style("cell", 8)
HEAD = _style("head", 8, textColor=_SOFT)
STRONG = _style("strong", 9, fontName=BOLD)
TITLE = _style("title", 18, fontName=BOLD, spaceAfter=6)
SECTION = _style("section", 12, fontName=BOLD, spaceBefore=12, spaceAfter=5, keepWithNext=1)
PART = _style("part", 9, fontName=BOLD, spaceBefore=4, spaceAfter=2, keepWithNext=1)
ITEM = _style("item", 9, leftIndent=10, bulletIndent=1, spaceAfter=3)


def paragraph(text: object, style: ParagraphStyle = TEXT) -> Paragraph:
    """Set a paragraph; whatever is in it is text and not markup."""
    return Paragraph(marked(str(text)), style)


def item(text: str) -> Paragraph:
    """Set one item of a list."""
    return Paragraph(marked(text), ITEM, bulletText="\u2022")


def table(head: Sequence[str], rows: Sequence[Sequence[object]], widths: Sequence[float]) -> Table:
    """Set a table over the whole width.

    Args:
        head: of the columns; empty for none.
        rows: what stands in them.
        widths: of the columns, as shares of each other.
    """
    cells = [[paragraph(one, HEAD) for one in head]] if head else []
    cells += [[paragraph(one, CELL) for one in row] for row in rows]
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
        colWidths=[WIDTH * width / total for width in widths],
        repeatRows=1 if head else 0,
        style=style,
        spaceAfter=6,
        hAlign="LEFT",
    )

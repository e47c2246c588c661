"""Letters for the PDF, and which of them there are.

Takes   nothing
Gives   the names of two fonts that are put into the document, and text that they can show
Never   reads a font that papscope's base installation does not bring: DejaVu comes with matplotlib

DejaVu has the letters of most European languages, Greek, Cyrillic, Hebrew and Arabic, and none of
Chinese, Japanese or Korean. What it lacks is shown as a box.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from papscope.errors import MissingExtra

PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"
BOX = "\u25a1"


@cache
def _faces() -> dict[str, Any]:
    """Make the fonts known to reportlab, once."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    found = find_spec("matplotlib")  # which is not imported: that takes half a second
    if found is None or found.origin is None:
        raise MissingExtra("the PDF's letters come with matplotlib, which is not there",
                           hint="install papscope again")  # fmt: skip
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    faces = {}
    for name in (PLAIN, BOLD):
        font = TTFont(name, str(folder / f"{name}.ttf"))
        pdfmetrics.registerFont(font)
        faces[name] = font.face.charToGlyph
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)
    return faces


def ready() -> None:
    """Make the fonts known to reportlab.

    Raises:
        MissingExtra: they are not there.
    """
    _faces()


def marked(text: str) -> str:
    """Give text as reportlab's paragraphs take it: escaped, and with boxes for what is lacking."""
    known = _faces()[PLAIN]
    shown = (one if one in "\n " or ord(one) in known else BOX for one in text)
    return escape("".join(shown)).replace("\n", "<br/>")


def is_whole(text: str) -> bool:
    """Tell whether the fonts have all letters of a text."""
    return BOX not in marked(text)

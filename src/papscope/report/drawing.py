"""Pictures for a page: drawn by matplotlib, coloured and lettered by the page's style sheet.

Takes   a matplotlib figure drawn in the colours named here
Gives   SVG text to stand inside a page, the same bytes each time, with words for screen readers
Never   chooses a colour: each is a CSS variable, so that one picture suits light, dark and print
"""

from __future__ import annotations

import io
import re
from html import escape

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_ROLES = ("ink", "soft", "rule", "paper", "main", "good", "bad", "other")
_STANDS_FOR = {name: f"#00000{place}" for place, name in enumerate(_ROLES, start=1)}
"""Colours that no picture has, each standing for a CSS variable until the text is made."""

INK, SOFT, RULE, PAPER, MAIN, GOOD, BAD, OTHER = _STANDS_FOR.values()

_UNDATED = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def canvas(width: int, height: int) -> Figure:
    """Give an empty figure whose unit of type and lines is the page's pixel.

    Args:
        width: in CSS pixels, at the picture's natural size.
        height: likewise.
    """
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    figure.patch.set_visible(False)
    return figure


def axes(figure: Figure, left: float, top: float, right: float, bottom: float) -> Axes:
    """Add axes with margins in pixels, quiet ticks and no box.

    Args:
        figure: made by `canvas`.
        left: margin to the figure's edge, in pixels; so the other three.
        top: see `left`.
        right: see `left`.
        bottom: see `left`.
    """
    width, height = (72 * side for side in figure.get_size_inches())
    place = (left / width, bottom / height, (width - left - right) / width)
    room = figure.add_axes((*place, (height - top - bottom) / height))
    room.patch.set_visible(False)
    for side in ("top", "right"):
        room.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        room.spines[side].set(color=RULE, linewidth=1)
    room.tick_params(colors=RULE, labelcolor=SOFT, labelsize=11, length=3, width=1)
    return room


def svg(figure: Figure, name: str, title: str, description: str) -> str:
    """Give a figure as SVG text to stand inside a page.

    Args:
        figure: drawn in the colours of this module.
        name: unique on the page, letters, digits and hyphens; every id in the picture starts so.
        title: what the picture is, read aloud first.
        description: what it shows, with the numbers that matter.
    """
    text = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "papscope"}):
        figure.savefig(text, format="svg", metadata=_UNDATED)
    width, height = (round(72 * side) for side in figure.get_size_inches())
    body = _body(text.getvalue(), name)
    for role, colour in _STANDS_FOR.items():
        body = body.replace(colour, f"var(--{role})")
    return (
        f'<svg class="picture" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="{name}-title {name}-desc" stroke-linejoin="round">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-desc">{escape(description)}</desc>\n{body}</svg>'
    )


def _body(text: str, name: str) -> str:
    """Keep the drawing alone: no prologue, no style for the whole page, no ids to clash."""
    inside = text[text.index("<svg") :].partition(">")[2].rpartition("</svg>")[0]
    inside = re.sub(r"<metadata>.*?</metadata>", "", inside, flags=re.DOTALL)
    inside = re.sub(r"<style.*?</style>", "", inside, flags=re.DOTALL)
    inside = re.sub(r" font-family: [^;\"]*(;|(?=\"))", "", inside)
    inside = re.sub(r'<g id="[a-zA-Z.]+_\d+"', "<g", inside)
    inside = re.sub(r' id="', f' id="{name}-', inside)
    inside = inside.replace('xlink:href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    return re.sub(r"\s*\n\s*", "\n", inside).lstrip()

"""Pages made from templates, all in one frame.

Takes   a template's name, the request, who asks, and what the template shows
Gives   HTML that holds no script, no style and no address of another host
Never   reads the database
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from papscope import __version__
from papscope.serve.people import Person


def page(
    template: str, request: Request, *, person: Person | None, status: int = 200, **told: Any
) -> HTMLResponse:
    """Fill a template in.

    Args:
        template: its file's name, as `cases.html.j2`; it extends `base.html.j2`.
        request: that is answered; what stands in `request.state.csrf` goes into the page's head,
            where scripts find the word that every change has to bring.
        person: who asks; None where nobody has signed in.
        status: of the answer.
        told: what the template shows besides.
    """
    csrf = str(getattr(request.state, "csrf", ""))
    text = _room().get_template(template).render(
        person=person, version=__version__, path=request.url.path, csrf=csrf, **told
    )  # fmt: skip
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})


@cache
def _room() -> Environment:
    """Make the templates' room once: nothing is undefined, and all is escaped."""
    return Environment(
        loader=PackageLoader("papscope.serve.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

"""The application: every endpoint and page, put together.

Takes   the services
Gives   an ASGI application
Never   opens anything: `services` does
"""

from __future__ import annotations

from fastapi import FastAPI

from papscope import __version__
from papscope.serve.api import cases, images, verdicts
from papscope.serve.pages.routes import add_pages
from papscope.serve.services import Services
from papscope.serve.told import tell_over_http

ABOUT = "Reads Pap-smear images. Research software, not a medical device: for research use only."


def create_app(services: Services) -> FastAPI:
    """Put the application together.

    Args:
        services: opened, and kept open for as long as the application answers.
    """
    app = FastAPI(title="papscope", version=__version__, description=ABOUT, redoc_url=None)
    app.state.services = services
    tell_over_http(app)
    for room in (cases, images, verdicts):
        app.include_router(room.router)
    add_pages(app)
    return app

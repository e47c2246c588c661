"""The application: every endpoint and page, put together.

Takes   the services
Gives   an ASGI application
Never   opens anything: `services` does
"""

from __future__ import annotations

from fastapi import FastAPI

from papscope import __version__
from papscope.serve.access.door import GuardedApp
from papscope.serve.api import (
    accounts,
    agreement,
    cases,
    corrections,
    health,
    images,
    jobs,
    me,
    models,
    predict,
    reports,
    verdicts,
)
from papscope.serve.intake.bodies import BodyLimits
from papscope.serve.metrics import Counted
from papscope.serve.pages.entrance import add_entrance
from papscope.serve.pages.interface import add_interface
from papscope.serve.pages.routes import add_pages
from papscope.serve.services import Services
from papscope.serve.told import tell_over_http

ABOUT = "Reads Pap-smear images. Research software, not a medical device: for research use only."


def create_app(services: Services) -> FastAPI:
    """Put the application together.

    Args:
        services: opened, and kept open for as long as the application answers.
    """
    app = GuardedApp(
        title="papscope", version=__version__, description=ABOUT, docs_url=None, redoc_url=None
    )
    app.state.services = services
    settings = services.settings
    app.add_middleware(BodyLimits, limits=settings.limits, home=settings.home)
    app.add_middleware(Counted)
    tell_over_http(app)
    review = (cases, images, verdicts, agreement, corrections, reports)
    for room in (predict, jobs, models, health, *review, me, accounts):
        app.include_router(room.router)
    add_pages(app)
    add_entrance(app)
    add_interface(app)
    return app

"""Whatever is sent to whatever is described: no breakdown, and answers as they are described."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as drawn
from made_case import made_case
from made_people import add_people, browser, stop_the_clock, token_for
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select

from papscope.serve.app import create_app
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings
from papscope.serve.store.tables import CaseImage, Job

pytestmark = pytest.mark.slow

EXAMPLES = 10
"""Requests of each kind to each operation."""

CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def services(tmp_path: Path, cheap_hashes: None) -> Iterator[Services]:
    with opened(ServeSettings(home=tmp_path / "home", threads=1, accounts=True)) as found:
        add_people(found)
        stop_the_clock(found)
        yield found


@pytest.mark.parametrize("who", ["a program", "a browser"])
@pytest.mark.filterwarnings("ignore")  # of the tools that draw and send
def test_no_request_breaks_the_service_and_all_answers_are_as_described(
    services: Services, who: str
) -> None:
    app = create_app(services)
    headers = token_for(services, "admin") if who == "a program" else in_browser(app)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    wrong: list[str] = []
    answered: Counter[int] = Counter()

    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]  # what is described is sound
        ends = (operation.method.upper(), operation.path) in ENDS_THE_SIGN_IN
        if not ends and (who == "a program" or operation.path.startswith(BY_HAND)):
            ask(operation, headers, known_things(services), wrong, answered)

    assert not wrong, "\n\n".join(sorted(set(wrong)))
    assert sum(answered[status] for status in (200, 201, 204)) > 5  # or nothing was let in
    assert answered[401] < answered.total() / 4


ENDS_THE_SIGN_IN = {
    ("POST", "/v1/sign-out"),
    ("POST", "/v1/sign-out-everywhere"),
    ("POST", "/v1/sign-in"),
}
"""Asked elsewhere: after them all others would be told to sign in."""

BY_HAND = ("/v1/me", "/v1/accounts")
"""What programs may not ask."""


def ask(
    operation: Any,
    headers: dict[str, str],
    known: list[dict[str, str]],
    wrong: list[str],
    answered: Counter[int],
) -> None:
    """Send an operation what is drawn for it, and gather what was answered wrongly."""
    places = cycle(known)

    @drawn(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def asks(case: Any) -> None:
        case.path_parameters = {**(case.path_parameters or {}), **fitting(case, next(places))}
        told = case.call(headers=headers)
        answered[told.status_code] += 1
        try:
            case.validate_response(told, checks=CHECKS)
        except (AssertionError, BaseExceptionGroup) as problem:
            each = getattr(problem, "exceptions", [problem])
            wrong.extend(f"{case.method} {case.path}: {one}"[:600] for one in each)

    asks()


def in_browser(app: Any) -> dict[str, str]:
    asking = browser(app)
    return {
        "Cookie": f"papscope={asking.cookies['papscope']}",
        "X-CSRF-Token": asking.headers["X-CSRF-Token"],
    }


def known_things(services: Services) -> list[dict[str, str]]:
    """Path parameters that lead to something, and none, which lead nowhere."""
    case_id = made_case(services, 2)
    with services.database.reading() as session:
        image = session.scalars(select(CaseImage.id).where(CaseImage.case_id == case_id)).first()
        job = session.scalars(select(Job.id).where(Job.case_id == case_id)).one()
    return [{"case_id": case_id, "image_id": str(image), "job_id": job, "name": "rob"}, {}]


def fitting(case: Any, known: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in known.items() if f"{{{name}}}" in case.path}

"""What a request is answered with, and in whose name it asks.

Takes   a request
Gives   the services, and the person who asks, as arguments of an endpoint
Never   answers
"""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from papscope.errors import NotAllowed
from papscope.serve.access import person_of
from papscope.serve.people import Person, Role
from papscope.serve.services import Services


def services_of(request: Request) -> Services:
    """Give what the application holds."""
    return cast("Services", request.app.state.services)


class At:
    """Asks that whoever sends a request has at least a role."""

    def __init__(self, least: Role) -> None:
        """Ask for a role."""
        self.least = least

    def __call__(self, request: Request) -> Person:
        """Give the person.

        Raises:
            SignInNeeded: nobody known asks.
            NotAllowed: the person's role is not enough.
        """
        person = person_of(request, services_of(request))
        if not person.may(self.least):
            raise NotAllowed(
                f"{person.name} is a {person.role}; this takes a {self.least}",
                hint="ask an administrator",
            )
        return person


Held = Annotated[Services, Depends(services_of)]
Reader = Annotated[Person, Depends(At("reader"))]
Reviewer = Annotated[Person, Depends(At("reviewer"))]
Admin = Annotated[Person, Depends(At("admin"))]

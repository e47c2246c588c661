"""What a request is answered with, and in whose name it asks.

Takes   a request
Gives   the services, and the person who asks, as arguments of an endpoint
Never   answers
"""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from papscope.errors import NotAllowed
from papscope.serve.access.forgery import word_for
from papscope.serve.access.who import person_of, sender_of
from papscope.serve.people import Person, Role
from papscope.serve.services import Services


def services_of(request: Request) -> Services:
    """Give what the application holds."""
    return cast("Services", request.app.state.services)


class At:
    """Asks that whoever sends a request has at least a role."""

    def __init__(self, least: Role, *, by_hand: bool = False) -> None:
        """Ask for a role.

        Args:
            least: the role.
            by_hand: whether it takes somebody at a page, and no program's token will do.
        """
        self.least = least
        self.by_hand = by_hand

    def __call__(self, request: Request) -> Person:
        """Give the person.

        Raises:
            SignInNeeded: nobody known asks.
            NotAllowed: the person's role is not enough, or a program asks for what it may not.
        """
        services = services_of(request)
        person = person_of(request, services)
        sender = sender_of(request, services)
        request.state.csrf = word_for(sender)
        if self.by_hand and sender.how == "token":
            raise NotAllowed("a token cannot do this", hint="sign in at the page for accounts")
        if not person.may(self.least):
            raise NotAllowed(
                f"{person.name} is a {person.role}; this takes the role {self.least}",
                hint="ask an administrator",
            )
        return person


Held = Annotated[Services, Depends(services_of)]
Reader = Annotated[Person, Depends(At("reader"))]
Reviewer = Annotated[Person, Depends(At("reviewer"))]
Admin = Annotated[Person, Depends(At("admin"))]
ByHand = Annotated[Person, Depends(At("reader", by_hand=True))]
"""Anybody with an account, at a page: so that who steals a token cannot make it last."""
AdminByHand = Annotated[Person, Depends(At("admin", by_hand=True))]

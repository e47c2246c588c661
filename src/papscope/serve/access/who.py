"""Who sends a request.

Takes   a request, and the accounts
Gives   a person, and by what it is known that it is she
Never   says whether it was the name or the password that was wrong
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Literal, cast

from fastapi import Request
from sqlalchemy import select

from papscope.errors import SignInNeeded
from papscope.serve.access.accounts import person_behind
from papscope.serve.access.cookies import word_of
from papscope.serve.access.tokens import Tokens
from papscope.serve.people import LOCAL, Person
from papscope.serve.services import Services
from papscope.serve.store.tables import Account

How = Literal["sign-in", "token", "local", "nobody"]

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a request, as far as that is known."""

    how: How
    person: Person | None = None
    """None for nobody."""
    word: str | None = None
    """The cookie's, where `how` is `sign-in`."""


def person_of(request: Request, services: Services) -> Person:
    """Give the person in whose name a request asks.

    Raises:
        SignInNeeded: nobody known asks.
    """
    person = sender_of(request, services).person
    if person is None:
        raise SignInNeeded(
            "nobody has signed in",
            hint="sign in at /sign-in, or send `Authorization: Bearer TOKEN`",
        )
    return person


def sender_of(request: Request, services: Services) -> Sender:
    """Give who sent a request; the database is asked once for each request.

    Raises:
        SignInNeeded: the request brings a token that is not valid.
    """
    known = getattr(request.state, "sender", None)
    if known is None:
        known = request.state.sender = _looked_up(request, services)
    return cast("Sender", known)


def address_of(request: Request) -> str:
    """Give the address from which a request comes, for counting failures."""
    return request.client.host if request.client else ""


def _looked_up(request: Request, services: Services) -> Sender:
    if "authorization" in request.headers:  # never mixed with a cookie: see `forgery`
        return _by_token(request.headers["authorization"], services)
    word = word_of(request)
    if word is not None:
        person = services.gate.sign_ins.person(word)
        if person is not None:
            return Sender("sign-in", person, word)
    if _sits_here(request, services):
        return Sender("local", _local(services))
    return Sender("nobody")


def _by_token(header: str, services: Services) -> Sender:
    scheme, _, word = header.partition(" ")
    person = None
    if scheme.lower() == "bearer":
        person = Tokens(services.database, services.clock).person(word.strip())
    if person is None:
        raise SignInNeeded("the token is not valid (any more)", hint="make a new one at /account")
    return Sender("token", person)


def _sits_here(request: Request, services: Services) -> bool:
    """Tell whether a request comes from this machine, and not through a proxy nobody told of."""
    if services.settings.wants_accounts or any(one in request.headers for one in _FORWARDED):
        return False
    try:
        address = ip_address(address_of(request))
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _local(services: Services) -> Person:
    with services.database.reading() as session:
        found = session.execute(select(Account).where(Account.name == LOCAL)).scalar_one()
        return person_behind(found)

"""Signing in and out over HTTP, and what belongs to one's own account.

Takes   a name and a password, or requests of somebody who is known
Gives   JSON, and the cookie of a sign-in
Never   decides who may come in: `access` does
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from papscope.errors import Conflict
from papscope.serve.access.cookies import give_cookie, take_cookie, word_of
from papscope.serve.access.forgery import word_for
from papscope.serve.access.tokens import Tokens
from papscope.serve.access.who import Sender, address_of, sender_of
from papscope.serve.api.problems import problems
from papscope.serve.asked import ByHand, Held, Reader
from papscope.serve.people import LOCAL, Person, Role
from papscope.serve.services import Services

router = APIRouter(prefix="/v1", tags=["sign-in"])

TokenId = Annotated[int, Path(ge=1, le=2**53, description="The token's number.")]


class SignInForm(BaseModel):
    """Who signs in."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=64, examples=["ada"])
    password: str = Field(max_length=256, examples=["seven small green frogs"])


class Me(BaseModel):
    """Who asks."""

    name: str = Field(examples=["ada"])
    role: Role
    csrf: str = Field(description="What a browser sends as `X-CSRF-Token` with each change.")
    accounts: bool = Field(description="Whether people have to sign in here.")


class OwnPassword(BaseModel):
    """A new password, and the one that holds until now."""

    model_config = ConfigDict(extra="forbid")
    current: str = Field(max_length=256)
    new: str = Field(max_length=256)


class NewToken(BaseModel):
    """A token to be made."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=64, examples=["the scanner's script"])


class TokenForm(BaseModel):
    """A token, without its word."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    name: str
    created_at: datetime
    used_at: datetime | None = Field(description="Within a minute; null where it never was.")


class MadeToken(BaseModel):
    """A token that was just made."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    name: str
    word: str = Field(description="Told this once: keep it as you keep a password.")


@router.post("/sign-in", responses=problems())
def sign_in(held: Held, request: Request, response: Response, asked: SignInForm) -> Me:
    """Sign in with a name and a password; the answer sets a cookie."""
    opened = held.gate.sign_in(
        asked.name, asked.password, address=address_of(request), before=word_of(request)
    )
    give_cookie(request, response, opened.word)
    return _me(held, opened.person, Sender("sign-in", opened.person, opened.word))


@router.post("/sign-out", status_code=204, responses=problems())
def sign_out(held: Held, request: Request, response: Response, person: ByHand) -> None:
    """End this sign-in."""
    word = sender_of(request, held).word
    if word is not None:
        held.gate.sign_ins.close(word, person)
    take_cookie(request, response)


@router.post("/sign-out-everywhere", status_code=204, responses=problems(409))
def sign_out_everywhere(held: Held, request: Request, response: Response, person: ByHand) -> None:
    """End all sign-ins of yours, in whatever browser."""
    _own(person)
    held.gate.sign_ins.close_all(person)
    take_cookie(request, response)


@router.get("/me", responses=problems())
def me(held: Held, request: Request, person: Reader) -> Me:
    """Tell who asks."""
    return _me(held, person, sender_of(request, held))


@router.put("/me/password", status_code=204, responses=problems(409))
def change_password(
    held: Held, request: Request, response: Response, person: ByHand, asked: OwnPassword
) -> None:
    """Give yourself another password; you are signed out everywhere."""
    _own(person)
    held.gate.proves(person, asked.current, address=address_of(request))
    held.accounts.set_password(person.name, asked.new, by=person.name)
    take_cookie(request, response)


@router.get("/me/tokens", responses=problems())
def list_tokens(held: Held, person: ByHand) -> list[TokenForm]:
    """List your tokens, the newest first."""
    each = Tokens(held.database, held.clock).each(person)
    return [TokenForm.model_validate(one) for one in each]


@router.post("/me/tokens", status_code=201, responses=problems(409))
def make_token(held: Held, person: ByHand, asked: NewToken) -> MadeToken:
    """Make a token by which a program asks in your name."""
    _own(person)
    made = Tokens(held.database, held.clock).make(person, asked.name)
    return MadeToken.model_validate(made)


@router.delete("/me/tokens/{token_id}", status_code=204, responses=problems(404))
def revoke_token(held: Held, person: ByHand, token_id: TokenId) -> None:
    """Let a token of yours be valid no more."""
    Tokens(held.database, held.clock).revoke(person, token_id, by=person.name)


def _me(held: Services, person: Person, sender: Sender) -> Me:
    return Me(
        name=person.name,
        role=person.role,
        csrf=word_for(sender),
        accounts=held.settings.wants_accounts,
    )


def _own(person: Person) -> None:
    """Refuse for whoever sits at the machine: that is no account with a password."""
    if person.name == LOCAL:
        raise Conflict(
            "nobody has signed in: whoever sits at this machine has neither password nor tokens",
            hint="`papscope account add` makes an account; sign in with it",
        )

"""The pages for signing in, for one's account, and for accounts as administrators see them.

Takes   forms of our own pages, which need no script
Gives   HTML, or where to go on
Never   leads to another host, or shows a token a second time
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from papscope.errors import Busy, PapscopeError, SignInNeeded
from papscope.serve.access.cookies import give_cookie, take_cookie, word_of
from papscope.serve.access.forgery import word_for
from papscope.serve.access.leading import SIGN_IN, led_back
from papscope.serve.access.tokens import Made, Tokens, since
from papscope.serve.access.who import Sender, address_of, sender_of
from papscope.serve.asked import AdminByHand, ByHand, Held, Reader
from papscope.serve.pages.rendering import page
from papscope.serve.people import LOCAL, ROLES, Person
from papscope.serve.services import Services

ACCOUNT = "/account"

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

Text = Annotated[str, Form(max_length=256)]


@router.get(SIGN_IN)
def show_sign_in(held: Held, request: Request, next: str = "/") -> Response:  # noqa: A002  # the word in addresses
    """Show where one signs in; whoever is known already goes on."""
    if sender_of(request, held).how == "sign-in":
        return RedirectResponse(led_back(next), 303)
    return _sign_in_page(request, led_back(next))


@router.post(SIGN_IN)
def sign_in(
    held: Held, request: Request, name: Text, password: Text, onward: Annotated[str, Form()] = "/"
) -> Response:
    """Sign in and go on, or say what is wrong."""
    try:
        opened = held.gate.sign_in(
            name, password, address=address_of(request), before=word_of(request)
        )
    except (SignInNeeded, Busy) as problem:
        return _sign_in_page(request, led_back(onward), problem)
    response = RedirectResponse(led_back(onward), 303)
    give_cookie(request, response, opened.word)
    return response


@router.post("/sign-out")
def sign_out(
    held: Held, request: Request, person: ByHand, everywhere: Annotated[bool, Form()] = False
) -> Response:
    """Sign out, here or everywhere."""
    word = sender_of(request, held).word
    if everywhere and person.name != LOCAL:
        held.gate.sign_ins.close_all(person)
    elif word is not None:
        held.gate.sign_ins.close(word, person)
    return _gone(request)


@router.get(ACCOUNT)
def show_account(held: Held, request: Request, person: Reader) -> HTMLResponse:
    """Show one's account, and to administrators all of them."""
    return _account_page(held, request, person)


@router.post(f"{ACCOUNT}/password")
def change_password(
    held: Held, request: Request, person: ByHand, current: Text, new: Text
) -> Response:
    """Take a new password, and ask for it at once."""
    try:
        held.gate.proves(person, current, address=address_of(request))
        held.accounts.set_password(person.name, new, by=person.name)
    except PapscopeError as problem:
        return _account_page(held, request, person, problem=problem)
    return _gone(request)


@router.post(f"{ACCOUNT}/tokens")
def make_token(held: Held, request: Request, person: ByHand, name: Text) -> HTMLResponse:
    """Make a token and show it, this once."""
    try:
        made = Tokens(held.database, held.clock).make(held.accounts.named(person.name), name)
    except PapscopeError as problem:
        return _account_page(held, request, person, problem=problem)
    return _account_page(held, request, person, made=made)


@router.post(f"{ACCOUNT}/tokens/revoke")
def revoke_token(
    held: Held, request: Request, person: ByHand, token: Annotated[int, Form(ge=1, le=2**53)]
) -> Response:
    """Let a token be valid no more."""
    try:
        Tokens(held.database, held.clock).revoke(person, token, by=person.name)
    except PapscopeError as problem:
        return _account_page(held, request, person, problem=problem)
    return RedirectResponse(ACCOUNT, 303)


@router.post(f"{ACCOUNT}/people")
def add_account(
    held: Held, request: Request, person: AdminByHand, name: Text, role: Text, password: Text
) -> Response:
    """Make an account for somebody."""
    try:
        held.accounts.add(name, role, password, by=person.name)
    except PapscopeError as problem:
        return _account_page(held, request, person, problem=problem)
    return RedirectResponse(ACCOUNT, 303)


@router.post(f"{ACCOUNT}/people/change")
def change_account(
    held: Held, request: Request, person: AdminByHand, name: Text, to: Text
) -> Response:
    """Give somebody another role, or let her in no more, or again."""
    try:
        if to in ROLES:
            held.accounts.set_role(name, to, by=person.name)
        else:
            held.accounts.set_active(name, to == "active", by=person.name)
    except PapscopeError as problem:
        return _account_page(held, request, person, problem=problem)
    return RedirectResponse(ACCOUNT, 303)


def add_entrance(app: FastAPI) -> None:
    """Let an application show these pages."""
    app.include_router(router)


def _sign_in_page(
    request: Request, onward: str, problem: PapscopeError | None = None
) -> HTMLResponse:
    request.state.csrf = word_for(Sender("nobody"))
    status = problem.http_status if problem else 200
    made = page(
        "sign_in.html.j2", request, person=None, status=status, onward=onward, problem=problem
    )
    return _with_origin(made, problem)


def _account_page(
    held: Services,
    request: Request,
    person: Person,
    *,
    problem: PapscopeError | None = None,
    made: Made | None = None,
) -> HTMLResponse:
    shown = page(
        "account.html.j2",
        request,
        person=person,
        status=problem.http_status if problem else 200,
        problem=problem,
        made=made,
        local=person.name == LOCAL,
        tokens=Tokens(held.database, held.clock).each(person),
        people=held.accounts.each() if person.may("admin") else None,
        roles=ROLES,
        since=since,
    )
    return _with_origin(shown, problem)


def _with_origin(made: HTMLResponse, problem: PapscopeError | None) -> HTMLResponse:
    """Let a browser tell this service, and it alone, from which page a form comes."""
    made.headers["Referrer-Policy"] = "same-origin"
    if isinstance(problem, Busy):
        made.headers["Retry-After"] = str(problem.retry_after)
    return made


def _gone(request: Request) -> Response:
    response = RedirectResponse(SIGN_IN, 303)
    take_cookie(request, response)
    return response

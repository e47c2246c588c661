"""Errors as HTTP tells them: a status, and what, where and what next as JSON.

Takes   what an endpoint raised
Gives   `{"error": {"code", "what", "hint"}}`
Never   lets a traceback, a path or a query out
"""

from __future__ import annotations

import errno
import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from papscope.errors import Busy, DiskError, PapscopeError, SignInNeeded, StoreError
from papscope.serve.access.leading import sign_in_address, wants_page

_log = logging.getLogger("papscope.serve")


def tell_over_http(app: FastAPI) -> None:
    """Let an application tell papscope's errors, and everything else that goes wrong."""
    app.add_exception_handler(PapscopeError, _papscope)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Exception, _unforeseen)


def _body(code: str, what: str, hint: str) -> dict[str, dict[str, str]]:
    return {"error": {"code": code, "what": what, "hint": hint}}


def _papscope(request: Request, error: Exception) -> Response:
    assert isinstance(error, PapscopeError)  # it is registered for these alone
    if isinstance(error, SignInNeeded) and wants_page(request):
        return RedirectResponse(sign_in_address(request), 303)
    return answer(error)


def answer(error: PapscopeError) -> JSONResponse:
    """Give what a program is told of an error."""
    headers = {}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, SignInNeeded):
        headers["WWW-Authenticate"] = "Bearer"
    code = str(getattr(error, "reason", error.code))
    what, hint = _outside(error)
    return JSONResponse(_body(code, what, hint), error.http_status, headers)


def _outside(error: PapscopeError) -> tuple[str, str]:
    """Give the words for somebody elsewhere, who need not know this machine's folders and hosts."""
    cause = error.__cause__
    if isinstance(error, StoreError):
        what = "the service's database cannot be reached, or is full or failing"
    elif isinstance(error, DiskError) and isinstance(cause, OSError):
        full = cause.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full" if full else f"nothing can be written: {cause.strerror}"
    else:
        return str(error), error.hint
    _log.warning("%s; try: %s", error, error.hint)
    return what, "ask again in a moment; the service's log has more"


def _gone(request: Request, error: Exception) -> Response:
    """End a request whose sender has gone; 499 is what proxies note down, and nobody receives."""
    del request, error
    return Response(status_code=499)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    del request
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    what, hint = f"{where}: {first['msg']}", "see /docs"
    if first["type"] == "model_attributes_type" and where == "body":
        what = "the body is not JSON, or its Content-Type does not say that it is"
        hint = "send a JSON object, with the header Content-Type: application/json"
    return JSONResponse(_body("bad-request", what, hint), 422)


def _plain(request: Request, error: Exception) -> JSONResponse:
    del request
    assert isinstance(error, HTTPException)
    code = "not-found" if error.status_code == 404 else "bad-request"
    headers = dict(error.headers) if error.headers else None
    return JSONResponse(_body(code, str(error.detail), "see /docs"), error.status_code, headers)


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    what = "something went wrong that papscope did not foresee"
    return JSONResponse(_body("internal", what, "the service's log has it: please report it"), 500)

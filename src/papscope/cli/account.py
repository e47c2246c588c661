"""The command `papscope account`: who may use the service, decided at its own machine.

Takes   the service's folder, a name, and a password from a prompt or from standard input
Gives   a changed account, or a table of all; a new token on standard output, once
Never   takes a password as a word of the command line, where others on the machine can read it
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.cli.kept_options import (
    DEFAULT_HOME,
    DatabaseUrl,
    Home,
    settings_of,
    with_service_parts,
)
from papscope.cli.terminal import told_on_terminal
from papscope.errors import SettingError

if TYPE_CHECKING:
    from papscope.serve.access.accounts import Accounts
    from papscope.serve.access.tokens import Tokens

account = typer.Typer(
    help="Manage who may use the service: accounts, roles, passwords and tokens.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="The account's name.")]
Role = Annotated[
    str, typer.Option("--role", help="reader looks, reviewer gives verdicts, admin manages.")
]
FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input's first line."),
]


@account.command("add")
def add(
    name: Name,
    role: Role = "reader",
    password_stdin: FromStdin = False,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Make an account. The password is asked for, or read from standard input."""
    with told_on_terminal(), _accounts(home, database_url, new=True) as accounts:
        made = accounts.add(name, role, _password(password_stdin), by=_who())
        typer.echo(f"made the account {made.name}, {made.role}", err=True)


@account.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """List all accounts."""
    with told_on_terminal(), _accounts(home, database_url) as accounts:
        each = accounts.each()
        if as_json:
            rows = [
                {"name": one.name, "role": one.role, "active": one.active, "tokens": one.tokens}
                for one in each
            ]
            typer.echo(json.dumps(rows, indent=2))
            return
        for one in each:
            state = "" if one.active else "  deactivated"
            typer.echo(f"{one.name}  {one.role}  {one.tokens} tokens{state}")
        if not each:
            typer.echo("there are no accounts yet", err=True)


@account.command("role")
def role(
    name: Name,
    to: Annotated[str, typer.Argument(help="reader, reviewer or admin.")],
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Give an account another role; it holds from the next request on."""
    with told_on_terminal(), _accounts(home, database_url) as accounts:
        accounts.set_role(name, to, by=_who())
        typer.echo(f"{name} has the role {to} now", err=True)


@account.command("password")
def password(
    name: Name,
    password_stdin: FromStdin = False,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Give an account another password; it is signed out everywhere."""
    with told_on_terminal(), _accounts(home, database_url) as accounts:
        accounts.named(name)
        accounts.set_password(name, _password(password_stdin), by=_who())
        typer.echo(f"{name} has a new password and is signed out everywhere", err=True)


@account.command("deactivate")
def deactivate(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Let the account be used again.")] = False,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Let nobody use an account any more; its sign-ins and tokens end."""
    with told_on_terminal(), _accounts(home, database_url) as accounts:
        accounts.set_active(name, undo, by=_who())
        typer.echo(f"{name} is {'active again' if undo else 'deactivated'}", err=True)


@account.command("token")
def token(
    name: Name,
    label: Annotated[str, typer.Option("--label", help="What will use it.")] = "command line",
    listed: Annotated[bool, typer.Option("--list", help="List the valid ones instead.")] = False,
    revoke: Annotated[
        int | None, typer.Option("--revoke", help="Let the token of this number be valid no more.")
    ] = None,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a token by which a program asks in an account's name, and print it, this once."""
    with told_on_terminal(), _accounts(home, database_url) as accounts:
        person, tokens = accounts.named(name), _tokens(accounts)
        if listed:
            _show(tokens, accounts, name)
        elif revoke is not None:
            tokens.revoke(person, revoke, by=_who())
            typer.echo(f"token {revoke} of {name} is revoked", err=True)
        else:
            made = tokens.make(person, label)
            typer.echo(f"token {made.id} of {name}; it is shown this once:", err=True)
            typer.echo(made.word)


def _show(tokens: Tokens, accounts: Accounts, name: str) -> None:
    from papscope.serve.access.tokens import since

    for one in tokens.each(accounts.named(name)):
        told = f"made {since(one.created_at)}  used {since(one.used_at)}"
        typer.echo(f"{one.id}  {one.name}  {told}")


@contextmanager
def _accounts(home: Path, database_url: str | None, new: bool = False) -> Iterator[Accounts]:
    """Open the service's database for as long as a command takes; only a `new` one is made."""
    with with_service_parts():
        from papscope.serve.access.accounts import Accounts
        from papscope.serve.access.passwords import Hasher
        from papscope.serve.clock import utc_now
        from papscope.serve.opening import must_be_there, opened_database
    settings = settings_of(home, database_url)
    if not new:
        must_be_there(settings)
    with opened_database(settings) as database:
        yield Accounts(database, utc_now, Hasher())


def _tokens(accounts: Accounts) -> Tokens:
    from papscope.serve.access.tokens import Tokens

    return Tokens(accounts.database, accounts.clock)


def _who() -> str:
    """Give who is noted down: whoever may write the service's folder, by whatever name."""
    from papscope.serve.people import LOCAL

    return LOCAL


def _password(from_stdin: bool) -> str:
    """Ask for a new password, twice, or read it."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise SettingError(
            "there is no terminal to ask for the password at", hint="give --password-stdin"
        )
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))

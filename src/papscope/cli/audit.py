"""The command `papscope audit`: what the audit log says, and whether it was changed.

Takes   the service's folder and database, while it runs or not
Gives   the log's end, its entries, or the number of the first wrong one
Never   changes an entry, or prints what is not in the log
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
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
from papscope.cli.terminal import progress, told_on_terminal

if TYPE_CHECKING:
    from papscope.serve.reading_log import Wanted
    from papscope.serve.store.database import Database

audit = typer.Typer(
    help="Look through the audit log: who did what to which picture by which model.",
    no_args_is_help=True,
)

Case = Annotated[str | None, typer.Option("--case", help="Of this case's id only.")]
Image = Annotated[str | None, typer.Option("--image", help="Of the picture of this SHA-256 only.")]
Who = Annotated[str | None, typer.Option("--who", help="By this account only.")]
What = Annotated[str | None, typer.Option("--what", help="Of this kind only, as verdict-given.")]
Since = Annotated[
    datetime | None, typer.Option("--since", help="From this time on, in UTC.", show_default=False)
]
Until = Annotated[
    datetime | None, typer.Option("--until", help="Before this time, in UTC.", show_default=False)
]


@audit.command("verify")
def verify(
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER:HASH",
            help="What `papscope audit head` printed once and was kept elsewhere; the log must "
            "have that very entry.",
        ),
    ] = None,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Look through every entry: was any changed, removed, put in or moved?

    Ends with 0 and prints the last entry's number and hash where none was; with 19 and the number
    of the first wrong one otherwise.
    """
    with told_on_terminal(), _log(home, database_url) as database, progress() as tell:
        from papscope.serve.auditing import head_from
        from papscope.serve.auditing import verify as look_through

        expected = head_from(expect) if expect else None
        found = look_through(database, expect=expected, tell=tell)
        for note in found.notes:
            typer.echo(f"note: {note}", err=True)
        if found.notes_in_all > len(found.notes):
            typer.echo(f"note: and {found.notes_in_all - len(found.notes)} more", err=True)
        found.or_raise()
        typer.echo(f"{found.end.number} entries, none is wrong", err=True)
        typer.echo(str(found.end))


@audit.command("head")
def head(home: Home = DEFAULT_HOME, database_url: DatabaseUrl = None) -> None:
    """Print the last entry's number and hash, to be kept where the service cannot reach.

    On paper or in another's mailbox it proves later that nothing up to it was changed since, even
    by somebody who had the whole machine.
    """
    with told_on_terminal(), _log(home, database_url) as database:
        from papscope.serve.opening import end_of

        typer.echo(str(end_of(database)))


@audit.command("show")
def show(
    case: Case = None,
    image: Image = None,
    who: Who = None,
    what: What = None,
    since: Since = None,
    until: Until = None,
    last: Annotated[int, typer.Option(min=1, help="Of so many entries, the last ones.")] = 50,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Print the last entries, a line each, for people to read."""
    with told_on_terminal(), _log(home, database_url) as database:
        from papscope.serve.reading_log import Wanted, last_entries

        wanted = Wanted(case=case, image=image, who=who, what=what, since=since, until=until)
        found = last_entries(database, wanted, last)
        for one in found:
            typer.echo(one.line())
        if not found:
            typer.echo("no entry is like that", err=True)


@audit.command("export")
def export(
    case: Case = None,
    image: Image = None,
    who: Who = None,
    what: What = None,
    since: Since = None,
    until: Until = None,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Print entries as JSON lines, each with all that its hash is made of."""
    with told_on_terminal(), _log(home, database_url) as database:
        from papscope.serve.reading_log import Wanted

        wanted = Wanted(case=case, image=image, who=who, what=what, since=since, until=until)
        _export(database, wanted)


def _export(database: Database, wanted: Wanted) -> None:
    from papscope.serve.reading_log import chosen

    with database.reading() as session:
        for one in chosen(session, wanted):
            sys.stdout.write(one.json_line() + "\n")


@audit.command("accept")
def accept(
    reason: Annotated[str, typer.Option(prompt=True, help="Why, for the log: no patient's data.")],
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Go on with a log that is broken, or whose key is lost; an entry tells of it for ever.

    Nothing is mended: a wrong entry stays wrong. The key and the noted end are set aside in the
    home, as evidence. Copy the home and the database before.
    """
    with told_on_terminal(), with_service_parts():
        from papscope.serve.clock import utc_now
        from papscope.serve.going_on import accept as go_on

        end = go_on(settings_of(home, database_url), reason, utc_now())
        typer.echo("the log goes on with a new key; copy audit.key once more", err=True)
        typer.echo(str(end))


@contextmanager
def _log(home: Path, database_url: str | None) -> Iterator[Database]:
    """Open the log for looking at, even where nobody may append to it any more."""
    with with_service_parts():
        from papscope.serve.opening import must_be_there
        from papscope.serve.sealing import found_seal
        from papscope.serve.store.database import Database

        settings = settings_of(home, database_url)
        must_be_there(settings)
    database = Database(settings.url_of_database, seal=found_seal(settings.home))
    try:
        yield database
    finally:
        database.close()

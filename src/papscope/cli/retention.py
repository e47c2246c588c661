"""The command `papscope retention`: cases whose time has come, and letting them go.

Takes   the service's folder and database, and for how many days cases are kept
Gives   a line for each case, and which of them are gone
Never   deletes a case that somebody had no day to see marked, unless told to
"""

from __future__ import annotations

from contextlib import ExitStack
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
from papscope.errors import Conflict

if TYPE_CHECKING:
    from papscope.serve.retention import Due, Keeping


def retention(
    days: Annotated[int, typer.Option("--days", min=1, help="Cases are kept for so many days.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the cases whose time has come.")
    ] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Delete them without the day between mark and deletion.")
    ] = False,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete cases that are older than so many days, with pictures, answers and verdicts.

    A case is marked first and goes when this runs a day later or more. `papscope serve
    --retention-days` does the same once an hour by itself. The audit log keeps that a case was.
    """
    with told_on_terminal(), ExitStack() as stack, with_service_parts():
        from papscope.serve.clock import utc_now
        from papscope.serve.holding import holding
        from papscope.serve.images import ImageStore
        from papscope.serve.opening import must_be_there, opened_database
        from papscope.serve.retention import Keeping, due

        settings = settings_of(home, database_url, retention_days=days)
        must_be_there(settings)
        database = stack.enter_context(opened_database(settings))
        keeping = Keeping(settings, database, ImageStore(settings.images), utc_now)
        if dry_run:
            for one in due(keeping):
                typer.echo(_line(one))
            return
        alone = True
        try:
            stack.enter_context(holding(home))
        except Conflict:
            alone = False  # the running service removes the pictures, which are then nobody's
        _let_go(keeping, now=now, alone=alone)


def _let_go(keeping: Keeping, *, now: bool, alone: bool) -> None:
    from papscope.serve.retention import expire

    found = expire(keeping, notice=not now, files=alone)
    for case_id in found.deleted:
        typer.echo(f"{case_id}  deleted")
    for case_id in found.marked:
        typer.echo(f"{case_id}  goes in a day")
    if found.deleted and not alone:
        typer.echo("the running service removes their pictures within the hour", err=True)


def _line(one: Due) -> str:
    goes = f"goes {one.goes_at:%Y-%m-%d %H:%M} UTC" if one.goes_at else "not marked yet"
    return f"{one.case_id}  made {one.created_at:%Y-%m-%d %H:%M} UTC  {goes}"

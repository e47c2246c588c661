"""What all commands share on a terminal: errors in two lines, and progress bars.

Takes   papscope's errors and its progress
Gives   lines on standard error, and an exit status
Never   writes on standard output, which belongs to results
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from papscope.errors import PapscopeError
from papscope.progress import Tell

if TYPE_CHECKING:
    from papscope.shipped import Found

INTERRUPTED = 130


@contextmanager
def told_on_terminal() -> Iterator[None]:
    """Turn a PapscopeError into two lines on stderr and an exit status, and our warnings into one.

    A warning of another package is shown as Python shows it.
    """
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if category.__module__.startswith("papscope."):
                typer.echo(f"warning: {message}", err=True)
            else:
                others(message, category, *rest, **more)

        warnings.showwarning = show
        try:
            yield
        except PapscopeError as error:
            typer.echo(f"error: {error}\n  try: {error.hint}", err=True)
            raise typer.Exit(error.exit_status) from None
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)
            raise typer.Exit(INTERRUPTED) from None


def tell_model(found: Found) -> None:
    """Say which of papscope's own models answers; nothing of a folder, which somebody named."""
    if found.shipped is not None:
        for line in (found.sentence(), found.shipped.expects):
            if line:
                typer.echo(line, err=True)


@contextmanager
def progress() -> Iterator[Tell]:
    """Show bars on stderr for what a stage tells, one bar for each thing it does.

    Without a terminal (a log file, a pipe) nothing moves: each thing is told once, when done.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bars: dict[str, TaskID] = {}
    told: set[str] = set()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as shown:

        def tell(what: str, done: int, total: int | None) -> None:
            if not console.is_terminal and done == total and what not in told:
                told.add(what)
                console.print(f"{what}: {done}", highlight=False)
            if what not in bars:
                bars[what] = shown.add_task(what, total=total)
            shown.update(bars[what], completed=done, total=total)

        yield tell

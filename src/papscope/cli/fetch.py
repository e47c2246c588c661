"""`papscope fetch`: get a public data set from where its authors published it.

Takes   a data set's name, and the user's word that the terms are accepted
Gives   its folder, verified and unpacked
Never   fetches anything before the terms are accepted
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from papscope.cli.terminal import progress, told_on_terminal

NOT_ACCEPTED = 2


Name = Annotated[str, typer.Argument(metavar="NAME", help="sipakmed, herlev, cric or mendeley.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder to fetch into; by default the name's."),
]
Accepted = Annotated[
    bool, typer.Option("--accept-terms", help="Say that the terms were read and are accepted.")
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", help="Address of a mirror; digests stay those published."),
]
Keep = Annotated[
    bool,
    typer.Option(
        "--keep-archives/--drop-archives", help="Keep archives once they are unpacked, or not."
    ),
]


def fetch(
    name: Name,
    output: Output = None,
    accept_terms: Accepted = False,
    base_url: BaseUrl = None,
    keep_archives: Keep = True,
) -> None:
    """Fetch a public data set: resumes, verifies, unpacks.

    Without --accept-terms it shows the terms and the citation, and fetches nothing.
    """
    from papscope.sources.catalogue import published

    with told_on_terminal():
        what = published(name)
        typer.echo(f"{what.name}: {what.page}\n  terms: {what.terms}\n  cite: {what.citation}")
        if what.caution:
            typer.echo(f"  note: {what.caution}")
        if not accept_terms:
            typer.echo(
                "error: nothing was fetched\n"
                "  try: read the terms, and add --accept-terms if you accept them",
                err=True,
            )
            raise typer.Exit(NOT_ACCEPTED)
        root = output or Path(what.name)
        for note in _fetched(name, root, base_url, keep_archives):
            typer.echo(f"note: {note}", err=True)
        typer.echo(f"{root} is ready\nnext: papscope import {name} {quote(str(root))}")


def _fetched(name: str, root: Path, base_url: str | None, keep_archives: bool) -> tuple[str, ...]:
    from papscope.sources.fetching import FetchSettings, fetch

    settings = FetchSettings(base_url=base_url, keep_archives=keep_archives)
    with progress() as tell:
        return fetch(name, root, settings, tell)

"""The commands `papscope backup` and `papscope restore`: everything the service keeps, in one file.

Takes   the service's folder and database, or a backup's file
Gives   a backup, whole or absent; or a service as it was
Never   stops the service for a backup, or touches what is there before a backup has been checked
"""

from __future__ import annotations

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
from papscope.errors import SettingError, StoreError

if TYPE_CHECKING:
    from papscope.serve.backup.archive import About

_SHOWN = 10
"""Of missing pictures, those whose digests are told."""


def backup(
    target: Annotated[
        Path,
        typer.Argument(
            help="A folder, in which it is named by the time, or the name of a new .zip file. "
            "With --verify, the backup to look through."
        ),
    ],
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Take none: look through this one, every byte of it."),
    ] = False,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Take a backup of everything the service keeps, while it runs or not; or look through one.

    It holds patients' pictures: keep it as safe as the service. It does not hold the key of the
    audit log, HOME/audit.key, of which keep a copy in another place.
    """
    with told_on_terminal(), with_service_parts(), progress() as tell:
        settings = settings_of(home, database_url)
        if verify:
            from papscope.serve.backup.archive import check
            from papscope.serve.sealing import found_seal

            seal = found_seal(home) if home.is_dir() else None
            found = check(target, seal, tell)
            _tell(found.about)
            typer.echo(_SEALED[found.sealed], err=True)
            if found.sealed is False:
                raise SettingError(
                    f"{target} is not sealed by {home}", hint="give the --home that it came from"
                )
            return
        from papscope.serve.backup.making import make_backup

        made = make_backup(settings, target, tell=tell)
        _tell(made.about)
        typer.echo(f"sha256 {made.digest}, {made.size:,} bytes", err=True)
        typer.echo(str(made.place))
        if made.about.missing:
            raise _lost(made.about)


_SEALED = {
    True: "it was taken from this home, and nothing in it was changed since",
    False: "it is whole, but was not sealed with this home's key",
    None: "it is whole; who took it cannot be told without the home's key",
}


def _tell(about: About) -> None:
    lines = (
        f"taken {about.made_at} by papscope {about.release} from {about.database}",
        f"{about.tables.get('cases', 0)} cases, {about.pictures} pictures",
        f"audit log up to {about.audit}",
    )
    for line in lines:
        typer.echo(line, err=True)


def _lost(about: About) -> StoreError:
    shown = ", ".join(one[:12] for one in about.missing[:_SHOWN])
    return StoreError(
        f"the backup is written, but {len(about.missing)} pictures were missing or damaged in the "
        f"home already: {shown}",
        hint="look at the disk; an older backup may have them",
    )


def restore(
    file: Annotated[Path, typer.Argument(metavar="BACKUP", help="The backup's file.")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Set aside what is there; otherwise it must be empty."),
    ] = False,
    from_another_service: Annotated[
        bool,
        typer.Option(
            "--from-another-service", help="Take it though this home's key did not seal it."
        ),
    ] = False,
    accept_broken_log: Annotated[
        bool,
        typer.Option(
            "--accept-broken-log", help="Take it though its audit log was broken already."
        ),
    ] = False,
    home: Home = DEFAULT_HOME,
    database_url: DatabaseUrl = None,
) -> None:
    """Put a backup back, on either kind of database; the service must be stopped.

    The whole backup is looked through first. What is there is set aside, never deleted.
    """
    with told_on_terminal(), with_service_parts(), progress() as tell:
        from papscope.serve.backup.restoring import RestoreOptions
        from papscope.serve.backup.restoring import restore as put_back

        options = RestoreOptions(
            replace=replace, foreign=from_another_service, broken_log=accept_broken_log
        )
        found = put_back(settings_of(home, database_url), file, options, tell=tell)
        _tell(found.about)
        if found.aside:
            typer.echo(f"what was there is in {found.aside}", err=True)
        if not found.same_key:
            typer.echo(f"the audit log goes on with a new key: copy {home / 'audit.key'}", err=True)
        typer.echo(
            "everybody signs in again; accounts, roles and tokens are as they were then: look "
            "whether one was taken away since",
            err=True,
        )
        typer.echo(str(found.end))

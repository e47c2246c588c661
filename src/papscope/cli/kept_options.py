"""What the service's commands share: which service they are about, and its parts.

Takes   the service's folder and database, as they were given to `papscope serve`
Gives   settings, or a word on what has to be installed
Never   imports the parts of the service when the command line starts
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.errors import needs_extra

if TYPE_CHECKING:
    from papscope.serve.settings import ServeSettings

DEFAULT_HOME = Path("papscope-home")

Home = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="PAPSCOPE_HOME",
        help="The service's folder: it holds the pictures, and the database unless one is named.",
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="PAPSCOPE_DATABASE_URL",
        help="The service's database: sqlite:////folder/file.sqlite or "
        "postgresql://user:password@host/name; in the environment nobody else on the machine can "
        "read the password.",
        show_default="an SQLite file in the home",
    ),
]


def with_service_parts() -> AbstractContextManager[None]:
    """Say what has to be installed, where the service's parts are missing.

    Raises:
        MissingExtra: the service's parts are not installed.
    """
    return needs_extra("serve", for_what="the service")


def settings_of(
    home: Path, database_url: str | None, *, retention_days: int | None = None
) -> ServeSettings:
    """Give the settings of the service that a command is about."""
    from papscope.serve.settings import ServeSettings

    return ServeSettings(home=home, database_url=database_url, retention_days=retention_days)

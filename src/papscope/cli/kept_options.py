"""What the commands about kept things share: which service they are about, and its parts.

Takes   the service's folder and database, as they were given to `papscope serve`
Gives   settings, or a word on what has to be installed
Never   imports the parts of the service when the command line starts
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.errors import MissingExtra

if TYPE_CHECKING:
    from papscope.serve.settings import ServeSettings

DEFAULT_HOME = Path("papscope-home")

Home = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="PAPSCOPE_HOME",
        help="The service's folder, as given to `papscope serve`.",
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="PAPSCOPE_DATABASE_URL",
        help="The service's database, where it is not in its folder.",
        show_default="an SQLite file in the home",
    ),
]


@contextmanager
def with_service_parts() -> Iterator[None]:
    """Say what has to be installed, where the service's parts are missing.

    Raises:
        MissingExtra: the service's parts are not installed.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("papscope"):
            raise
        raise MissingExtra(
            f"this belongs to the service, which needs {missing.name}",
            hint='pip install "papscope[serve]"',
        ) from None


def settings_of(home: Path, database_url: str | None, **others: int | None) -> ServeSettings:
    """Give the settings of the service that a command is about."""
    from papscope.serve.settings import ServeSettings

    return ServeSettings(
        home=home, database_url=database_url, retention_days=others.get("retention_days")
    )

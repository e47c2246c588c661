"""The database's layout, brought to what this release wants.

Takes   a database of this release, of an older one, or an empty one
Gives   one of this release's layout
Never   touches one of a newer release
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from papscope.errors import StoreError
from papscope.serve.store.database import Database

_STEPS = Path(__file__).with_name("migrations")


def _config(database: Database) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.attributes["engine"] = database.engine
    return config


def layout_of(database: Database) -> str | None:
    """Give the number of the last step that a database has been through; None for an empty one.

    Raises:
        StoreError: the database cannot be reached.
    """
    with database.reading() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


def newest_layout() -> str:
    """Give the number of the last step that this release knows."""
    head = ScriptDirectory(str(_STEPS)).get_current_head()
    assert head is not None  # a release without any step has no tables
    return head


def known_layout(layout: str) -> None:
    """Let a layout pass that this release knows.

    Raises:
        StoreError: it is of a newer release.
    """
    try:
        ScriptDirectory(str(_STEPS)).get_revision(layout)
    except CommandError:
        raise StoreError(
            f"the database is of a newer release of papscope (layout {layout})",
            hint="install that release, or restore a backup that this one made",
        ) from None


def upgrade(database: Database, *, to: str = "head") -> None:
    """Bring a database to this release's layout, in one transaction.

    Args:
        database: of an older layout, or empty.
        to: an older layout to stop at, for rows that were taken from such a one.

    Raises:
        StoreError: it cannot be reached, or was written by a newer release.
    """
    found = layout_of(database)
    if found == newest_layout():
        return
    if found is not None:
        known_layout(found)
    command.upgrade(_config(database), to)

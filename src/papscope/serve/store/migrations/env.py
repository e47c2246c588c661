"""What Alembic runs to take a database from one layout to the next.

Takes   the engine that `upgrade` hands over
Gives   all missing steps in one transaction
Never   reads alembic.ini: there is none
"""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from papscope.serve.store.columns import UtcTime
from papscope.serve.store.tables import Base


def _shown(kind: str, column: Any, imports: Any) -> str | Literal[False]:
    """Write a time in a new step as SQLAlchemy's own type: steps must not lean on this release."""
    del imports
    is_time = kind == "type" and isinstance(column, UtcTime)
    return "sa.DateTime(timezone=True)" if is_time else False


with context.config.attributes["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=_shown,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()

"""${message}.

Takes   layout ${down_revision | comma,n}
Gives   layout ${up_revision}
Never   is changed after its release
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Take the step."""
    ${upgrades if upgrades else "pass"}

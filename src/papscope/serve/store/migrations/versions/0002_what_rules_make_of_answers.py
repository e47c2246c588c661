"""What a model's rules make of its answers.

Takes   layout 0001
Gives   layout 0002
Never   is changed after its release
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Take the step; what rules made of older answers was not kept, and stays unknown."""
    op.add_column("answers", sa.Column("labels", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("answers", sa.Column("strangeness", sa.Float(), nullable=True))
    op.add_column("answers", sa.Column("refer", sa.String(length=400), nullable=True))

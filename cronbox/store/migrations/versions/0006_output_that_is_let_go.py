"""How much output is kept, and of which runs it was let go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("run", sa.Column("output_pruned", sa.BigInteger()))
    op.create_table(
        "output_size",
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("box"),
    )
    op.execute("INSERT INTO output_size SELECT box, sum(length(lines)) FROM output GROUP BY box")


def downgrade() -> None:
    op.drop_table("output_size")
    op.drop_column("run", "output_pruned")

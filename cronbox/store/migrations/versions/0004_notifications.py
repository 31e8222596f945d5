"""What targets are told, what they remember of each job, and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "target",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("rule", sa.Text(), nullable=False),
    )
    op.create_table(
        "standing",
        sa.Column("target", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("run", sa.Text()),
    )
    op.create_table(
        "outbox",
        sa.Column("pk", ROW_ID, primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("target", "kind", "box", "job")),
        sa.Column("run", sa.Text()),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("title", "body")),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("claim", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("done_at", sa.BigInteger()),
    )
    where = sa.text("state = 'waiting'")
    op.create_index("outbox_waiting", "outbox", ["next_at"], sqlite_where=where, postgresql_where=where)
    op.create_index("outbox_target", "outbox", ["target", "state", "done_at"])


def downgrade() -> None:
    for table in ("outbox", "standing", "target"):
        op.drop_table(table)

"""Which schedule was in force when, what a crontab's digest means, and conditions that open and close."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("box", sa.Column("zone", sa.Text()))
    op.add_column("box", sa.Column("down_at", TIME))
    op.create_table(
        "bundle",
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("jobs", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("box", "digest"),
    )
    op.create_table(
        "schedule",
        sa.Column("pk", ROW_ID, nullable=False),
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("times", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("grace_s", sa.Float(), nullable=False),
        sa.Column("delay_s", sa.Float(), nullable=False),
        sa.Column("max_runtime_s", sa.Float()),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME),
        sa.Column("checked_until", TIME),
        sa.Column("due_at", TIME),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("schedule_job", "schedule", ["box", "job", "since"], unique=False)
    _index("schedule_due", "schedule", ["box", "due_at"], "due_at IS NOT NULL", unique=False)
    _index("schedule_open", "schedule", ["box", "job"], "until IS NULL", unique=True)
    op.create_table(
        "condition",
        sa.Column("pk", ROW_ID, nullable=False),
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("condition_since", "condition", ["box", "since"], unique=False)
    _index("condition_open", "condition", ["box", "job", "kind"], "until IS NULL", unique=True)


def downgrade() -> None:
    for table in ("condition", "schedule", "bundle"):
        op.drop_table(table)
    for name in ("down_at", "zone"):
        op.drop_column("box", name)


def _index(name: str, table: str, columns: list[str], condition: str, *, unique: bool) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)

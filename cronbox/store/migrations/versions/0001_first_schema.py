"""The first schema: runs, output, cursors, boxes, pauses and incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "box",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("drift", sa.Text()),
        sa.Column("drift_at", TIME),
        sa.Column("installed", sa.Text()),
        sa.Column("loaded", sa.Text()),
        sa.Column("tick", sa.Text()),
        sa.Column("tick_at", TIME),
        sa.Column("cron_alive", sa.Integer(), nullable=False),
        sa.Column("draining", sa.Integer(), nullable=False),
        sa.Column("booted_at", TIME),
        sa.Column("stopped_at", TIME),
        sa.Column("death", sa.Text()),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "cursor",
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("log_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.Text()),
        sa.Column("release", sa.BigInteger()),
        sa.Column("last_event_at", TIME),
        sa.Column("ingested_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("box"),
    )
    op.create_table(
        "incident",
        sa.Column("pk", ROW_ID, nullable=False),
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("job", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("incident_box_at", "incident", ["box", "at"], unique=False)
    op.create_table(
        "pause",
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME),
        sa.Column("why", sa.Text()),
        sa.Column("by", sa.Text()),
        sa.PrimaryKeyConstraint("box", "job"),
    )
    op.create_table(
        "run",
        sa.Column("pk", ROW_ID, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("scheduled_for", TIME),
        sa.Column("occurrence", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", TIME),
        sa.Column("started_at", TIME),
        sa.Column("finished_at", TIME),
        sa.Column("duration_s", sa.Float()),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("exit_code", sa.BigInteger()),
        sa.Column("signal", sa.BigInteger()),
        sa.Column("cpu_s", sa.Float()),
        sa.Column("max_rss_bytes", sa.BigInteger()),
        sa.Column("output_bytes", sa.BigInteger(), nullable=False),
        sa.Column("dropped_bytes", sa.BigInteger(), nullable=False),
        sa.Column("release", sa.BigInteger()),
        sa.Column("boot_id", sa.Text()),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("run_at", "run", ["at"], unique=False)
    op.create_index("run_box_at", "run", ["box", "at"], unique=False)
    op.create_index("run_box_status_at", "run", ["box", "status", "trigger", "at"], unique=False)
    op.create_index("run_id", "run", ["id"], unique=True)
    op.create_index("run_job_at", "run", ["box", "job", "at"], unique=False)
    op.create_index("run_job_status_at", "run", ["box", "job", "status", "trigger", "at"], unique=False)
    op.create_index("run_slot", "run", ["box", "job", "scheduled_for", "occurrence", "attempt"], unique=True)
    op.create_index("run_status_at", "run", ["status", "trigger", "at"], unique=False)
    op.create_table(
        "output",
        sa.Column("pk", ROW_ID, nullable=False),
        sa.Column("run", ROW_ID, nullable=False),
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.pk"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("output_box_at", "output", ["box", "at"], unique=False)
    op.create_index("output_job_at", "output", ["box", "job", "at"], unique=False)
    op.create_index("output_run", "output", ["run", "pk"], unique=False)


def downgrade() -> None:
    for table in ("output", "run", "pause", "incident", "cursor", "box"):
        op.drop_table(table)

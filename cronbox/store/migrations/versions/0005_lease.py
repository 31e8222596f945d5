"""Who leads, where several daemons share one PostgreSQL; and there, names sorted by their code points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEYS = {
    "run": ("id", "box", "job"),
    "output": ("box", "job"),
    "cursor": ("box",),
    "box": ("name",),
    "pause": ("box", "job"),
    "incident": ("box",),
}


def upgrade() -> None:
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "lease",
        sa.Column("name", name, nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("lease_token", "lease", ["name", "token"], unique=True)
    _sort("C")


def downgrade() -> None:
    op.drop_table("lease")
    _sort("default")


def _sort(collation: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in KEYS.items():
        changes = (f'ALTER COLUMN {column} TYPE text COLLATE "{collation}"' for column in columns)
        op.execute(f'ALTER TABLE "{table}" {", ".join(changes)}')

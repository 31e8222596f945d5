"""What a run was given, what it repeats, and what its job said of itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = ("origin", "env", "args", "result")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("run", sa.Column(name, sa.Text()))
    _index("run_origin", ["origin"], "origin IS NOT NULL")
    _index("run_result_at", ["box", "job", "at"], "result IS NOT NULL")


def downgrade() -> None:
    for name in ("run_result_at", "run_origin"):
        op.drop_index(name, "run")
    for name in COLUMNS:
        op.drop_column("run", name)


def _index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "run", columns, unique=False, sqlite_where=where, postgresql_where=where)

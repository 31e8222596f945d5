"""The tables. A change here needs a migration beside it; a test compares the two.

Times are stored as microseconds since 1970 in UTC: eight bytes, exact, and the same in every database.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, given back in UTC. A naive one is refused with TypeError."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[Any]):
    """A JSON value as ASCII text: bytes that were not UTF-8 are surrogates, which no database takes as they
    are."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        return json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any | None:
        return json_value(value)


def json_text(value: Any | None) -> str | None:
    """A JSON value as the tables hold it."""
    return None if value is None else json.dumps(value, separators=(",", ":"))


def json_value(text: str | None) -> Any | None:
    """What the tables hold as a JSON value."""
    return None if text is None else json.loads(text)


RowId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column declared INTEGER."""


Key = Text().with_variant(Text(collation="C"), "postgresql")
"""A name or an id: sorted by its code points everywhere, whatever the language of the database."""


def _where(condition: str) -> dict[str, Any]:
    """An index over the few rows that have something there: the many others cost it nothing."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class RunRow(SQLModel, table=True):
    """One run: the columns of `model.run.Run`, and `at`, its place in every listing.

    At ten million rows a listing must still answer in milliseconds, so each filter that people use has an
    index that ends in `at`; `queries.newest` says how they are used.
    """

    __tablename__ = "run"
    __table_args__ = (
        Index("run_id", "id", unique=True),
        Index("run_slot", "box", "job", "scheduled_for", "occurrence", "attempt", unique=True),
        Index("run_at", "at"),
        Index("run_box_at", "box", "at"),
        Index("run_job_at", "box", "job", "at"),
        Index("run_status_at", "status", "trigger", "at"),
        Index("run_box_status_at", "box", "status", "trigger", "at"),
        Index("run_job_status_at", "box", "job", "status", "trigger", "at"),
        Index("run_origin", "origin", **_where("origin IS NOT NULL")),
        Index("run_result_at", "box", "job", "at", **_where("result IS NOT NULL")),
    )

    pk: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True))
    id: str = Field(sa_column=Column(Key, nullable=False))
    box: str = Field(sa_column=Column(Key, nullable=False))
    job: str = Field(sa_column=Column(Key, nullable=False))
    trigger: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    reason: str | None = Field(sa_column=Column(Text))
    scheduled_for: datetime | None = Field(sa_column=Column(UtcTime))
    occurrence: int = Field(sa_column=Column(BigInteger, nullable=False))
    queued_at: datetime | None = Field(sa_column=Column(UtcTime))
    started_at: datetime | None = Field(sa_column=Column(UtcTime))
    finished_at: datetime | None = Field(sa_column=Column(UtcTime))
    duration_s: float | None = Field(sa_column=Column(Float))
    attempt: int = Field(sa_column=Column(BigInteger, nullable=False))
    exit_code: int | None = Field(sa_column=Column(BigInteger))
    signal: int | None = Field(sa_column=Column(BigInteger))
    cpu_s: float | None = Field(sa_column=Column(Float))
    max_rss_bytes: int | None = Field(sa_column=Column(BigInteger))
    output_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    dropped_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    release: int | None = Field(sa_column=Column(BigInteger))
    boot_id: str | None = Field(sa_column=Column(Text))
    origin: str | None = Field(sa_column=Column(Text))
    env: Any | None = Field(sa_column=Column(Json))
    args: Any | None = Field(sa_column=Column(Json))
    result: Any | None = Field(sa_column=Column(Json))
    output_pruned: datetime | None = Field(sa_column=Column(UtcTime))
    """When its output was let go, before the run itself. No field of `Run`: no event knows it."""


class OutputRow(SQLModel, table=True):
    """One batch of a run's output lines, in the order of the log. `lines` is `outputs.packed`; `at` is when
    the agent wrote it. Box and job stand here too, so that a box's output reads without its runs."""

    __tablename__ = "output"
    __table_args__ = (
        Index("output_run", "run", "pk"),
        Index("output_box_at", "box", "at"),
        Index("output_job_at", "box", "job", "at"),
    )

    pk: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True))
    run: int = Field(sa_column=Column(RowId, ForeignKey("run.pk", ondelete="CASCADE"), nullable=False))
    box: str = Field(sa_column=Column(Key, nullable=False))
    job: str = Field(sa_column=Column(Key, nullable=False))
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    lines: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class OutputSizeRow(SQLModel, table=True):
    """How many bytes the batches of a box take. Kept with each change, since adding them up would read
    through all of them."""

    __tablename__ = "output_size"

    box: str = Field(sa_column=Column(Text, primary_key=True))
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))


class CursorRow(SQLModel, table=True):
    """How far a box's log is in the store, and the boot in which that place lies."""

    __tablename__ = "cursor"

    box: str = Field(sa_column=Column(Key, primary_key=True))
    log_id: str = Field(sa_column=Column(Text, nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    boot_id: str | None = Field(sa_column=Column(Text))
    release: int | None = Field(sa_column=Column(BigInteger))
    last_event_at: datetime | None = Field(sa_column=Column(UtcTime))
    ingested_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class BoxRow(SQLModel, table=True):
    """What is wanted of a box, and what its log and the daemon said of it last."""

    __tablename__ = "box"

    name: str = Field(sa_column=Column(Key, primary_key=True))
    wanted: int = Field(sa_column=Column(Integer, nullable=False))
    problem: str | None = Field(sa_column=Column(Text))
    drift: str | None = Field(sa_column=Column(Text))
    drift_at: datetime | None = Field(sa_column=Column(UtcTime))
    installed: str | None = Field(sa_column=Column(Text))
    loaded: str | None = Field(sa_column=Column(Text))
    tick: str | None = Field(sa_column=Column(Text))
    tick_at: datetime | None = Field(sa_column=Column(UtcTime))
    cron_alive: int = Field(sa_column=Column(Integer, nullable=False))
    draining: int = Field(sa_column=Column(Integer, nullable=False))
    booted_at: datetime | None = Field(sa_column=Column(UtcTime))
    stopped_at: datetime | None = Field(sa_column=Column(UtcTime))
    death: str | None = Field(sa_column=Column(Text))
    zone: str | None = Field(sa_column=Column(Text))
    down_at: datetime | None = Field(sa_column=Column(UtcTime))


class PauseRow(SQLModel, table=True):
    """A pause that is in force. `job` is empty for the whole box, since a key cannot be null."""

    __tablename__ = "pause"

    box: str = Field(sa_column=Column(Key, primary_key=True))
    job: str = Field(sa_column=Column(Key, primary_key=True))
    since: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    until: datetime | None = Field(sa_column=Column(UtcTime))
    why: str | None = Field(sa_column=Column(Text))
    by: str | None = Field(sa_column=Column(Text))


class TargetRow(SQLModel, table=True):
    """What one target of `[[notify]]` or `[[ping]]` is told; `rule` is a `model.alert.Rule`. No address
    stands here: it may hold a password."""

    __tablename__ = "target"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    rule: Any = Field(sa_column=Column(Json, nullable=False))


class StandingRow(SQLModel, table=True):
    """What a target remembers of a job or a condition, a `model.alert.Standing`; no row: nothing."""

    __tablename__ = "standing"

    target: str = Field(sa_column=Column(Text, primary_key=True))
    subject: str = Field(sa_column=Column(Text, primary_key=True))
    failures: int = Field(sa_column=Column(BigInteger, nullable=False))
    told: int = Field(sa_column=Column(Integer, nullable=False))
    run: str | None = Field(sa_column=Column(Text))


class OutboxRow(SQLModel, table=True):
    """One notification or ping, from its writing to its end; `store.outbox` says how it goes.

    `next_at` is when it may be taken; for one that is taken, when it may be taken from a sender that died.
    `claim` names the message it was sent with, or is being sent with.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_waiting", "next_at", **_where("state = 'waiting'")),
        Index("outbox_target", "target", "state", "done_at"),
    )

    pk: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True))
    target: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    box: str = Field(sa_column=Column(Text, nullable=False))
    job: str = Field(sa_column=Column(Text, nullable=False))
    run: str | None = Field(sa_column=Column(Text))
    title: str = Field(sa_column=Column(Text, nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    attempts: int = Field(sa_column=Column(BigInteger, nullable=False))
    next_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    claim: str | None = Field(sa_column=Column(Text))
    error: str | None = Field(sa_column=Column(Text))
    done_at: datetime | None = Field(sa_column=Column(UtcTime))


class IncidentRow(SQLModel, table=True):
    """Something that happened to a box and is no run: bounded, the oldest go first."""

    __tablename__ = "incident"
    __table_args__ = (Index("incident_box_at", "box", "at"),)

    pk: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True))
    box: str = Field(sa_column=Column(Key, nullable=False))
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    job: str | None = Field(sa_column=Column(Text))
    text: str = Field(sa_column=Column(Text, nullable=False))


class LeaseRow(SQLModel, table=True):
    """Who leads, where several daemons share one PostgreSQL; its clock is the one that counts."""

    __tablename__ = "lease"
    # Unique, so that a new token waits for the transactions that rely on the old one; see `leases`.
    __table_args__ = (Index("lease_token", "name", "token", unique=True),)

    name: str = Field(sa_column=Column(Key, primary_key=True))
    token: int = Field(sa_column=Column(BigInteger, nullable=False))
    host: str = Field(sa_column=Column(Text, nullable=False))
    pid: int = Field(sa_column=Column(BigInteger, nullable=False))
    since: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class BundleRow(SQLModel, table=True):
    """What the digest of an installed crontab means: `jobs` is a list of `model.expected.Meant`."""

    __tablename__ = "bundle"

    box: str = Field(sa_column=Column(Text, primary_key=True))
    digest: str = Field(sa_column=Column(Text, primary_key=True))
    at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    zone: str = Field(sa_column=Column(Text, nullable=False))
    jobs: Any = Field(sa_column=Column(Json, nullable=False))


class ScheduleRow(SQLModel, table=True):
    """One job's schedule and when it was in force; see `model.expected.Expectation`. `due_at` is when it is
    to be looked at next, so that a pass over thousands of jobs reads only those with something to tell."""

    __tablename__ = "schedule"
    __table_args__ = (
        Index("schedule_due", "box", "due_at", **_where("due_at IS NOT NULL")),
        Index("schedule_open", "box", "job", unique=True, **_where("until IS NULL")),
        Index("schedule_job", "box", "job", "since"),
    )

    pk: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True))
    box: str = Field(sa_column=Column(Text, nullable=False))
    job: str = Field(sa_column=Column(Text, nullable=False))
    times: str = Field(sa_column=Column(Text, nullable=False))
    zone: str = Field(sa_column=Column(Text, nullable=False))
    grace_s: float = Field(sa_column=Column(Float, nullable=False))
    delay_s: float = Field(sa_column=Column(Float, nullable=False))
    max_runtime_s: float | None = Field(sa_column=Column(Float))
    since: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    until: datetime | None = Field(sa_column=Column(UtcTime))
    checked_until: datetime | None = Field(sa_column=Column(UtcTime))
    due_at: datetime | None = Field(sa_column=Column(UtcTime))


class ConditionRow(SQLModel, table=True):
    """Something that is not as it should be: `until` is null while it is open. `job` is empty for the box."""

    __tablename__ = "condition"
    __table_args__ = (
        Index("condition_open", "box", "job", "kind", unique=True, **_where("until IS NULL")),
        Index("condition_since", "box", "since"),
    )

    pk: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True))
    box: str = Field(sa_column=Column(Text, nullable=False))
    job: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    since: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    until: datetime | None = Field(sa_column=Column(UtcTime))
    text: str = Field(sa_column=Column(Text, nullable=False))


RUN = SQLModel.metadata.tables["run"]
OUTPUT = SQLModel.metadata.tables["output"]
OUTPUT_SIZE = SQLModel.metadata.tables["output_size"]
CURSOR = SQLModel.metadata.tables["cursor"]
BOX = SQLModel.metadata.tables["box"]
PAUSE = SQLModel.metadata.tables["pause"]
TARGET = SQLModel.metadata.tables["target"]
STANDING = SQLModel.metadata.tables["standing"]
OUTBOX = SQLModel.metadata.tables["outbox"]
INCIDENT = SQLModel.metadata.tables["incident"]
LEASE = SQLModel.metadata.tables["lease"]
BUNDLE = SQLModel.metadata.tables["bundle"]
SCHEDULE = SQLModel.metadata.tables["schedule"]
CONDITION = SQLModel.metadata.tables["condition"]

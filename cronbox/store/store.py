"""The store as the rest of cronbox sees it. What each method asks of SQL stands in the room of its noun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Engine

from cronbox.errors import StoreError
from cronbox.model.alert import Rule
from cronbox.model.conditions import Condition
from cronbox.model.expected import Expectation, Meant
from cronbox.model.run import OPEN, Run, Status
from cronbox.store import (
    boxes,
    conditions,
    cursors,
    database,
    incidents,
    leases,
    outbox,
    outputs,
    pauses,
    pruning,
    runs,
    schedules,
    schema,
    soundness,
    space,
    targets,
)
from cronbox.store.boxes import BoxState
from cronbox.store.cursors import Cursor
from cronbox.store.database import Transaction
from cronbox.store.incidents import Incident
from cronbox.store.leases import Leader
from cronbox.store.outbox import Delivery
from cronbox.store.outputs import OutputLine
from cronbox.store.pauses import Pause
from cronbox.store.pruning import Keeping, Old
from cronbox.store.runs import RunFilter
from cronbox.store.soundness import Soundness


class Store:
    """The database. Safe to use from several threads, and from several processes at once.

    Every method raises StoreError when the database cannot be used.
    """

    def __init__(self, engine: Engine, *, token: int | None = None) -> None:
        self._engine = engine
        self._token = token

    @classmethod
    def open(cls, url: str) -> Store:
        """The database at `url` (`sqlite:////path/to/file.db`); a file's folder is made. Raises StoreError,
        also when a newer cronbox made it. `upgrade` brings an older or an empty one up to date."""
        store = cls(database.connect(url))
        try:
            store.revision()
        except StoreError:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Give up the connections."""
        self._engine.dispose()

    def upgrade(self) -> None:
        """Bring the schema to what this program needs; does nothing if it is there.
        Safe in two processes at once."""
        with self._reading() as tx:
            if schema.current(tx) == schema.head():
                return
        with self.transaction() as tx:
            schema.upgrade(tx)

    def revision(self) -> str | None:
        """The schema's revision; None before the first `upgrade`."""
        with self._reading() as tx:
            return schema.current(tx)

    def examine(self) -> Soundness:
        """Look everything over, promises included -> all that is wrong. Takes its time with a large one."""
        return soundness.examine(self._engine)

    def check(self, *, quick: bool = False, within_s: float | None = None) -> bool:
        """Look the database over -> whether all of it was seen; for longer than `within_s` nobody looks.
        `quick`: without comparing each index with its table, which takes most of the time. Raises StoreError
        for a damaged or outdated one."""
        if self.revision() != schema.head():
            raise StoreError("the database has an older schema", hint="run `cronbox db upgrade`")
        found = soundness.damage(self._engine, quick=quick, within_s=within_s)
        if found:
            raise StoreError(f"the database is damaged: {found[0]}", hint=database.CURE)
        return found is not None

    def reading(self) -> AbstractContextManager[Transaction]:
        """One reading transaction, for several questions to the rooms about one state."""
        return self._reading()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One writing transaction, for the functions of the rooms; waits for other writers. Of a store that
        is `fenced`, it raises LeaseLost once somebody else leads."""
        with database.transaction(self._engine, writing=True) as tx:
            if self._token is not None:
                leases.hold(tx, self._token)
            yield tx

    def _reading(self) -> AbstractContextManager[Transaction]:
        return database.transaction(self._engine, writing=False)

    # The lease

    @property
    def shared(self) -> bool:
        """Whether daemons on other hosts may use it too, so that a lease says which of them leads."""
        return self._engine.dialect.name == "postgresql"

    def leader(self) -> Leader | None:
        """Who leads, or led last; None where no lease was ever taken."""
        with self._reading() as tx:
            return leases.read(tx) if self.shared else None

    def take_lease(self, *, host: str, pid: int, ttl: timedelta) -> int | None:
        """The token of the new lease; None while somebody else leads."""
        leader = self.leader()
        if leader is not None and leader.live:
            return None
        with self._leasing() as tx:
            return leases.take(tx, host=host, pid=pid, ttl=ttl)

    def renew_lease(self, token: int, *, ttl: timedelta) -> bool:
        """Whether the lease was still there to be renewed."""
        with self._leasing() as tx:
            return leases.renew(tx, token, ttl=ttl)

    def release_lease(self, token: int) -> None:
        """Let somebody else lead at once."""
        with self._leasing() as tx:
            leases.release(tx, token)

    def fenced(self, token: int) -> Store:
        """The same database; but it is written to only while the lease of this token is the newest."""
        return Store(self._engine, token=token)

    def hold_lease(self) -> None:
        """Raises LeaseLost, if the store is `fenced` and somebody else leads by now."""
        if self._token is not None:
            with self._leasing() as tx:
                leases.hold(tx, self._token)

    def _leasing(self) -> AbstractContextManager[Transaction]:
        """A transaction that waits for no writer but those which rely on the lease."""
        return database.transaction(self._engine, writing=True, turn=False)

    # Runs

    def runs(self, wanted: RunFilter | None = None) -> list[Run]:
        """The runs a filter asks for, newest first."""
        with self._reading() as tx:
            return runs.newest(tx, wanted or RunFilter())

    def run(self, prefix: str) -> Run:
        """The run of this id, or the only one whose id begins so. Raises NotFound; UsageError for several."""
        with self._reading() as tx:
            return runs.find(tx, prefix)

    def last_runs(self, box: str) -> dict[str, Run]:
        """The newest run of each job that ever ran in the box."""
        with self._reading() as tx:
            return runs.last_by_job(tx, box)

    def last_failure(self, box: str) -> Run | None:
        """The box's newest run that failed, timed out or was lost."""
        with self._reading() as tx:
            return runs.last_failure(tx, box)

    def running(self, box: str) -> list[Run]:
        """The runs that go on in the box, oldest first."""
        with self._reading() as tx:
            return runs.still_open(tx, box, {Status.RUNNING})

    def open_runs(self, box: str | None = None) -> list[Run]:
        """The runs that are queued or running, in one box or all, oldest first."""
        with self._reading() as tx:
            return runs.still_open(tx, box, OPEN)

    def slots(self, box: str, job: str, since: datetime, until: datetime) -> dict[datetime, Run]:
        """Slot -> its last run, for the job's slots with since <= slot < until."""
        with self._reading() as tx:
            return runs.slots(tx, box, job, since, until)

    def runs_in_slots(
        self, box: str, job: str, since: datetime, until: datetime
    ) -> dict[datetime, list[Run]]:
        """Slot -> all its runs in order, for the job's slots with since <= slot < until."""
        with self._reading() as tx:
            return runs.all_in_slots(tx, box, job, since, until)

    def attempts(self, run: Run) -> list[Run]:
        """The attempts that this run is among, in their order; it alone if it was not tried again."""
        with self._reading() as tx:
            return runs.attempts(tx, run)

    def results(self, box: str, job: str, limit: int) -> list[Run]:
        """The job's newest runs that have a `result`, newest first."""
        with self._reading() as tx:
            return runs.with_result(tx, box, job, limit)

    def last_ended(self, box: str, job: str) -> Run | None:
        """The job's newest run that began and came to an end."""
        with self._reading() as tx:
            return runs.last_ended(tx, box, job)

    def counts(self, since: datetime) -> dict[tuple[str, str, Status], int]:
        """(box, job, status) -> how many runs came up from `since` on."""
        with self._reading() as tx:
            return runs.counts(tx, since)

    def add_missed(self, missed: list[Run]) -> list[Run]:
        """Record slots that did not run, but for those which have a run by now -> the ones recorded."""
        with self.transaction() as tx:
            return runs.add_missed(tx, missed)

    # What is let go

    def old_runs(self, keeping: Keeping) -> Iterator[Old]:
        """The runs that need not be kept, a page at a time, oldest first; open ones are none of them."""
        return pruning.Walk(self._engine, keeping).old()

    def remove_runs(self, pks: Sequence[int]) -> int:
        """Delete these runs, but for open ones, in one short transaction -> how many. Their output should be
        gone by then."""
        with self.transaction() as tx:
            return pruning.remove_runs(tx, pks)

    def output_bytes(self) -> int:
        """What the output of all runs takes, compressed as it is."""
        with self._reading() as tx:
            return pruning.output_bytes(tx)

    def output_of(self, runs: Sequence[int]) -> int:
        """What the output of these runs takes."""
        with self._reading() as tx:
            return int(tx.execute(pruning.size_of(runs)).scalar_one())

    def oldest_output(self, surplus: int, *, but: Keeping | None = None) -> Iterator[tuple[int, int]]:
        """(run, bytes) of the ended runs with the oldest output, until together they have so many bytes;
        without the runs that `old_runs` of a rule would give."""
        walk = pruning.Walk(self._engine, but) if but else None
        return pruning.output_of_oldest(self._engine, surplus, but=walk)

    def forget_output(self, runs: Sequence[int]) -> int:
        """Delete some output of these runs in one short transaction -> its bytes; 0: there is none left."""
        with self.transaction() as tx:
            return pruning.forget_output(tx, runs)

    def note_pruned(self, run: int, at: datetime) -> None:
        """A run's output goes, and the run stays."""
        with self.transaction() as tx:
            pruning.note_pruned(tx, run, at)

    def pruned_at(self, run_id: str) -> datetime | None:
        """When a run's output was let go; None while it is kept."""
        with self._reading() as tx:
            return pruning.pruned_at(tx, run_id)

    def give_back_space(self) -> int:
        """Give some free pages of the file back to the file system, in one short transaction -> how many."""
        return space.give_back(self._engine)

    def shorten_log(self) -> None:
        """Cut off the database's write-ahead log, where nobody has to wait for that."""
        space.shorten_log(self._engine)

    # Output

    def output(
        self, run_id: str, *, stream: str | None = None, after: int | None = None, limit: int | None = None
    ) -> Iterator[OutputLine]:
        """The lines of a run in order, read as they are taken; `after` a line's `position`, those that came
        later. Take batches to their end: the lines of one batch share a position."""
        return islice(outputs.of_run(self._engine, run_id, stream=stream, after=after), limit)

    def tail_output(self, run_id: str, n: int, *, stream: str | None = None) -> list[OutputLine]:
        """The last `n` lines of a run."""
        return outputs.end_of_run(self._engine, run_id, n, stream=stream)

    def box_output(
        self,
        box: str,
        job: str | None = None,
        *,
        since: datetime | None = None,
        stream: str | None = None,
        after: int | None = None,
    ) -> Iterator[OutputLine]:
        """The lines of all runs of a box, or of one job, in the order of time, from `since` on; `after` a
        line's `position`, those that came into the store later."""
        return outputs.of_box(self._engine, box, job, since=since, stream=stream, after=after)

    def tail_box_output(
        self, box: str, job: str | None, n: int, *, stream: str | None = None
    ) -> list[OutputLine]:
        """The last `n` lines of a box, or of one job."""
        return outputs.end_of_box(self._engine, box, job, n, stream=stream)

    # Boxes

    def cursor(self, box: str) -> Cursor | None:
        """How far the box's log is in the store; None before its first event."""
        with self._reading() as tx:
            return cursors.read(tx, box)

    def cursors(self) -> dict[str, Cursor]:
        with self._reading() as tx:
            return cursors.read_all(tx)

    def box_state(self, box: str) -> BoxState:
        with self._reading() as tx:
            return boxes.read(tx, box)

    def box_states(self) -> dict[str, BoxState]:
        """Every box of which anything is known, by name."""
        with self._reading() as tx:
            return boxes.read_all(tx)

    def set_wanted(self, box: str, up: bool, *, at: datetime) -> None:
        """Whether the box shall run. Stays until the next `up` or `down`. From a `down` on, no slot is
        expected of it; the `loaded` of its next boot begins anew."""
        with self.transaction() as tx:
            boxes.change(tx, box, {"wanted": int(up)} | ({} if up else {"down_at": at}))
            if not up:
                schedules.end_all(tx, box, at=at)

    def know_bundle(self, box: str, digest: str, meant: Sequence[Meant], *, zone: str, at: datetime) -> None:
        """Keep what the digest of a crontab means. If the box has loaded that very one, its schedules are
        those from now on; those that were in force already go on."""
        with self._reading() as tx:
            if schedules.meaning(tx, box, digest) == (list(meant), zone):
                return
        with self.transaction() as tx:
            schedules.know(tx, box, digest, meant, zone=zone, at=at)
            state = boxes.read(tx, box)
            if state.loaded == digest:
                schedules.loaded(tx, box, digest, zone=state.zone, at=at)

    def schedules(self, box: str, job: str) -> list[Expectation]:
        """Which schedules of a job were in force from when to when, the oldest first."""
        with self._reading() as tx:
            return schedules.history(tx, box, job)

    def expecting(self) -> list[str]:
        """The boxes of which slots are expected, or have still to be accounted for."""
        with self._reading() as tx:
            return schedules.names(tx)

    def conditions(self, box: str | None = None) -> list[Condition]:
        """The open conditions of a box, or of all."""
        with self._reading() as tx:
            return conditions.read(tx, box)

    def condition_history(self, box: str, *, limit: int = 100) -> list[Condition]:
        """The box's conditions, open and closed, newest first."""
        with self._reading() as tx:
            return conditions.history(tx, box, limit=limit)

    def note_incident(self, incident: Incident) -> None:
        """Something that happened to a box, and that its own log does not tell."""
        with self.transaction() as tx:
            incidents.add(tx, incident.box, [incident])

    def set_problem(self, box: str, problem: str | None) -> None:
        """What keeps the box from being as it is wanted; None: nothing."""
        self._change(box, problem=problem)

    def set_installed(self, box: str, digest: str) -> None:
        """The box's crontab was installed and read back; so it has no problem and no drift."""
        self._change(box, installed=digest, problem=None, drift=None, drift_at=None)

    def set_drift(self, box: str, drift: str | None, at: datetime) -> None:
        """What somebody changed in the box behind cronbox's back; None: all is as installed."""
        self._change(box, drift=drift, drift_at=at if drift else None)

    def note_death(self, box: str, *, reason: str) -> None:
        """How the box's present boot ended, as its engine knows it: the reason of runs that it left open."""
        self._change(box, death=reason)

    def pauses(self, box: str | None = None) -> list[Pause]:
        """The pauses of a box, or of all. One whose `until` has passed may still be here."""
        with self._reading() as tx:
            return pauses.read(tx, box)

    def incidents(self, box: str, *, since: datetime | None = None, limit: int = 100) -> list[Incident]:
        """What happened to the box and is no run, newest first."""
        with self._reading() as tx:
            return incidents.read(tx, box, since=since, limit=limit)

    # Notifications

    def rules(self) -> list[Rule]:
        """What each target is told."""
        with self._reading() as tx:
            return targets.rules(tx)

    def due_targets(self, now: datetime) -> list[str]:
        """The targets for which something waits that may be sent now."""
        with self._reading() as tx:
            return outbox.due_targets(tx, now)

    def deliveries(self, *, target: str | None = None, limit: int = 50) -> list[Delivery]:
        """What was, or is to be, sent; newest first."""
        with self._reading() as tx:
            return outbox.read(tx, target=target, limit=limit)

    def _change(self, box: str, **changes: object) -> None:
        with self.transaction() as tx:
            boxes.change(tx, box, changes)

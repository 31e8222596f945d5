"""PID 1: wires the rooms together and carries out what `core` decides."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections import deque
from functools import partial
from typing import Any, assert_never

from . import __version__
from .clock import now, utc_text
from .commands import BadCommand
from .console import Console
from .core import Core
from .crond import Crond
from .decisions import Cancel, Decision, Kill, Quit, Say, Skip, Start, Stop, Wait
from .fifo import Bad, Command, Due, Fifo, Message, Tick
from .files import version_of
from .history import Pause
from .journal import Journal
from .keeper import Keeper
from .log import RETRY_SECONDS, Log
from .loop import Loop, Signals
from .oom import Memory
from .paths import Paths
from .quota import Quota
from .request import Request, request_fields
from .result import make_directory
from .runs import Runs
from .secrets import Vault
from .state import load_state, new_id
from .status import StatusFile
from .syslog import Syslog
from .table import SEGMENT_BYTES, TOTAL_BYTES, BadTable, Table, read_table
from .waiting import Waiting
from .watchman import Watchman

COMPLAINTS_A_MINUTE = 60
TIMEZONE_LINK = "/etc/localtime"


def serve(paths: Paths) -> None:
    """Be the box's PID 1 until SIGTERM, or until it is drained. Raises OSError if /log cannot be used."""
    agent = Agent(paths)
    agent.begin()
    gc.collect()
    gc.freeze()
    agent.go_on()


class Agent:
    """One life of the box."""

    def __init__(self, paths: Paths) -> None:
        os.umask(0o022)
        for folder in (paths.run_dir, paths.log_dir):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            os.chmod(folder, 0o700)
        make_directory(paths.results)
        state = load_state(paths.state, paths.log_dir)
        self.paths = paths
        self.boot_id = new_id()
        self.log_id = state.log_id
        self.started_at = utc_text(time.time_ns())
        self.core = Core(Table(), state.history, since=time.time())
        self.loop = Loop(self._report)
        log = Log(paths.log_dir, segment=SEGMENT_BYTES, total=TOTAL_BYTES, after=state.seq)
        self.journal = Journal(log, Console(sys.stdout.fileno()))
        self.keeper = Keeper(paths.state, state, log)
        self.crond = Crond(paths, self.loop, self._crond_tells)
        self.vault = Vault(paths)
        self.runs = Runs(
            self.loop,
            self.journal,
            self._ended,
            results=paths.results,
            vault=self.vault,
            memory=Memory(paths.cgroup),
        )
        self.status = StatusFile(paths.status, self._describe)
        self._inbox: deque[Message] = deque()
        self._table_version: tuple[int, int] | None = None
        self._complaints = Quota(COMPLAINTS_A_MINUTE)
        self._last_tick: dict[str, str] | None = None
        self._log_failure: str | None = None
        self._over = False

    def begin(self) -> None:
        """Everything that happens once: tell of the boot, listen, start crond and the @reboot jobs."""
        self.journal.event("boot", self._boot_fields())
        self._reload()
        self.signals = Signals((signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        self.loop.watch(self.signals.fd, self._signalled)
        self.fifo = Fifo(self.paths.trigger)
        self.loop.watch(self.fifo.fd, self._triggered)
        syslog = Syslog(self.paths.syslog, self._cron_said)
        self.loop.watch(syslog.fd, syslog.read)
        Watchman(self.paths, self.loop, self.journal.event).begin()
        self.loop.guard(self.crond.start)
        self.loop.guard(lambda: self._carry_out(self.core.booted(now())))
        self.keeper.save()

    def go_on(self) -> None:
        """Live. Whatever goes wrong in one line or one job is told, and ends nothing else."""
        while not self._over:
            self.loop.turn(0.0 if self._inbox else self._next_moment())
            self.loop.guard(self._take_next)
            self.loop.guard(lambda: self._carry_out(self.core.passed(now())))
            self.loop.guard(self.status.write)
            self.journal.flush()
            self.keeper.save_if_due()
            self._look_at_the_log()

    def _look_at_the_log(self) -> None:
        """That it cannot be written, or can again, is to be seen also when nothing else happens."""
        if self.journal.log.failure != self._log_failure:
            self._log_failure = self.journal.log.failure
            self.status.changed()

    # What comes in

    def _crond_tells(self, kind: str, fields: dict[str, Any]) -> None:
        if kind == "cron_started":
            self.core.cron_begins(now())
        self.journal.event(kind, fields)

    def _signalled(self) -> None:
        for number in self.signals.take():
            if number in (signal.SIGTERM, signal.SIGINT):
                self._carry_out(self.core.terminate(now()))
            elif number == signal.SIGHUP:
                self._reload()
        self._reap()

    def _reap(self) -> None:
        """Collect every ended child: jobs, crond, scouts, and the orphans that PID 1 inherits."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.crond.pid:
                self.crond.exited(status)
                self.status.changed()
            else:
                self.runs.reaped(pid, status, usage)

    def _triggered(self) -> None:
        self._inbox += self.fifo.read()

    def _take_next(self) -> None:
        """One message a turn: between the lines of a full minute, runs that have ended are reaped in time."""
        if self._inbox:
            self._take(self._inbox.popleft())

    def _take(self, message: Message) -> None:
        match message:
            case Due(jobs):
                if any(job not in self.core.table.jobs for job in jobs):
                    self._reload_if_changed()
                self._carry_out(self.core.due(jobs, now()))
            case Tick(digest):
                self._ticked(digest)
            case Command(verb, fields):
                self._obey(verb, fields)
            case Bad(text, reason):
                self._complain("bad_command", {"text": text, "reason": reason})
            case _:
                assert_never(message)

    def _ticked(self, digest: str) -> None:
        if digest != self.core.table.digest:
            self._reload_if_changed()
        self._last_tick = {"t": utc_text(time.time_ns()), "digest": digest}
        self.status.changed()
        self._carry_out(self.core.tick(digest, now()))

    def _obey(self, verb: str, fields: dict[str, Any]) -> None:
        if verb == "reload":
            self._reload()
            return
        try:
            self._carry_out(self.core.command(verb, fields, now()))
        except BadCommand as error:
            run = {"run": fields["run"]} if isinstance(fields.get("run"), str) else {}
            self._complain("bad_command", {"text": verb, "reason": str(error), **run})

    def _cron_said(self, text: str) -> None:
        """Whoever is in the box may speak in cron's name, and say what nobody should read."""
        self.journal.event("cron_message", {"text": self.vault.veil.hide_text(text)})

    # What goes out

    def _carry_out(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            self.status.changed()
            match decision:
                case Start(request, last_success):
                    self.runs.start(request, last_success)
                case Wait(request, reason, due):
                    self._tell(request, "queued", reason, due)
                case Skip(request, reason):
                    self._tell(request, "skipped", reason, None)
                case Cancel(request, reason):
                    self.runs.cancel(request, reason)
                case Stop(run, status, reason):
                    self.runs.stop(run, status, reason)
                case Kill(run):
                    self.runs.kill(run)
                case Say("unknown_job" as kind, fields):
                    self._complain(kind, fields)
                case Say("paused" | "resumed" as kind, fields):
                    self.journal.event(kind, fields)
                    self.keeper.save()
                case Say(kind, fields):
                    self.journal.event(kind, fields)
                case Quit(reason):
                    self._quit(reason)
                case _:
                    assert_never(decision)

    def _tell(self, request: Request, kind: str, reason: str, due: float | None) -> None:
        fields = {**request_fields(request), "reason": reason}
        self.journal.event(kind, fields if due is None else {**fields, "due": round(due, 3)})

    def _ended(self, finished: dict[str, Any]) -> None:
        self.status.changed()
        run, status, code = finished["run"], finished["status"], finished["exit_code"]
        self._carry_out(self.core.exited(run, status, code, now()))

    def _quit(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self.crond.stop()
        self.journal.event("stopped", {"reason": reason})
        self.keeper.save()

    # The table

    def _reload(self) -> None:
        """Read the table again. A bad one is told, and the one in force goes on."""
        self._table_version = version_of(self.paths.table)
        try:
            table = read_table(self.paths.table)
        except BadTable as error:
            self._complain("table_refused", {"reason": str(error)})
            return
        self.journal.log.segment, self.journal.log.total = table.log_segment, table.log_total
        if table.digest:
            self.journal.event("loaded", {"digest": table.digest, "jobs": len(table.jobs)})
            self.loop.guard(partial(self.vault.grant, table.secrets))
            self._carry_out(self.core.loaded(table, now()))
        self.status.changed()

    def _reload_if_changed(self) -> None:
        """cron can be quicker than the `reload` that follows an install."""
        if version_of(self.paths.table) != self._table_version:
            self._reload()

    # What is told

    def _complain(self, kind: str, fields: dict[str, Any]) -> None:
        """An event of a kind that somebody could cause without end."""
        if self._complaints.take():
            self.journal.event(kind, fields)
        elif self._complaints.just_spent:
            self.journal.event("bad_command", {"text": "", "reason": "too many complaints in this minute"})

    def _report(self, error: Exception) -> None:
        import traceback  # half a megabyte that a healthy box never needs

        text = "".join(traceback.format_exception(error))[-4000:]
        self._complain("agent_error", {"text": self.vault.veil.hide_text(text)})

    def _boot_fields(self) -> dict[str, Any]:
        release = os.environ.get("CRONBOX_RELEASE", "")
        return {
            "log_id": self.log_id,
            "boot_id": self.boot_id,
            "agent": __version__,
            "release": int(release) if release.isdigit() else None,
            "timezone": timezone(),
        }

    def _describe(self) -> dict[str, Any]:
        pauses = self.core.history.pauses
        return {
            "pid": os.getpid(),
            "started_at": self.started_at,
            "boot_id": self.boot_id,
            "log_id": self.log_id,
            "seq": self.journal.log.seq,
            "log_failure": self.journal.log.failure,
            "digest": self.core.table.digest,
            "last_tick": self._last_tick,
            "crond": self.crond.pid,
            "draining": self.core.draining,
            "paused": {job or "*": pause.why for job, pause in pauses.items() if _holds(pause)},
            "running": self.runs.describe(),
            "waiting": [describe(waiting) for waiting in self.core.waiting()],
        }

    def _next_moment(self) -> float | None:
        """When a deadline passes, the status is to be written, or the log is to be tried again."""
        retry = time.monotonic() + RETRY_SECONDS if self.journal.log.failure else None
        moments = (self.core.next_deadline(now()), self.status.due, self.keeper.due, retry)
        return min((moment for moment in moments if moment is not None), default=None)


def timezone() -> str:
    """The box's time zone by name: TZ, else what /etc/localtime points to, else UTC."""
    if os.environ.get("TZ"):
        return os.environ["TZ"].removeprefix(":")
    if os.path.islink(TIMEZONE_LINK):
        return os.readlink(TIMEZONE_LINK).rpartition("zoneinfo/")[2]
    return "UTC"


def describe(waiting: Waiting) -> dict[str, Any]:
    """One place in line, for the status file."""
    request = waiting.request
    return {"run": request.run, "job": request.job.name, "reason": waiting.hold.reason}


def _holds(pause: Pause) -> bool:
    return pause.until is None or time.time() < pause.until

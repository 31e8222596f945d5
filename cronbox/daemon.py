"""`cronbox daemon`: the long-running service outside the boxes.

Full passes on a tick make everything right; the engine's events and changed files only make it sooner.
Threads: the scheduler's, one tail for each running box, one listener to the engine, one to the files, and
the sender. Each is started by the `keep_watch` tick and simply ends when it fails, so that tick is the only
thing that retries.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from apscheduler.schedulers.background import BackgroundScheduler
from watchfiles import watch

from cronbox.config import load_config
from cronbox.engine import EngineAction, EngineEvent
from cronbox.errors import ConfigError, CronboxError, LeaseLost, NoEngine, StoreLost
from cronbox.model.box import SeenBox
from cronbox.ops import Site
from cronbox.ops.deaths import close_ended, note_death, note_pause
from cronbox.ops.lease import Term, terms
from cronbox.ops.notify import Sender
from cronbox.ops.pulse import Pulse
from cronbox.ops.reconcile import reconcile
from cronbox.ops.retain import retain, retain_releases
from cronbox.ops.secrets import secret_files
from cronbox.ops.tail import Tail
from cronbox.ops.targets import keep_rules
from cronbox.ops.watch import Watch

RECONCILE_S = 30
WATCH_S = 5
LOOK_S = 10
RETAIN_S = 3600
LEAD_LOOK_S = 0.5
"""How soon a daemon that leads no more stands down."""
STOP_S = 4.0
CHECK_S = 5.0
"""How long the database is looked over before the daemon begins."""
AT_ONCE = timedelta(milliseconds=50)
RETRY = timedelta(milliseconds=500)
"""When a tick that is wanted while it still runs is looked at again."""
DRAIN_LOOK = timedelta(seconds=5)
"""When a box that waits for its running jobs is looked at again."""

PAST: dict[EngineAction, str] = {
    "start": "box_started",
    "die": "box_died",
    "oom": "box_ran_out_of_memory",
    "destroy": "box_removed",
    "pause": "box_paused",
    "unpause": "box_unpaused",
}

log = structlog.get_logger()


Serve = Callable[[Site, Pulse, threading.Event], None]
"""Shows the project to who asks, until the event is set; what hinders it, it tries again."""


def run_daemon(site: Site, serve: Serve) -> None:
    """Keep the project, whenever it is this daemon that leads, until SIGTERM or SIGINT; `serve` runs beside
    it, also while it waits. Raises DaemonRunning if another one leads and the database is not shared."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that is skipped is woken again
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    pulse = Pulse()
    page = threading.Thread(target=serve, args=(site, pulse, stopped), name="web", daemon=True)
    if site.config.shares_database:
        page.start()
    for term in terms(site, stopped, pulse.looked):
        if not page.ident:
            page.start()
        try:
            Daemon(term, stopped, home=site, pulse=pulse).run()
        except (StoreLost, LeaseLost) as error:
            log.warning("stood_down", error=error.message)
        finally:
            pulse.leads = False
    # The interpreter would wait here for the scheduler's threads, and one of them may be amid a long build.
    os._exit(0)


class Daemon:
    """The service of one project for one term. `run` blocks until `ending` is set, or the term is over."""

    def __init__(self, term: Term, ending: threading.Event, *, home: Site, pulse: Pulse) -> None:
        self._term = term
        self._site = term.site
        self._home = home
        self._pulse = pulse
        self._ending = ending
        self._stopped = threading.Event()
        self._engine_known = True
        self._config_problem: str | None = None
        self._tails: dict[str, tuple[Tail, threading.Thread]] = {}
        self._listener: threading.Thread | None = None
        self._files: threading.Thread | None = None
        self._watch = Watch(term.site)
        self._sender: threading.Thread | None = None
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1}
        )

    def run(self) -> None:
        site = self._site
        log.info("daemon_started", project=site.project, config=str(site.config.path), pid=os.getpid())
        self._check()
        keep_rules(site)
        self._scheduler.add_listener(lambda event: self._wake(event.job_id, RETRY), EVENT_JOB_MAX_INSTANCES)
        self._every(WATCH_S, self.keep_watch)
        self._every(RECONCILE_S, self.reconcile)
        self._every(LOOK_S, self.look)
        self._every(RETAIN_S, self.retain)
        self._scheduler.start()
        self._pulse.leads = True
        while self._term.leading() and not self._stopped.is_set() and not self._ending.wait(LEAD_LOOK_S):
            pass
        self._end()

    def _check(self) -> None:
        """Whether the database is sound, as far as can be seen in a few seconds: a large one takes minutes,
        and the boxes wait. SQLite itself finds what a crash left behind."""
        if not self._site.store.check(quick=True, within_s=CHECK_S):
            log.info("check_cut_short", hint="`cronbox db check` looks at all of the database")

    def _every(self, seconds: int, tick: Callable[[], None]) -> None:
        self._scheduler.add_job(
            partial(self._barrier, tick),
            "interval",
            seconds=seconds,
            id=tick.__name__,
            name=tick.__name__,
            next_run_time=self._site.now(),
            misfire_grace_time=None,
        )

    def _soon(self, tick: Callable[[], None]) -> None:
        """Have the tick run now rather than at its time; if it runs already, once more when it has ended."""
        self._wake(tick.__name__, AT_ONCE)

    def _wake(self, tick: str, delay: timedelta) -> None:
        if not self._stopped.is_set():
            self._scheduler.modify_job(tick, next_run_time=self._site.now() + delay)

    def _barrier(self, tick: Callable[[], None]) -> None:
        """The one place where an error ends: told, and tried again at the next tick."""
        try:
            tick()
        except NoEngine as error:
            if self._engine_known:
                log.warning("engine_lost", error=error.message)
            self._engine_known = False
        except LeaseLost as error:
            log.warning("stood_down", tick=tick.__name__, error=error.message)
            self._stopped.set()
        except CronboxError as error:
            log.warning("tick_failed", tick=tick.__name__, error=error.in_full())
        except Exception:
            log.exception("tick_crashed", tick=tick.__name__)
        else:
            self._engine_answers(tick)

    def _engine_answers(self, tick: Callable[[], None]) -> None:
        if not self._engine_known and tick in (self.reconcile, self.keep_watch):
            self._engine_known = True
            log.info("engine_found")
            self._soon(self.reconcile)

    # -- ticks ---------------------------------------------------------------------------------------------

    def reconcile(self) -> None:
        """Make the boxes as config.toml wants them, but for those a person has put down."""
        site = self._site
        self._take_config()
        keep_rules(site)
        wanted = [box for box in site.config.boxes.values() if site.store.box_state(box.name).wanted]
        done = reconcile(site, wanted, lambda line: log.info("box_progress", line=line))
        for box, failure in done.failures.items():
            log.warning("box_failed", box=box, error=failure.in_full())
        self._soon(self.keep_watch)
        if done.waiting:
            self._wake(self.reconcile.__name__, DRAIN_LOOK)

    def _take_config(self) -> None:
        """Read config.toml and the folders beside it anew; keep what is at hand if it is not valid."""
        try:
            self._site.config = self._home.config = load_config(self._site.config.path)
        except ConfigError as error:
            if error.in_full() != self._config_problem:
                log.error("config_refused", error=error.in_full())
            self._config_problem = error.in_full()
        else:
            if self._config_problem is not None:
                log.info("config_accepted")
            self._config_problem = None

    def keep_watch(self) -> None:
        """Close the runs of dead boxes, put right what drifted, and see that every running box is tailed, and
        engine and files are heard."""
        self._keep_sender()
        seen = self._site.engine.boxes(self._site.project)
        for box in seen:
            if box.running:
                self._keep_tail(box)
        close_ended(self._site, seen)
        if any(state.drifted for state in self._site.store.box_states().values()):
            self._soon(self.reconcile)
        if self._listener is None or not self._listener.is_alive():
            self._listener = self._thread("engine-events", self._listen)
        if self._files is None or not self._files.is_alive():
            self._files = self._thread("files", self._watch_files)
        self._pulse.looked()

    def _keep_sender(self) -> None:
        """Before anything that can fail: what fails is what people are to be told."""
        if self._sender is None or not self._sender.is_alive():
            sender = Sender(self._site, well=lambda: self._pulse.well, stopped=self._stopped)
            self._sender = self._thread("sender", sender.run)

    def look(self) -> None:
        """See which slots were missed, and what is not as it should be."""
        self._watch.look()

    def retain(self) -> None:
        """Let go of history and images that are older than the config keeps."""
        if gone := retain(self._site):
            log.info("history_pruned", **gone.as_json())
        if images := retain_releases(self._site):
            log.info("releases_pruned", images=images)

    # -- threads -------------------------------------------------------------------------------------------

    def _thread(self, name: str, body: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=partial(self._barrier, body), name=name, daemon=True)
        thread.start()
        return thread

    def _keep_tail(self, box: SeenBox) -> None:
        tail, thread = self._tails.get(box.box, (None, None))
        if tail is not None and thread is not None and thread.is_alive():
            if tail.container == box.container:
                return
            tail.stop()
        tail = Tail(self._site.engine, self._site.store, box.box, container=box.container, now=self._site.now)
        self._tails[box.box] = (tail, self._thread(f"tail-{box.box}", tail.run))

    def _listen(self) -> None:
        """Engine events: what happened to a box is acted upon at once."""
        with self._site.engine.events(self._site.project) as events:
            self._soon(self.keep_watch)
            for event in events:
                if self._stopped.is_set():
                    return
                self._happened(event)

    def _happened(self, event: EngineEvent) -> None:
        what = {} if event.exit_code is None else {"exit_code": event.exit_code}
        log.info(PAST[event.action], box=event.box, **what)
        if event.action == "die":
            note_death(self._site, event)
        if event.action in ("pause", "unpause"):
            note_pause(self._site, event)
        if event.action in ("die", "start", "destroy"):
            self._soon(self.keep_watch)
        if event.action in ("die", "destroy"):
            self._soon(self.reconcile)

    def _watch_files(self) -> None:
        """Files of the project: an edit is in the box within seconds.

        An edit of config.toml or of a secret ends the watch, as editors put a new file in its place; the next
        tick begins another, and looks at everything once.
        """
        config = self._site.config
        crontabs = config.root / "crontabs"
        if not crontabs.is_dir():
            return
        self._soon(self.reconcile)
        files = [config.path, *secret_files(config.boxes.values())]
        changes = watch(
            crontabs, *files, stop_event=self._stopped, debounce=400, step=100, raise_interrupt=False
        )
        for change in changes:
            self._soon(self.reconcile)
            if any(Path(path) in files for _, path in change):
                return self._soon(self.keep_watch)

    # -- end -----------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """End within five seconds, whatever a thread is waiting for; the store bears being cut off."""
        self._stopped.set()
        self._scheduler.shutdown(wait=False)
        for tail, _ in self._tails.values():
            tail.stop()
        threads = [thread for _, thread in self._tails.values()]
        for thread in threads:
            thread.join(timeout=STOP_S / max(len(threads), 1))
        log.info("daemon_stopped")

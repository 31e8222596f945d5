"""How each kind of fault is done, and undone. Each is a context: what is in it is wrecked."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError, TimeoutExpired

from tests.chaos.plan import Fault, Kind
from tests.chaos.world import World

AHEAD_S = 2 * 60 * 60
Doing = Callable[[World, Fault], AbstractContextManager[None]]


def doing(world: World, fault: Fault) -> AbstractContextManager[None]:
    return FAULTS[fault.kind](world, fault)


@contextmanager
def daemon_killed(world: World, fault: Fault) -> Iterator[None]:
    world.kill_daemon(int(fault.target))
    yield
    world.start_daemon(int(fault.target))


@contextmanager
def daemon_frozen(world: World, fault: Fault) -> Iterator[None]:
    world.signal_daemon(int(fault.target), signal.SIGSTOP)
    yield
    world.signal_daemon(int(fault.target), signal.SIGCONT)


@contextmanager
def box_killed(world: World, fault: Fault) -> Iterator[None]:
    """The agent, and all that runs in the box with it. The daemon is to start it again."""
    world.engine.docker("kill", world.container(fault.target))
    yield


@contextmanager
def box_removed(world: World, fault: Fault) -> Iterator[None]:
    world.engine.docker("rm", "-f", world.container(fault.target))
    yield


@contextmanager
def box_frozen(world: World, fault: Fault) -> Iterator[None]:
    world.engine.docker("pause", world.container(fault.target))
    yield
    world.engine.docker("unpause", world.container(fault.target))


@contextmanager
def crond_killed(world: World, fault: Fault) -> Iterator[None]:
    """The agent is to start it again."""
    for pid in world.processes(fault.target, "cron"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    yield


@contextmanager
def engine_killed(world: World, fault: Fault) -> Iterator[None]:
    """Its containers go on by themselves until it is back, and are then ended."""
    world.engine.stop(signal.SIGKILL)
    yield
    world.engine.start()


@contextmanager
def engine_restarted(world: World, fault: Fault) -> Iterator[None]:
    world.engine.stop()
    yield
    world.engine.start()


@contextmanager
def engine_cut_off(world: World, fault: Fault) -> Iterator[None]:
    """The daemons' way to it is silent, as a dead network is."""
    world.wire.cut()
    yield
    world.wire.mend()


@contextmanager
def network_cut(world: World, fault: Fault) -> Iterator[None]:
    container = world.container(fault.target)
    world.engine.docker("network", "disconnect", "-f", "wild", container)
    yield
    world.engine.docker("network", "connect", "wild", container)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


def log_full(world: World, fault: Fault) -> AbstractContextManager[None]:
    return full(world.disk(f"log/{fault.target}"))


def store_full(world: World, fault: Fault) -> AbstractContextManager[None]:
    return full(world.disk("state"))


@contextmanager
def postgresql_killed(world: World, fault: Fault) -> Iterator[None]:
    assert world.server is not None
    world.server.stop(signal.SIGQUIT)
    yield
    world.server.start()


@contextmanager
def clock_ahead(world: World, fault: Fault) -> Iterator[None]:
    world.set_clock(AHEAD_S)
    yield
    world.set_clock(0)


@contextmanager
def crontab_edited(world: World, fault: Fault) -> Iterator[None]:
    """A job comes, and goes again, another one has other times meanwhile; all others stay as they are."""
    world.write_crontab(fault.target, world.plan.edited)
    yield
    world.write_crontab(fault.target)


FAULTS: Mapping[Kind, Doing] = {
    Kind.DAEMON_KILLED: daemon_killed,
    Kind.DAEMON_FROZEN: daemon_frozen,
    Kind.BOX_KILLED: box_killed,
    Kind.BOX_REMOVED: box_removed,
    Kind.BOX_FROZEN: box_frozen,
    Kind.CROND_KILLED: crond_killed,
    Kind.ENGINE_KILLED: engine_killed,
    Kind.ENGINE_RESTARTED: engine_restarted,
    Kind.ENGINE_CUT_OFF: engine_cut_off,
    Kind.NETWORK_CUT: network_cut,
    Kind.LOG_FULL: log_full,
    Kind.STORE_FULL: store_full,
    Kind.POSTGRESQL_KILLED: postgresql_killed,
    Kind.CLOCK_AHEAD: clock_ahead,
    Kind.CRONTAB_EDITED: crontab_edited,
}
MISSED_ITS_AIM = (CalledProcessError, TimeoutExpired)
"""What a fault may meet where another one was before it."""

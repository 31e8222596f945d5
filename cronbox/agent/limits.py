"""What a job's processes may use: an argv that small programs of Debian's base system lead.

posix_spawn sets no limits, and the agent cannot lower its own for a moment: without CAP_SYS_RESOURCE it
would not get them back. So `nice`, `ionice` and `prlimit` each do their part and replace themselves by the
next, all of it as the job's user. A job without limits has none of them.
"""

from __future__ import annotations

import errno
import os

from .table import Limits

NICE, IONICE, PRLIMIT = "/usr/bin/nice", "/usr/bin/ionice", "/usr/bin/prlimit"
CPU_GRACE_SECONDS = 5
"""CPU time between SIGXCPU, which a program may catch, and SIGKILL."""


def limited(argv: tuple[bytes, ...], limits: Limits) -> tuple[bytes, ...]:
    """The argv with what its limits put before it.

    Raises FileNotFoundError for a program that the image lacks, also for the job's own: else the one before
    it would tell, in its own words.
    """
    prefix = [*_niceness(limits), *_io_class(limits), *_resources(limits)]
    if not prefix:
        return argv
    programs = [word for word in prefix if word.startswith("/")] + [os.fsdecode(argv[0])]
    for program in programs:
        if not os.path.exists(program):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    return (*map(os.fsencode, prefix), *argv)


def _niceness(limits: Limits) -> list[str]:
    return [NICE, "-n", str(limits.nice)] if limits.nice else []


def _io_class(limits: Limits) -> list[str]:
    if limits.ionice is None:
        return []
    name, _, level = limits.ionice.partition(":")
    return [IONICE, "-c", name, *(["-n", level] if level else [])]


def _resources(limits: Limits) -> list[str]:
    """`data` and not `as`: it counts what a process can fill with bytes of its own, and not the address space
    that Go, Java or Node only reserve, nor the files that are mapped."""
    given = []
    if limits.memory is not None:
        given.append(f"--data={limits.memory}")
    if limits.cpu_time is not None:
        given.append(f"--cpu={limits.cpu_time}:{limits.cpu_time + CPU_GRACE_SECONDS}")
    if limits.processes is not None:
        given.append(f"--nproc={limits.processes}")
    return [PRLIMIT, *given] if given else []

"""The crontab language: read and checked, beside python-crontab, which only reads; the start of `check`."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from crontab import CronTab

from benchmarks.bench import Bench
from benchmarks.figures import Row, at_least_times, at_most, at_most_times
from cronbox.model.crontab import parse_crontab
from cronbox.model.lint import Problem, lint
from tests.project import CRONBOX

ENTRIES_A_FILE = 1_000
MANY = 100_000
ZONE = ZoneInfo("Europe/Berlin")


def measure(bench: Bench) -> Iterator[Row]:
    text = crontab(ENTRIES_A_FILE)
    times = bench.times(9, 3)
    ours = _median_seconds(times, lambda: _check(text))
    theirs = _median_seconds(times, lambda: CronTab(tab=text, user=False))
    bench.say(f"{ENTRIES_A_FILE} entries: {ours * 1e3:.0f} ms, python-crontab {theirs * 1e3:.0f} ms")
    against = "python-crontab, reading only"
    yield Row(
        "parse and lint",
        ENTRIES_A_FILE / ours,
        ENTRIES_A_FILE / theirs,
        "entries/s",
        against,
        at_least_times(1),
    )
    yield _many(bench)
    yield _small_files(bench)
    yield from _start(bench)


def crontab(entries: int, *, first: int = 0) -> str:
    """Entries as people write them, numbered from `first`: various schedules; each fifth has a directive."""
    times = ("*/5 * * * *", "{m} {h} * * *", "{m} {h} * * 1-5", "{m},{n} */2 1,15 * *", "@daily")
    lines = ["SHELL=/bin/bash", "PGHOST=db.internal"]
    for number in range(first, first + entries):
        if number % 5 == 0:
            lines.append(f"# cronbox: name=job-{number} timeout=30m overlap=skip")
        when = times[number % len(times)].format(m=number % 59, n=59, h=number // 60 % 24)
        lines.append(f"{when} root /usr/bin/python3 /scripts/load_{number}.py --table orders")
    return "\n".join([*lines, ""])


def _check(text: str) -> list[Problem]:
    """What `cronbox check` and `up` do with a file."""
    return lint(parse_crontab(text.encode(), file="orders"), known_users=frozenset({"root"}), zone=ZONE)


def _median_seconds(times: int, what: Callable[[], object]) -> float:
    return statistics.median(_seconds(what) for _ in range(times))


def _seconds(what: Callable[[], object]) -> float:
    begun = time.perf_counter()
    what()
    return time.perf_counter() - begun


def _many(bench: Bench) -> Row:
    """A hundred thousand entries in files of a thousand, as cron's limit of ten thousand lines wants it."""
    texts = [crontab(ENTRIES_A_FILE, first=first) for first in range(0, MANY, ENTRIES_A_FILE)]
    ours = _seconds(lambda: [_check(text) for text in texts])
    theirs = _seconds(lambda: [CronTab(tab=text, user=False) for text in texts])
    bench.say(f"{MANY} entries: {ours:.1f} s, python-crontab {theirs:.1f} s")
    return Row(
        f"{MANY:,} entries checked", ours, theirs, "s", "python-crontab, reading only", at_most(3, "s")
    )


def _small_files(bench: Bench) -> Row:
    """Files of ten entries, as most boxes have them."""
    text, files = crontab(10), bench.times(500, 100)
    ours = files / _median_seconds(3, lambda: [_check(text) for _ in range(files)])
    theirs = files / _median_seconds(3, lambda: [CronTab(tab=text, user=False) for _ in range(files)])
    return Row(
        "files of 10 entries", ours, theirs, "files/s", "python-crontab, reading only", at_least_times(1)
    )


def _start(bench: Bench) -> Iterator[Row]:
    """The command as a person waits for it, by turns with the bare CLI and what ends before any command."""
    folder = bench.root / "check"
    folder.mkdir()
    paths = [_written(folder / f"crontab-{number}", first=10 * number) for number in range(10)]
    lines = {"check": ("check", *paths), "help": ("--help",), "version": ("--version",)}
    taken: dict[str, list[float]] = {name: [] for name in lines}
    for _ in range(bench.times(25, 9)):
        for name, line in lines.items():
            taken[name].append(_seconds(partial(_run, *line, folder=folder)) * 1e3)
    check, bare, version = (statistics.median(taken[name]) for name in lines)
    yield Row("cronbox check, ten files", check, bare, "ms", "cronbox --help", at_most_times(1.5))
    yield Row("cronbox check, ten files", check, version, "ms", "cronbox --version", at_most_times(1.5))


def _written(path: Path, *, first: int) -> str:
    path.write_text(crontab(10, first=first))
    return str(path)


def _run(*args: str, folder: Path) -> None:
    """With no project around, so that no config is read."""
    subprocess.run([*CRONBOX, *args], check=True, capture_output=True, stdin=subprocess.DEVNULL, cwd=folder)

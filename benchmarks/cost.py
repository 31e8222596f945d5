"""What a run costs: beside bare cron, beside one `docker exec` a run, beside two other schedulers."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench, Skip
from benchmarks.cpu import NotLocal
from benchmarks.execs import ExecRun, exec_run
from benchmarks.figures import LESS, Row, at_most_over, at_most_times
from benchmarks.lone import JOB, LoneRun, lone_run
from benchmarks.minute import BARE, BOX, JOBS, Minutes, full_minutes
from benchmarks.neighbours import NEIGHBOURS

BOX_NAME = "etl"


def measure(bench: Bench) -> Iterator[Row]:
    project = bench.project("cost")
    project.crontab(f"{BOX_NAME}/lone", f"# cronbox: name={JOB}\n0 0 1 1 * root true\n")
    bench.say("building a box")
    project.cli("up", timeout=900)
    container = project.box(BOX_NAME)
    lone = lone_run(container, bench.times(200, 50))
    bench.say(f"alone: bare {lone.bare:.2f} ms, cronbox {lone.box:.2f} ms")
    yield Row("a run alone, wall", lone.box, lone.bare, "ms", "bare cron's sh -c true", at_most_over(2, "ms"))
    try:
        execs = exec_run(container, bench.times(60, 20))
        bench.say(f"docker exec: {execs.wall:.1f} ms, CPU {execs.cpu:.1f} ms")
        yield from _rows(lone, execs, full_minutes(bench, project, BOX_NAME))
    except NotLocal as reason:
        raise Skip(str(reason)) from reason


def _rows(lone: LoneRun, execs: ExecRun, minutes: Minutes) -> Iterator[Row]:
    yield Row("a run alone, wall", lone.box, execs.wall, "ms", "one docker exec")
    yield Row("a run alone, CPU", minutes.lone[BOX], minutes.lone[BARE], "ms", "bare cron")
    yield Row(
        "a run alone, CPU", minutes.lone[BOX], execs.cpu, "ms", "one docker exec", at_most_times(1 / 20)
    )
    yield Row("an idle minute, CPU", minutes.idle[BOX], minutes.idle[BARE], "ms", "bare cron")
    yield _full(minutes, BARE)
    for name in NEIGHBOURS:
        if name in minutes.full:
            yield _full(minutes, name)
    exec_way = f"{JOBS} docker execs"
    yield Row(
        f"{JOBS} jobs of one minute, CPU",
        minutes.full[BOX],
        execs.cpu * JOBS,
        "ms",
        exec_way,
        at_most_times(1 / 20),
    )


def _full(minutes: Minutes, other: str) -> Row:
    name = f"{JOBS} jobs of one minute, CPU"
    return Row(name, minutes.full[BOX], minutes.full[other], "ms", other, LESS if other == BARE else None)

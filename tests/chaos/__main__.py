"""`python -m tests.chaos --seed N --seconds N`: chaos and then the verdict; ends with 1 if it is bad."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.conductor import Conductor, Report
from tests.chaos.plan import plan_of
from tests.chaos.world import World


def main() -> int:
    asked = _asked()
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM)
    )  # so that the world is taken away
    root = Path(tempfile.mkdtemp(prefix="cronbox-chaos-", dir="/tmp"))
    began = time.monotonic()

    def say(text: str) -> None:
        line = f"{time.monotonic() - began:7.1f} s  {text}\n"
        print(line, end="", flush=True)
        with (root / "story.txt").open("a") as story:
            story.write(line)

    say(f"seed {asked.seed}, {asked.seconds:g} s; building the world")
    with World(plan_of(asked.seed, asked.seconds), root).built() as world:
        say("all is up")
        try:
            report = Conductor(world, say).conduct()
        except KeyboardInterrupt:
            print(f"broken off; kept: {root}")
            return 130
        finally:
            _keep_disks(world)
    _print(report)
    if asked.keep or not report.good:
        print(f"kept: {root}\nagain: make chaos SEED={asked.seed} SECONDS={asked.seconds:g}")
    else:
        shutil.rmtree(root)
    return 0 if report.good else 1


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Wreck a project, then look.")
    parser.add_argument("--seed", type=int, default=1, help="what comes when; odd: PostgreSQL, two daemons")
    parser.add_argument("--seconds", type=float, default=60, help="how long the faults go on")
    parser.add_argument("--keep", action="store_true", help="keep logs and records though all is well")
    return parser.parse_args()


def _keep_disks(world: World) -> None:
    """What is on the disks in memory goes with them, so it is copied."""
    for name in ("state", *(f"log/{box}" for box in world.plan.boxes)):
        shutil.copytree(world.disk(name), world.root / "kept" / name)


def _print(report: Report) -> None:
    print()
    for name, value in report.figures():
        print(f"{name:>16}  {value}")
    for finding in report.findings:
        print(f"{'NOT GOOD':>16}  {finding}")
    print(f"{'verdict':>16}  {'good' if report.good else f'{len(report.findings)} findings'}")


if __name__ == "__main__":
    sys.exit(main())

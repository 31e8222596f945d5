"""`python -m benchmarks [--quick] [--only NAME]… [--json FILE]`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks import cost, crowd, ingest, language, memory, output, scale, thousand, visibility
from benchmarks.bench import Bench, Measurement, Skip
from benchmarks.figures import Row
from benchmarks.table import print_table

MEASUREMENTS = (
    Measurement("language", language.measure),
    Measurement("ingest", ingest.measure),
    Measurement("scale", scale.measure),
    Measurement("visibility", visibility.measure),
    Measurement("memory", memory.measure),
    Measurement("output", output.measure),
    Measurement("crowd", crowd.measure),
    Measurement("thousand", thousand.measure),
    Measurement("cost", cost.measure),
)


def main() -> None:
    arguments = _arguments()
    rows: list[Row] = []
    with Bench(quick=arguments.quick) as bench:
        for measurement in MEASUREMENTS:
            if not arguments.only or measurement.name in arguments.only:
                rows += _measured(bench, measurement)
    print()
    print_table(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")


def _measured(bench: Bench, measurement: Measurement) -> list[Row]:
    """The rows of one measurement; those it has got to when it cannot go on."""
    rows: list[Row] = []
    bench.say(f"== {measurement.name}")
    try:
        rows.extend(measurement.measure(bench))
    except Skip as reason:
        bench.say(f"{measurement.name} is skipped: {reason}")
    return rows


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="What cronbox costs, beside baselines.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter samples")
    names = [measurement.name for measurement in MEASUREMENTS]
    parser.add_argument("--only", action="append", choices=names, help="this measurement; may be given again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    return parser.parse_args()


if __name__ == "__main__":
    main()

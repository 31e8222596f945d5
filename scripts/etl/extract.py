"""Bring the shop's day files into staging, tidied. Those that are there already, unchanged, are left alone.

A file that cannot be read as orders is told on stderr and ends the job with 1, after the others are done.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

from order import COLUMNS
from result import tell
from warehouse import SOURCE, STAGING, write_atomically


def normalised(content: bytes) -> bytes:
    """The same rows with plain line ends, no blanks around values, and codes in capital letters."""
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    header = [name.strip().lower() for name in next(rows, [])]
    if tuple(header) != COLUMNS:
        raise ValueError(f"its columns are {', '.join(header) or 'none'}, not {', '.join(COLUMNS)}")
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *(_tidy(row) for row in rows)])
    return text.getvalue().encode()


def _tidy(row: list[str]) -> list[str]:
    codes = (COLUMNS.index("currency"), COLUMNS.index("country"))
    return [value.strip().upper() if column in codes else value.strip() for column, value in enumerate(row)]


def stage(source: Path) -> bool:
    """Put one day file into staging. False if the very same was there."""
    content = normalised(source.read_bytes())
    target = STAGING / source.name
    if target.exists() and target.read_bytes() == content:
        return False
    write_atomically(target, content)
    return True


def main() -> None:
    sources = sorted(SOURCE.glob("orders-*.csv"))
    if not sources:
        raise SystemExit(f"no order files in {SOURCE}: is the scripts folder mounted?")
    staged: list[bool] = []
    for source in sources:
        try:
            staged.append(stage(source))
        except ValueError as error:
            print(f"{source.name}: not staged, {error}", file=sys.stderr)
        else:
            print(f"{source.name}: staged" if staged[-1] else f"{source.name}: there already")
    fresh, refused = sum(staged), len(sources) - len(staged)
    print(f"{fresh} files staged, {len(staged) - fresh} there already, {refused} refused")
    tell(files_staged=fresh, files_refused=refused)
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()

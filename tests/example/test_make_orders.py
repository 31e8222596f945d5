"""The shipped data is what scripts/make_orders.py writes, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.example.box import ROOT, SCRIPTS

pytestmark = pytest.mark.slow


def files(folder: Path) -> dict[str, bytes]:
    """Everything the generator writes, by path."""
    paths = [*folder.glob("orders/*"), folder / "ledger.csv"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_generator_writes_the_shipped_bytes_again(tmp_path: Path) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, str(ROOT / "scripts" / "make_orders.py"), str(tmp_path)], check=True)
        assert files(tmp_path) == files(SCRIPTS)


def test_the_shipped_data_is_a_month_of_ten_thousand_rows_in_less_than_a_megabyte() -> None:
    shipped = files(SCRIPTS)
    assert len(shipped) == 32
    assert 10_000 < sum(body.count(b"\n") for body in shipped.values()) < 12_000
    assert sum(map(len, shipped.values())) < 1_000_000

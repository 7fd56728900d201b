"""What a read takes of memory does not depend on the number of rows, their size, or who reads its output."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmark.memory import LARGE_ROWS, Case

PROJECT = Path(__file__).parents[1]


def peak_megabytes(case: Case) -> float:
    """Measured by a process between, since this one may be large itself."""
    command = [sys.executable, "-m", "benchmark.memory", json.dumps(asdict(case))]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=PROJECT).stdout)


def test_more_rows_take_no_more_memory() -> None:
    few, many = (peak_megabytes(Case("rows", rows)) for rows in (30_000, 90_000))
    assert many < 1.1 * few


@pytest.mark.parametrize(
    "case",
    [
        Case("large pages", 30_000, settings={"max_page_size": 10_000}),
        Case("four sessions", 60_000, settings={"max_sessions": 4}),
        Case("large rows", 120, LARGE_ROWS),
        Case("a pipe that nobody empties", 30_000, pause_seconds=3),
        Case("large rows in a pipe that nobody empties", 300, LARGE_ROWS, pause_seconds=6),
    ],
    ids=lambda case: case.name,
)
def test_memory_stays_below_what_is_promised(case: Case) -> None:
    assert peak_megabytes(case) < case.most_megabytes

"""What a read takes of memory does not depend on the number of rows, their size, or who reads its output."""

from __future__ import annotations

import pytest

from benchmark.memory import LARGE_ROWS, MOST_MEGABYTES, Case, peak_megabytes

FEW = Case("few rows", 15_000)


def test_more_rows_take_no_more_memory() -> None:
    assert peak_megabytes(Case("three times as many", 45_000)) < 1.1 * peak_megabytes(FEW)


@pytest.mark.parametrize(
    "case",
    [
        Case("large pages", 30_000, settings={"max_page_size": 10_000}),
        Case("large rows", 120, LARGE_ROWS),
        Case("a pipe that nobody empties", 30_000, pause_seconds=3),
        Case("large rows in a pipe that nobody empties", 300, LARGE_ROWS, pause_seconds=6),
    ],
    ids=lambda case: case.name,
)
def test_memory_stays_below_what_is_promised(case: Case) -> None:
    assert peak_megabytes(case) < MOST_MEGABYTES

"""What a read takes of memory does not depend on the number of rows, their size, or who reads its output."""

from __future__ import annotations

import json
import subprocess
import sys
import weakref
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmark.memory import LARGE_ROWS, Case
from source_acumatica.reading.codec import Codec

from .reads import read
from .simulator import Simulator

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
        Case("many streams", 8_000, settings={"max_sessions": 2}, streams=6),
        Case("many fields", 500, ("--fields", "1000"), settings={"max_sessions": 2}, streams=6),
        Case("large rows", 120, LARGE_ROWS),
        Case("a pipe that nobody empties", 30_000, pause_seconds=3),
        Case("large rows in a pipe that nobody empties", 300, LARGE_ROWS, pause_seconds=6),
    ],
    ids=lambda case: case.name,
)
def test_memory_stays_below_what_is_promised(case: Case) -> None:
    assert peak_megabytes(case) < case.most_megabytes


class _Row(dict[str, Any]):
    """A row that can be watched."""


@pytest.mark.parametrize("mode", ["full_refresh", "incremental"])
@pytest.mark.parametrize("stream", ["Customer", "SalesOrder__Details", "dac__SOOrder", "gi__BI-Customers"])
def test_the_rows_of_a_page_are_gone_before_the_next_one_is_decoded(
    stream: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: weakref.WeakValueDictionary[int, _Row] = weakref.WeakValueDictionary()
    before: list[int] = []
    decode = Codec.decode_dicts

    def watched(codec: Codec, body: bytes, log: Any = None) -> Any:
        before.append(len(alive))
        page = decode(codec, body, log)
        rows = page if isinstance(page, list) else page.value
        rows[:] = map(_Row, rows)
        alive.update((id(row), row) for row in rows)
        return page

    monkeypatch.setattr(Codec, "decode", watched)
    with Simulator(rows=450, tenants=("Company",)) as sim:
        destination = read(sim, stream, mode=mode, max_page_size=100, dac_tables=["SOOrder"])
    assert destination.statuses[stream] == "COMPLETE"
    assert len(before) > 4
    # A few rows are kept to know the place by.
    assert max(before) <= 60

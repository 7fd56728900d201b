"""Measures what a record costs to read: the connector as a whole process, and a bare loop as the yardstick."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .pages import ENTITY, LINES, LINES_IN_ORDER, TABLE, catalog, serving
from .process import CONNECTOR, PYTHON, Cost, medians, options, run
from .report import Report

# What remains of a run with hardly any rows is the start-up.
_FEW_ROWS = 100
_ROWS = {ENTITY: 100_000, LINES: 20_000, TABLE: 100_000}
_RECORDS_IN_ROW = {ENTITY: 1, LINES: LINES_IN_ORDER, TABLE: 1}
_TITLES = {ENTITY: "list, 60 fields", LINES: "lines, 10 of 30 fields", TABLE: "OData, 60 fields"}
_PAGE_ROWS = {ENTITY: 5_000, LINES: 1_000, TABLE: 5_000}
_RUNS = 5
# By issue: what a record may cost of what the yardstick needs for it.
_MOST_RATIO = {"full_refresh": 1.0, "incremental": 1.2}


def measure() -> Report:
    """CPU per record with start-up taken off, and its ratio to the yardstick's."""
    costs: dict[str, list[Cost]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(_RUNS):
            for stream, many in _ROWS.items():
                for rows in (_FEW_ROWS, many):
                    with serving(rows) as settings:
                        for way, command in _commands(Path(folder), settings, stream):
                            costs[_name(stream, way, rows)].append(run(command, keep_output=False)[0])
    return _report(medians(costs))


def _name(stream: str, way: str, rows: int) -> str:
    return f"{stream} {way} {rows}"


def _commands(folder: Path, settings: Mapping[str, Any], stream: str) -> Iterator[tuple[str, list[str]]]:
    page_rows = _PAGE_ROWS[stream]
    config = options(folder, config={**settings, "max_page_size": page_rows})
    loop = [PYTHON, "-m", "benchmark.yardstick", "--stream", stream, "--page-rows", str(page_rows)]
    yield "yardstick", [*loop, *config]
    for mode in _MOST_RATIO:
        (folder / mode).mkdir(exist_ok=True)
        configured = options(folder / mode, catalog=catalog(stream, sync_mode=mode))
        yield mode, [*CONNECTOR, "read", *config, *configured]


def _report(costs: Mapping[str, Cost]) -> Report:
    rows, complaints = [], []
    for stream, many in _ROWS.items():
        per_record: dict[str, float] = {}
        for way in ("yardstick", *_MOST_RATIO):
            cost = costs[_name(stream, way, many)]
            seconds = cost.cpu_seconds - costs[_name(stream, way, _FEW_ROWS)].cpu_seconds
            per_record[way] = seconds / (many - _FEW_ROWS) / _RECORDS_IN_ROW[stream] * 1e6
            ratio = per_record[way] / per_record["yardstick"]
            if ratio > _MOST_RATIO.get(way, 1.0):
                complaints.append(f"{stream}: a record costs {ratio:.2f} times the yardstick ({way})")
            title = f"{_TITLES[stream]}: {way.replace('_', ' ')}"
            figures = (
                f"{per_record[way]:.1f}",
                f"{ratio:.2f}",
                f"{cost.wall_seconds:.1f}",
                f"{cost.peak_megabytes:.0f}",
            )
            rows.append([title, *figures])
    head = ["what is read", "CPU µs per record", "ratio", "wall s", "peak MB"]
    return Report(f"What a record costs (medians of {_RUNS} alternating runs)", head, rows, complaints)

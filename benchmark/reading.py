"""Measures what a record costs to read: the connector as a whole process, and a bare loop as the yardstick."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .pages import CATALOG, serving
from .process import CONNECTOR, PYTHON, Cost, medians, run
from .report import Report

_ROWS = 100_000
# What remains of a run with hardly any rows is the start-up.
_FEW_ROWS = 100
_PAGE_ROWS = 5_000
_RUNS = 3
# By issue: what a record may cost of what the yardstick needs for it.
_MOST_RATIO = {"full refresh": 1.0, "incremental": 1.2}


def measure() -> Report:
    """CPU per record with start-up taken off, and its ratio to the yardstick's."""
    costs: dict[tuple[str, int], list[Cost]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(_RUNS):
            for rows in (_FEW_ROWS, _ROWS):
                with serving(rows) as settings:
                    for case, command in _commands(folder, settings).items():
                        costs[case, rows].append(run(command, keep_output=False)[0])
    return _report(medians({f"{case} {rows}": each for (case, rows), each in costs.items()}))


def _commands(folder: Path, settings: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    config = _written(folder / "config.json", settings)
    read = [*CONNECTOR, "read", "--config", config, "--catalog"]
    full = {"streams": [{**one, "sync_mode": "full_refresh"} for one in CATALOG["streams"]]}
    loop = [PYTHON, "-m", "benchmark.yardstick", "--config", config, "--page-rows", str(_PAGE_ROWS)]
    return {
        "yardstick": loop,
        "full refresh": [*read, _written(folder / "full.json", full)],
        "incremental": [*read, _written(folder / "incremental.json", CATALOG)],
    }


def _written(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def _report(costs: Mapping[str, Cost]) -> Report:
    rows, complaints = [], []
    per_record = {
        case: (costs[f"{case} {_ROWS}"].cpu_seconds - costs[f"{case} {_FEW_ROWS}"].cpu_seconds)
        / (_ROWS - _FEW_ROWS)
        * 1e6
        for case in ("yardstick", *_MOST_RATIO)
    }
    for case, microseconds in per_record.items():
        ratio, cost = microseconds / per_record["yardstick"], costs[f"{case} {_ROWS}"]
        if ratio > _MOST_RATIO.get(case, 1.0):
            complaints.append(f"a record costs {ratio:.2f} times the yardstick ({case}), not {_MOST_RATIO[case]}")
        rows.append(
            [case, f"{microseconds:.1f}", f"{ratio:.2f}", f"{cost.wall_seconds:.1f}", f"{cost.peak_megabytes:.0f}"]
        )
    head = ["a list, rows of 60 fields", "CPU µs per record", "ratio", "wall s of 100,000", "peak MB"]
    return Report("What a record costs", head, rows, complaints)

"""Measures what a record costs to read, beside a bare loop that reads the same: the yardstick."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from .measured import Worker, working
from .pages import ENTITY, LINES, LINES_IN_ORDER, TABLE, catalog, serving
from .process import options
from .report import Report

_MODES = ("full_refresh", "incremental")
# What remains of a run with hardly any rows is signing in and finding out what there is.
_FEW_ROWS = 100
_ROUNDS = 4
# The goal: an incremental read may cost this much more than a full refresh.
_INCREMENTAL_RATIO = 1.2


@dataclass(frozen=True)
class Case:
    """A stream, and how the server gives it."""

    name: str
    stream: str
    rows: int
    page_rows: int
    most: float
    """The goal: what a record may cost of what the yardstick needs for it."""
    records_in_row: int = 1
    options: tuple[str, ...] = ()

    @property
    def records(self) -> int:
        """How many more there are than in a run with few rows."""
        return (self.rows - _FEW_ROWS) * self.records_in_row


_REAL = ("--real",)
CASES = (
    Case("list, 60 fields", ENTITY, 30_000, 5_000, 0.4),
    Case("lines, 10 of 30 fields", LINES, 5_000, 1_000, 0.4, LINES_IN_ORDER),
    Case("OData, 60 fields", TABLE, 30_000, 5_000, 0.5),
    Case("list, compressed", ENTITY, 30_000, 5_000, 0.4, options=_REAL),
    Case("lines, compressed", LINES, 5_000, 1_000, 0.4, LINES_IN_ORDER, _REAL),
    Case("OData, compressed", TABLE, 30_000, 5_000, 0.5, options=_REAL),
)


def measure(cases: Sequence[Case] = CASES) -> Report:
    """CPU per record without what a run costs once, and its ratio to the yardstick's in the same round."""
    rows, complaints = [], []
    with working("yardstick") as yardstick, working("connector") as connector:
        for case in cases:
            found = _microseconds(case, yardstick, connector)
            for way, costs in found.items():
                ratios = [own / other for own, other in zip(costs, found["yardstick"], strict=True)]
                ratio, most = median(ratios), _most(case, way)
                title, goal = f"{case.name}: {way.replace('_', ' ')}", f"{most:.2f}" if most else ""
                spread = f"{min(ratios):.2f}-{max(ratios):.2f}" if most else ""
                rows.append([title, f"{median(costs):.1f}", f"{ratio:.2f}", spread, goal])
                if most and ratio > most:
                    complaints.append(
                        f"{title}: a record costs {ratio:.2f} times the yardstick, {ratio - most:.2f} above the goal"
                    )
    head = ["what is read", "CPU µs per record", "ratio", "of single rounds", "goal"]
    return Report(f"What a record costs (medians of {_ROUNDS} rounds)", head, rows, complaints)


def _most(case: Case, way: str) -> float | None:
    if way == "yardstick":
        return None
    return case.most * (_INCREMENTAL_RATIO if way == "incremental" else 1)


def _microseconds(case: Case, yardstick: Worker, connector: Worker) -> Mapping[str, list[float]]:
    """For each way the CPU time per record in each round; the first round fills caches and does not count."""
    found: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        few, many = (
            dict(_runs(folder / str(rows), stack.enter_context(serving(rows, *case.options)), case))
            for rows in (_FEW_ROWS, case.rows)
        )
        for number in range(_ROUNDS + 1):
            for way in many:
                worker = yardstick if way == "yardstick" else connector
                once = worker.run(few[way]).cpu_seconds
                spent = worker.run(many[way]).cpu_seconds
                if number:
                    found[way].append((spent - once) / case.records * 1e6)
    return found


def _runs(folder: Path, settings: Mapping[str, Any], case: Case) -> Iterator[tuple[str, list[str]]]:
    """What each way is run with."""
    for place in (folder, *(folder / mode for mode in _MODES)):
        place.mkdir()
    config = options(folder, config={**settings, "max_page_size": case.page_rows})
    yield "yardstick", ["--stream", case.stream, "--page-rows", str(case.page_rows), *config]
    for mode in _MODES:
        yield mode, ["read", *config, *options(folder / mode, catalog=catalog(case.stream, sync_mode=mode))]

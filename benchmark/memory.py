"""Measures the connector's memory: for few rows and many, large rows and pages, and an output that nobody reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO, Any

from .pages import Plan, catalog, serving
from .process import BYTES_PER_PEAK_UNIT, CONNECTOR, options
from .report import Report

# Promised in the user's documentation.
_MOST_MEGABYTES, _MOST_MEGABYTES_FOR_A_SESSION_MORE = 250, 50
# The goals.
_GOAL_MEGABYTES, _GOAL_MEGABYTES_FOR_A_SESSION_MORE = 140, 25
_READ_BYTES = 1024**2


@dataclass(frozen=True)
class Case:
    """What is read, and how."""

    name: str
    rows: int
    """Of each stream."""
    options: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    pause_seconds: float = 0.0
    """How long nobody reads what the connector writes, while it could."""
    streams: int = 1

    @property
    def names(self) -> list[str]:
        """The streams that are read."""
        return Plan(0, entities=self.streams).names()

    @property
    def most_megabytes(self) -> float:
        """What it may take."""
        more = self.settings.get("max_sessions", 1) - 1
        return _MOST_MEGABYTES + more * _MOST_MEGABYTES_FOR_A_SESSION_MORE


_FOUR = "200,000 rows, four sessions"
LARGE_ROWS = ("--row-bytes", "1000000")
CASES = (
    Case("100,000 rows", 100_000),
    Case("300,000 rows", 300_000),
    Case("200,000 rows in pages of 10,000", 200_000, settings={"max_page_size": 10_000}),
    Case(_FOUR, 200_000, settings={"max_sessions": 4}),
    Case("six streams of 20,000 rows", 20_000, streams=6),
    Case("ten streams of 20,000 rows, eight sessions", 20_000, settings={"max_sessions": 8}, streams=10),
    Case("six streams of 3,000 rows of 1,000 fields", 3_000, ("--fields", "1000"), streams=6),
    Case("300 rows of 1 MB", 300, LARGE_ROWS),
    Case("100,000 rows, nobody reads for 20 s", 100_000, pause_seconds=20),
    Case("300 rows of 1 MB, nobody reads for 20 s", 300, LARGE_ROWS, pause_seconds=20),
)


def peak_megabytes(case: Case) -> float:
    """The peak of a whole read, in millions of bytes.

    Raises:
        SystemExit: the read failed, or not all rows came.
    """
    site = (*case.options, "--entities", str(case.streams))
    with serving(case.rows, *site) as settings, tempfile.TemporaryDirectory() as folder:
        files = options(Path(folder), config={**settings, **case.settings}, catalog=catalog(*case.names))
        with subprocess.Popen([*CONNECTOR, "read", *files], stdout=subprocess.PIPE) as process:
            assert process.stdout
            counts: list[int] = []
            reader = Thread(target=_count_records, args=(process.stdout, case.pause_seconds, counts))
            reader.start()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            reader.join()
    if process.returncode or sum(counts) != case.rows * case.streams:
        message = f"{case.name}: {sum(counts)} rows came, exit code {process.returncode}"
        raise SystemExit(message)
    return usage.ru_maxrss * BYTES_PER_PEAK_UNIT / 1e6


def main() -> None:
    """Print the peak of one case, whose fields stand in JSON on the command line.

    A process that is started shows at least the peak of the one that starts it: who is large itself has to ask so.
    """
    print(peak_megabytes(Case(**json.loads(sys.argv[1]))))


def _count_records(output: IO[bytes], pause_seconds: float, counts: list[int]) -> None:
    output.readline()
    time.sleep(pause_seconds)
    before = b""
    while piece := output.read(_READ_BYTES):
        text = before + piece
        counts.append(text.count(_RECORD))
        # A mark that is cut in two is counted with the next piece, and one that is whole is not counted again.
        before = text[-(len(_RECORD) - 1) :]


_RECORD = b'{"type":"RECORD"'


def measure() -> Report:
    """The peak of each case."""
    # Most of their time, those with a pause wait for it.
    paused = [case for case in CASES if case.pause_seconds]
    with ThreadPoolExecutor(len(paused)) as pool:
        peaks = dict(zip((case.name for case in paused), pool.map(peak_megabytes, paused), strict=True))
    peaks = {case.name: peaks.get(case.name) or peak_megabytes(case) for case in CASES}
    few, many = peaks[CASES[0].name], peaks[CASES[1].name]
    too_large = [case.name for case in CASES if peaks[case.name] > case.most_megabytes]
    complaints = [f"{name} take {peaks[name]:.0f} MB" for name in too_large]
    if many > 1.1 * few:
        complaints.append(f"three times the rows take {many:.0f} MB instead of {few:.0f} MB")
    complaints += _missed(few, (peaks[_FOUR] - few) / 3)
    rows = [[name, f"{peak:.0f}"] for name, peak in peaks.items()]
    return Report("Memory of a read, rows of 60 fields", ["what is read", "peak MB"], rows, complaints)


def _missed(one: float, each_more: float) -> Iterator[str]:
    """The goals that are missed, and by how much."""
    goals = (
        (one, _GOAL_MEGABYTES, "one session takes"),
        (
            each_more,
            _GOAL_MEGABYTES_FOR_A_SESSION_MORE,
            "each further session takes",
        ),
    )
    for peak, goal, what in goals:
        if peak > goal:
            yield f"{what} {peak:.0f} MB, {peak - goal:.0f} above the goal"


if __name__ == "__main__":
    main()

"""Measures what it costs to remember the ids of a list, and to find those that are gone from it."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256

from source_acumatica.reading.held_keys import HeldKeys
from source_acumatica.reading.record_ids import id_text

from .process import PYTHON, run
from .report import Report

_COUNTS = (4_000, 100_000, 1_000_000)
_GONE = 3_000
# Ids come in pages, which are dropped, as those of an instance are.
_PAGE_IDS = 5_000
# Small beside the 10 to 20 microseconds that reading a record costs; and states of many streams come to some megabytes.
_MOST_MICROSECONDS, _MOST_STATE_BYTES = 2.0, 300_000
# The sums of more ids have a few bits more.
_MOST_MEMORY_RATIO = 1.1


@dataclass(frozen=True)
class Measured:
    """What one process found."""

    add_seconds: float
    """CPU time of adding all ids, texts as they come in the answers."""
    compare_seconds: float
    """CPU time from the text in the state to the ids that are gone."""
    state_bytes: int
    peak_bytes: int
    """Of memory, while ids are added: of those and of what is kept. The peak of the process is that of its parent."""
    is_right: bool
    """Whether the ids that are gone, and no others, were found."""


def measure() -> Report:
    """Short lists and long ones, each in a process of its own."""
    found = {count: _run(count) for count in _COUNTS}
    rows = [_row(count, each) for count, each in found.items()]
    complaints = [complaint for count, each in found.items() for complaint in _complaints(count, each)]
    *_, few, many = (each.peak_bytes for each in found.values())
    if many > _MOST_MEMORY_RATIO * few:
        complaints.append(f"ten times the ids take {many / 1e6:.1f} MB instead of {few / 1e6:.1f} MB")
    head = [f"list, {_GONE:,} ids gone", "CPU µs per id", "CPU ms to compare", "state kB", "peak MB"]
    return Report("Finding what is gone by comparing ids", head, rows, complaints)


def _run(count: int) -> Measured:
    _, written = run([PYTHON, "-m", "benchmark.keys", str(count)])
    return Measured(**json.loads(written))


def _row(count: int, found: Measured) -> list[str]:
    costs = [f"{found.add_seconds / count * 1e6:.2f}", f"{found.compare_seconds * 1e3:.0f}"]
    return [f"{count:,} ids", *costs, f"{found.state_bytes / 1e3:.0f}", f"{found.peak_bytes / 1e6:.1f}"]


def _complaints(count: int, found: Measured) -> Iterator[str]:
    if not found.is_right:
        yield f"{count:,} ids: not the {_GONE:,} that are gone were found"
    if found.add_seconds / count * 1e6 > _MOST_MICROSECONDS:
        yield f"{count:,} ids: each takes {found.add_seconds / count * 1e6:.2f} µs"
    if found.state_bytes > _MOST_STATE_BYTES:
        yield f"{count:,} ids: the state has {found.state_bytes / 1e3:.0f} kB"


def main() -> None:
    """Print in JSON what a list costs whose number of ids stands on the command line."""
    count = int(sys.argv[1])
    gone = sorted(map(_id, range(_GONE)))
    before, add_seconds = _held(0, count)
    now, _ = _held(_GONE, count)
    state = before.as_text()
    began = time.process_time()
    difference = HeldKeys.of_text(state).minus(now)
    compare_seconds = time.process_time() - began
    is_right = difference is not None and (difference.only_here, difference.only_there) == (gone, [])
    measured = Measured(add_seconds, compare_seconds, len(state), _peak_bytes(count), is_right)
    print(json.dumps(asdict(measured)))


def _peak_bytes(count: int) -> int:
    tracemalloc.start()
    _held(0, count)
    _, peak_bytes = tracemalloc.get_traced_memory()
    return peak_bytes


def _held(first: int, last: int) -> tuple[HeldKeys, float]:
    """The ids with these numbers, and the CPU time that adding them took; making them does not count."""
    keys, seconds = HeldKeys(), 0.0
    for page in _pages(first, last):
        began = time.process_time()
        keys.add_all(page)
        seconds += time.process_time() - began
    return keys, seconds


def _pages(first: int, last: int) -> Iterator[list[str]]:
    for start in range(first, last, _PAGE_IDS):
        yield list(map(_id, range(start, min(start + _PAGE_IDS, last))))


def _id(number: int) -> str:
    return id_text(sha256(number.to_bytes(8)).digest()[:16])


if __name__ == "__main__":
    main()

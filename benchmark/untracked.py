"""Measures what finding deleted rows costs in a large table that the ERP does not track: whole syncs, a day apart."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from .pages import ENTITY, catalog, serving
from .process import BYTES_PER_PEAK_UNIT, CONNECTOR, options
from .report import Report

_ROWS, _GONE = 1_000_000, 1_000
_PAGE_ROWS = 5_000
# A comparison asks for so many rows by their ids; the rest follows with the next sync.
_ASKED = 300
# Some of the list's pages are smaller, and what else a sync asks.
_MORE_REQUESTS = 40
_MOST_STATE_BYTES = 300_000
# Decoding a row's key and its id, with the request that brings them, beside the 2 that remembering it costs.
_MOST_MICROSECONDS = 15.0
_MOST_MEGABYTES = 250


@dataclass(frozen=True)
class _Synced:
    cpu_seconds: float
    peak_megabytes: float
    requests: int
    rows: int
    tombstones: int
    states: list[Any]

    @property
    def state_bytes(self) -> int:
        return max(len(json.dumps(state)) for state in self.states)


def measure() -> Report:
    """A first sync, one in which nothing is due, and one that compares."""
    with (
        serving(_ROWS, "--fields", "3", "--no-odata") as settings,
        tempfile.TemporaryDirectory() as folder,
    ):
        site = _Site(Path(folder), {**settings, "track_deletions": True})
        # The connector believes no clock that is ahead of its own, so the first syncs are those of yesterday.
        site.turn(26, 0)
        first = site.sync([])
        idle = site.sync(first.states)
        site.turn(0, _ROWS // _GONE)
        compared = site.sync(idle.states)
    named = {"first": first, "nothing due": idle, "a day later, keys compared": compared}
    rows = [_row(name, each) for name, each in named.items()]
    head = ["sync", "rows", "tombstones", "requests", "CPU s", "state kB", "peak MB"]
    title = f"{_ROWS:,} rows that the ERP does not track, {_GONE:,} of them deleted"
    return Report(title, head, rows, [*_complaints(first, idle, compared)])


def _row(name: str, synced: _Synced) -> list[str]:
    counts = [f"{count:,}" for count in (synced.rows, synced.tombstones, synced.requests)]
    kilobytes, megabytes = synced.state_bytes / 1e3, synced.peak_megabytes
    return [name, *counts, f"{synced.cpu_seconds:.1f}", f"{kilobytes:.0f}", f"{megabytes:.0f}"]


def _complaints(first: _Synced, idle: _Synced, compared: _Synced) -> Iterator[str]:
    if (first.rows, idle.rows, compared.rows, compared.tombstones) != (_ROWS, 0, 0, _ASKED):
        yield f"{first.rows:,}, {idle.rows}, {compared.rows} rows and {compared.tombstones} tombstones came"
    if compared.requests > (most := _ROWS // _PAGE_ROWS + _ASKED + _MORE_REQUESTS):
        yield f"comparing takes {compared.requests} requests instead of {most}"
    if (size := max(each.state_bytes for each in (first, idle, compared))) > _MOST_STATE_BYTES:
        yield f"the state has {size / 1e3:.0f} kB"
    if (cost := (compared.cpu_seconds - idle.cpu_seconds) / _ROWS * 1e6) > _MOST_MICROSECONDS:
        yield f"comparing a key takes {cost:.1f} µs"
    if (peak := compared.peak_megabytes) > _MOST_MEGABYTES:
        yield f"comparing takes {peak:.0f} MB"


def _by_id(catalog: dict[str, Any]) -> dict[str, Any]:
    (one,) = catalog["streams"]
    return {"streams": [{**one, "primary_key": [["_tenant"], ["id"]]}]}


class _Site:
    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder, self._settings = folder, settings

    def sync(self, states: list[Any]) -> _Synced:
        """What a sync takes and brings.

        Raises:
            SystemExit: it failed.
        """
        files = options(self._folder, config=self._settings, catalog=_by_id(catalog(ENTITY)), state=states)
        before, counts, last = self._ask("pages-sent"), Counter[bool](), b""
        with subprocess.Popen([*CONNECTOR, "read", *files], stdout=subprocess.PIPE) as process:
            assert process.stdout
            # Nothing is kept of it: a process shows at least the peak of the one that has started it.
            for line in process.stdout:
                if line.startswith(b'{"type":"RECORD"'):
                    counts[b'"_ab_cdc_deleted_at":"' in line] += 1
                elif line.startswith(b'{"type":"STATE"'):
                    last = line
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(process.returncode)
        peak_megabytes = usage.ru_maxrss * BYTES_PER_PEAK_UNIT / 1e6
        requests, state = self._ask("pages-sent") - before, json.loads(last)["state"]
        cpu_seconds = usage.ru_utime + usage.ru_stime
        return _Synced(cpu_seconds, peak_megabytes, requests, counts[False], counts[True], [state])

    def turn(self, hours_behind: float, gone_of: int) -> None:
        """Set the server's clock, and delete one of so many rows."""
        self._ask(f"turn/{hours_behind}/{gone_of}")

    def _ask(self, path: str) -> Any:
        with urlopen(f"{self._settings['instance_url']}/{path}") as answer:
            return json.load(answer)

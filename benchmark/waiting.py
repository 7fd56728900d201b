"""Measures how well waiting is hidden: a server that takes 0.9 s for a page, read with one session and with more."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from .pages import ENTITY, TABLE, Plan, catalog, serving
from .process import CONNECTOR, options, run
from .report import Report

# The median of list requests that somebody has published (BEHAVIOR.md, "Licence").
_PAGE_SECONDS = 0.9
_SESSIONS = (1, 2, 4, 8)
_MOST_WALL_RATIO = 1.1
# The goals.
_LEAST_SPEED_UP = {4: 3.7, 8: 7.0}
# So many at the same time take less than half of a processor: readings with one or two sessions, and with four.
_AT_ONCE = {1: 7, 2: 7, 4: 3}


@dataclass(frozen=True)
class Case:
    """What is read."""

    name: str
    streams: tuple[str, ...]
    rows: int
    """Of each stream."""
    page_rows: int = 1_000
    page_seconds: float = _PAGE_SECONDS


_CASES = (
    Case("one large list", (ENTITY,), 120_000),
    Case("one large table by OData", (TABLE,), 120_000),
    # Of each list that is read for the first time, three more requests look for hidden rows: 240 in all.
    Case("sixty small lists, 0.45 s for a page", tuple(Plan(0, entities=60).names()), 310, page_seconds=0.45),
    Case("a list, in pages of 5,000", (ENTITY,), 200_000, page_rows=5_000),
)


def measure() -> Report:
    """Wall time for each case and number of sessions; each is run once, as most of it is the server's sleep."""
    found = _all_read()
    rows, complaints = [], []
    for case, sessions in found:
        wall_seconds, pages = found[case, sessions]
        server_seconds, speed_up = pages * case.page_seconds, found[case, 1][0] / wall_seconds
        if sessions == 1 and wall_seconds > _MOST_WALL_RATIO * server_seconds:
            complaints.append(f"{case.name}: {wall_seconds:.0f} s for {server_seconds:.0f} s of the server")
        least = _LEAST_SPEED_UP.get(sessions, 0)
        if speed_up < least:
            complaints.append(
                f"{case.name}: {sessions} sessions are {speed_up:.1f} times as fast as one, "
                f"{least - speed_up:.1f} below the goal"
            )
        of_server = f"{wall_seconds / server_seconds:.2f}" if sessions == 1 else ""
        rows.append([case.name, str(sessions), str(pages), f"{wall_seconds:.1f}", of_server, f"{speed_up:.1f}"])
    head = ["what is read, 0.9 s for a page", "sessions", "pages", "wall s", "of the server's time", "times as fast"]
    return Report("Waiting", head, rows, complaints)


def _all_read() -> dict[tuple[Case, int], tuple[float, int]]:
    """What each case took. Those that hardly do anything but wait do so at the same time, which saves six minutes."""
    wanted = [(case, sessions) for case in _CASES for sessions in (_SESSIONS if case.page_rows == 1_000 else (1,))]
    found: dict[tuple[Case, int], tuple[float, int]] = {}
    for at_once, group in groupby(sorted(wanted, key=_at_once, reverse=True), _at_once):
        alike = [*group]
        with ThreadPoolExecutor(at_once) as pool:
            found |= zip(alike, pool.map(lambda each: _read(*each), alike), strict=True)
    return {each: found[each] for each in wanted}


def _at_once(each: tuple[Case, int]) -> int:
    return _AT_ONCE.get(each[1], 1)


def _read(case: Case, sessions: int) -> tuple[float, int]:
    """How long it took from the first request for a page to the last page, and how many were asked for.

    Not the start: where several do it at the same time, it takes each of them seconds.
    """
    site = ("--seconds", str(case.page_seconds), "--entities", str(len(case.streams)))
    with serving(case.rows, *site) as settings, tempfile.TemporaryDirectory() as name:
        config = {**settings, "max_sessions": sessions, "max_page_size": case.page_rows}
        files = options(Path(name), config=config, catalog=catalog(*case.streams, sync_mode="full_refresh"))
        run([*CONNECTOR, "read", *files], keep_output=False)
        return _told(settings, "seconds-of-reading"), int(_told(settings, "pages-sent"))


def _told(settings: Mapping[str, Any], name: str) -> float:
    with urlopen(f"{settings['instance_url']}/{name}") as answer:
        return float(answer.read())

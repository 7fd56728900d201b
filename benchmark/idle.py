"""Measures a sync that finds nothing new, sixty streams of two tenants, as hourly connections do most of the time."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

from .pages import Plan, catalog, serving
from .process import CONNECTOR, Cost, options, run
from .report import Report

_STREAMS, _TENANTS = 60, ("Company", "Second Company")
_ROWS = 50
_RUNS = 3
# The goals.
_MOST_REQUESTS, _MOST_CPU_SECONDS = 1.0, 3.0


def measure() -> Report:
    """Requests for each stream and tenant, and CPU time beside that of a sync without any stream."""
    with (
        serving(_ROWS, "--entities", str(_STREAMS)) as settings,
        tempfile.TemporaryDirectory() as name,
    ):
        site = _Site(Path(name), {**settings, "tenants": list(_TENANTS)})
        names = Plan(0, entities=_STREAMS).names()
        state = site.sync(names, [])[1]
        # What is asked once a day is asked in the first sync that finds nothing.
        state = site.sync(names, state)[1]
        before = site.pages()
        costs = [site.sync(names, state)[0] for _ in range(_RUNS)]
        requests = (site.pages() - before) / _RUNS / _STREAMS / len(_TENANTS)
        nothing = median(site.sync([], [])[0].cpu_seconds for _ in range(_RUNS))
    cpu_seconds = median(cost.cpu_seconds for cost in costs) - nothing
    wall_seconds = median(cost.wall_seconds for cost in costs)
    cells = [f"{requests:.2f}", f"{cpu_seconds:.1f}", f"{wall_seconds:.1f}"]
    rows = [[f"{_STREAMS} streams of {len(_TENANTS)} tenants, nothing new", *cells]]
    head = ["what is read", "requests per stream and tenant", "CPU s beside start-up", "wall s"]
    return Report("An idle sync", head, rows, _complaints(requests, cpu_seconds))


def _complaints(requests: float, cpu_seconds: float) -> Sequence[str]:
    found = []
    if requests > _MOST_REQUESTS:
        found.append(
            f"an idle sync sends {requests:.2f} requests per stream and tenant instead of {_MOST_REQUESTS:.0f}"
        )
    if cpu_seconds > _MOST_CPU_SECONDS:
        found.append(
            f"an idle sync takes {cpu_seconds:.1f} CPU s, {cpu_seconds - _MOST_CPU_SECONDS:.1f} above the goal"
        )
    return found


class _Site:
    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder, self._settings = folder, settings

    def sync(self, streams: Sequence[str], state: Sequence[Any]) -> tuple[Cost, Sequence[Any]]:
        """What a sync takes, and the states that it ends with."""
        files = options(self._folder, config=self._settings, catalog=catalog(*streams), state=state)
        cost, written = run([*CONNECTOR, "read", *files])
        messages = [json.loads(line) for line in written.splitlines() if line.startswith(b'{"type":"STATE"')]
        return cost, list(
            {json.dumps(each["state"]["stream"]["stream_descriptor"]): each["state"] for each in messages}.values()
        )

    def pages(self) -> int:
        """How many pages were asked for so far."""
        with urlopen(f"{self._settings['instance_url']}/pages-sent") as answer:
            return int(answer.read())

"""Compares the pace that the connector finds by itself with the best fixed one, in front of the simulator's licence."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

from integration_tests.harness import configured, discover, run
from integration_tests.simulator import Lies, Minute, Simulator, StatForm
from source_acumatica.erp import client

from .report import Report
from .virtual_licence import Adaptive, Case, FixedRate, Play, Says

_LEAST_SHARE = 0.95
_VIRTUAL_MINUTES = 10.0
_FIXED_SHARES = (0.75, 0.9, 1.0, 1.2)
"""Of what the licence allows; and no rate at all."""

_CASES: Sequence[tuple[str, Case]] = (
    ("50 a minute, 2 cores", Case(3, 50, 2)),
    ("150 a minute, 6 cores", Case(6, 150, 6)),
    ("150 a minute, 6 cores", Case(32, 150, 6)),
    ("150 a minute by the clock, 6 cores", Case(32, 150, 6, minute=Minute.BY_THE_CLOCK)),
    ("600 a minute, 8 cores", Case(32, 600, 8)),
    ("100 a minute, 30 of them sent by others", Case(8, 100, 4, others_per_minute=30)),
    ("no limit in a minute, 4 cores", Case(8, None, 4)),
    ("no limit", Case(8, None, None)),
)
_ADAPTIVE: Mapping[str, Says] = {
    "adaptive": lambda work, _waited: work,
    "cookie with the queue": lambda work, waited: work + waited,
}
"""Whether the cookie's time begins after the queue or before it is not known."""

_PER_MINUTE, _MINUTE_SECONDS, _SESSIONS, _PAGE_ROWS = 60, 3.0, 24, 5
_LICENCE: dict[str, Any] = {
    "rows": 120,
    "seats": _SESSIONS,
    "requests_per_minute": _PER_MINUTE,
    "minute_seconds": _MINUTE_SECONDS,
    "cores": 6,
    "latency_seconds": 0.1,
}
_READ_NAME = f"a whole read, {_PER_MINUTE} in {_MINUTE_SECONDS:.0f} s, 6 cores"
_STREAMS = ("Customer", "Vendor", "SalesOrder", "StockItem", "Invoice", "Bill")
_SIGN = ("/identity/", "/entity/auth/")
_OK = 200


@dataclass(frozen=True)
class Reached:
    """What one way of sending reached."""

    way: str
    per_minute: float
    """Requests answered."""
    declined: int
    """Requests, of all integrations."""
    waited_seconds: float
    """By a request in the queue of the licence, on average."""


@dataclass(frozen=True)
class Comparison:
    """What fixed rates reached in front of a licence, and what the connector did by itself."""

    name: str
    sessions: int
    fixed: list[Reached]
    adaptive: list[Reached]

    @property
    def best(self) -> Reached:
        """The fixed rate that reached most, whatever was declined on the way."""
        return max(self.fixed, key=lambda each: each.per_minute)

    @property
    def row(self) -> list[str]:
        """The best fixed rate, and beside it what was reached without one."""
        best, by_itself = self.best, self.adaptive[0]
        shares = [f"{each.per_minute / best.per_minute:.0%}" for each in self.adaptive]
        return [
            self.name,
            str(self.sessions),
            best.way,
            f"{best.per_minute:.1f}",
            str(best.declined),
            f"{best.waited_seconds:.1f}",
            *shares,
            *[""] * (len(_ADAPTIVE) - len(shares)),
            str(sum(each.declined for each in self.adaptive)),
            f"{by_itself.waited_seconds:.1f}",
        ]

    def complaints(self) -> Iterator[str]:
        """What is not as it has to be."""
        for each in self.adaptive:
            share = each.per_minute / self.best.per_minute
            if share < _LEAST_SHARE:
                yield f"{self.name}, {each.way}: {share:.0%} of the best fixed rate"
            if each.declined:
                yield f"{self.name}, {each.way}: {each.declined} requests were declined"


def measure() -> Report:
    """Each case by computing, and one whole read of the connector from a simulator in a process of its own."""
    found = [*(_computed(name, case) for name, case in _CASES), _read()]
    complaints = [complaint for each in found for complaint in each.complaints()]
    fixed = ["best fixed rate", "answered a minute", "declined", "waited s"]
    head = ["limits of the licence", "sessions", *fixed, *_ADAPTIVE, "declined", "waited s"]
    return Report("Licence", head, [each.row for each in found], complaints)


def _computed(name: str, case: Case) -> Comparison:
    allowed = case.per_minute
    rates = [None] if allowed is None else [*(round(allowed * share) for share in _FIXED_SHARES), None]
    fixed = [_played(_fixed_way(rate), Play(case, FixedRate(rate), _says_nothing)) for rate in rates]
    adaptive = [_played(way, Play(case, Adaptive(case.sessions), says)) for way, says in _ADAPTIVE.items()]
    return Comparison(name, case.sessions, fixed, adaptive)


def _played(way: str, play: Play) -> Reached:
    outcome = play.run(_VIRTUAL_MINUTES)
    waited_seconds = outcome.waited_seconds / outcome.answered
    return Reached(way, outcome.answered / _VIRTUAL_MINUTES, outcome.declined, waited_seconds)


def _fixed_way(rate: int | None) -> str:
    return "none" if rate is None else str(rate)


def _says_nothing(_work: float, _waited: float) -> None:
    return None


def _read() -> Comparison:
    """The connector itself; the licence's minute and its own are shorter."""
    logging.disable(logging.WARNING)
    with Simulator(("Company",), rows=1) as sim:
        found = discover(sim.config(generic_inquiries=[]))
    catalog = configured(found[name] for name in _STREAMS)
    none = _reached(_fixed_way(None), catalog, StatForm.MISSING)
    fixed = _reached(_fixed_way(_PER_MINUTE), catalog, StatForm.MISSING, requests_per_minute=_PER_MINUTE)
    adaptive = _reached("adaptive", catalog, StatForm.WORK)
    logging.disable(logging.NOTSET)
    return Comparison(_READ_NAME, _SESSIONS, [none, fixed], [adaptive])


def _reached(way: str, catalog: Mapping[str, Any], form: StatForm, **settings: Any) -> Reached:
    with _serving(form) as (config, line):
        for _ in run("read", {**config, **settings}, catalog=catalog):
            pass
        line.send("end")
        answered, seconds, declined, waited_seconds = line.recv()
    return Reached(way, answered * _MINUTE_SECONDS / seconds, declined, waited_seconds)


@contextmanager
def _serving(form: StatForm) -> Iterator[tuple[dict[str, Any], Connection]]:
    """An ERP in a process of its own; the connector's settings, and a line to it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, form), daemon=True)
    process.start()
    theirs.close()
    minute, client._MINUTE = client._MINUTE, timedelta(seconds=_MINUTE_SECONDS)
    try:
        yield ours.recv(), ours
    finally:
        client._MINUTE = minute
        ours.close()
        process.join()


def _serve(line: Connection, form: StatForm) -> None:
    with Simulator(("Company",), **_LICENCE) as sim:
        sim.lies = [Lies(request_stat=form)]
        line.send(sim.config(max_sessions=_SESSIONS, max_page_size=_PAGE_ROWS, generic_inquiries=[]))
        line.recv()
        data = [each for each in sim.requests if each.status == _OK and not each.path.startswith(_SIGN)]
        seconds = max(each.started + each.seconds for each in data) - min(each.started for each in data)
        line.send((len(data), seconds, sim.throttle.declined, sim.throttle.waited_seconds / len(data)))

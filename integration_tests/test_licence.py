"""Whole reads through the queue of a licence, and hours in front of one in time that passes by computing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from statistics import mean
from threading import Lock
from typing import Any

import pytest

from benchmark.virtual_licence import Adaptive, Case, FixedRate, Play, Says
from source_acumatica.erp import client

from .comparison import differences
from .harness import Destination
from .simulator import Fault, FaultKind, Lies, Minute, Simulator, StatForm
from .simulator.web.requests import Request
from .test_sync import catalog_of

STREAMS = ("Customer", "Vendor", "SalesOrder", "Invoice")
# A third of the requests of these reads; a minute is one second and a half.
LICENCE: dict[str, Any] = {"requests_per_minute": 40, "minute_seconds": 1.5, "cores": 4, "latency_seconds": 0.02}
IN_QUEUE = "Requests wait in the queue of the licence"


@contextmanager
def a_licence(form: StatForm, **options: Any) -> Iterator[Simulator]:
    with Simulator(("Company",), rows=40, seats=24, **LICENCE | options) as sim:
        sim.lies = [Lies(request_stat=form)]
        yield sim
        assert sim.sessions.open_count() == 0


def read(sim: Simulator, **settings: Any) -> Destination:
    config = sim.config(max_page_size=5, generic_inquiries=[], **settings)
    with Simulator(("Company",), rows=1) as unlimited:
        catalog = catalog_of(unlimited.config(generic_inquiries=[]), *STREAMS)
    destination = Destination()
    destination.sync(config, catalog)
    assert differences(destination, sim, ["Company"]) == []
    return destination


def test_with_many_sessions_requests_hardly_wait_in_the_queue_and_none_is_declined(small_pages: None) -> None:
    with a_licence(StatForm.WORK) as sim:
        destination = read(sim, max_sessions=24)
        assert sim.throttle.declined == 0
        assert sim.throttle.most_waiting <= 8
    told = [log.getMessage() for log in destination.logs if IN_QUEUE in log.getMessage()]
    assert len(told) <= 1


def test_one_session_waits_as_it_did(small_pages: None) -> None:
    """Nothing can be gained: no other request of this connector is in the queue."""
    with a_licence(StatForm.WORK) as sim:
        destination = read(sim, max_sessions=1)
        assert sim.throttle.most_waiting == 1
        assert sim.throttle.declined == 0
    assert not [log for log in destination.logs if IN_QUEUE in log.getMessage()]


@pytest.mark.parametrize("form", list(StatForm))
def test_whatever_the_cookie_says_a_read_comes_to_its_end(form: StatForm, small_pages: None) -> None:
    with a_licence(form) as sim:
        read(sim, max_sessions=12)
        assert sim.throttle.declined == 0


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.STATUS_429,
        FaultKind.STATUS_503,
        FaultKind.NO_ANSWER,
        FaultKind.DISCONNECT,
        FaultKind.SESSION_DROPPED,
        FaultKind.TOKEN_DROPPED,
        FaultKind.STATUS_409,
    ],
)
def test_requests_that_fail_leave_their_place_to_others(kind: FaultKind, small_pages: None) -> None:
    with a_licence(StatForm.WORK) as sim:
        sim.faults.add(Fault(kind, path="/entity/Default/.*[$]top", after=3, times=3))
        sim.faults.add(Fault(kind, path="/entity/Default/.*[$]top", after=40, times=6))
        read(sim, max_sessions=12)
        assert sim.faults.struck == 9


def test_the_rate_that_was_set_is_kept_beside_it(monkeypatch: pytest.MonkeyPatch, small_pages: None) -> None:
    monkeypatch.setattr(client, "_MINUTE", timedelta(seconds=1.0))
    moments, lock = [], Lock()

    def note(_request: Request) -> None:
        with lock:
            moments.append(sim.clock.now().timestamp())

    with a_licence(StatForm.WORK, requests_per_minute=None) as sim:
        sim.before_request(note)
        read(sim, max_sessions=6, requests_per_minute=12)
    spans = [later - earlier for earlier, later in zip(moments, moments[12:], strict=False)]
    assert len(spans) > 5
    assert min(spans) > 0.5


# --------------------------------------------------------------------------------------------- time that is computed


def of_work(work: float, _waited: float) -> float:
    return work


def of_work_and_queue(work: float, waited: float) -> float:
    return work + waited


def of_a_part(_work: float, _waited: float) -> float:
    return 0.005


def of_nothing(_work: float, _waited: float) -> None:
    return None


MINUTES = 10.0
BOTH = [of_work, of_work_and_queue]
LICENCES = {
    "few sessions": Case(3, 50, 2),
    "as many sessions as cores": Case(6, 150, 6),
    "many sessions, no limit of cores": Case(32, 150, None, (0.9,)),
    "many sessions, minutes by the clock": Case(32, 150, 6, minute=Minute.BY_THE_CLOCK),
    "many requests a minute": Case(32, 600, 8),
    "others send too": Case(8, 100, 4, others_per_minute=30),
    "no limit in a minute": Case(8, None, 4),
}


# By chance, one run answers up to a twentieth more than another.
SEEDS = (1, 2, 3)


def answered(case: Case, says: Says = of_work) -> float:
    outcomes = [Play(case, Adaptive(case.sessions), says, seed).run(MINUTES) for seed in SEEDS]
    assert [outcome.declined for outcome in outcomes] == [0] * len(SEEDS)
    return mean(outcome.answered for outcome in outcomes)


@cache
def best_fixed(case: Case) -> float:
    rates = [None] if case.per_minute is None else [None, case.per_minute * 3 // 4, case.per_minute]
    return max(
        mean(Play(case, FixedRate(rate), of_nothing, seed).run(MINUTES).answered for seed in SEEDS) for rate in rates
    )


def test_what_happens_by_chance_is_the_same_each_time() -> None:
    """Also where requests are declined and sent again."""
    outcomes = [Play(LICENCES["many requests a minute"], FixedRate(None), of_nothing).run(3) for _ in range(2)]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].declined


@pytest.mark.parametrize("says", BOTH)
@pytest.mark.parametrize("limits", LICENCES)
def test_nearly_as_much_is_reached_as_by_the_best_fixed_rate_and_nothing_is_declined(limits: str, says: Says) -> None:
    assert answered(LICENCES[limits], says) >= 0.95 * best_fixed(LICENCES[limits])


@pytest.mark.parametrize("says", BOTH)
def test_in_hours_the_queue_does_not_become_longer(says: Says) -> None:
    """The least that requests take is learnt while others wait."""
    case = Case(32, 300, 8)
    play = Play(case, Adaptive(32), says)
    assert play.run(180).declined == 0
    assert play.outcome.most_waiting <= 16
    assert play.outcome.waited_seconds / play.outcome.answered < 2


def test_without_the_cookie_requests_are_declined_as_they_were() -> None:
    case = Case(32, 150, 6)
    assert Play(case, Adaptive(32), of_nothing).run(MINUTES).declined > 50


UNLIMITED = Case(8, None, None)
SLOW = {
    "the network is slower from the third minute on": replace(
        UNLIMITED, latency=lambda now: 0.05 if now < 180 else 1.5
    ),
    "the network is slower now and then": replace(UNLIMITED, latency=lambda now: 0.05 + 0.3 * (int(now / 60) % 3)),
    "the ERP is ten times as slow from the third minute on": replace(UNLIMITED, slower=lambda now: 1 + 9 * (now > 180)),
    "the ERP is slower and slower": replace(UNLIMITED, slower=lambda now: 1 + now / 100),
}


@pytest.mark.parametrize("says", BOTH)
@pytest.mark.parametrize("what", SLOW)
def test_what_is_slow_by_itself_is_not_slowed_down(what: str, says: Says) -> None:
    assert answered(SLOW[what], says) >= 0.95 * best_fixed(SLOW[what])


JITTER = {
    "a little": Case(16, None, None, jitter_seconds=0.02),
    "as long as the way takes": Case(16, None, None, jitter_seconds=0.05),
    "many sessions": Case(32, None, None, jitter_seconds=0.05),
    "as long as the work takes": Case(32, None, None, (0.05, 0.1, 0.3), jitter_seconds=0.05),
    "several times as long as the way takes": Case(16, None, None, jitter_seconds=0.2),
}


@pytest.mark.parametrize("what", JITTER)
def test_a_network_whose_times_differ_by_chance_is_no_queue(what: str) -> None:
    """In the first minute no more than eight are sent at once, so that much is missing: a tenth."""
    assert answered(JITTER[what]) >= 0.8 * best_fixed(JITTER[what])


@pytest.mark.parametrize("what", [name for name in JITTER if name != "as long as the work takes"])
def test_no_queue_is_told_where_only_the_times_of_the_network_differ(what: str) -> None:
    for seed in SEEDS:
        Play(JITTER[what], sender := Adaptive(JITTER[what].sessions), of_work, seed).run(MINUTES)
        assert not sender.limit.has_helped


@pytest.mark.parametrize("says", BOTH)
@pytest.mark.parametrize("limits", LICENCES)
def test_a_queue_is_noticed_in_a_network_whose_times_differ_by_chance(limits: str, says: Says) -> None:
    case = replace(LICENCES[limits], jitter_seconds=0.05)
    assert answered(case, says) >= 0.9 * best_fixed(case)


def test_a_cookie_that_tells_a_part_of_the_work_costs_little() -> None:
    assert answered(UNLIMITED, of_a_part) >= 0.85 * best_fixed(UNLIMITED)


def test_all_sessions_are_used_after_a_few_minutes_where_nothing_waits() -> None:
    case = Case(32, None, None)
    play = Play(case, sender := Adaptive(32), of_work)
    play.run(4)
    assert sender.limit.most == 32

"""Tests how the simulator's licence delays, queues and declines requests, and what its answers say of that."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from integration_tests.simulator import Lies, Minute, Simulator, StatForm
from integration_tests.simulator.access.licence import RequestMinute
from integration_tests.simulator_client import Client


def test_above_half_of_the_minute_limit_requests_are_delayed_by_the_time_left_over_the_requests_left() -> None:
    delays: list[float] = []
    with Simulator(requests_per_minute=10, sleep=delays.append) as sim:
        client = Client(sim).sign_in()
        for _ in range(7):
            client.get()
        waits = [delay for delay in delays if delay]
        assert [round(60 / wait) for wait in waits] == [5, 4]
        sim.clock.advance(61)
        client.get()
        assert len([delay for delay in delays if delay]) == 2


def test_a_request_is_declined_when_more_than_twenty_wait_and_a_sign_out_never_is() -> None:
    leave = Event()
    with Simulator(requests_per_minute=2, sleep=lambda seconds: leave.wait(10) if seconds else None, seats=30) as sim:
        clients = [Client(sim).sign_in() for _ in range(22)]
        assert clients[0].get().status_code == 200
        with ThreadPoolExecutor(20) as pool:
            waiting = [pool.submit(client.get) for client in clients[1:21]]
            while sim.throttle.waiting < 20:
                Event().wait(0.005)
            assert clients[21].get().status_code == 429
            assert clients[0].sign_out() == 204
            leave.set()
            assert {each.result().status_code for each in waiting} == {200}


@pytest.mark.parametrize("minute", list(Minute))
def test_no_minute_has_more_requests_than_are_allowed(minute: Minute) -> None:
    """However many wait: one leaves the queue when the delay of the one before it is over."""
    requests, now, times = RequestMinute(40, minute), 7.0, []
    while now < 600:
        now += requests.delay(now) + 1e-6
        requests.count(now)
        times.append(now)
    spans = [later - earlier for earlier, later in zip(times, times[40:], strict=False)]
    assert min(spans) >= (60 - 1e-3 if minute is Minute.PAST else 0)
    in_minutes = [sum(number * 60 <= each < number * 60 + 60 for each in times) for number in range(1, 9)]
    assert set(in_minutes) <= {39, 40}


def test_in_minutes_by_the_clock_the_next_one_begins_anew() -> None:
    requests = RequestMinute(4, Minute.BY_THE_CLOCK)
    for now in (50.0, 51.0, 52.0):
        requests.count(now)
    assert requests.delay(55.0) == 5.0
    assert requests.delay(60.0) == 0


def test_as_many_requests_are_worked_on_at_once_as_there_are_cores() -> None:
    leave, at_work = Event(), []
    with Simulator(cores=2, seats=30) as sim:
        clients = [Client(sim).sign_in() for _ in range(5)]
        sim.before_request(lambda request: at_work.append(request) or leave.wait(10))  # type: ignore[func-returns-value]
        with ThreadPoolExecutor(5) as pool:
            answers = [pool.submit(client.get) for client in clients]
            while sim.throttle.waiting < 3:
                Event().wait(0.005)
            assert len(at_work) == 2
            leave.set()
            assert {each.result().status_code for each in answers} == {200}
    assert sim.throttle.waiting == sim.throttle.declined == 0


def test_who_has_waited_for_ten_minutes_is_declined() -> None:
    with Simulator(requests_per_minute=2, sleep=lambda seconds: sim.clock.advance(601) if seconds else None) as sim:
        client = Client(sim).sign_in()
        assert [client.get().status_code for _ in range(3)] == [200, 429, 200]
        assert sim.throttle.declined == 1


# ------------------------------------------------------------------------------------------------ requeststat


def stats(form: StatForm) -> list[int]:
    """The milliseconds that an answer says: it waited for 0.2 seconds, and was worked on for 0.1."""
    sleep = iter([0.2, 0.1])
    with Simulator(requests_per_minute=1, sleep=lambda _seconds: time.sleep(next(sleep)) or 0) as sim:  # type: ignore[func-returns-value]
        sim.lies = Lies(request_stat=form)
        cookies = Client(sim).sign_in().get().headers.get("Set-Cookie", "")
    assert "sc:~/entity+start:" in cookies or form is StatForm.MISSING
    return [int(found) for found in re.findall(r"requeststat=[+]st:(\d+)", cookies)]


def test_the_cookie_tells_the_time_with_or_without_that_in_the_queue() -> None:
    (work,) = stats(StatForm.WORK)
    assert 100 <= work < 200
    (whole,) = stats(StatForm.WHOLE)
    assert whole >= 300


def test_the_cookie_may_lie_or_be_missing() -> None:
    assert stats(StatForm.MISSING) == stats(StatForm.GARBLED) == []
    assert stats(StatForm.ZERO) == [0]
    assert stats(StatForm.SMALL) == [5]
    assert stats(StatForm.HOUR) == [3_600_000]
    nothing, work = stats(StatForm.TWICE)
    assert nothing == 0
    assert 100 <= work < 200

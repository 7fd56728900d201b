"""Tests that every kind of failure is waited out for a while, and given up at some time, in tries and in time."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.erp import retries
from source_acumatica.erp.errors import Action, Problem
from source_acumatica.erp.retries import Recovery, RetryPolicy, Trouble

TIME_OUT_SECONDS = 660.0
# An outage of a site that restarts.
RESTART_SECONDS = 150.0


class Clock:
    """Time that passes by pauses and by requests only."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(retries, "time", clock)
    return clock


def problem(kind, status=0):
    return Problem(kind, FailureType.transient_error, "it failed", status=status)


def tries_of(failures, clock, *, is_page=False, took_seconds=0.1, trouble=None, of=RetryPolicy.of_a_read):
    """How often a request is sent, what it is given up with, and the seconds that took; ``failures`` one by one."""
    began, tries = clock.now, 0
    recovery = Recovery(of(), trouble or Trouble(), is_page, TIME_OUT_SECONDS)
    while True:
        tries += 1
        assert tries < 1000, "no end"
        clock.now += took_seconds
        pause, given_up = recovery.after(failures(tries), took_seconds)
        clock.now += pause
        if given_up:
            return tries, given_up, clock.now - began


def page_tries(failure, clock, *, rows=5000, took_seconds=0.1):
    """The same for a page whose reader halves it as long as that is possible."""
    tries, began, trouble = 0, clock.now, Trouble()
    while True:
        more, given_up, _ = tries_of(
            lambda _: failure, clock, is_page=rows > 2, took_seconds=took_seconds, trouble=trouble
        )
        tries += more
        if given_up.action is not Action.FEWER_ROWS or rows == 2:
            return tries, given_up, clock.now - began
        rows = max(rows // 2, 2)


ALL = [(kind, status) for kind in Action for status in (0, 500, 502, 503, 504, 511, 524, 413, 529)]


@pytest.mark.parametrize("took_seconds", [0.01, 30.0, TIME_OUT_SECONDS])
@pytest.mark.parametrize(("kind", "status"), ALL)
def test_whatever_lasts_is_given_up_in_tries_and_in_time(kind, status, took_seconds, clock):
    for tried in (tries_of, page_tries):
        failure = problem(kind, status)
        argument = failure if tried is page_tries else lambda _: failure  # noqa: B023 (called at once)
        tries, _, seconds = tried(argument, clock, took_seconds=took_seconds)
        assert tries <= 120
        assert seconds <= 65 * 60 + 2 * TIME_OUT_SECONDS + 120


def test_failures_that_take_turns_are_given_up_too(clock):
    kinds = [Action.RETRY, Action.SEAT, Action.FEWER_ROWS, Action.THROTTLED, Action.SIGN_IN]
    tries, _, seconds = tries_of(lambda number: problem(kinds[number % len(kinds)]), clock)
    assert tries < 50
    assert seconds < 65 * 60


@pytest.mark.parametrize("is_page", [False, True])
@pytest.mark.parametrize(("kind", "status"), [(Action.RETRY, 0), (Action.RETRY, 503), (Action.FEWER_ROWS, 504)])
def test_a_site_that_restarts_is_outlasted_however_it_says_so(kind, status, is_page, clock):
    """Also where it does so at once."""
    failure = problem(kind, status)
    tries, given_up, seconds = page_tries(failure, clock, rows=500 if is_page else 2, took_seconds=0.01)
    assert seconds > RESTART_SECONDS
    assert given_up.sentence.startswith(f"it failed (given up after {tries} tries within ")


@pytest.mark.parametrize("status", [502, 503, 511, 520, 524, 529])
def test_a_page_that_the_gateway_does_not_deliver_is_asked_for_with_fewer_rows_after_two_tries(status, clock):
    tries, given_up, _ = tries_of(lambda _: problem(Action.RETRY, status), clock, is_page=True)
    assert (tries, given_up.action) == (2, Action.FEWER_ROWS)


def test_a_page_that_the_gateway_waited_for_is_asked_for_with_fewer_rows_at_once(clock):
    failure = problem(Action.FEWER_ROWS, 504)
    assert tries_of(lambda _: failure, clock, is_page=True, took_seconds=60.0)[::2] == (1, 60.0)


def test_a_gateway_that_answers_at_once_is_given_a_pause_before_fewer_rows_are_asked_for(clock):
    tries, given_up, seconds = tries_of(lambda _: problem(Action.FEWER_ROWS, 504), clock, is_page=True)
    assert (tries, given_up.action) == (1, Action.FEWER_ROWS)
    assert seconds > 0.7


def test_a_seat_is_waited_for_as_long_as_a_crashed_run_may_hold_it(clock):
    tries, given_up, seconds = tries_of(lambda _: problem(Action.SEAT), clock)
    assert 60 * 60 < seconds < 70 * 60
    assert f"given up after {tries} tries within 6" in given_up.sentence


def test_after_a_wait_for_a_seat_that_came_to_nothing_the_next_request_does_not_wait_as_long_again(clock):
    recovery = Recovery(RetryPolicy.of_a_read(), Trouble(), False, TIME_OUT_SECONDS)
    _, given_up = recovery.after(problem(Action.SEAT), 0.1, seatless_since=clock.now - 66 * 60)
    assert given_up


def test_the_rate_of_a_licence_is_waited_for_by_minutes_and_not_by_hours(clock):
    assert 10 * 60 < tries_of(lambda _: problem(Action.THROTTLED), clock)[2] < 20 * 60


def test_a_wait_for_a_seat_does_not_count_as_a_time_in_which_something_failed(clock):
    recovery = Recovery(RetryPolicy.of_a_read(), Trouble(), False, TIME_OUT_SECONDS)
    recovery.after(problem(Action.SEAT), 0.1)
    clock.now += 50 * 60
    assert recovery.after(problem(Action.RETRY), 0.1)[1] is None


def test_a_check_is_told_soon(clock):
    assert tries_of(lambda _: problem(Action.SEAT), clock, of=RetryPolicy.of_a_check)[2] < 40
    assert tries_of(lambda _: problem(Action.RETRY, 503), clock, of=RetryPolicy.of_a_check)[2] < 10


def test_a_session_that_is_busy_is_waited_for_and_in_the_end_given_up_for_another_one(clock):
    busy = problem(Action.BUSY)
    tries, given_up, seconds = tries_of(lambda _: busy, clock)
    assert (tries, given_up.action) == (9, Action.BUSY)
    assert seconds > RESTART_SECONDS
    recovery = Recovery(RetryPolicy.of_a_read(), Trouble(), False, TIME_OUT_SECONDS)
    needs = []
    for _ in range(6):
        needs.append(recovery.needs_another_session)
        recovery.after(busy, 0.1)
    assert needs == [False, False, True] * 2

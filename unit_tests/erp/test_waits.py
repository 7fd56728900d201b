"""Tests that a wait is as long as it has to be, and known while it lasts."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.erp import waits as module
from source_acumatica.erp.errors import Action, Problem
from source_acumatica.erp.limits import Pace
from source_acumatica.erp.retries import RetryPolicy
from source_acumatica.erp.waits import Waits

SEAT = Problem(Action.SEAT, FailureType.transient_error, "all seats are taken")


@pytest.fixture
def waits():
    return Waits(Pace(None, timedelta(minutes=1)), RetryPolicy(retries=1, wait_seconds=3600))


def test_the_innermost_wait_of_a_thread_is_the_one_that_is_named(waits):
    with waits.waiting("a page"):
        with waits.waiting("a seat"):
            assert waits.described == "a seat"
        assert waits.described == "a page"
    assert waits.described == ""


def test_a_wait_that_fails_is_over(waits):
    with pytest.raises(KeyError), waits.waiting("a page"):
        raise KeyError
    assert waits.described == ""


def test_a_pause_says_why_it_is_made_and_how_long_a_sync_waits_for_a_seat(waits, monkeypatch, caplog):
    seen = []
    monkeypatch.setattr(module.time, "sleep", lambda seconds: seen.append((seconds, waits.described)))
    caplog.set_level(logging.WARNING)
    waits.pause_after(SEAT, 2.0, "Tenant 'A'")
    assert seen == [(2.0, "Tenant 'A' (all seats are taken)")]
    assert caplog.messages == [
        "Tenant 'A': all seats are taken. Trying again in 2 s (for a seat a sync waits up to 60 min)."
    ]


WHERE = "Tenant 'A', stream Customer"


def test_a_list_is_held_up_if_all_of_its_requests_are(waits):
    assert waits.hold_up(WHERE) is None
    with waits.waiting(WHERE):
        assert waits.hold_up(WHERE) is None, "the ERP is at work on it"
        with waits.held_up(f"{WHERE} (for a session)", WHERE):
            assert waits.hold_up(WHERE) is not None
            assert waits.hold_up(f"{WHERE}Class") is None
            with ThreadPoolExecutor(1) as other, waits_in(other, waits, WHERE):
                assert waits.hold_up(WHERE) is None, "another page of it is under way"
            assert waits.hold_up(WHERE) is not None
        assert waits.hold_up(WHERE) is None


@contextmanager
def waits_in(other, waits, where):
    has_begun, may_end = Event(), Event()

    def wait():
        with waits.waiting(where):
            has_begun.set()
            may_end.wait(5)

    other.submit(wait)
    assert has_begun.wait(5)
    try:
        yield
    finally:
        may_end.set()


def test_a_request_that_was_refused_a_seat_is_held_up_until_it_is_answered(waits):
    refusals = []
    with waits.waiting(WHERE, is_held_up=lambda: bool(refusals)):
        assert waits.hold_up(WHERE) is None
        refusals.append(429)
        assert waits.hold_up(WHERE) is not None


def test_what_is_waited_is_counted_and_its_end_is_known_where_it_can_be(waits, monkeypatch):
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)
    with waits.held_up("a rate", WHERE, 30):
        assert waits.hold_up(WHERE).ends_at == pytest.approx(module.time.time() + 30, abs=1)
    waits.pause_after(Problem(Action.RETRY, FailureType.transient_error, "broken"), 7.0, WHERE)
    assert 7 <= waits.tallies.of(WHERE).waited_seconds < 8


def test_the_rate_is_a_wait_that_is_counted():
    waits = Waits(Pace(1, timedelta(seconds=0.1)), RetryPolicy(retries=1, wait_seconds=1))
    waits.keep_pace(WHERE)
    waits.keep_pace(WHERE)
    assert 0.05 < waits.tallies.of(WHERE).waited_seconds < 1


def test_a_sign_in_belongs_to_the_request_that_it_is_for(waits):
    with waits.waiting(WHERE), waits.held_up("Tenant 'A', signing in", "Tenant 'A', signing in"):
        assert waits.hold_up(WHERE) is not None
        assert waits.described == "Tenant 'A', signing in"
    assert waits.tallies.of(WHERE) == waits.tallies.total


def test_who_has_an_answer_that_nobody_needs_yet_does_not_wait_for_the_erp(waits):
    with waits.waiting(WHERE):
        with waits.nothing():
            assert waits.described == ""
        assert waits.described == WHERE
    with waits.nothing():
        assert waits.described == ""
